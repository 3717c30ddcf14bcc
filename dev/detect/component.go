package detect

import (
	"maps"
	"slices"
	"strings"
)

// Component is a component for Streamlit that the app's own code declares.
type Component struct {
	Fact // Value is its name; "" if code makes the name
	// InPage means that its script runs in the app's page (st.components.v2), not in a frame of its own
	// (st.components.v1).
	InPage bool
}

// components finds the declarations in the scripts that the app consists of.
func components(p *program) []Component {
	var out []Component
	for _, m := range p.modules {
		imported := m.importsName("streamlit.components.v2", "component")
		for i, tok := range m.tokens {
			before, rest := m.tokens[:i], m.tokens[i+1:]
			if tok.kind != word || len(rest) == 0 || !rest[0].is("(") || i > 0 && before[i-1].is("def") {
				continue
			}
			c := Component{Fact: Fact{File: m.path, Line: tok.line}}
			switch {
			case tok.s == "declare_component":
				c.Why = "st.components.v1 declares it"
			case tok.s == "component" && (isMemberOf(before, "v2") || imported && !isMethod(before)):
				c.Why, c.InPage = "st.components.v2 declares it", true
			default:
				continue
			}
			if name, ok := firstText(rest); ok {
				c.Value = name
			}
			out = append(out, c)
		}
	}
	return out
}

// importsName reports whether the module imports a name from a module.
func (m *module) importsName(from, name string) bool {
	return slices.ContainsFunc(m.imports, func(i imported) bool {
		return i.level == 0 && i.name == from && slices.Contains(i.from, name)
	})
}

// ListedForStreamlit returns the packages in the lists whose names say that they are for Streamlit. Many of them contain
// components; the package itself shows whether it does.
func (f *Findings) ListedForStreamlit() []Fact {
	var out []Fact
	for _, l := range f.lists {
		for _, name := range slices.Sorted(maps.Keys(l.names)) {
			if name == "streamlit" || !strings.Contains(name, "streamlit") && !strings.HasPrefix(name, "st-") {
				continue
			}
			at := l.places[name]
			out = add(out, Fact{Value: name, Why: "its name says that it is for Streamlit", File: at.File, Line: at.Line})
		}
	}
	return out
}
