package detect

import (
	"slices"
	"strings"
)

// chain is a name with the attributes, indexes and calls that follow it.
type chain struct {
	origin
	ops  []op
	next int // the position after it
}

type op struct {
	attr  string  // .attr
	index []token // [index]
	call  []token // with both brackets; nil is no call
	at    int
}

// is reports whether the chain is exactly that.
func (c chain) is(path string) bool { return c.full() == path && len(c.ops) == len(c.attrs()) }

// attrs are the attributes that the chain begins with.
func (c chain) attrs() (names []string) {
	for _, o := range c.ops {
		if o.attr == "" {
			break
		}
		names = append(names, o.attr)
	}
	return names
}

// full is the origin with the attributes at the beginning.
func (c chain) full() string { return strings.Join(append([]string{c.path}, c.attrs()...), ".") }

// after returns the operations behind a path that the chain begins with.
func (c chain) after(path string) ([]op, bool) {
	rest, ok := strings.CutPrefix(path, c.path)
	if !ok || c.path == "" {
		return nil, false
	}
	ops := c.ops
	for part := range strings.SplitSeq(strings.TrimPrefix(rest, "."), ".") {
		if part == "" {
			continue
		}
		if len(ops) == 0 || ops[0].attr != part {
			return nil, false
		}
		ops = ops[1:]
	}
	return ops, true
}

// chain reads the expression at i. Its path is "" unless the name was imported, or is an alias of something imported.
func (r *reader) chain(i int) chain {
	t := r.m.tokens
	var c chain
	if i >= len(t) || t[i].kind != word || i > 0 && t[i-1].is(".") {
		return chain{next: i + 1}
	}
	if a, ok := r.alias[t[i].s]; ok {
		c.origin = a
	} else {
		c.origin = origin{path: r.m.names[t[i].s]}
	}
	i++
	for i < len(t) {
		switch {
		case t[i].is(".") && i+1 < len(t) && t[i+1].kind == word:
			c.ops = append(c.ops, op{attr: t[i+1].s, at: i + 1})
			i += 2
		case t[i].is("[") || t[i].is("("):
			n := closing(t, i)
			o := op{at: i}
			if t[i].is("(") {
				o.call = t[i:n]
			} else {
				o.index = t[i+1 : max(i+1, n-1)]
			}
			c.ops = append(c.ops, o)
			i = n
		default:
			c.next = i
			return c
		}
	}
	c.next = i
	return c
}

// closing is the position after the bracket that closes the one at i.
func closing(t []token, i int) int {
	depth := 0
	for ; i < len(t); i++ {
		switch {
		case opens(t[i]):
			depth++
		case closes(t[i]):
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(t)
}

// args are the arguments of the call that begins here.
func args(call []token) [][]token {
	return slices.DeleteFunc(arguments(call), func(arg []token) bool { return len(arg) == 0 })
}
