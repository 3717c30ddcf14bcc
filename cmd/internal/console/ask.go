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
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/session"
)

// Ask shows a form.
func (c *Console) Ask(ctx context.Context, fields ...huh.Field) error {
	// Without cursor control, the form asks line by line.
	plain := c.Getenv("TERM") == "dumb"
	form := huh.NewForm(huh.NewGroup(fields...)).WithAccessible(plain).WithInput(c.In).WithOutput(c.Out)
	run := func() (struct{}, error) { return struct{}{}, form.RunWithContext(ctx) }
	var err error
	if plain {
		_, err = blocking.Call(ctx, run) // a form that asks line by line ignores its context
	} else {
		_, err = run()
	}
	if errors.Is(err, huh.ErrUserAborted) {
		return &dev.Error{Code: dev.CodeInterrupted, Message: "interrupted; nothing was written", Exit: dev.ExitInterrupted, Cause: err}
	}
	return err
}

// Package huh writes forms to the terminal by itself, so the functions below sanitize foreign text in them.

// Option is a value to select and the text that is shown for it.
func Option(shown, value string) huh.Option[string] { return huh.NewOption(dev.Inline(shown), value) }

// OptionsOf are options whose texts are the values themselves.
func OptionsOf(values []string) []huh.Option[string] {
	var out []huh.Option[string]
	for _, v := range values {
		out = append(out, Option(v, v))
	}
	return out
}

// Selection is a field that asks for one of several options.
func Selection(title string, from []huh.Option[string], value *string) *huh.Select[string] {
	return huh.NewSelect[string]().Title(dev.Inline(title)).Options(from...).Value(value)
}

// Confirmation is a field that asks a question; values are the arguments of question, as in [dev.Line].
func Confirmation(yes *bool, question string, values ...any) huh.Field {
	return huh.NewConfirm().Title(dev.Line(question, values...)).Value(yes)
}

// Chooser asks the user at the terminal; it is nil without a terminal, or if ask is false.
func (c *Console) Chooser(ask bool) session.Chooser {
	if !ask || !c.InTTY || !c.OutTTY {
		return nil
	}
	return c
}

// ChooseEntry implements session.Chooser.
func (c *Console) ChooseEntry(ctx context.Context, entries []detect.Entry) (string, error) {
	var scripts []huh.Option[string]
	for _, e := range entries {
		scripts = append(scripts, Option(e.Path+": "+e.Why().Source(), e.Path))
	}
	name := entries[0].Path
	field := Selection("Which script is the app?", scripts, &name)
	return name, c.Ask(ctx, field)
}

// ChooseService implements session.Chooser.
func (c *Console) ChooseService(ctx context.Context, candidates []config.Candidate) (name string, err error) {
	var services []huh.Option[string]
	for _, s := range candidates {
		services = append(services, Option(s.String(), s.Service))
	}
	field := Selection("Which service is the Streamlit app? The others run beside it.", services, &name)
	err = c.Ask(ctx, field)
	return name, err
}

// askMFACode implements MFACode of session.Host.
func (c *Console) askMFACode() (string, error) {
	c.Notef("code of your AWS MFA device: ")
	line, err := bufio.NewReader(c.In).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return strings.TrimSpace(line), nil
}
