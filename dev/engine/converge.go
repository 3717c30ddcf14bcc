package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/plan"
)

// lock lets one sdev at a time change a project. Whoever has to wait says so, once.
func (e *Engine) lock(ctx context.Context, file string) (release func(), err error) {
	l := flock.New(file)
	ok, err := l.TryLock()
	if err == nil && !ok {
		e.emit(dev.Warning{Code: dev.CodeBusy, Message: "another sdev is changing this project; waiting for it", Hint: "it goes on by itself"})
		ok, err = l.TryLockContext(ctx, 25*time.Millisecond)
	}
	if ctx.Err() != nil {
		_ = l.Unlock() // nobody would, and this process may come back for it
		return nil, ctx.Err()
	}
	if err != nil || !ok {
		return nil, lockError(file, err)
	}
	return func() { _ = l.Unlock() }, nil // the lock ends with the process in any case
}

func lockError(file string, err error) error {
	return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("cannot lock %s: %v", file, err), Hint: "make the project folder writable"}
}

// portTaken is how a runtime says that a port was taken between the choice and the start.
type portTaken interface {
	error
	PortTaken() bool
}

// converge does what is needed and nothing else. A port that is snatched away meanwhile means
// another choice.
func (e *Engine) converge(ctx context.Context, p Project, want Want) (Running, error) {
	const tries = 3
	var done plan.Plan
	for try := 1; ; try++ {
		run, err := e.convergeOnce(ctx, p, want)
		done = append(done, run.done...)
		run.done = done
		taken, ok := errors.AsType[portTaken](err)
		if !ok || !taken.PortTaken() {
			return run, err
		}
		if p.PortFixed || try == tries {
			return run, takenError(p.Port, "another program", err)
		}
		want.Build = false // it is built by now
	}
}

func (e *Engine) convergeOnce(ctx context.Context, p Project, want Want) (Running, error) {
	memory := recall(p.StateDir)
	image, built, err := e.image(ctx, p, want, &memory)
	if err != nil {
		return Running{}, err
	}
	have, err := e.Runtime.Observe(ctx, p.Name, []string{p.GatewayImage})
	if err != nil {
		return Running{}, err
	}
	if err := elsewhere(p, have); err != nil {
		return Running{}, err
	}
	port, err := e.port(ctx, p, have, &memory)
	if err != nil {
		return Running{}, err
	}
	memory.Copied = !p.Mounted
	if err := memory.keep(p.StateDir); err != nil {
		return Running{}, err
	}
	effective, err := p.Effective(image, port)
	if err != nil {
		return Running{}, err
	}
	ids, err := e.otherImages(ctx, p, effective, image)
	if err != nil {
		return Running{}, err
	}
	run := Running{Project: p, URL: effective.URL, Port: port, Mode: effective.Mode}
	ops := plan.Make(effective.Desired(ids), have)
	run.Changed = built || len(ops) > 0
	if len(ops) > 0 || !want.Quiet {
		e.emit(dev.PlanMade{Operations: ops.Describe()})
	}
	if len(ops) == 0 {
		run.services = runningServices(have)
		return run, nil
	}
	if err := effective.Prepare(); err != nil {
		return run, err
	}
	run.done = ops
	return run, e.announced(ctx, p, want.Announcement, func() error { return e.execute(ctx, ops, p) })
}

// elsewhere refuses to take over what runs for another folder under the same name. A folder that is
// gone was moved here, or is nobody's any more.
func elsewhere(p Project, have plan.Observed) error {
	for _, c := range have.Containers {
		if !c.Running || c.Dir == "" || c.Dir == p.Labels.Dir {
			continue
		}
		if _, err := os.Stat(c.Dir); err == nil {
			return &dev.Error{Code: dev.CodeElsewhere, Exit: dev.ExitProject, Message: fmt.Sprintf("project %s already runs from %s", p.Name, c.Dir),
				Hint: fmt.Sprintf("stop it (sdev -C %s down), or give this one another name in its compose file (name: …)", c.Dir)}
		}
	}
	return nil
}

// announced tells the gateway what is about to happen, then does it. The gateway has to know first:
// it counts the tabs that are to come back. Where it does not come to pass, that is told too.
func (e *Engine) announced(ctx context.Context, p Project, a Announcement, work func() error) error {
	if a.How == "" {
		return work()
	}
	tell := func(a Announcement) {
		const patience = time.Second
		telling, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		e.Announce(telling, p, a)
	}
	tell(a)
	err := work()
	if err != nil {
		tell(Announcement{How: "nothing"})
	}
	return err
}

// image makes sure that the app's image is there and up to date.
func (e *Engine) image(ctx context.Context, p Project, want Want, memory *memory) (info plan.ImageInfo, built bool, err error) {
	info, found, err := e.Images.Image(ctx, p.Image)
	if err != nil {
		return info, false, err
	}
	reason := ""
	switch last := memory.Builds[p.Image]; {
	case p.Build == nil && found:
		return info, false, nil
	case p.Build == nil:
		return e.pull(ctx, p.Image)
	case !found:
		reason = "missing"
	case want.Build:
		reason = "asked for"
	case !last.holds(p, want) || last.Image != info.ID:
		reason = "what it is built from changed"
	default:
		return info, false, nil
	}
	e.emit(dev.PlanMade{Operations: []dev.Operation{{Verb: "build", Object: "image " + p.Image, Reason: reason}}})
	if _, err := e.Images.Build(ctx, *p.Build, e.emit); err != nil {
		return info, false, err
	}
	before := info.ID
	if info, found, err = e.Images.Image(ctx, p.Image); err != nil || !found {
		return info, false, errors.Join(err, notFound(found, p.Image))
	}
	memory.Builds[p.Image] = buildMemory{Input: p.BuildInput, Rest: p.BuildRest, Image: info.ID}
	return info, info.ID != before, nil
}

func notFound(found bool, ref string) error {
	if found {
		return nil
	}
	return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: "image " + ref + " is gone right after it was built", Hint: "see whether something removes images on this machine"}
}

func (e *Engine) pull(ctx context.Context, ref string) (plan.ImageInfo, bool, error) {
	e.emit(dev.PlanMade{Operations: []dev.Operation{{Verb: "pull", Object: "image " + ref, Reason: "missing"}}})
	if err := e.Images.Pull(ctx, ref); err != nil {
		return plan.ImageInfo{}, false, err
	}
	info, found, err := e.Images.Image(ctx, ref)
	return info, true, errors.Join(err, notFound(found, ref))
}

// otherImages makes sure of the images that the app's neighbours run, and gives all ids.
func (e *Engine) otherImages(ctx context.Context, p Project, effective Effective, app plan.ImageInfo) (map[string]string, error) {
	ids := map[string]string{p.Image: app.ID}
	for _, ref := range effective.Images {
		info, found, err := e.Images.Image(ctx, ref)
		if err == nil && !found {
			info, _, err = e.pull(ctx, ref)
		}
		if err != nil {
			return nil, err
		}
		ids[ref] = info.ID
	}
	return ids, nil
}

// execute carries out a plan. Each operation starts as soon as those that it needs have ended, so
// that what does not depend on one another goes side by side: a container that joins the gateway's
// network is made while the gateway starts, and the network goes while the app is still ending.
func (e *Engine) execute(ctx context.Context, ops plan.Plan, p Project) error {
	group, ctx := errgroup.WithContext(ctx)
	done := make([]chan struct{}, len(ops))
	for i, op := range ops {
		done[i] = make(chan struct{})
		group.Go(func() error {
			for j, earlier := range ops[:i] {
				if !op.Needs(earlier) {
					continue
				}
				select {
				case <-done[j]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if err := e.operate(ctx, p, op); err != nil {
				return err
			}
			close(done[i])
			return nil
		})
	}
	return group.Wait()
}
