package cli

import (
	"context"
	"errors"

	"charm.land/huh/v2"

	"sdev/dev"
	"sdev/scaffold"
)

// askInit asks what the flags leave open. An answer is kept only when the form is completed.
func (a *app) askInit(ctx context.Context, o *initOptions, suggested string) error {
	answers := *o
	var fields []huh.Field
	if o.name == "" {
		answers.name = suggested
		fields = append(fields, huh.NewInput().Title("What is the project called?").
			Description("lower-case letters, digits, - and _").Value(&answers.name).Validate(scaffold.CheckName))
	}
	if o.auth == "" {
		fields = append(fields, authChoice().field(&answers.auth))
	}
	if o.deps == "" {
		fields = append(fields, depsChoice().field(&answers.deps))
	}
	if len(fields) == 0 {
		return nil
	}
	// A terminal that cannot move its cursor is asked line by line.
	plain := a.Getenv("TERM") == "dumb"
	form := huh.NewForm(huh.NewGroup(fields...)).WithAccessible(plain).WithInput(a.In).WithOutput(a.Out)
	err := form.RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) {
		return &dev.Error{Code: dev.CodeInterrupted, Message: "interrupted, nothing was written", Exit: dev.ExitInterrupted, Cause: err}
	}
	if err != nil {
		return err
	}
	*o = answers
	return nil
}

func (c choice) field(value *string) huh.Field {
	var options []huh.Option[string]
	for _, a := range c.answers {
		options = append(options, huh.NewOption(a.about, a.value))
	}
	return huh.NewSelect[string]().Title(c.title).Options(options...).Value(value)
}
