package assign

import (
	"slices"
	"strconv"
	"strings"
)

// evaluation computes the expressions of one statement.
type evaluation struct {
	p     *program
	m     *module
	in    *scope
	t     []token
	at    int
	depth int
	class []token // the head of the class that contains the statement
}

// value returns what an expression may be.
func (e *evaluation) value(t []token) value {
	if e.depth > maxDepth || e.p.steps > maxSteps {
		return value{uncertain: true}
	}
	inner := &evaluation{p: e.p, m: e.m, in: e.in, t: t, depth: e.depth + 1}
	var v value
	for first := true; inner.at < len(t); first = false {
		before := inner.at
		next := inner.ternary()
		if first {
			v = next
		} else if len(v.items) == 0 || !v.unquoted {
			v = value{items: []value{v, next}, inputs: union(v.inputs, next.inputs, maxInputs)}
			v.unquoted = true // marks a list without brackets
		} else {
			v.items = append(v.items, next)
		}
		if inner.at == before {
			inner.at++ // skip what is no expression
		}
		if inner.peek(",") {
			inner.at++
		}
	}
	return v
}

func (e *evaluation) peek(s string) bool {
	e.p.steps++
	return e.at < len(e.t) && e.t[e.at].is(s)
}

func (e *evaluation) peekAny(all ...string) bool {
	return e.at < len(e.t) && e.t[e.at].kind != text && slices.Contains(all, e.t[e.at].s)
}

// line returns the line of the current token.
func (e *evaluation) line() int {
	switch {
	case len(e.t) == 0:
		return 0
	case e.at < len(e.t):
		return e.t[e.at].line
	}
	return e.t[len(e.t)-1].line
}

// ternary is "a if b else c", and everything that binds tighter. Both results count, whatever the condition is.
func (e *evaluation) ternary() value {
	asked := e.at
	v := e.either()
	if e.peek("if") {
		isAsked := e.readsVariable(asked)
		e.at++
		e.either()
		if e.peek("else") {
			e.at++
			other := e.ternary()
			if isAsked && other.isTrue() {
				e.p.note(e.m, e.t[asked].line, Default, nil)
			}
			v = v.union(other)
		}
	}
	if e.peek(":=") && e.at > 0 {
		name := e.t[e.at-1].s
		e.at++
		v = e.ternary()
		e.in.bind(name, v)
	}
	return v
}

// either is "a or b", "a and b", "not a", and comparisons.
func (e *evaluation) either() value {
	for e.peekAny("not", "await", "lambda") {
		if e.peek("lambda") {
			for e.at < len(e.t) && !e.peek(":") {
				e.at++
			}
		}
		e.at++
	}
	asked := e.at
	v := e.compared()
	for e.peekAny("or", "and") {
		isOr := e.peek("or")
		e.at++
		next := e.either()
		if isOr && e.readsVariable(asked) && len(next.texts) > 0 && !next.isFalse() {
			e.p.note(e.m, e.t[asked].line, Default, nil)
		}
		v = v.union(next)
	}
	return v
}

// readsVariable reports whether the expression from a position on reads the variable from the environment: by get or
// getenv, or as an entry.
func (e *evaluation) readsVariable(at int) bool {
	for i := at; i+2 < len(e.t) && i < e.at; i++ {
		if (e.t[i].is("get") || e.t[i].is("getenv")) && e.t[i+1].is("(") || e.t[i].is("environ") && e.t[i+1].is("[") {
			inner := insideBrackets(e.t[i+1:])
			return slices.Contains(e.value(splitTop(inner, ",")[0]).texts, e.p.variable)
		}
	}
	return false
}

func (e *evaluation) compared() value {
	v := e.sum()
	for e.peekAny("==", "!=", "<", ">", "<=", ">=", "in", "is", "not") {
		for e.peekAny("==", "!=", "<", ">", "<=", ">=", "in", "is", "not") {
			e.at++
		}
		v = unknown(v, e.sum())
	}
	return v
}

// sum is two values with an operator between them.
func (e *evaluation) sum() value {
	v := e.primary()
	for e.peekAny("+", "%", "|", "/", "-", "*", "//", "**", "&", "^", "@", "<", ">") {
		op := e.t[e.at].s
		e.at++
		o := e.primary()
		switch {
		case op == "+" && len(v.items)+len(o.items) > 0:
			v = value{items: append(slices.Clip(v.items), o.items...), inputs: union(v.inputs, o.inputs, maxInputs)}
		case op == "+":
			v = combine(v, o, plus)
		case op == "%" && len(o.items) > 0:
			v = v.format(o.items, nil)
		case op == "%":
			v = v.format([]value{o}, keysOf(o))
		case op == "|":
			v = v.union(o)
		default:
			v = unknown(v, o)
		}
	}
	return v
}

func keysOf(v value) map[string]value {
	out := map[string]value{}
	for _, en := range v.entries {
		for _, k := range en.key.texts {
			out[k] = en.value
		}
	}
	return out
}

// primary is an atom with its attributes, calls and indexes.
func (e *evaluation) primary() value {
	for e.peekAny("-", "+", "~", "*", "**", "not", "await") {
		e.at++
	}
	if e.at >= len(e.t) {
		return value{uncertain: true}
	}
	v := e.atom()
	for e.at < len(e.t) {
		switch {
		case e.peek(".") && e.at+1 < len(e.t):
			v = e.attribute(v, e.t[e.at+1].s)
			e.at += 2
		case e.peek("("):
			v = e.call(v, e.bracketed())
		case e.peek("["):
			v = e.index(v, e.value(e.bracketed()))
		default:
			return v
		}
	}
	return v
}

// bracketed returns the tokens in the current brackets, and moves behind them.
func (e *evaluation) bracketed() []token {
	in := insideBrackets(e.t[e.at:])
	e.at = min(len(e.t), e.at+len(in)+2)
	return in
}

// index is an entry of a mapping, also of sys.modules, of globals() and of a module's names.
func (e *evaluation) index(v, key value) value {
	if len(key.texts) == 1 {
		switch name := key.texts[0]; {
		case v.name == "modules" && isSystem(name):
			return value{module: name, uncertain: true}
		case v.name == "globals":
			return e.lookUp(name)
		case isSystem(v.module):
			return e.attribute(v, name)
		}
	}
	return v.index(key)
}

func (v value) index(key value) value {
	out := unknown(v)
	for _, en := range v.entries {
		if len(key.texts) == 0 || slices.ContainsFunc(en.key.texts, func(k string) bool { return slices.Contains(key.texts, k) }) {
			out = out.union(en.value)
		}
	}
	for i, item := range v.items {
		if len(key.texts) == 0 || slices.Contains(key.texts, strconv.Itoa(i)) {
			out = out.union(item)
		}
	}
	if len(key.texts) == 0 && len(v.texts) > 0 { // a slice: reversed or whole
		back := v.mapTexts(func(s string) string {
			r := []rune(s)
			slices.Reverse(r)
			return string(r)
		})
		out = out.union(back)
	}
	return out
}

func (e *evaluation) attribute(owner value, name string) value {
	switch {
	case name == "__dict__":
		return owner
	case isSystem(owner.module):
		return e.member(owner.module, name)
	}
	out := value{uncertain: true}
	if f, ok := e.p.functions[name]; ok && owner.module == "" && !owner.env && !owner.envCopy {
		out = out.union(value{function: f, texts: f.returns.texts, inputs: f.returns.inputs, uncertain: true})
	}
	if known, ok := e.p.attributes[name]; ok {
		out = out.union(known)
	}
	if owner.module != "" {
		out = out.union(e.member(owner.module, name))
	} else if e.isConstant(name) {
		for _, m := range e.p.modules {
			if bound, ok := m.top.names[name]; ok {
				out = out.union(bound)
			}
		}
	}
	if slices.Contains([]string{"value", "name", "parent", "text"}, name) {
		out = out.union(owner)
	}
	// A method of an unknown object may return the object's own texts.
	out.name, out.inputs = name, union(out.inputs, owner.inputs, maxInputs)
	return value{name: name, uncertain: true, inputs: out.inputs, texts: out.texts, unquoted: out.unquoted, entries: out.entries, items: out.items, env: out.env, envCopy: out.envCopy, module: out.module, function: out.function, owner: &owner}
}

// isConstant reports whether a name is written like a constant of a class.
func (e *evaluation) isConstant(name string) bool { return name == strings.ToUpper(name) }
