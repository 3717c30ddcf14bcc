package detect

import "fmt"

// Setting is a row of the table that a user sees.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // the reason for the value
}

// Table returns the findings as a table.
func (f *Findings) Table() []Setting {
	var out []Setting
	add := func(name, value string, why Fact) { out = append(out, Setting{name, value, why.Source()}) }
	if e, ok := f.Entry(); ok {
		add("entry", e.Path, e.Why())
	}
	switch n := len(f.Pages); {
	case n == 1:
		add("pages", f.Pages[0].Value, f.Pages[0])
	case n > 1:
		add("pages", fmt.Sprintf("%s and %d more", f.Pages[0].Value, n-1), f.Pages[0])
	}
	for _, r := range f.Roots {
		add("import root", r.Value, r)
	}
	for _, m := range f.Managers {
		add("packages", m.Value, m)
	}
	if len(f.Managers) == 0 {
		add("packages", "none", Fact{Why: "no list of packages was found"})
	}
	python := f.Python
	if python.Value == "" {
		python = Fact{Value: defaultPython, Why: "the default"}
	}
	add("python", python.Value, python)
	streamlit := f.Streamlit
	if streamlit.Value == "" {
		streamlit = Fact{Value: "newest", Why: "no list has it"}
	}
	add("streamlit", streamlit.Value, streamlit)
	add("auth", f.Auth[0].Value, f.Auth[0])
	for _, other := range f.Auth[1:] {
		if !IsGeneral(other.Value) { // such a package may serve the first kind
			add("auth", other.Value, other)
		}
	}
	if d, ok := f.image(); ok {
		add("dockerfile", d.Path, d.App)
	}
	if len(f.Composes) > 0 {
		add("compose", f.Composes[0].Path, Fact{Why: "it exists"})
	} else {
		for _, name := range f.OtherComposes() {
			add("other compose", name, Fact{Why: "not used: Compose looks for its file only in the project's directory, under its usual names"})
		}
	}
	return out
}
