package assign

import (
	"slices"
	"strings"
)

// assignment reads "a = b = c", "a: T = c", "a |= c", or an expression.
func (e *evaluation) assignment(t []token) {
	for i, tok := range t {
		if tok.kind != symbol || len(tok.s) < 2 || !strings.HasSuffix(tok.s, "=") || strings.Contains("==!=<=>=:=", tok.s) || atTop(t[:i+1], tok.s) < 0 {
			continue
		}
		target, v := e.value(t[:i]), e.value(t[i+1:])
		switch {
		case tok.s == "|=" && target.env:
			e.update(v, tok.line)
		case tok.s == "+=":
			e.bind(t[:i], combine(target, v, plus))
		default:
			e.bind(t[:i], v)
		}
		return
	}
	parts := splitTop(t, "=")
	v := e.value(parts[len(parts)-1])
	for _, target := range parts[:len(parts)-1] {
		if i := atTop(target, ":"); i > 0 {
			target = target[:i]
		}
		e.bind(target, v)
	}
}

// bind gives a value to a target: a name, several names, an attribute, or an entry of a mapping.
func (e *evaluation) bind(target []token, v value) {
	for len(target) > 0 && (target[0].is("*") || target[0].is("(") && len(insideBrackets(target)) == len(target)-2) {
		if target[0].is("*") {
			target = target[1:]
		} else {
			target = insideBrackets(target)
		}
	}
	if parts := splitTop(target, ","); len(parts) > 1 {
		for i, part := range parts {
			switch {
			case len(part) == 0:
			case i < len(v.items) && len(v.items) >= len(parts)-1:
				e.bind(part, v.items[i])
			default:
				e.bind(part, unknown(v))
			}
		}
		return
	}
	switch n := len(target); {
	case n == 0:
	case n == 1 && target[0].kind == word:
		e.in.bind(target[0].s, v)
		if e.class != nil {
			e.bindInClass(target[0], v)
		}
	case target[n-1].is("]"):
		e.bindEntry(target, v)
	case n > 2 && target[n-2].is("."):
		e.bindAttribute(target, v)
	}
}

// bindInClass binds a name in the body of a class: it is an attribute of the instances and, in a class of settings,
// the default of the variable with that name.
func (e *evaluation) bindInClass(name token, v value) {
	e.p.attributes[name.s] = e.p.attributes[name.s].union(v)
	isSettings := slices.ContainsFunc(e.class, func(t token) bool { return t.kind == word && strings.HasSuffix(t.s, "Settings") })
	if isSettings && strings.EqualFold(name.s, e.p.variable) && v.isTrue() {
		e.p.note(e.m, name.line, Default, nil)
	}
}

func (e *evaluation) bindAttribute(target []token, v value) {
	n := len(target)
	if owner := e.value(target[:n-2]); isSystem(owner.module) && target[n-1].s == "environ" {
		e.update(v, target[n-1].line)
	}
	e.p.attributes[target[n-1].s] = e.p.attributes[target[n-1].s].union(v)
}

// bindEntry is owner[key] = v.
func (e *evaluation) bindEntry(target []token, v value) {
	open := len(target) - 1
	for depth := 0; open >= 0; open-- {
		switch t := target[open]; {
		case t.is("]") || t.is(")") || t.is("}"):
			depth++
		case t.is("[") || t.is("(") || t.is("{"):
			depth--
		}
		if depth == 0 {
			break
		}
	}
	if open < 1 {
		return
	}
	owner, key, at := e.value(target[:open]), e.value(target[open+1:len(target)-1]), target[open].line
	if owner.env || owner.envCopy {
		e.set(key, v, at)
		return
	}
	if name := target[:open]; len(name) == 1 && name[0].kind == word {
		e.in.bind(name[0].s, value{uncertain: true}.withEntries(entry{key, v, at}))
	} else if name[len(name)-1].kind == word {
		attribute := name[len(name)-1].s
		e.p.attributes[attribute] = e.p.attributes[attribute].union(value{uncertain: true}.withEntries(entry{key, v, at}))
	}
}
