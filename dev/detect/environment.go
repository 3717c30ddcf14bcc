package detect

import (
	"path"
	"slices"
)

// Environment says how an installer makes the environment of the app on this machine, without an image. Paths are relative to
// the tree, with slashes.
type Environment struct {
	Dir     string   // where the installer runs
	Files   []string // whose content decides what is installed
	Python  string   // version specifier; "" accepts any
	Locked  bool     // uv installs what the lock in Dir names, with Args as more arguments of "uv sync"
	Args    []string // of "pip install", with paths relative to Dir
	Manager string   // of the list
	File    string   // the list; "" if there is none
}

// Environment returns how the packages of the first list are installed; ok is false if only its manager can do that.
func (f *Findings) Environment() (e Environment, ok bool) {
	var first depFile
	if len(f.lists) > 0 {
		first = f.lists[0]
	}
	e = Environment{Dir: ".", Manager: first.manager, File: first.file, Python: first.python.Value}
	if e.Python == "" {
		e.Python = f.Python.Value
	}
	switch first.manager {
	case "uv":
		e.Dir, e.Locked, e.Files = path.Dir(first.file), true, []string{first.file, first.lock}
		if first.extra != "" {
			e.Args = []string{first.extra}
		}
		return e, first.lock != "" && !first.needsSource
	case "", "pip":
		e.Dir = path.Join(".", first.base)
	default:
		return e, false
	}
	for _, l := range f.lists {
		e.Args = append(e.Args, l.inline...)
		if l.manager == "pip" && (l.file == first.file || path.Dir(l.file) != path.Dir(first.file)) {
			e.Args = append(e.Args, "-r", relative(e.Dir, l.file))
			e.Files = append(e.Files, append([]string{l.file}, l.includes...)...)
		}
	}
	if f.LacksStreamlit() {
		e.Args = append(e.Args, "streamlit", "watchdog")
	}
	for _, p := range f.Derived {
		e.Args = append(e.Args, p.Value)
	}
	slices.Sort(e.Files)
	e.Files = slices.Compact(e.Files)
	return e, true
}
