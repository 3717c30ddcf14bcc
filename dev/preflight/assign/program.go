package assign

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Python finds what scripts do to a variable. It reads them together: one script may use a constant of another.
func Python(scripts map[string]string, variable string) []Found {
	p := &program{variable: variable, attributes: map[string]value{}, functions: map[string]*scope{}, found: map[place]Found{}}
	names := slices.SortedFunc(maps.Keys(scripts), func(a, b string) int { // scripts that name the variable first
		if first := strings.Contains(scripts[a], variable); first != strings.Contains(scripts[b], variable) {
			if first {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	left := maxSource
	for _, name := range names {
		if left -= len(scripts[name]); left > 0 && isRelevant(scripts[name]) {
			p.add(name, scripts[name])
		}
	}
	// A name that is bound late is known in the next round; values only grow.
	const rounds = 3
	for range rounds {
		for _, m := range p.modules {
			for _, st := range m.statements {
				p.run(m, st)
			}
		}
	}
	return slices.SortedFunc(maps.Values(p.found), func(a, b Found) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, int(a.Kind)-int(b.Kind))
	})
}

// isRelevant reports whether a script may matter: it sets variables, starts programs, or contains a part of the name.
func isRelevant(text string) bool {
	if !strings.ContainsAny(text, "=(") {
		return false
	}
	for _, part := range []string{"env", "ENV", "LOCAL", "STREAM", "exec", "eval", "system", "subprocess", "popen", "getattr", "globals", "dotenv", "secrets", "ettings", "import *"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// program is all scripts together.
type program struct {
	variable   string
	modules    []*module
	attributes map[string]value  // of objects, by the attribute's name alone
	functions  map[string]*scope // by name alone
	found      map[place]Found
	steps      int
}

type place struct {
	file string
	line int
	kind Kind
}

// maxSource limits how much source is read. Ordinary apps have a tenth.
const maxSource = 8 << 20

// maxSteps limits the work. Large programs need a hundredth.
const maxSteps = 20_000_000

// module is one script.
type module struct {
	name        string
	top         *scope
	statements  []statement
	starImports []string // modules whose names are all imported
}

// scope binds the names of a module or of a function.
type scope struct {
	names      map[string]value
	outer      *scope
	parameters []string
	list       string // the parameter *list
	named      string // the parameter **named
	returns    value
}

func (s *scope) lookUp(name string) (value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.names[name]; ok {
			return v, true
		}
	}
	return value{}, false
}

func (s *scope) bind(name string, v value) { s.names[name] = s.names[name].union(v) }

// statement is one statement, without the body that may follow it.
type statement struct {
	tokens []token
	in     *scope
	opens  *scope  // the scope of a def
	class  []token // the head of the class that contains it
}

// add splits a script into statements, and gives each function a scope.
func (p *program) add(name, src string) {
	m := &module{name: name, top: &scope{names: map[string]value{}}}
	p.modules = append(p.modules, m)
	m.top.names["__file__"] = value{uncertain: true}
	p.split(m, m.top, lines(src, 1, maxDepth))
}

func (p *program) split(m *module, top *scope, all []line) {
	type level struct {
		indent int
		scope  *scope
		class  []token
	}
	stack := []level{{-1, top, nil}}
	for _, l := range all {
		for len(stack) > 1 && l.indent <= stack[len(stack)-1].indent {
			stack = stack[:len(stack)-1]
		}
		rest, in, class := l.tokens, stack[len(stack)-1].scope, stack[len(stack)-1].class
		for len(rest) > 0 {
			head, body := compound(rest)
			st := statement{tokens: head, in: in, class: class}
			if head[0].is("class") {
				stack = append(stack, level{l.indent, in, head})
				class = head
			}
			if i := slices.IndexFunc(head, func(t token) bool { return t.is("def") }); i >= 0 && i < 2 && i+1 < len(head) {
				st.opens = &scope{names: map[string]value{}, outer: in}
				p.functions[head[i+1].s] = st.opens
				stack = append(stack, level{l.indent, st.opens, nil})
				in, class = st.opens, nil
			}
			m.statements = append(m.statements, st)
			rest = body
		}
	}
}

// compound splits a statement from those after its colon.
func compound(tokens []token) (head, body []token) {
	keywords := []string{"if", "elif", "else", "for", "while", "with", "try", "except", "finally", "def", "class", "async", "match", "case"}
	if tokens[0].kind != word || !slices.Contains(keywords, tokens[0].s) {
		return tokens, nil
	}
	if i := atTop(tokens, ":"); i >= 0 {
		return tokens[:i], tokens[i+1:]
	}
	return tokens, nil
}

// atTop returns the position of a symbol or word outside all brackets and lambdas; -1 if it is not there.
func atTop(tokens []token, want string) int {
	depth, lambdas := 0, 0
	for i, t := range tokens {
		switch {
		case t.kind == text:
		case t.is("(") || t.is("[") || t.is("{"):
			depth++
		case t.is(")") || t.is("]") || t.is("}"):
			depth--
		case depth == 0 && t.is("lambda"):
			lambdas++
		case depth == 0 && t.is(":") && lambdas > 0:
			lambdas--
		case depth == 0 && t.is(want):
			return i
		}
	}
	return -1
}

// splitTop splits at a symbol outside all brackets.
func splitTop(tokens []token, by string) (out [][]token) {
	for {
		i := atTop(tokens, by)
		if i < 0 {
			return append(out, tokens)
		}
		out = append(out, tokens[:i])
		tokens = tokens[i+1:]
	}
}

// run evaluates one statement.
func (p *program) run(m *module, st statement) {
	t, e := st.tokens, &evaluation{p: p, m: m, in: st.in, class: st.class}
	if st.opens != nil {
		e.define(st)
		return
	}
	if t[0].is("async") && len(t) > 1 {
		t = t[1:]
	}
	switch {
	case t[0].is("import"):
		e.imports(t[1:])
	case t[0].is("from"):
		e.importsFrom(t[1:])
	case t[0].is("for"):
		e.bindLoop(t[1:])
	case t[0].is("with"):
		e.bindWith(t[1:])
	case t[0].is("return"):
		st.in.returns = st.in.returns.union(e.value(t[1:]))
	case t[0].is("del"), t[0].is("global"), t[0].is("class"):
	default:
		e.assignment(t)
	}
}

// define binds a function, and its parameters to their defaults.
func (e *evaluation) define(st statement) {
	i := slices.IndexFunc(st.tokens, func(t token) bool { return t.is("def") })
	f := st.opens
	e.in.names[st.tokens[i+1].s] = value{function: f, uncertain: true}
	f.parameters = nil
	open := slices.IndexFunc(st.tokens, func(t token) bool { return t.is("(") })
	if open < 0 {
		return
	}
	for _, part := range splitTop(insideBrackets(st.tokens[open:]), ",") {
		if len(part) > 1 && part[0].is("*") {
			f.list = part[1].s
			continue
		}
		if len(part) > 1 && part[0].is("**") {
			f.named = part[1].s
			continue
		}
		if len(part) == 0 || part[0].kind != word {
			continue
		}
		name := part[0].s
		f.parameters = append(f.parameters, name)
		if i := atTop(part, "="); i >= 0 {
			f.bind(name, e.value(part[i+1:]))
		}
		if _, ok := f.names[name]; !ok {
			f.names[name] = value{}
		}
	}
}

// insideBrackets returns the tokens between a bracket and the one that closes it.
func insideBrackets(tokens []token) []token {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.is("(") || t.is("[") || t.is("{"):
			depth++
		case t.is(")") || t.is("]") || t.is("}"):
			if depth--; depth == 0 {
				return tokens[1:i]
			}
		}
	}
	return tokens[1:]
}

// bindLoop reads "a, b in list".
func (e *evaluation) bindLoop(t []token) {
	i := atTop(t, "in")
	if i < 0 {
		return
	}
	e.bindEach(t[:i], e.value(t[i+1:]))
}

// bindEach binds names to each item of a list, or to each pair of a mapping.
func (e *evaluation) bindEach(target []token, list value) {
	if len(list.items) == 0 && len(list.entries) == 0 {
		e.bind(target, unknown(list))
		return
	}
	for _, item := range list.items {
		e.bind(target, item)
	}
	for _, entry := range list.entries {
		e.bind(target, value{items: []value{entry.key, entry.value}, inputs: entry.key.inputs}.union(entry.key))
	}
}

// bindWith reads "open(x) as f, y".
func (e *evaluation) bindWith(t []token) {
	if len(t) > 0 && t[0].is("(") && len(insideBrackets(t)) == len(t)-2 {
		t = insideBrackets(t)
	}
	for _, part := range splitTop(t, ",") {
		i := atTop(part, "as")
		if i < 0 {
			e.value(part)
			continue
		}
		e.bind(part[i+1:], e.value(part[:i]))
	}
}
