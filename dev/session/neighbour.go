package session

import (
	"context"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/mirror"
	"sdev/dev/watch"
)

// Watch watches the project for a service around the app, and copies changed files into its container, until ctx ends.
// It calls saved with each save: after its copy or, if the rule copies nothing, at once.
func (c *copier) Watch(ctx context.Context, p engine.Project, started <-chan struct{}, saved func(dev.FileChanged)) error {
	watcher, err := watch.New(p.Labels.Dir, p.Rules, watch.Options{Warn: func(w dev.Warning) { c.emit(w) }})
	if err != nil {
		return err
	}
	noticed, err := newNeighbourSaves(p, saved)
	if err != nil {
		return err
	}
	if len(p.Copies) == 0 {
		return watcher.Run(ctx, func(b watch.Batch) { noticed.report(b.Changes) })
	}
	l, err := newLayout(p.Labels.Dir, p.Rules, p.Copies)
	if err != nil {
		return err
	}
	copied, err := newNeighbourSaves(p, saved) // used by another goroutine
	if err != nil {
		return err
	}
	hooks := newHooks(func(ctx context.Context, r dev.Rule) { c.hook(ctx, p.App, p.Container, r) })
	copied.hook = hooks.request
	warned, failures := map[mirror.Failure]bool{}, 0
	var waiting []dev.Change // noticed while no receiver ran
	syncer := &mirror.Syncer{
		Source: mirror.Source{Dir: p.Labels.Dir, Layout: l}, Manifest: mirror.Manifest,
		Open: func(ctx context.Context) (mirror.Peer, error) { return c.open(ctx, p.Container) },
		Report: func(r mirror.Report) {
			c.warn(r.Failed, warned)
			failures = c.countFailures(r, p.Container, failures)
			if waiting = append(waiting, c.changesOf(r, p.Container)...); r.Connected {
				copied.report(waiting)
				waiting = nil
			}
		},
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return syncer.Run(ctx) })
	group.Go(func() error {
		return watcher.Run(ctx, func(b watch.Batch) {
			copies, others := noticed.split(b.Changes)
			noticed.report(others)
			if len(copies) > 0 {
				syncer.Changed(copies, b.First)
			}
		})
	})
	group.Go(func() error { hooks.run(ctx); return nil })
	group.Go(func() error { return passStarts(ctx, started, syncer) })
	return group.Wait()
}

// neighbourSaves turns changed files into events, by the rules of one service. Like the rules, it is not safe for
// concurrent use.
type neighbourSaves struct {
	service string
	rules   *watch.Rules
	saved   func(dev.FileChanged)
	hook    func(dev.Rule) // receives the rules whose command must run; nil if there are none
}

func newNeighbourSaves(p engine.Project, saved func(dev.FileChanged)) (*neighbourSaves, error) {
	rules, err := watch.Compile(p.Rules)
	return &neighbourSaves{service: p.App, rules: rules, saved: saved}, err
}

// split separates the changes that are copied from the others.
func (n *neighbourSaves) split(changes []dev.Change) (copies, others []dev.Change) {
	for _, c := range changes {
		if r, ok := n.rules.Match(c.Path); ok && r.Action.Syncs() {
			copies = append(copies, c)
		} else {
			others = append(others, c)
		}
	}
	return copies, others
}

// report reports changes, in one event for each rule.
func (n *neighbourSaves) report(changes []dev.Change) {
	var events []dev.FileChanged
	at, listed := map[string]int{}, map[string]bool{}
	for _, c := range changes {
		r, ok := n.rules.Match(c.Path)
		if !ok || r.Action == dev.Ignored || listed[c.Path] {
			continue
		}
		listed[c.Path] = true
		i, seen := at[r.Origin]
		if !seen {
			i = len(events)
			at[r.Origin] = i
			events = append(events, dev.FileChanged{Rule: r.Origin, Action: r.Action, Service: n.service})
			if r.Action == dev.SyncExec && n.hook != nil {
				n.hook(r)
			}
		}
		events[i].Paths = append(events[i].Paths, c.Path)
	}
	for _, ev := range events {
		n.saved(ev)
	}
}
