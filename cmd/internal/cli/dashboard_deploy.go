package cli

import (
	"context"
	"fmt"
	"io"
	"path"

	"sdev/cmd/internal/tui"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
)

// Targets is tui.Host's.
func (d *dashboard) Targets(ctx context.Context) ([]tui.Target, error) {
	s, err := d.app.gather(ctx, d.up.Entry)
	if err != nil {
		return nil, err
	}
	var out []tui.Target
	for _, t := range handoff.Targets() {
		target := tui.Target{Name: t.Name, About: t.About, Bundle: path.Join(deployDir, t.Name)}
		last, err := d.app.recordOf(s, t.Name)
		if err != nil {
			return nil, err
		}
		if last != nil {
			target.Status, target.Commit, target.Dirty = last.Status, last.Commit, len(last.Dirty) > 0
			if last.Image != nil {
				target.Image = last.Image.Ref
			}
		}
		out = append(out, target)
	}
	return out, nil
}

// Check is tui.Host's: what ships as it is now, and the target's files as they would be rendered.
func (d *dashboard) Check(ctx context.Context, target string) (tui.Checks, error) {
	delivery, err := d.app.silent().deliver(ctx, deployOptions{target: target, check: true, yes: true})
	if err != nil {
		return tui.Checks{}, err
	}
	defer delivery.bundle.Close()
	return tui.Checks{Rules: len(preflight.Rules()), Findings: delivery.findings}, nil
}

// handOver renders a target's files.
func (d *dashboard) handOver(ctx context.Context, target string) (string, error) {
	a := d.app.silent()
	delivery, err := a.deliver(ctx, deployOptions{target: target, yes: true})
	if err != nil {
		return "", err
	}
	defer delivery.bundle.Close()
	if err := a.finish(ctx, delivery); err != nil {
		return "", err
	}
	said := fmt.Sprintf("nothing to do: %s is as it would be rendered", delivery.shownBundle())
	switch unsaid := len(delivery.unsaid()); {
	case unsaid > 0:
		verb := " are"
		if unsaid == 1 {
			verb = " is"
		}
		said = fmt.Sprintf("rendered into %s; %s%s missing, see %s", delivery.shownBundle(), count(unsaid, "value"), verb, handoff.SummaryFile)
	case delivery.written:
		said = fmt.Sprintf("rendered into %s; what comes next stands in %s", delivery.shownBundle(), handoff.SummaryFile)
	}
	return said, nil
}

// silent is the same program with nobody listening: the screen is the dashboard's.
func (a *app) silent() *app {
	b := *a
	b.Out, b.Err, b.quiet = io.Discard, io.Discard, true
	return &b
}
