package cli

import (
	"context"
	"fmt"

	"charm.land/huh/v2"

	"sdev/dev/handoff"
)

// resolve finds the values, asking for what nobody has said, and the image that is handed over.
func (a *app) resolve(ctx context.Context, d *delivery) error {
	d.facts.Bundle = d.bundle.Place.Bundle
	said := handoff.Said{Set: d.options.set, Config: func(name string) (handoff.Value, bool) { return d.configured(name) }}
	if last := d.bundle.Last; last != nil {
		said.Last = last.Values
		if last.Image != nil && d.options.image == "" && !d.options.build {
			d.facts.Image = *last.Image
		}
	}
	values, open, err := d.target.Resolve(d.facts, said)
	if err != nil {
		return err
	}
	d.values = values
	if err := a.takeImage(ctx, d); err != nil {
		return err
	}
	d.keepProof()
	if len(open) > 0 && a.asks(d.options) {
		if said.Asked, err = a.askValues(ctx, d.target, open); err != nil {
			return err
		}
	}
	d.values, _, err = d.target.Resolve(d.facts, said) // the image, and answers, decide more
	return err
}

// configured is a value of x-sdev.deploy.
func (d *delivery) configured(name string) (handoff.Value, bool) {
	v, ok := d.project.Settings.Deploy.Value(d.target.Name, name)
	source := "x-sdev.deploy." + name
	if v.Target != "" {
		source = "x-sdev.deploy." + v.Target + "." + name
	}
	return handoff.Value{Text: v.Text, Source: source + " (" + v.Origin + ")"}, ok
}

// askValues asks for values. An empty answer leaves the placeholder.
func (a *app) askValues(ctx context.Context, t handoff.Target, open []handoff.Param) (map[string]string, error) {
	answers := make([]string, len(open))
	var fields []huh.Field
	for i, p := range open {
		title := fmt.Sprintf("%s (--set %s=…)", p.Name, p.Name)
		if len(p.Choices) > 0 {
			fields = append(fields, selection(title, options(p.Choices), &answers[i]).Description(p.About))
			continue
		}
		fields = append(fields, huh.NewInput().Title(title).Description(p.About+"; empty leaves it open").Value(&answers[i]).Validate(func(text string) error {
			if text == "" {
				return nil
			}
			return p.Accept(text)
		}))
	}
	if err := a.ask(ctx, fields...); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, p := range open {
		out[p.Name] = answers[i]
	}
	return out, nil
}
