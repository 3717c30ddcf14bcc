package console

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// Commands print through the functions below, which remove control characters from foreign text twice: [dev.Line]
// sanitizes each value of a line, and [cleanWriter] filters all output. Only bytes that are not text go to the streams
// directly (a shell in a container, a tunnel, the frames of the dashboard); a test checks that.

// Stdout is where a command prints a result for programs.
func (c *Console) Stdout() io.Writer { return cleanWriter{c.Out, c.Colored(), nil} }

// lines is where a command prints a result for people.
func (c *Console) lines() io.Writer { return cleanWriter{c.Out, c.Colored(), c.linker(c.OutTTY)} }

// Stderr is where a command prints everything else.
func (c *Console) Stderr() io.Writer { return cleanWriter{c.Err, c.Colored(), c.linker(c.ErrTTY)} }

// Printf prints values in a format. Line breaks come from the format only.
func (c *Console) Printf(format string, values ...any) error {
	_, err := io.WriteString(c.lines(), dev.Line(format, values...))
	return err
}

// Notef is Printf to Stderr.
func (c *Console) Notef(format string, values ...any) {
	_, _ = io.WriteString(c.Stderr(), dev.Line(format, values...)) // nothing is left to report it to
}

// Print prints a page.
func (c *Console) Print(p *Page) error {
	_, err := io.WriteString(c.lines(), p.text.String())
	return err
}

// PrintJSON prints a value on one line.
func (c *Console) PrintJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = c.Stdout().Write(append(dev.EscapeJSON(b), '\n'))
	return err
}

// Wrapped is a value that begins in a column. On a terminal it is broken between words.
func (c *Console) Wrapped(text string, column int) dev.Text {
	if !c.OutTTY {
		return dev.Text(dev.Inline(text))
	}
	return Wrap(text, c.Width, column)
}

// Paragraphs is Wrapped for a value of several lines. Lines after the first are indented, so that none looks like ours.
func (c *Console) Paragraphs(text string, column int) dev.Text {
	lines := dev.Lines(text, "  ")
	if !c.OutTTY {
		return lines
	}
	return dev.Text(render.Wrap(string(lines), c.Width, column))
}

// Wrap breaks a value that begins in a column between words, at width.
func Wrap(text string, width, column int) dev.Text {
	return dev.Text(render.Wrap(dev.Inline(text), width, column))
}

// Page is a text that a command composes before it prints it.
type Page struct{ text strings.Builder }

// Add appends values in a format. Line breaks come from the format only.
func (p *Page) Add(format string, values ...any) { p.text.WriteString(dev.Line(format, values...)) }

// String is the text so far.
func (p *Page) String() string { return p.text.String() }

// cleanWriter writes text without control characters, except for line ends, tabs and, with colors, colours. It hides
// passwords in URLs. Only its own links are left.
type cleanWriter struct {
	io.Writer
	colors bool
	links  *linker // nil makes none
}

func (s cleanWriter) Write(b []byte) (int, error) {
	text := s.clean(string(b))
	if s.links != nil {
		text = s.links.link(text)
	}
	if _, err := io.WriteString(s.Writer, text); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (s cleanWriter) clean(text string) string {
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

// isColor reports whether a control sequence only changes the look of text: CSI … m.
func isColor(sequence string) bool {
	params, ok := strings.CutPrefix(sequence, "\x1b[")
	params, ended := strings.CutSuffix(params, "m")
	return ok && ended && strings.Trim(params, "0123456789;:") == ""
}

// Table prints rows in aligned columns. The first row is the heading. On a terminal the last column is wrapped within
// the rest of the line.
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

// ForProtocol returns a console for commands that run while this one's input and output speak a protocol. It prints what is
// meant for people to stderr, and asks nothing.
func (c *Console) ForProtocol() *Console {
	behind := *c
	behind.In, behind.InTTY, behind.Out, behind.OutTTY = strings.NewReader(""), false, c.Err, false
	return &behind
}
