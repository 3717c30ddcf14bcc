package release

import (
	"context"

	"sdev/dev/handoff"
)

// resolve finds the values and the image that is handed over, and asks for values that nobody has given.
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
	r.values, _, err = r.options.Target.Resolve(r.facts, inputs) // the image, and answers, decide more
	return err
}

// configured is a value of x-sdev.deploy.
func (r *Release) configured(name string) (handoff.Value, bool) {
	v, ok := r.project.config.Settings.Deploy.Value(r.options.Target.Name, name)
	source := "x-sdev.deploy." + name
	if v.Target != "" {
		source = "x-sdev.deploy." + v.Target + "." + name
	}
	return handoff.Value{Text: v.Text, Source: source + " (" + v.Origin + ")"}, ok
}
