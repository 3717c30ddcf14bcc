package cli

import (
	"context"
	"errors"

	"charm.land/huh/v2"

	"sdev/dev"
	"sdev/scaffold"
)

// askInit asks for the answers that given leaves open. The defaults are in answers, and so is the
// result.
func (a *app) askInit(ctx context.Context, given initOptions, answers *initOptions) error {
	var fields []huh.Field
	if given.name == "" {
		fields = append(fields, huh.NewInput().Title("What is the project called?").
			Description("lower-case letters, digits, - and _").Value(&answers.name).Validate(scaffold.CheckName))
	}
	if given.auth == "" {
		fields = append(fields, authChoice().field(&answers.auth))
	}
	if given.deps == "" {
		fields = append(fields, depsChoice().field(&answers.deps))
	}
	if len(fields) == 0 {
		return nil
	}
	return a.ask(ctx, fields...)
}

// ask shows a form.
func (a *app) ask(ctx context.Context, fields ...huh.Field) error {
	// A terminal that cannot move its cursor is asked line by line.
	plain := a.Getenv("TERM") == "dumb"
	err := huh.NewForm(huh.NewGroup(fields...)).WithAccessible(plain).WithInput(a.In).WithOutput(a.Out).RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) {
		return &dev.Error{Code: dev.CodeInterrupted, Message: "interrupted, nothing was written", Exit: dev.ExitInterrupted, Cause: err}
	}
	return err
}

func (c choice) field(value *string) huh.Field {
	var options []huh.Option[string]
	for _, a := range c.answers {
		options = append(options, huh.NewOption(a.about, a.value))
	}
	return huh.NewSelect[string]().Title(c.title).Options(options...).Value(value)
}
