package assign

import (
	"path"
	"slices"
	"strings"
)

// imports reads "a.b as c, d".
func (e *evaluation) imports(t []token) {
	for _, part := range splitTop(t, ",") {
		name, as := dottedName(part)
		if name == "" {
			continue
		}
		if len(as) > 1 && as[0].is("as") {
			e.in.names[as[1].s] = value{module: name, uncertain: true}
			continue
		}
		top, _, _ := strings.Cut(name, ".")
		e.in.names[top] = value{module: top, uncertain: true}
	}
}

// importsFrom reads "a.b import (c as d, e)".
func (e *evaluation) importsFrom(t []token) {
	i := slices.IndexFunc(t, func(t token) bool { return t.is("import") })
	if i < 0 {
		return
	}
	from := ""
	for _, part := range t[:i] {
		if part.kind == word {
			from = strings.TrimPrefix(from+"."+part.s, ".")
		}
	}
	names := slices.DeleteFunc(slices.Clone(t[i+1:]), func(t token) bool { return t.is("(") || t.is(")") })
	for _, part := range splitTop(names, ",") {
		if len(part) == 0 {
			continue
		}
		if part[0].is("*") && !slices.Contains(e.m.starImports, from) {
			e.m.starImports = append(e.m.starImports, from)
			continue
		}
		e.in.names[part[len(part)-1].s] = e.member(from, part[0].s)
	}
}

// member returns a name of a module.
func (e *evaluation) member(module, name string) value {
	if isSystem(module) {
		v := value{uncertain: true, name: name, module: module + "." + name}
		v.env = name == "environ" || name == "environb"
		return v
	}
	v := value{uncertain: true, name: name, module: strings.TrimPrefix(module+"."+name, ".")}
	for _, m := range e.p.modules {
		if bound, ok := m.top.names[name]; ok && isModule(m.name, module) {
			bound.name = name
			return bound
		}
	}
	return v
}

func isSystem(module string) bool {
	return module == "os" || module == "posix" || module == "nt"
}

// isModule reports whether a file may be the one that a module is imported from.
func isModule(file, module string) bool {
	name := strings.TrimSuffix(strings.TrimSuffix(file, ".py"), "/__init__")
	return path.Base(name) == module[strings.LastIndexByte(module, '.')+1:] || module == ""
}

// dottedName reads "a.b.c" and returns the tokens after it.
func dottedName(t []token) (name string, rest []token) {
	var parts []string
	for len(t) > 0 && t[0].kind == word {
		parts = append(parts, t[0].s)
		if t = t[1:]; len(t) < 2 || !t[0].is(".") || t[1].kind != word {
			break
		}
		t = t[1:]
	}
	return strings.Join(parts, "."), t
}
