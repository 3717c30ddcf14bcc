package dashboard

import (
	"context"
	"fmt"
	"path"

	"sdev/cmd/internal/render"
	"sdev/cmd/internal/tui"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
	"sdev/dev/release"
	"sdev/dev/session"
)

// Targets returns the targets and the last hand-off to each. It implements tui.HandOff.
func (d *host) Targets(ctx context.Context) ([]tui.Target, error) {
	p, err := d.console.Gather(ctx, d.options.Entry)
	if err != nil {
		return nil, err
	}
	var out []tui.Target
	for _, t := range handoff.Targets() {
		target := tui.Target{Name: t.Name, About: t.About, Bundle: path.Join(release.Bundles, t.Name)}
		last, err := p.Last(t.Name)
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

// Check runs the preflight on the project as it is and on the target's files as they would be rendered. It implements
// tui.HandOff.
func (d *host) Check(ctx context.Context, target string) (tui.Checks, error) {
	findings, err := d.console.Silent().CheckTarget(ctx, target, "")
	return tui.Checks{Rules: len(preflight.Rules()), Findings: findings}, err
}

// handOver renders the files of a target.
func (d *host) handOver(ctx context.Context, name string) (string, error) {
	target, err := handoff.Find(handoff.Targets(), name)
	if err != nil {
		return "", err
	}
	p, err := d.console.Silent().Gather(ctx, session.EntryChoice{Required: true, Keep: true})
	if err != nil {
		return "", err
	}
	r, err := p.Prepare(ctx, release.Options{Target: target})
	if err != nil {
		return "", err
	}
	defer r.Close()
	if err := r.Write(ctx); err != nil {
		return "", err
	}
	if err := r.Err(); err != nil {
		return "", err
	}
	done := fmt.Sprintf("nothing to do: %s is up to date", r.Dir())
	switch missing := len(r.Missing()); {
	case missing > 0:
		verb := " are"
		if missing == 1 {
			verb = " is"
		}
		done = fmt.Sprintf("rendered into %s; %s%s missing, see %s", r.Dir(), render.Count(missing, "value"), verb, handoff.SummaryFile)
	case r.Written:
		done = fmt.Sprintf("rendered into %s; the next steps are in %s", r.Dir(), handoff.SummaryFile)
	}
	return done, nil
}
