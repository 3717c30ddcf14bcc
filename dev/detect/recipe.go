package detect

import (
	"path"
	"slices"
	"strings"
)

// Recipe says how to run the app of a tree in a container if no compose file does. Paths in the tree are relative to
// it, with slashes; paths in the image are absolute.
type Recipe struct {
	Dockerfile string   // of the tree, relative to Context; "" if Text replaces it
	Context    string   // of the build
	Text       string   // text of a Dockerfile; "" if the tree has one
	Base       string   // with Text: the image that it starts from
	Reads      []string // with Text: what it copies, relative to Context
	Workdir    string   // "": the image's own
	Command    []string
	CommandWhy Fact     // why Command runs; if Command is nil, why the image's own does
	Mounts     []Mount  // of the source; the first holds the entry script
	Hidden     []string // directories of the image below a mount that must stay visible
	PythonPath string   // "": the image's own
	PathWhy    Fact
}

// Mount is a directory of the tree and its path in the container.
type Mount struct{ From, To string }

// Recipe says how to run the entry script. ok is false if there is none.
func (f *Findings) Recipe() (r Recipe, ok bool) {
	e, ok := f.Entry()
	if !ok {
		return Recipe{}, false
	}
	if d, ok := f.image(); ok {
		return f.fromDockerfile(d, e), true
	}
	w := newWriter(f)
	w.dockerfile()
	root := f.root()
	r = Recipe{Context: w.at.context, Text: w.String(), Base: f.baseImage(), Reads: w.reads, Workdir: path.Join(w.at.app, root), Mounts: f.mounts(),
		Command: []string{"streamlit", "run", relative(root, e.Path)}, CommandWhy: e.Why()}
	r.PythonPath, r.PathWhy = f.pythonPath(r.Mounts)
	return r, true
}

// pythonPath returns the import roots as paths in the container; without any, the source's own directory.
func (f *Findings) pythonPath(mounts []Mount) (string, Fact) {
	var out []string
	var why Fact
	for _, root := range f.Roots {
		if inside, ok := pathInContainer(mounts, root.Value); ok {
			out = append(out, inside)
			why = root
		}
	}
	if len(out) == 0 {
		return mounts[0].To, Fact{Why: "no import needs another directory"}
	}
	return strings.Join(out, ":"), why
}

// pathInContainer returns the path in the container of a path in the tree.
func pathInContainer(mounts []Mount, name string) (string, bool) {
	for _, m := range mounts {
		switch {
		case m.From == ".":
			return path.Join(m.To, name), true
		case name == "." && strings.HasSuffix(m.To, "/"+m.From): // the directories above the mount have the same names
			return path.Join("/", strings.TrimSuffix(m.To, m.From)), true
		case m.From == name:
			return m.To, true
		case strings.HasPrefix(name, m.From+"/"):
			return path.Join(m.To, strings.TrimPrefix(name, m.From+"/")), true
		}
	}
	return "", false
}

// fromDockerfile uses the tree's own Dockerfile. It mounts the source where the Dockerfile copies it, and keeps the
// image's command if that starts the entry script.
func (f *Findings) fromDockerfile(d Dockerfile, e Entry) Recipe {
	r := Recipe{Context: buildContext(f.tree, d)}
	r.Dockerfile = relative(r.Context, d.Path)
	var moved bool
	r.Mounts, moved = f.sources(d, r.Context, e.Path)
	r.Hidden = hiddenBelow(r.Mounts, d)
	started := slices.ContainsFunc(containerOf(f.tree, d, r.Context).runs(d.Command.Value, d.Path, d.Command.Line), func(c run) bool { return c.path == e.Path })
	if started && d.Workdir != "" && !moved {
		r.CommandWhy = Fact{Value: e.Path, Why: "the Dockerfile's own command runs it", File: d.Command.File, Line: d.Command.Line}
	} else {
		inside, _ := pathInContainer(r.Mounts, e.Path)
		r.Command, r.CommandWhy = []string{"streamlit", "run", inside}, e.Why()
		if d.Workdir == "" || d.Workdir == "/" { // Streamlit refuses to run in /
			r.Workdir = r.Mounts[0].To
		}
	}
	if d.PythonPath.Value == "" && len(f.Roots) > 0 {
		r.PythonPath, r.PathWhy = f.pythonPath(r.Mounts)
	}
	return r
}

// Placed is where an image built from a Dockerfile of the tree has the source.
type Placed struct {
	Mounts []Mount
	Hidden []string // directories of the image below those, which must stay visible
	// Workdir is the directory in which the app has to start, so that it runs what is mounted; "" is the image's own. An
	// image may have the source at its root, where nothing can be mounted.
	Workdir string
}

// Sources returns where an image built from a Dockerfile of the tree has the entry script's source. ok is false if the
// image does not copy the script from the tree, or if no mount could reach it.
func (f *Findings) Sources(context, dockerfile, target string) (p Placed, ok bool) {
	e, ok := f.Entry()
	if !ok || !f.tree.has(path.Join(context, dockerfile)) {
		return p, false
	}
	d := readDockerfile(f.tree, path.Join(context, dockerfile), target)
	copied := slices.ContainsFunc(d.Copies, func(c Copied) bool {
		from := path.Join(context, c.From)
		matched, err := path.Match(from, e.Path)
		return from == "." || strings.HasPrefix(e.Path, from+"/") || matched && err == nil
	})
	if !copied {
		return p, false
	}
	var moved bool
	p.Mounts, moved = f.sources(d, context, e.Path)
	p.Hidden = hiddenBelow(p.Mounts, d)
	if moved {
		if f.startsAtRoot(d, context) {
			return Placed{}, false
		}
		p.Workdir = appDir
	}
	return p, true
}

// startsAtRoot reports whether the app's command names a file by its place at the root of the image.
func (f *Findings) startsAtRoot(d Dockerfile, context string) bool {
	command := d.Command.Value
	if l := f.service; l != nil && len(l.Command)+len(l.Entrypoint) > 0 {
		command = strings.Join(append(slices.Clone(l.Entrypoint), l.Command...), " ")
	}
	for _, w := range strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\"',[]", r) }) {
		name, absolute := strings.CutPrefix(w, "/")
		if absolute && slices.ContainsFunc(d.Copies, func(c Copied) bool { return c.To == "/" && f.tree.has(path.Join(context, c.From, name)) }) {
			return true
		}
	}
	return false
}

func hiddenBelow(mounts []Mount, d Dockerfile) []string {
	var out []string
	for _, h := range d.Hidden {
		if slices.ContainsFunc(mounts, func(m Mount) bool { return strings.HasPrefix(h.Value, m.To+"/") }) {
			out = append(out, h.Value)
		}
	}
	return out
}

// copiesFrom reports whether everything that a Dockerfile copies exists below dir.
func (t *tree) copiesFrom(d Dockerfile, dir string) bool {
	return len(d.Copies) > 0 && !slices.ContainsFunc(d.Copies, func(c Copied) bool {
		name := path.Join(dir, c.From)
		return !c.part && !strings.ContainsAny(name, "*?") && !t.has(name) && !t.dirs[name]
	})
}

// sources are the directories to mount: those that the Dockerfile copies and that hold source, or the script's
// directory if it copies only the script. moved says that the image has the script at its root, or at an unknown place,
// and the mount has it elsewhere.
func (f *Findings) sources(d Dockerfile, context, entry string) (out []Mount, moved bool) {
	for _, c := range d.Copies {
		from := path.Join(context, c.From)
		dir := from == "." || f.tree.dirs[from] && (f.tree.holdsPython(from) || path.Base(from) == ".streamlit")
		if dir && c.To != "/" && !slices.ContainsFunc(out, func(m Mount) bool { return m.To == c.To }) {
			out = append(out, Mount{from, c.To})
		}
	}
	if _, ok := pathInContainer(out, entry); ok {
		slices.SortStableFunc(out, func(a, b Mount) int { return boolRank(holds(b, entry)) - boolRank(holds(a, entry)) })
		return out, false
	}
	from, to := path.Dir(entry), d.Workdir
	for _, c := range d.Copies {
		if matched, err := path.Match(path.Join(context, c.From), entry); matched && err == nil {
			if to = c.To; path.Ext(to) == ".py" {
				to = path.Dir(to)
			}
			break
		}
	}
	if moved = to == "" || to == "/"; moved {
		to = appDir
		if whole, ok := f.copiedToRoot(d, context, entry); ok { // a command may name the script relative to what is copied
			from = whole
		}
	}
	return append([]Mount{{from, to}}, out...), moved
}

// copiedToRoot returns the directory with a script that a Dockerfile copies to the root of the image.
func (f *Findings) copiedToRoot(d Dockerfile, context, entry string) (dir string, ok bool) {
	for _, c := range d.Copies {
		if dir := path.Join(context, c.From); c.To == "/" && (dir == "." || f.tree.dirs[dir]) && below(dir, entry) {
			return dir, true
		}
	}
	return "", false
}

func holds(m Mount, name string) bool {
	_, ok := pathInContainer([]Mount{m}, name)
	return ok
}
