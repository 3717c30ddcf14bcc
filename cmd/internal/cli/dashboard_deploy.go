package cli

import (
	"context"
	"fmt"
	"io"
	"path"

	"sdev/cmd/internal/tui"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
	"sdev/dev/release"
	"sdev/dev/session"
)

// Targets is tui.Host's.
func (d *dashboard) Targets(ctx context.Context) ([]tui.Target, error) {
	p, err := d.app.gather(ctx, d.up.Entry)
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

// Check is tui.Host's: what ships as it is now, and the target's files as they would be rendered.
func (d *dashboard) Check(ctx context.Context, target string) (tui.Checks, error) {
	findings, err := d.app.silent().checkTarget(ctx, target, "")
	return tui.Checks{Rules: len(preflight.Rules()), Findings: findings}, err
}

// handOver renders a target's files.
func (d *dashboard) handOver(ctx context.Context, name string) (string, error) {
	target, err := handoff.Find(handoff.Targets(), name)
	if err != nil {
		return "", err
	}
	p, err := d.app.silent().gather(ctx, session.EntryChoice{Required: true, Keep: true})
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
	said := fmt.Sprintf("nothing to do: %s is as it would be rendered", r.Dir())
	switch missing := len(r.Missing()); {
	case missing > 0:
		verb := " are"
		if missing == 1 {
			verb = " is"
		}
		said = fmt.Sprintf("rendered into %s; %s%s missing, see %s", r.Dir(), count(missing, "value"), verb, handoff.SummaryFile)
	case r.Written:
		said = fmt.Sprintf("rendered into %s; what comes next stands in %s", r.Dir(), handoff.SummaryFile)
	}
	return said, nil
}

// silent is the same program with nobody listening: the screen is the dashboard's.
func (a *app) silent() *app {
	b := *a
	b.Out, b.Err, b.quiet = io.Discard, io.Discard, true
	return &b
}
