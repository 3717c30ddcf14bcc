package release

import (
	"context"

	"sdev/dev/handoff"
)

// resolve finds the values and the image, and asks for missing values.
func (r *Release) resolve(ctx context.Context) error {
	inputs := handoff.Inputs{Set: r.options.Set, Config: r.configured}
	if last := r.Bundle.Last; last != nil {
		inputs.Last = last.Values
		if last.Image != nil && r.options.Image == "" && !r.options.Build {
			r.facts.Image = *last.Image
		}
	}
	values, missing, err := r.options.Target.Resolve(r.facts, inputs)
	if err != nil {
		return err
	}
	r.values = values
	if err := r.resolveImage(ctx); err != nil {
		return err
	}
	r.keepProof()
	if len(missing) > 0 && r.options.Prompter != nil {
		if inputs.Answers, err = r.options.Prompter.AskValues(ctx, missing); err != nil {
			return err
		}
	}
	r.values, _, err = r.options.Target.Resolve(r.facts, inputs) // again, with the image and the answers
	return err
}

// configured returns a value of x-sdev.deploy.
func (r *Release) configured(name string) (handoff.Value, bool) {
	v, ok := r.project.config.Settings.Deploy.Value(r.options.Target.Name, name)
	source := "x-sdev.deploy." + name
	if v.Target != "" {
		source = "x-sdev.deploy." + v.Target + "." + name
	}
	return handoff.Value{Text: v.Text, Source: source + " (" + v.Origin + ")"}, ok
}
