package detect

import (
	"path"
	"slices"
	"strings"
)

// Everything of an app is looked for upwards from its entry script: the nearest Dockerfile, list of packages and
// directory of settings are the app's. A repository may contain several apps, each with its own.

// upwards are the directories from that of a file to the tree's own, nearest first.
func upwards(name string) []string {
	var out []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		out = append(out, dir)
	}
	return append(out, ".")
}

// home is the nearest directory upwards from a script that has what makes it a project of its own; the tree's own is one.
func (t *tree) home(script string) string {
	dirs := upwards(script)
	for _, dir := range dirs[:len(dirs)-1] {
		for _, name := range []string{"requirements.txt", "pyproject.toml", "Pipfile", "environment.yml", "environment.yaml", "setup.py", "Dockerfile", "dockerfile"} {
			if t.has(path.Join(dir, name)) {
				return dir
			}
		}
		if t.dirs[path.Join(dir, ".streamlit")] {
			return dir
		}
	}
	return "."
}

// rivals reports whether two scripts are apps of projects of their own, neither of which contains the other.
func (t *tree) rivals(a, b string) bool {
	x, y := t.home(a), t.home(b)
	return !below(x, y) && !below(y, x) && x != y && isSideProject(x) == isSideProject(y)
}

// isSideProject reports whether a directory, or one above it, has a name for what is beside a project's own app.
func isSideProject(dir string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToLower(dir), "/"), func(d string) bool {
		return slices.Contains([]string{"example", "examples", "sample", "samples", "demos", "docs", "doc", "test", "tests", "benchmarks", "tutorial", "tutorials", "playground", "archive", "archived", "old", "deprecated", "legacy", "backup"}, d)
	})
}

// root is the directory in which the app is started if no command says it: the nearest one upwards from the entry script
// that has settings for Streamlit or, if there are other apps in the tree, its own project's.
func (f *Findings) root() string {
	e, _ := f.Entry()
	for _, dir := range upwards(e.Path) {
		if dir != "." && f.tree.dirs[path.Join(dir, ".streamlit")] {
			return dir
		}
	}
	if slices.ContainsFunc(f.Entries, func(other Entry) bool { return f.tree.rivals(e.Path, other.Path) }) {
		return f.tree.home(e.Path)
	}
	return "."
}

// relative is a path of the tree, relative to a directory above it.
func relative(dir, name string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// image returns the Dockerfile of the app's image: the one that a service is built from, or the nearest one upwards from
// the entry script, unless another one runs the script. ok is false if there is none.
func (f *Findings) image() (d Dockerfile, ok bool) {
	if f.service != nil {
		name := path.Join(f.service.Context, f.service.Dockerfile)
		if f.service.Context != "" && f.service.Inline != "" {
			return f.service.inlineDockerfile(f.tree), true
		}
		if f.service.Context == "" || !f.tree.has(name) {
			return Dockerfile{}, false
		}
		return readDockerfile(f.tree, name, f.service.Target), true
	}
	e, _ := f.Entry()
	best, most := -1, 0
	for i, d := range f.Dockerfiles {
		if fit := f.fit(d, e.Path); fit > most {
			best, most = i, fit
		}
	}
	if best < 0 {
		return Dockerfile{}, false
	}
	return f.Dockerfiles[best], true
}

// fit says how well a Dockerfile fits a script: the higher, the better. It is 0 if it is for another program.
func (f *Findings) fit(d Dockerfile, script string) int {
	const runsIt, isAbove, isElsewhere = 3000, 2000, 1000
	if d.App.Value == "" {
		return 0
	}
	dir := path.Dir(d.Path)
	near := strings.Count(dir, "/") + boolRank(dir != ".")
	if script == "" {
		return 1
	}
	var others []string // scripts that it runs
	for _, r := range containerOf(f.tree, d, buildContext(f.tree, d)).runs(d.Command.Value, d.Path, d.Command.Line) {
		if r.path == script {
			return runsIt + near*boolRank(below(dir, script))
		}
		if r.path != "" {
			others = append(others, r.path)
		}
	}
	home := f.tree.home(script)
	if below(dir, script) && !slices.ContainsFunc(others, func(o string) bool { return home != dir && f.tree.home(o) != home }) {
		return isAbove + near
	}
	apart := !slices.ContainsFunc(f.tree.pythonFiles(), func(name string) bool { return below(dir, name) }) // as docker/ is
	if apart && len(others) == 0 && !below(dir, script) && below(buildContext(f.tree, d), script) {
		return isElsewhere
	}
	return 0
}

// UseService makes a service of a compose file the app: the facts are those of its image, and of the script that it runs,
// if that is known.
func (f *Findings) UseService(l Launch) (script Fact, ok bool) {
	f.service = &l
	if script, ok = f.Started(l); ok {
		f.Choose(script.Value, script)
		return script, true
	}
	f.fromEntry()
	return Fact{}, false
}
