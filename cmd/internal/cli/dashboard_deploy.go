package cli

import (
	"context"
	"errors"
	"path"

	"sdev/cmd/internal/tui"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/git"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
)

// Targets is tui.Host's.
func (d *dashboard) Targets(ctx context.Context) ([]tui.Target, error) {
	p, err := d.app.load(ctx, runOptions{choice: d.up.choice})
	if err != nil {
		return nil, err
	}
	repo, err := git.Read(ctx, p.Dir, d.app.Env)
	if err != nil {
		return nil, err
	}
	var out []tui.Target
	for _, t := range handoff.Targets() {
		target := tui.Target{Name: t.Name, About: t.About, Bundle: path.Join("deploy", t.Name)}
		last, err := lastRecord(p, repo, t.Name)
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

// bundlePlace is where a target's files lie unless somebody says otherwise.
func bundlePlace(p *config.Project, repo git.Repository, target string) handoff.Place {
	if rel, ok := repo.Inside(p.Dir); ok {
		return handoff.Place{Root: repo.Root, Bundle: path.Join(rel, "deploy", target)}
	}
	return handoff.Place{Root: p.Dir, Bundle: path.Join("deploy", target)}
}

// lastRecord is that of the last hand-off to a target; nil where there was none.
func lastRecord(p *config.Project, repo git.Repository, target string) (*handoff.Record, error) {
	b, err := handoff.Open(bundlePlace(p, repo, target))
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return b.Last, nil
}

// Check is tui.Host's: source and history, and the files of the target where there are any.
func (d *dashboard) Check(ctx context.Context, target string) (tui.Checks, error) {
	s, err := d.app.preflightSubject(ctx, preflightOptions{target: target})
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeUsage { // there are none yet
		s, err = d.app.preflightSubject(ctx, preflightOptions{})
		s.Target = target
	}
	if err != nil {
		return tui.Checks{}, err
	}
	found, err := preflight.Run(ctx, s)
	return tui.Checks{Rules: len(preflight.Rules()), Findings: found}, err
}
