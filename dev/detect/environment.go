package detect

import (
	"path"
	"slices"
)

// Environment says how an installer makes the environment of the app on this machine, without an image. Paths are relative to
// the tree, with slashes.
type Environment struct {
	Dir    string   // where the installer runs
	Files  []string // whose content decides what is installed
	Python string   // version specifier; "" accepts any
	Locked bool     // uv installs what the lock in Dir names, with Args as more arguments of "uv sync"
	// UVVersion is the version of uv for a machine that has none, if only uv can install the list; else "".
	UVVersion string
	Args      []string // of "pip install", with paths relative to Dir
	UV        []string // of "uv pip install", if uv reads a list that pip cannot; else Args are
	// Guessed are packages of Args that imports suggest; those that do not exist are left out.
	Guessed []string
	// Source says that the installer builds packages from files of the tree. Builds write beside the source, so it has to
	// run in a copy.
	Source  bool
	Manager string // of the list
	File    string // the list; "" if there is none
}

// Environment returns how the packages of the first list are installed; ok is false if only its manager can do that, or if it
// installs from outside the tree.
func (f *Findings) Environment() (e Environment, ok bool) {
	var first depFile
	if len(f.lists) > 0 {
		first = f.lists[0]
	}
	e = Environment{Dir: path.Dir(first.file), Manager: first.manager, File: first.file, Python: first.python.Value}
	if e.Python == "" {
		e.Python = f.Python.Value
	}
	e.Source = slices.ContainsFunc(f.lists, func(l depFile) bool { return l.needsSource })
	if slices.ContainsFunc(f.lists, func(l depFile) bool { return len(l.outside) > 0 }) {
		return e, false
	}
	if first.file != "" && first.manager != "pip" {
		e.Files = append(e.Files, first.file)
	}
	switch first.manager {
	case "uv":
		e.Locked, e.UVVersion, e.Files, e.Args = true, uvVersion, append(e.Files, first.lock), first.option
		return e, first.lock != "" && path.Dir(first.lock) == e.Dir
	case "pyproject":
		e.Args = first.requirementsOf(first.option)
		e.UV = append([]string{"-r", path.Base(first.file)}, first.option...)
		if first.needsSource {
			e.Args = []string{"."}
		}
		if first.onlyUV {
			e.UVVersion = uvVersion
		}
	case "setup":
		e.Args = []string{"-e", "."}
		e.Files = append(e.Files, f.beside(first.file, "setup.cfg", "pyproject.toml")...)
	case "", "pip":
		e.Dir = path.Join(".", first.base)
	case "script":
	default:
		return e, false
	}
	f.addLists(&e, first)
	return e, true
}

// beside returns the files of some names in the directory of a file, as far as they exist.
func (f *Findings) beside(file string, names ...string) (out []string) {
	for _, name := range names {
		if at := path.Join(path.Dir(file), name); at != file && f.tree.has(at) {
			out = append(out, at)
		}
	}
	return out
}

// addLists adds what is installed besides the first list: other lists, what they lack, and what imports suggest.
func (f *Findings) addLists(e *Environment, first depFile) {
	var more []string
	for _, l := range f.lists {
		more = append(more, l.inline...)
		if l.manager == "pip" && (l.file == first.file || path.Dir(l.file) != path.Dir(first.file)) {
			more = append(more, "-r", relative(e.Dir, l.file))
			e.Files = append(e.Files, append([]string{l.file}, l.includes...)...)
		}
	}
	if f.LacksStreamlit() {
		more = append(more, f.streamlitPackages()...)
	}
	for _, p := range f.Derived {
		more = append(more, p.Value)
		if len(f.lists) == 0 {
			e.Guessed = append(e.Guessed, p.Value)
		}
	}
	e.Args = append(e.Args, more...)
	if len(e.UV) > 0 {
		e.UV = append(e.UV, more...)
	}
	slices.Sort(e.Files)
	e.Files = slices.Compact(e.Files)
}
