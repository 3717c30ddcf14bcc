package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"charm.land/huh/v2"

	"sdev/dev"
	"sdev/dev/blocking"
	"sdev/dev/detect"
	"sdev/dev/session"
)

// Ask shows a form.
func (c *Console) Ask(ctx context.Context, fields ...huh.Field) error {
	// A terminal that cannot move its cursor is asked line by line.
	plain := c.Getenv("TERM") == "dumb"
	form := huh.NewForm(huh.NewGroup(fields...)).WithAccessible(plain).WithInput(c.In).WithOutput(c.Out)
	run := func() (struct{}, error) { return struct{}{}, form.RunWithContext(ctx) }
	var err error
	if plain {
		_, err = blocking.Call(ctx, run) // line by line, a form hears of no context
	} else {
		_, err = run()
	}
	if errors.Is(err, huh.ErrUserAborted) {
		return &dev.Error{Code: dev.CodeInterrupted, Message: "interrupted, nothing was written", Exit: dev.ExitInterrupted, Cause: err}
	}
	return err
}

// Forms are drawn by a library that writes to the terminal itself, so what they show of others is made
// fit for it here.

// Option is one to select, and how it is shown.
func Option(shown, value string) huh.Option[string] { return huh.NewOption(dev.Inline(shown), value) }

// OptionsOf are values that are shown as they are.
func OptionsOf(values []string) []huh.Option[string] {
	var out []huh.Option[string]
	for _, v := range values {
		out = append(out, Option(v, v))
	}
	return out
}

// Selection asks for one of several options.
func Selection(title string, from []huh.Option[string], value *string) *huh.Select[string] {
	return huh.NewSelect[string]().Title(dev.Inline(title)).Options(from...).Value(value)
}

// Confirmation asks a question; its values are those of [dev.Line].
func Confirmation(yes *bool, question string, values ...any) huh.Field {
	return huh.NewConfirm().Title(dev.Line(question, values...)).Value(yes)
}

// Chooser is the person at the terminal; nil where nobody is there, or is to be asked.
func (c *Console) Chooser(ask bool) session.Chooser {
	if !ask || !c.InTTY || !c.OutTTY {
		return nil
	}
	return c
}

// ChooseEntry is session.Chooser's.
func (c *Console) ChooseEntry(ctx context.Context, entries []detect.Entry) (string, error) {
	var scripts []huh.Option[string]
	for _, e := range entries {
		scripts = append(scripts, Option(e.Path+": "+e.Why().Source(), e.Path))
	}
	name := entries[0].Path
	field := Selection("Which script is the app?", scripts, &name)
	return name, c.Ask(ctx, field)
}

// ChooseService is session.Chooser's.
func (c *Console) ChooseService(ctx context.Context, names []string) (name string, err error) {
	field := Selection("Which service is the Streamlit app?", OptionsOf(names), &name)
	err = c.Ask(ctx, field)
	return name, err
}

// askMFACode is session.Host's MFACode.
func (c *Console) askMFACode() (string, error) {
	c.Notef("code of your AWS MFA device: ")
	line, err := bufio.NewReader(c.In).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return strings.TrimSpace(line), nil
}
