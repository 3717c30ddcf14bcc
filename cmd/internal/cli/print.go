package cli

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// What a command prints goes through here, so that no command has to think of what a name, a message
// or a log line may hold: values are made fit to be shown where they are put into a line ([dev.Line]),
// and whatever gets past that meets the [screen]. Bytes that are not text (a shell in a container, a
// tunnel, the dashboard's own drawing) are all that is written to the streams themselves; a test holds
// the code to that.

// out is where a command prints.
func (a *app) out() io.Writer { return screen{a.Out, a.colored()} }

// errs is where a command prints what is not its result.
func (a *app) errs() io.Writer { return screen{a.Err, a.colored()} }

// printf prints values in a form of ours: line breaks are those of the format.
func (a *app) printf(format string, values ...any) error {
	_, err := io.WriteString(a.out(), dev.Line(format, values...))
	return err
}

// notef is printf beside the result.
func (a *app) notef(format string, values ...any) {
	_, _ = io.WriteString(a.errs(), dev.Line(format, values...)) // nobody is left to tell
}

// print prints what was put together.
func (a *app) print(p *page) error {
	_, err := io.WriteString(a.out(), p.text.String())
	return err
}

// printJSON prints one value on a line.
func (a *app) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = a.out().Write(append(dev.EscapeJSON(b), '\n'))
	return err
}

// wrapped is a value that begins in a column, broken between words where a person reads it.
func (a *app) wrapped(text string, column int) dev.Text {
	if !a.OutTTY {
		return dev.Text(dev.Inline(text))
	}
	return wrap(text, a.Width, column)
}

// paragraphs is wrapped for what may have several lines: none of them begins where ours do.
func (a *app) paragraphs(text string, column int) dev.Text {
	lines := dev.Lines(text, "  ")
	if !a.OutTTY {
		return lines
	}
	return dev.Text(render.Wrap(string(lines), a.Width, column))
}

// wrap breaks a value that begins in a column between words.
func wrap(text string, width, column int) dev.Text {
	return dev.Text(render.Wrap(dev.Inline(text), width, column))
}

// page is a text that a command puts together before it prints it.
type page struct{ text strings.Builder }

// add puts values into a form of ours: line breaks are those of the form.
func (p *page) add(format string, values ...any) { p.text.WriteString(dev.Line(format, values...)) }

// screen passes text on, and of what steers a terminal line ends, tabs and, where they are wanted,
// colours alone. It hides the passwords of addresses.
type screen struct {
	io.Writer
	colors bool
}

func (s screen) Write(b []byte) (int, error) {
	if _, err := io.WriteString(s.Writer, s.cleared(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (s screen) cleared(text string) string {
	text = strings.ToValidUTF8(dev.WithoutPasswords(text), "\uFFFD")
	if !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || dev.IsHidden(r) }) {
		return text
	}
	var b strings.Builder
	var state byte
	for len(text) > 0 {
		part, width, n, next := ansi.DecodeSequence(text, state, nil)
		switch {
		case width > 0, part == "\n", part == "\t", s.colors && isColor(part):
			b.WriteString(part)
		}
		text, state = text[n:], next
	}
	return b.String()
}

// isColor says whether a control sequence changes how text looks, and nothing else: CSI … m.
func isColor(sequence string) bool {
	params, ok := strings.CutPrefix(sequence, "\x1b[")
	params, ended := strings.CutSuffix(params, "m")
	return ok && ended && strings.Trim(params, "0123456789;:") == ""
}
