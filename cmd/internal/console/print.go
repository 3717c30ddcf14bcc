package console

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

// Stdout is where a command prints.
func (c *Console) Stdout() io.Writer { return screen{c.Out, c.Colored()} }

// Stderr is where a command prints what is not its result.
func (c *Console) Stderr() io.Writer { return screen{c.Err, c.Colored()} }

// Printf prints values in a form of ours: line breaks are those of the format.
func (c *Console) Printf(format string, values ...any) error {
	_, err := io.WriteString(c.Stdout(), dev.Line(format, values...))
	return err
}

// Notef is Printf beside the result.
func (c *Console) Notef(format string, values ...any) {
	_, _ = io.WriteString(c.Stderr(), dev.Line(format, values...)) // nobody is left to tell
}

// Print prints what was put together.
func (c *Console) Print(p *Page) error {
	_, err := io.WriteString(c.Stdout(), p.text.String())
	return err
}

// PrintJSON prints one value on a line.
func (c *Console) PrintJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = c.Stdout().Write(append(dev.EscapeJSON(b), '\n'))
	return err
}

// Wrapped is a value that begins in a column, broken between words where a person reads it.
func (c *Console) Wrapped(text string, column int) dev.Text {
	if !c.OutTTY {
		return dev.Text(dev.Inline(text))
	}
	return Wrap(text, c.Width, column)
}

// Paragraphs is Wrapped for what may have several lines: none of them begins where ours do.
func (c *Console) Paragraphs(text string, column int) dev.Text {
	lines := dev.Lines(text, "  ")
	if !c.OutTTY {
		return lines
	}
	return dev.Text(render.Wrap(string(lines), c.Width, column))
}

// Wrap breaks a value that begins in a column between words.
func Wrap(text string, width, column int) dev.Text {
	return dev.Text(render.Wrap(dev.Inline(text), width, column))
}

// Page is a text that a command puts together before it prints it.
type Page struct{ text strings.Builder }

// Add puts values into a form of ours: line breaks are those of the form.
func (p *Page) Add(format string, values ...any) { p.text.WriteString(dev.Line(format, values...)) }

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

// String is the text so far.
func (p *Page) String() string { return p.text.String() }

// Table prints rows in aligned columns, the first row being the heading. The last column takes what
// is left of the line and is wrapped there, where a person reads it.
func (c *Console) Table(rows [][]string) error {
	rows = dev.SanitizeFields(rows)
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	var b Page
	for _, row := range rows {
		var line strings.Builder
		at := 0
		for i, cell := range row[:len(row)-1] {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-ansi.StringWidth(cell)+2))
			at += widths[i] + 2
		}
		line.WriteString(string(c.Wrapped(row[len(row)-1], at)))
		b.Add("%s\n", dev.Text(strings.TrimRight(line.String(), " ")))
	}
	return c.Print(&b)
}
