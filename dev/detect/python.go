package detect

import (
	"path"
	"slices"
	"strings"
)

// kind is the kind of a Python token.
type kind int

const (
	word   kind = iota // a name, keyword or number
	text               // a string: the characters between the quotes, with escapes as written
	symbol             // one character of anything else
	end                // the end of a statement
)

type token struct {
	kind kind
	s    string
	line int
}

func (t token) is(s string) bool { return t.kind != text && t.s == s }

// tokens splits Python source. It drops comments, and line ends inside brackets and after a backslash. Whatever is
// wrong with the source, it reads every byte once.
//
// Package assign has a larger lexer that computes the values of strings; see its function lines for why there are
// two.
func tokens(src string) []token {
	s := scanner{src: src, line: 1}
	for s.at < len(s.src) {
		s.next()
	}
	s.emit(end, "", s.line)
	return s.out
}

type scanner struct {
	src   string
	at    int
	line  int
	depth int // of brackets
	out   []token
}

func (s *scanner) emit(k kind, text string, line int) {
	if k == end && (len(s.out) == 0 || s.out[len(s.out)-1].kind == end) {
		return
	}
	s.out = append(s.out, token{k, text, line})
}

func (s *scanner) next() {
	c := s.src[s.at]
	switch {
	case c == '\n':
		if s.depth == 0 {
			s.emit(end, "", s.line)
		}
		s.line++
		s.at++
	case c == '\\' && strings.HasPrefix(s.src[s.at+1:], "\n"):
		s.line++
		s.at += 2
	case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\\':
		s.at++
	case c == '#':
		if i := strings.IndexByte(s.src[s.at:], '\n'); i >= 0 {
			s.at += i
		} else {
			s.at = len(s.src)
		}
	case c == ';' && s.depth == 0:
		s.emit(end, "", s.line)
		s.at++
	case c == '"' || c == '\'':
		s.literal()
	case isWordByte(c):
		s.name()
	default:
		s.bracket(c)
		s.emit(symbol, string(c), s.line)
		s.at++
	}
}

func (s *scanner) bracket(c byte) {
	switch c {
	case '(', '[', '{':
		s.depth++
	case ')', ']', '}':
		s.depth = max(0, s.depth-1)
	}
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// name reads a word, or the string whose prefix the word is.
func (s *scanner) name() {
	start := s.at
	for s.at < len(s.src) && isWordByte(s.src[s.at]) {
		s.at++
	}
	w := s.src[start:s.at]
	if s.at < len(s.src) && (s.src[s.at] == '"' || s.src[s.at] == '\'') && len(w) <= 2 && strings.Trim(strings.ToLower(w), "rbfut") == "" {
		s.literal()
		return
	}
	s.emit(word, w, s.line)
}

// literal reads a string. It ends with its quotes or, unless it has three of them, with its line. A backslash
// protects the next character from ending the string, in raw strings too.
func (s *scanner) literal() {
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
	s.emit(text, s.src[start:min(s.at, len(s.src))], from)
	if s.at < len(s.src) && s.src[s.at] != '\n' {
		s.at += len(quote)
	}
}

// module is what a Python file says about itself.
type module struct {
	path    string
	imports []imported
	names   map[string]string // what imported names stand for: "st" → "streamlit", "environ" → "os.environ"
	uses    map[string]int    // first line of each use of streamlit, such as "navigation" or "context.headers"
	pages   []Fact            // texts that are first arguments of st.Page
	tokens  []token
}

// imported is one import of a module by its full name. level counts the leading dots.
type imported struct {
	name  string
	level int
	from  []string // names imported from it; nil for a plain import
	line  int
}

// top is the first part of the name.
func (i imported) top() string {
	top, _, _ := strings.Cut(i.name, ".")
	return top
}

// module reads a Python file, once.
func (t *tree) module(name string) *module {
	if m, ok := t.moduleCache[name]; ok {
		return m
	}
	m := &module{path: name, names: map[string]string{}, uses: map[string]int{}, tokens: tokens(t.text(name))}
	t.moduleCache[name] = m
	bound := m.readImports()
	m.readUses(bound)
	return m
}

// importsStreamlit returns the line of the first import of Streamlit; 0 if there is none.
func (m *module) importsStreamlit() int {
	for _, i := range m.imports {
		if i.level == 0 && i.top() == "streamlit" {
			return i.line
		}
	}
	return 0
}

// readImports collects the imports. It returns the names that are bound to streamlit itself ("st" → "") or to a
// member of it ("Page" → "Page").
func (m *module) readImports() map[string]string {
	bound := map[string]string{}
	for i, tok := range m.tokens {
		starts := i == 0 || m.tokens[i-1].kind == end || m.tokens[i-1].is(":")
		if !starts || tok.kind != word {
			continue
		}
		statement := m.tokens[i+1:]
		if n := slices.IndexFunc(statement, func(t token) bool { return t.kind == end }); n >= 0 {
			statement = statement[:n]
		}
		switch tok.s {
		case "import":
			m.plainImports(statement, tok.line, bound)
		case "from":
			m.fromImport(statement, tok.line, bound)
		}
	}
	return bound
}

// plainImports reads "a.b as c, d".
func (m *module) plainImports(rest []token, line int, bound map[string]string) {
	for part := range splitTokens(rest, ",") {
		name, after := dottedName(part)
		if name == "" {
			return // no import statement after all
		}
		i := imported{name: name, line: line}
		m.imports = append(m.imports, i)
		as, full := i.top(), i.top()
		if len(after) == 2 && after[0].is("as") {
			as, full = after[1].s, name
		}
		m.names[as] = full
		if name == "streamlit" {
			bound[as] = ""
		}
	}
}

// fromImport reads "..a.b import (c as d, e)".
func (m *module) fromImport(rest []token, line int, bound map[string]string) {
	level := 0
	for len(rest) > 0 && rest[0].is(".") {
		level++
		rest = rest[1:]
	}
	name, rest := "", rest
	if len(rest) > 0 && !rest[0].is("import") {
		name, rest = dottedName(rest)
	}
	if len(rest) == 0 || !rest[0].is("import") || name == "" && level == 0 {
		return
	}
	i := imported{name: name, level: level, line: line, from: []string{}}
	for part := range splitTokens(rest[1:], ",") {
		part = slices.DeleteFunc(slices.Clone(part), func(t token) bool { return t.is("(") || t.is(")") })
		if len(part) == 0 || part[0].kind != word {
			continue
		}
		i.from = append(i.from, part[0].s)
		if level == 0 {
			m.names[part[len(part)-1].s] = name + "." + part[0].s
		}
		if name == "streamlit" && level == 0 {
			bound[part[len(part)-1].s] = part[0].s
		}
	}
	m.imports = append(m.imports, i)
}

func splitTokens(list []token, by string) func(func([]token) bool) {
	return func(yield func([]token) bool) {
		for len(list) > 0 {
			n := slices.IndexFunc(list, func(t token) bool { return t.is(by) })
			if n < 0 {
				yield(list)
				return
			}
			if !yield(list[:n]) {
				return
			}
			list = list[n+1:]
		}
	}
}

// dottedName reads "a.b.c" and returns the tokens after it.
func dottedName(list []token) (name string, rest []token) {
	var parts []string
	for len(list) > 0 && list[0].kind == word {
		parts = append(parts, list[0].s)
		list = list[1:]
		if len(list) < 2 || !list[0].is(".") || list[1].kind != word {
			break
		}
		list = list[1:]
	}
	return strings.Join(parts, "."), list
}

// readUses collects the uses of streamlit.
func (m *module) readUses(bound map[string]string) {
	for i, tok := range m.tokens {
		of, ok := bound[tok.s]
		if !ok || tok.kind != word || i > 0 && m.tokens[i-1].is(".") {
			continue
		}
		chain, rest := dottedName(m.tokens[i:])
		_, chain, _ = strings.Cut(chain, ".")
		name := strings.Trim(of+"."+chain, ".")
		if name == "" {
			continue
		}
		parts := strings.Split(name, ".")
		for n := range parts {
			if use := strings.Join(parts[:n+1], "."); m.uses[use] == 0 {
				m.uses[use] = tok.line
			}
		}
		if name == "Page" && len(rest) > 1 && rest[0].is("(") {
			if page, line := pathText(rest[1:]); page != "" {
				m.pages = append(m.pages, Fact{Value: page, Why: "st.Page names it", File: m.path, Line: line})
			}
		}
	}
}

// pathText returns the path that an argument begins with, and the line of its last text: "a/b.py", or
// Path("a", "b.py"). It is "" if code makes the path.
func pathText(list []token) (name string, line int) {
	if list[0].kind == text {
		return list[0].s, list[0].line
	}
	chain, rest := dottedName(list)
	if chain != "Path" && chain != "pathlib.Path" || len(rest) == 0 || !rest[0].is("(") {
		return "", 0
	}
	for _, arg := range arguments(rest) {
		if len(arg) != 1 || arg[0].kind != text {
			return "", 0
		}
		name, line = path.Join(name, arg[0].s), arg[0].line
	}
	return name, line
}

// lineOfText returns the line of the first string that contains one of the texts, in upper or lower case; 0 if none
// does.
func (m *module) lineOfText(texts ...string) int {
	for _, tok := range m.tokens {
		if tok.kind != text {
			continue
		}
		lower := strings.ToLower(tok.s)
		if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(lower, t) }) {
			return tok.line
		}
	}
	return 0
}

// lineOfSequence returns the line where these tokens follow each other; 0 if they never do. A text is written in
// quotes: `"redirect_uris"`.
func (m *module) lineOfSequence(want ...string) int {
	matches := func(t token, w string) bool {
		if strings.HasPrefix(w, `"`) {
			return t.kind == text && t.s == strings.Trim(w, `"`)
		}
		return t.is(w)
	}
	for i := 0; i+len(want) <= len(m.tokens); i++ {
		all := true
		for j, w := range want {
			all = all && matches(m.tokens[i+j], w)
		}
		if all {
			return m.tokens[i].line
		}
	}
	return 0
}
