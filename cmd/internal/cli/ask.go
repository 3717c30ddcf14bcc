package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"charm.land/huh/v2"

	"sdev/dev"
	"sdev/dev/detect"
	"sdev/dev/handoff"
	"sdev/dev/session"
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
	form := huh.NewForm(huh.NewGroup(fields...)).WithAccessible(plain).WithInput(a.In).WithOutput(a.Out)
	run := func() (struct{}, error) { return struct{}{}, form.RunWithContext(ctx) }
	var err error
	if plain {
		_, err = dev.Interruptible(ctx, run) // line by line, a form hears of no context
	} else {
		_, err = run()
	}
	if errors.Is(err, huh.ErrUserAborted) {
		return &dev.Error{Code: dev.CodeInterrupted, Message: "interrupted, nothing was written", Exit: dev.ExitInterrupted, Cause: err}
	}
	return err
}

func (c choice) field(value *string) huh.Field {
	var options []huh.Option[string]
	for _, a := range c.answers {
		options = append(options, option(a.about, a.value))
	}
	return selection(c.title, options, value)
}

// terminal is the person whom a hand-off asks.
type terminal struct{ *app }

// Values asks for values. An empty answer leaves the placeholder.
func (t terminal) Values(ctx context.Context, missing []handoff.Param) (map[string]string, error) {
	answers := make([]string, len(missing))
	var fields []huh.Field
	for i, p := range missing {
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
	if err := t.ask(ctx, fields...); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, p := range missing {
		out[p.Name] = answers[i]
	}
	return out, nil
}

// Confirm asks whether files are to be written.
func (t terminal) Confirm(ctx context.Context, dir string) (bool, error) {
	yes := true
	err := t.ask(ctx, confirmation(&yes, "Write to %s?", dir))
	return yes, err
}

// Forms are drawn by a library that writes to the terminal itself, so what they show of others is made
// fit for it here.

// option is one to select, and how it is shown.
func option(shown, value string) huh.Option[string] { return huh.NewOption(dev.Inline(shown), value) }

// options are values that are shown as they are.
func options(values []string) []huh.Option[string] {
	var out []huh.Option[string]
	for _, v := range values {
		out = append(out, option(v, v))
	}
	return out
}

func selection(title string, from []huh.Option[string], value *string) *huh.Select[string] {
	return huh.NewSelect[string]().Title(dev.Inline(title)).Options(from...).Value(value)
}

// confirmation asks a question; its values are those of [dev.Line].
func confirmation(yes *bool, question string, values ...any) huh.Field {
	return huh.NewConfirm().Title(dev.Line(question, values...)).Value(yes)
}

// chooser is the person at the terminal; nil where nobody is there, or is to be asked.
func (a *app) chooser(ask bool) session.Chooser {
	if !ask || !a.InTTY || !a.OutTTY {
		return nil
	}
	return a
}

// ChooseEntry is session.Chooser's.
func (a *app) ChooseEntry(ctx context.Context, entries []detect.Entry) (string, error) {
	var scripts []huh.Option[string]
	for _, e := range entries {
		scripts = append(scripts, option(e.Path+": "+e.Why().Source(), e.Path))
	}
	name := entries[0].Path
	field := selection("Which script is the app?", scripts, &name)
	return name, a.ask(ctx, field)
}

// ChooseService is session.Chooser's.
func (a *app) ChooseService(ctx context.Context, names []string) (name string, err error) {
	field := selection("Which service is the Streamlit app?", options(names), &name)
	err = a.ask(ctx, field)
	return name, err
}

// askMFACode is session.Host's MFACode.
func (a *app) askMFACode() (string, error) {
	a.notef("code of your AWS MFA device: ")
	line, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return strings.TrimSpace(line), nil
}
