package detect

import (
	"slices"
	"strings"

	"sdev/dev"
)

// Inputs returns what the app's scripts read from outside: environment variables, Streamlit's secrets, parameters and secrets
// of AWS.
func (f *Findings) Inputs() dev.Inputs {
	out := dev.Inputs{Sets: map[string]dev.Place{}}
	for _, name := range f.Modules {
		r := reader{m: f.tree.module(name), lines: strings.Split(f.tree.text(name), "\n"), out: &out, alias: map[string]origin{}}
		r.constants()
		r.read()
	}
	out.Sort()
	return out
}

// origin is what a name of a module stands for.
type origin struct {
	path   string // "os.environ", "streamlit.secrets"
	prefix string // of secrets: the table, "db"
}

// reader reads one module.
type reader struct {
	m     *module
	lines []string
	out   *dev.Inputs
	alias map[string]origin // of variables: env = os.environ, db = st.secrets["db"]
	texts map[string]string // constants of the module that are texts
	asked map[string]bool   // kind and name of what the module asks for before it reads it
}

// constants reads statements such as KEY = "DB_URL", and conditions such as "DB_URL" in os.environ.
func (r *reader) constants() {
	r.texts, r.asked = map[string]string{}, map[string]bool{}
	times := map[string]int{}
	t := r.m.tokens
	for i := range t {
		if i+3 < len(t) && (i == 0 || t[i-1].kind == end) && t[i].kind == word && t[i+1].is("=") && t[i+2].kind == text && t[i+3].kind == end {
			times[t[i].s]++
			r.texts[t[i].s] = t[i+2].s
		}
		if i+2 < len(t) && t[i].kind == text && t[i+1].is("in") {
			r.asked[string(r.kindAt(i+2))+" "+t[i].s] = true
		}
		if i+3 < len(t) && t[i].kind == text && t[i+1].is("not") && t[i+2].is("in") {
			r.asked[string(r.kindAt(i+3))+" "+t[i].s] = true
		}
	}
	for name, n := range times {
		if n > 1 {
			delete(r.texts, name)
		}
	}
}

// kindAt is the kind of the collection that an expression names; "" if it is another thing.
func (r *reader) kindAt(i int) dev.InputKind {
	c := r.chain(i)
	switch {
	case c.is("os.environ"):
		return dev.InputVariable
	case c.is("streamlit.secrets"):
		return dev.InputSecret
	}
	return ""
}

// read reads the whole module.
func (r *reader) read() {
	t := r.m.tokens
	for i := range t {
		if t[i].kind != word || i > 0 && t[i-1].is(".") {
			r.call(i)
			continue
		}
		c := r.chain(i)
		if c.path == "" {
			continue
		}
		if r.aliasing(i, c) {
			r.named(t[i-2].s, c)
		}
		r.expression(i, c)
	}
	r.settingsClasses()
}

// named remembers what a variable stands for: env = os.environ, db = st.secrets["db"], env = Env().
func (r *reader) named(name string, c chain) {
	if ops, ok := c.after("streamlit.secrets"); ok {
		if prefix, rest, _ := r.secretPath(c.prefix, ops); len(rest) == 0 {
			r.alias[name] = origin{"streamlit.secrets", prefix}
		}
		return
	}
	switch full := c.full(); {
	case c.is("os.environ"):
		r.alias[name] = origin{path: full}
	case len(c.ops) == len(c.attrs())+1 && c.ops[len(c.ops)-1].call != nil && slices.Contains([]string{"environs.Env", "environ.Env", "decouple.AutoConfig", "decouple.Config"}, full):
		r.alias[name] = origin{path: full + "()"}
	}
}

// argument reads the setting that the first argument of a call names.
func (r *reader) argument(kind dev.InputKind, prefix string, call []token, line int, optional bool) {
	list := args(call)
	if len(list) == 0 {
		return
	}
	first := list[0]
	if len(first) > 2 && first[1].is("=") {
		first = first[2:]
	}
	name, ok := r.name(first)
	r.setting(kind, prefix+name, ok, line, optional)
}

// name is the text that an expression is: a literal, or a constant of the module.
func (r *reader) name(expression []token) (string, bool) {
	if len(expression) != 1 {
		return "", false
	}
	switch tok := expression[0]; tok.kind {
	case text:
		return tok.s, tok.s != "" && !strings.ContainsAny(tok.s, "{}")
	case word:
		s, ok := r.texts[tok.s]
		return s, ok
	default:
		return "", false
	}
}

func (r *reader) setting(kind dev.InputKind, name string, known bool, line int, optional bool) {
	at := dev.Place{File: r.m.path, Line: line}
	if !known {
		r.out.Computed = addPlace(r.out.Computed, at)
		return
	}
	for prefix := name; prefix != "" && !optional; {
		optional = r.asked[string(kind)+" "+prefix]
		cut := strings.LastIndexByte(prefix, '.')
		prefix = prefix[:max(cut, 0)]
	}
	r.out.Add(dev.Input{Kind: kind, Name: name, Optional: optional || r.isTried(line)}, at)
}

func addPlace(list []dev.Place, p dev.Place) []dev.Place {
	if slices.Contains(list, p) {
		return list
	}
	return append(list, p)
}

// isTried reports whether a line is in the block of a try statement.
func (r *reader) isTried(line int) bool {
	if line < 1 || line > len(r.lines) {
		return false
	}
	depth := indent(r.lines[line-1])
	for i := line - 2; i >= 0 && depth > 0; i-- {
		text := strings.TrimSpace(r.lines[i])
		if text == "" || text[0] == '#' || indent(r.lines[i]) >= depth {
			continue
		}
		depth = indent(r.lines[i])
		if strings.HasPrefix(text, "try:") {
			return true
		}
	}
	return false
}

// indent is the width of the blanks that a line begins with; a tab is one.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
