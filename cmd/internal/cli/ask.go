package cli

import (
	"context"
	"fmt"

	"charm.land/huh/v2"

	"sdev/cmd/internal/console"
	"sdev/dev/handoff"
	"sdev/scaffold"
)

// askInit asks for the answers that no flag gives: flags holds the options as the user gave them. answers holds the
// defaults, and the answers on return.
func (a *commands) askInit(ctx context.Context, flags initOptions, answers *initOptions) error {
	var fields []huh.Field
	if flags.name == "" {
		fields = append(fields, huh.NewInput().Title("What is the project called?").
			Description("lower-case letters, digits, - and _").Value(&answers.name).Validate(scaffold.CheckName))
	}
	if flags.auth == "" {
		fields = append(fields, authChoice().field(&answers.auth))
	}
	if flags.deps == "" {
		fields = append(fields, depsChoice().field(&answers.deps))
	}
	if len(fields) == 0 {
		return nil
	}
	return a.Ask(ctx, fields...)
}

func (c choice) field(value *string) huh.Field {
	var options []huh.Option[string]
	for _, a := range c.answers {
		options = append(options, console.Option(a.about, a.value))
	}
	return console.Selection(c.title, options, value)
}

// terminal asks the user for the values of a hand-off.
type terminal struct{ *console.Console }

// AskValues asks for missing values. An empty answer keeps the placeholder.
func (t terminal) AskValues(ctx context.Context, missing []handoff.Param) (map[string]string, error) {
	answers := make([]string, len(missing))
	var fields []huh.Field
	for i, p := range missing {
		title := fmt.Sprintf("%s (--set %s=…)", p.Name, p.Name)
		if len(p.Choices) > 0 {
			fields = append(fields, console.Selection(title, console.OptionsOf(p.Choices), &answers[i]).Description(p.About))
			continue
		}
		fields = append(fields, huh.NewInput().Title(title).Description(p.About+"; leave it empty to decide later").Value(&answers[i]).Validate(func(text string) error {
			if text == "" {
				return nil
			}
			return p.Validate(text)
		}))
	}
	if err := t.Ask(ctx, fields...); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, p := range missing {
		out[p.Name] = answers[i]
	}
	return out, nil
}

// Confirm asks whether to write the files.
func (t terminal) Confirm(ctx context.Context, dir string) (bool, error) {
	yes := true
	err := t.Ask(ctx, console.Confirmation(&yes, "Write to %s?", dir))
	return yes, err
}
