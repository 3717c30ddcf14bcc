package assign

import (
	"strconv"
	"strings"
)

// kind is the kind of a Python token.
type kind int

const (
	word   kind = iota // a name, keyword or number
	text               // a string
	symbol             // an operator or a bracket
)

type token struct {
	kind   kind
	s      string // of a text its value; of an f-string nothing
	line   int
	parts  []part // of an f-string
	format bool   // an f-string
}

// part is a piece of an f-string: a text or an expression.
type part struct {
	s    string
	expr []token
}

func (t token) is(s string) bool { return t.kind != text && t.s == s }

// line is a logical line of Python, with all lines that brackets and backslashes continue.
type line struct {
	indent int
	tokens []token
}

// maxDepth limits how deep f-strings, brackets and texts that are run as programs are followed into each other.
const maxDepth = 24

// lines splits Python source and drops comments. Whatever is wrong with the source, it reads every byte once.
//
// Package detect has a smaller lexer of its own: it needs strings as they are written and symbols of one character,
// without f-strings, operators and indentation. Sharing this one would save some 60 lines and cost an adapter, a
// package, and the time to read what detect ignores.
func lines(src string, first, depth int) []line {
	s := lexer{src: src, line: first, atLineStart: true, depth: depth}
	for s.at < len(s.src) {
		s.next()
	}
	s.end()
	return s.out
}

// lexer splits one source text.
type lexer struct {
	src         string
	at, line    int
	brackets    int
	depth       int
	atLineStart bool // at the beginning of a logical line
	indent      int
	tokens      []token
	out         []line
}

func (s *lexer) end() {
	if len(s.tokens) > 0 {
		s.out = append(s.out, line{s.indent, s.tokens})
		s.tokens = nil
	}
}

func (s *lexer) emit(k kind, text string, n int) {
	s.tokens = append(s.tokens, token{kind: k, s: text, line: n})
}

func (s *lexer) next() {
	c := s.src[s.at]
	if s.atLineStart && c != '\n' && c != '\r' && c != '#' {
		s.atLineStart, s.indent = false, 0
		for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\t') {
			s.at++
			s.indent++
		}
		return
	}
	switch {
	case c == '\n':
		if s.brackets == 0 {
			s.end()
			s.atLineStart = true
		}
		s.line++
		s.at++
	case c == '\\' && strings.HasPrefix(s.src[s.at+1:], "\n"):
		s.line++
		s.at += 2
	case c == '\\' && strings.HasPrefix(s.src[s.at+1:], "\r\n"):
		s.line++
		s.at += 3
	case strings.IndexByte(" \t\r\f\\", c) >= 0 || strings.HasPrefix(s.src[s.at:], "\ufeff"):
		s.at++
	case c == '#':
		if i := strings.IndexByte(s.src[s.at:], '\n'); i >= 0 {
			s.at += i
		} else {
			s.at = len(s.src)
		}
	case c == ';' && s.brackets == 0:
		s.end()
		s.at++
	case c == '"' || c == '\'':
		s.literal("")
	case isWordByte(c):
		s.name()
	default:
		s.operator()
	}
}

// operators are those of several characters that matter here.
var operators = []string{"**=", "//=", "<<=", ">>=", "==", "!=", "<=", ">=", "|=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", ":=", "->", "**", "//"}

func (s *lexer) operator() {
	for _, op := range operators {
		if strings.HasPrefix(s.src[s.at:], op) {
			s.emit(symbol, op, s.line)
			s.at += len(op)
			return
		}
	}
	switch s.src[s.at] {
	case '(', '[', '{':
		s.brackets++
	case ')', ']', '}':
		s.brackets = max(0, s.brackets-1)
	}
	s.emit(symbol, s.src[s.at:s.at+1], s.line)
	s.at++
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// name reads a word, or the string whose prefix the word is.
func (s *lexer) name() {
	start := s.at
	for s.at < len(s.src) && isWordByte(s.src[s.at]) {
		s.at++
	}
	w := s.src[start:s.at]
	if s.at < len(s.src) && (s.src[s.at] == '"' || s.src[s.at] == '\'') && len(w) <= 2 && strings.Trim(strings.ToLower(w), "rbfut") == "" {
		s.literal(strings.ToLower(w))
		return
	}
	s.emit(word, w, s.line)
}

// literal reads a string. It ends with its quotes or, unless it has three of them, with its line.
func (s *lexer) literal(prefix string) {
	from := s.line
	quote := s.src[s.at : s.at+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s.src[s.at:], triple) {
		quote = triple
	}
	s.at += len(quote)
	start := s.at
	for s.at < len(s.src) && !strings.HasPrefix(s.src[s.at:], quote) {
		c := s.src[s.at]
		if c == '\n' && len(quote) == 1 {
			break // an unclosed string: the rest of the file is still worth reading
		}
		if c == '\\' && s.at+1 < len(s.src) {
			s.at++
			c = s.src[s.at]
		}
		if c == '\n' {
			s.line++
		}
		s.at++
	}
	body := s.src[start:min(s.at, len(s.src))]
	if s.at < len(s.src) && s.src[s.at] != '\n' {
		s.at += len(quote)
	}
	raw := strings.Contains(prefix, "r")
	if strings.ContainsAny(prefix, "ft") && s.depth > 0 {
		s.tokens = append(s.tokens, token{kind: text, line: from, format: true, parts: formatParts(body, from, raw, s.depth-1)})
		return
	}
	s.emit(text, unescape(body, raw), from)
}

// formatParts splits an f-string.
func formatParts(body string, n int, raw bool, depth int) (out []part) {
	for body != "" {
		i := strings.IndexAny(body, "{}")
		if i < 0 {
			break
		}
		out = append(out, part{s: unescape(body[:i], raw)})
		rest := body[i+1:]
		if strings.HasPrefix(rest, body[i:i+1]) || body[i] == '}' { // a doubled brace stands for one
			out = append(out, part{s: body[i : i+1]})
			body = strings.TrimPrefix(rest, body[i:i+1])
			continue
		}
		until := closingBrace(rest)
		expr := rest[:until]
		if at := strings.IndexAny(expr, "!:"); at >= 0 && !strings.ContainsAny(expr, "([{\"'") {
			expr = expr[:at]
		}
		var tokens []token
		for _, l := range lines("("+expr+")", n, depth) {
			tokens = append(tokens, l.tokens...)
		}
		out = append(out, part{expr: tokens})
		body = rest[min(len(rest), until+1):]
	}
	return append(out, part{s: unescape(body, raw)})
}

// closingBrace returns the position of the brace that closes one before s.
func closingBrace(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return len(s)
}

// unescape returns the value of a string.
func unescape(body string, raw bool) string {
	if raw || !strings.Contains(body, `\`) {
		return body
	}
	var b strings.Builder
	for body != "" {
		i := strings.IndexByte(body, '\\')
		if i < 0 || i+1 == len(body) {
			break
		}
		b.WriteString(body[:i])
		body = body[i:]
		switch body[1] {
		case '\n':
			body = body[2:]
		case '"', '\'':
			b.WriteByte(body[1])
			body = body[2:]
		default:
			r, _, rest, err := strconv.UnquoteChar(body, 0)
			if err != nil {
				b.WriteByte('\\')
				body = body[1:]
				continue
			}
			b.WriteRune(r)
			body = rest
		}
	}
	b.WriteString(body)
	return b.String()
}
