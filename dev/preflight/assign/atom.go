package assign

import "slices"

// atom is a name, a text, or something in brackets.
func (e *evaluation) atom() value {
	t := e.t[e.at]
	switch {
	case t.kind == text:
		return e.strings()
	case t.is("("):
		in := e.bracketed()
		v := e.value(e.bindComprehension(in))
		if n := len(in); n > 1 && in[n-1].is(",") && len(splitTop(in, ",")) == 2 {
			v = value{items: []value{v}, inputs: v.inputs}
		}
		v.unquoted = v.unquoted && len(v.items) == 0
		return v
	case t.is("["):
		in := e.bracketed()
		if atTop(in, "for") >= 0 {
			return value{items: []value{e.value(e.bindComprehension(in))}}
		}
		return e.list(in)
	case t.is("{"):
		return e.mapping(e.bracketed())
	case t.kind == word:
		e.at++
		return e.lookUp(t.s)
	}
	return value{uncertain: true} // value skips the token
}

// strings are adjacent string literals.
func (e *evaluation) strings() value {
	v := textValue("")
	for e.at < len(e.t) && e.t[e.at].kind == text {
		t := e.t[e.at]
		e.at++
		next := textValue(t.s)
		for _, part := range t.parts {
			if part.expr == nil {
				next = combine(next, textValue(part.s), plus)
			} else {
				next = combine(next, e.value(part.expr), plus)
			}
		}
		v = combine(v, next, plus)
	}
	return v
}

func (e *evaluation) lookUp(name string) value {
	switch name {
	case "True", "False", "None":
		return value{texts: []string{name}, unquoted: true}
	}
	if name[0] >= '0' && name[0] <= '9' {
		return value{texts: []string{name}, unquoted: true}
	}
	if v, ok := e.in.lookUp(name); ok {
		v.name = name
		return v
	}
	for _, from := range e.m.starImports {
		if v := e.member(from, name); v.env || len(v.texts) > 0 || isSystem(from) {
			return v
		}
	}
	v := value{uncertain: true, name: name}
	if isSystem(name) { // imported by a script that is not known
		v.module = name
	}
	if name == "environ" { // imported from a module that is not among the scripts
		v.env = true
	}
	if f, ok := e.p.functions[name]; ok {
		v.function = f
	}
	return v
}

// bindComprehension binds the names of "x for x in list", and returns the expression before the loops.
func (e *evaluation) bindComprehension(t []token) []token {
	i := atTop(t, "for")
	if i < 0 {
		return t
	}
	for rest := t[i:]; len(rest) > 0; {
		clause := rest[1:]
		next := atTop(clause, "for")
		if next < 0 {
			next = len(clause)
		}
		loop := clause[:next]
		if cond := atTop(loop, "if"); cond >= 0 {
			loop = loop[:cond]
		}
		e.bindLoop(loop)
		rest = clause[next:]
	}
	return t[:i]
}

func (e *evaluation) list(t []token) value {
	v := value{}
	for _, part := range splitTop(t, ",") {
		if len(part) == 0 {
			continue
		}
		item := e.value(part)
		if part[0].is("*") {
			v.items = append(v.items, item.items...)
		} else {
			v.items = append(v.items, item)
		}
		v.inputs = union(v.inputs, item.inputs, maxInputs)
		if len(v.items) > maxEntries {
			break
		}
	}
	v.uncertain = len(v.items) == 0
	return v
}

// mapping is "{a: b, **c}", or a set.
func (e *evaluation) mapping(t []token) value {
	v := value{uncertain: true}
	if i := atTop(t, "for"); i >= 0 {
		t = e.bindComprehension(t)
	}
	for _, part := range splitTop(t, ",") {
		i := atTop(part, ":")
		switch {
		case len(part) == 0:
		case part[0].is("**"):
			v = v.withMapping(e.value(part[1:]))
		case i > 0:
			en := entry{e.value(part[:i]), e.value(part[i+1:]), part[0].line}
			v = v.withEntries(en)
			e.noteEntry(en.key, en.value, en.line)
		default:
			item := e.value(part)
			v.items, v.inputs = append(v.items, item), union(v.inputs, item.inputs, maxInputs)
		}
	}
	e.notePair(keysOf(v), v.line(e.line()))
	return v
}

func (v value) line(other int) int {
	for _, en := range v.entries {
		if slices.Contains(en.key.texts, "name") || slices.Contains(en.key.texts, "Name") {
			return en.line
		}
	}
	return other
}

// withMapping returns a mapping with all entries of another.
func (v value) withMapping(o value) value {
	v = v.withEntries(o.entries...)
	v.inputs = union(v.inputs, o.inputs, maxInputs)
	v.envCopy = v.envCopy || o.env || o.envCopy
	return v
}
