package release

import (
	"context"
	"fmt"
	"strings"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/secrets"
)

// View says what the app gets on a platform, with the values of the last hand-off and of the project.
func (p *Project) View(ctx context.Context, target handoff.Target) (secrets.View, error) {
	r, err := p.open(target, "")
	if err != nil {
		return secrets.View{}, err
	}
	defer r.Close()
	if err := r.resolve(ctx); err != nil {
		return secrets.View{}, err
	}
	return r.view(), nil
}

// view is what the app gets on the platform: the variables of its image, and what the platform provides.
func (r *Release) view() secrets.View {
	target := r.options.Target
	v := secrets.View{Name: target.Name, Variables: map[string]secrets.Source{}}
	for _, d := range r.project.found.Dockerfiles {
		if target.NeedsImage && d.Path == r.facts.App.Dockerfile {
			for name := range d.Env {
				v.Variables[name] = secrets.Source{State: secrets.Set, From: d.Path}
			}
		}
	}
	var provided handoff.Provided
	if target.Provides != nil {
		provided = target.Provides(r.facts, r.values)
	}
	for name, from := range provided.Variables {
		v.Variables[name] = secrets.Source{State: secrets.Set, From: from}
	}
	if provided.SecretsFile != "" {
		v.AllSecrets = secrets.Source{State: secrets.Unknown, From: provided.SecretsFile}
	}
	v.Store = secrets.Source{State: secrets.Unknown, From: "AWS"}
	v.Manager = v.Store
	return v
}

// missingInputs is the finding about what the code reads and the platform does not give it. What the compose file has, and the
// hand-off withholds, has a finding of its own.
func (r *Release) missingInputs() []dev.Finding {
	view := r.view()
	_, withheld := r.project.environment()
	for _, name := range withheld {
		view.Variables[name] = secrets.Source{State: secrets.Set}
	}
	var names []string
	var first dev.Place
	for _, row := range secrets.Compute(r.project.found.Inputs(), []secrets.View{view}, nil).Missing(view.Name) {
		if first.File == "" {
			first = row.Places[0]
		}
		names = append(names, fmt.Sprintf("%s (%s)", row.Name, row.Places[0]))
	}
	if len(names) == 0 {
		return nil
	}
	return []dev.Finding{{ID: "ship.missing", Severity: dev.Warns, File: first.File, Line: first.Line,
		Message: "the code reads what " + view.Name + " does not give it: " + dev.Sanitize(strings.Join(names, ", ")),
		Fix:     "set it on the platform, or in the compose file if it is no secret; to see where each comes from: sdev secrets --target " + view.Name}}
}
