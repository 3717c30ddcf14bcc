package config

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// editor edits a YAML file as text, at the positions of its nodes, so that all other text keeps its comments and its
// layout. It knows enough of YAML's syntax to find the end of a node, which nodes do not have. Its result is a
// proposal: the caller parses it and verifies that exactly the intended change was made.
type editor struct {
	text  []byte
	lines []int // offset of each line
	eol   string
	json  bool // the file is written as JSON, so new keys must be quoted
	cuts  []cut
}

// cut is a piece of text and its replacement.
type cut struct {
	from, to int
	with     string
}

func newEditor(text []byte, root *yaml.Node) *editor {
	e := &editor{text: text, lines: []int{0}, eol: "\n", json: root != nil && isFlow(root)}
	for i, b := range text {
		if b == '\n' {
			e.lines = append(e.lines, i+1)
		}
	}
	if len(e.lines) > 1 && bytes.HasSuffix(text[:e.lines[1]], []byte("\r\n")) {
		e.eol = "\r\n"
	}
	return e
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// result is the text with all cuts made.
func (e *editor) result() []byte {
	slices.SortStableFunc(e.cuts, func(a, b cut) int { return a.from - b.from })
	var out []byte
	done := 0
	for _, c := range e.cuts {
		out = append(append(out, e.text[done:max(done, c.from)]...), c.with...)
		done = max(done, c.to)
	}
	return append(out, e.text[done:]...)
}

func (e *editor) cut(from, to int, with string) { e.cuts = append(e.cuts, cut{from, to, with}) }

// at is the offset of a node. Its column counts characters.
func (e *editor) at(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(e.lines) {
		return len(e.text)
	}
	off := e.lines[n.Line-1]
	if off == 0 {
		off = len(e.text) - len(bytes.TrimPrefix(e.text, []byte("\uFEFF"))) // a byte order mark has no column
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(e.text[off:])
		off += size
	}
	return off
}

// line is a line, numbered from 1, without its end.
func (e *editor) line(n int) string {
	return strings.TrimRight(string(e.text[e.lines[n-1]:e.lineEnd(n)]), "\r\n")
}

// lineEnd is the offset of the next line.
func (e *editor) lineEnd(n int) int {
	if n < len(e.lines) {
		return e.lines[n]
	}
	return len(e.text)
}

// extent is the last line of a block that starts at a key or dash with the given indentation. Items of a list may
// have the same indentation as their key.
func (e *editor) extent(start, indent int, key bool) int {
	last := start
	for n := start + 1; n <= len(e.lines); n++ {
		line := e.line(n)
		text := strings.TrimLeft(line, " ")
		have := len(line) - len(text)
		switch {
		case text == "":
		case have > indent, key && have == indent && strings.HasPrefix(text+" ", "- "):
			last = n
		case strings.HasPrefix(text, "#"):
		default:
			return last
		}
	}
	return last
}

// insertLines inserts whole lines after a line.
func (e *editor) insertLines(behind int, lines ...string) {
	at := e.lineEnd(behind)
	text := strings.Join(lines, e.eol)
	if at == len(e.text) && !bytes.HasSuffix(e.text, []byte("\n")) {
		e.cut(at, at, e.eol+text) // the file still ends without a newline
		return
	}
	e.cut(at, at, text+e.eol)
}

// skip is the offset of the next token of a flow collection, after spaces, line ends and comments.
func (e *editor) skip(off int) int {
	for off < len(e.text) {
		switch c := e.text[off]; {
		case c == '#' && off > 0 && isSpace(e.text[off-1]):
			for off < len(e.text) && e.text[off] != '\n' {
				off++
			}
		case isSpace(c):
			off++
		default:
			return off
		}
	}
	return off
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// end is the end of a node's text. Of a block, which ends with a line, only the first token counts.
func (e *editor) end(off int, flow bool) int {
	if off >= len(e.text) {
		return off
	}
	switch c := e.text[off]; c {
	case '&', '!':
		for off < len(e.text) && !isSpace(e.text[off]) {
			off++
		}
		return e.end(e.skip(off), flow)
	case '[', '{':
		return e.flowEnd(off)
	case '"', '\'':
		return e.quotedEnd(off, c)
	}
	for i := off; i < len(e.text); i++ {
		c := e.text[i]
		next := byte('\n')
		if i+1 < len(e.text) {
			next = e.text[i+1]
		}
		switch {
		case c == '\n' || c == '\r',
			c == '#' && i > off && isSpace(e.text[i-1]),
			flow && (c == ',' || c == ']' || c == '}'),
			c == ':' && (isSpace(next) || flow && (next == ',' || next == ']' || next == '}')):
			return off + len(bytes.TrimRight(e.text[off:i], " \t"))
		}
	}
	return len(e.text)
}

func (e *editor) flowEnd(off int) int {
	for off++; off < len(e.text); {
		off = e.skip(off)
		if off >= len(e.text) {
			break
		}
		switch e.text[off] {
		case ']', '}':
			return off + 1
		case ',', ':', '?':
			off++
		default:
			off = max(e.end(off, true), off+1)
		}
	}
	return off
}

func (e *editor) quotedEnd(off int, quote byte) int {
	for i := off + 1; i < len(e.text); i++ {
		switch {
		case e.text[i] == '\\' && quote == '"':
			i++
		case e.text[i] != quote:
		case quote == '\'' && i+1 < len(e.text) && e.text[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return len(e.text)
}

// appendTo appends an item to a flow collection, in the layout of the others.
func (e *editor) appendTo(n *yaml.Node, item string) {
	open := e.at(n)
	for open < len(e.text) && e.text[open] != '[' && e.text[open] != '{' {
		open++ // an anchor or a tag stands in front
	}
	if len(n.Content) == 0 {
		e.cut(open+1, open+1, item)
		return
	}
	first := n.Content[len(n.Content)-1]
	last := e.end(e.at(first), true)
	if n.Kind == yaml.MappingNode {
		first = n.Content[len(n.Content)-2] // where the last entry's line is, its key says
	}
	lead := " "
	if first.Line > n.Line {
		line := e.line(first.Line)
		lead = e.eol + line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	}
	e.cut(last, last, ","+lead+item)
}

// removeFrom removes an item of a flow list, with its comma.
func (e *editor) removeFrom(list *yaml.Node, i int) {
	from := e.at(list.Content[i])
	to := e.end(from, true)
	if next := e.skip(to); next < len(e.text) && e.text[next] == ',' {
		to = next + 1
		for to < len(e.text) && (e.text[to] == ' ' || e.text[to] == '\t') {
			to++
		}
	} else if i > 0 {
		comma := e.skip(e.end(e.at(list.Content[i-1]), true))
		e.cut(comma, comma+1, "")
	}
	start := from
	for start > 0 && (e.text[start-1] == ' ' || e.text[start-1] == '\t') {
		start--
	}
	alone := start == 0 || e.text[start-1] == '\n'
	switch rest := e.text[to:]; {
	case alone && bytes.HasPrefix(rest, []byte(e.eol)):
		from, to = start, to+len(e.eol)
	case !alone && len(rest) > 0 && (rest[0] == ']' || rest[0] == '\n' || rest[0] == '\r'):
		from = start
	}
	e.cut(from, to, "")
}

// setKey sets a key of a mapping to a single-line value.
func (e *editor) setKey(n *yaml.Node, key, value string) {
	entry := e.quote(key) + ": " + value
	at, found := child(n, key)
	switch {
	case !found && isFlow(n):
		e.appendTo(n, entry)
	case !found:
		indent := n.Content[0].Column - 1
		last := e.extent(n.Content[len(n.Content)-2].Line, indent, true)
		e.insertLines(last, strings.Repeat(" ", indent)+entry)
	case isFlow(n):
		from := e.at(at.value)
		e.cut(from, e.end(from, true), value)
	default:
		e.setBlockValue(at, value)
	}
}

// setBlockValue replaces a value in a block, including its further lines.
func (e *editor) setBlockValue(at lookup, value string) {
	last := e.extent(at.key.Line, at.key.Column-1, true)
	from := e.at(at.value)
	if at.value.Line == at.key.Line {
		e.cut(from, e.end(from, false), value)
		if isFlow(at.value) || last == at.key.Line {
			return
		}
	} else {
		colon := e.end(e.at(at.key), false) + 1
		e.cut(colon, colon, " "+value)
	}
	if last > at.key.Line {
		e.cut(e.lines[at.key.Line], e.lineEnd(last), "")
	}
}

// quote writes a key in the style of the file.
func (e *editor) quote(key string) string {
	if e.json {
		return `"` + key + `"`
	}
	return key
}

// flow writes a value on one line.
func (e *editor) flow(v *yaml.Node) (string, error) {
	if e.json {
		plain, err := jsonValue(v, 0)
		if err != nil {
			return "", err
		}
		b, err := json.Marshal(plain)
		return string(b), err
	}
	b, err := yaml.Marshal(v)
	return strings.TrimRight(string(b), "\n"), err
}
