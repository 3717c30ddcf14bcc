// Package detect finds out what kind of Streamlit project a directory holds, and gives a reason for each conclusion.
//
// [Tree] reads a tree of files. It finds the script that Streamlit runs, the pages, the directories that Python's
// path needs, the package manager, versions, the login, the Dockerfile and the compose file, and known defects.
// Every conclusion is a [Fact]: a value with the file and line that it comes from. If several answers are possible,
// the findings list all of them, best first. [Findings.Recipe] says how to run the app. [Findings.Candidates] finds the
// app among the services of a compose file, and [Findings.UseService] draws the conclusions about the one that is chosen:
// Dockerfile, list of packages and settings are always the nearest ones upwards from the script that runs.
//
// The package runs nothing and writes nothing. Its lexer for Python knows only comments, strings and statements, so
// it reads a script with a syntax error, or in a future version of the language, like any other. It skips what it
// cannot read, and [Findings.Unread] says so. The limits below bound the work, whatever the tree holds.
//
// The package touches nothing but the file system that it gets, and starts no goroutines. A Findings is for one
// goroutine at a time: it reads files when they are first needed.
package detect

import (
	"fmt"
	"io/fs"
	"path"
)

// Limits of the walk. They are far above what a project holds, and keep sdev from reading a whole home directory.
const (
	maxEntries  = 60_000    // files and directories that are listed
	maxFileSize = 1 << 20   // larger files are not read
	maxRead     = 128 << 20 // bytes that are read in all
)

// Fact is a conclusion and the reason for it.
type Fact struct {
	Value string `json:"value"`
	Why   string `json:"why"`
	File  string `json:"file,omitempty"` // relative to the tree, with slashes
	Line  int    `json:"line,omitempty"` // from 1; 0: the file as a whole
}

// Place is "file:line", the file alone, or nothing.
func (f Fact) Place() string {
	if f.File != "" && f.Line > 0 {
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return f.File
}

// Source is the reason with its place, for example "streamlit run names it (start.sh:3)".
func (f Fact) Source() string {
	if place := f.Place(); place != "" {
		return f.Why + " (" + place + ")"
	}
	return f.Why
}

// Entry is a script that may be the app's entry script.
type Entry struct {
	Path    string `json:"path"`    // relative to the tree, with slashes
	Reasons []Fact `json:"reasons"` // strongest first; Value is the path

	weight   int
	evidence int // the weight of the command that starts it; 0 if none does
}

// Why is the strongest reason.
func (e Entry) Why() Fact { return e.Reasons[0] }

// Findings is everything that is concluded about a tree.
type Findings struct {
	Entries   []Entry  `json:"entries"`           // candidates for the entry script, best first
	Ambiguous bool     `json:"ambiguous"`         // the first entries are about equally likely
	Pages     []Fact   `json:"pages"`             // the pages' scripts, ordered by name
	Roots     []Fact   `json:"roots"`             // directories that Python's path needs besides the entry's own; ".": the tree
	Managers  []Fact   `json:"managers"`          // package managers: uv, poetry, pipenv, conda, pip, pyproject; File is the list
	Python    Fact     `json:"python"`            // "3.11"; Value is empty if it is unknown
	Streamlit Fact     `json:"streamlit"`         // a pinned version, "any" if only the name is listed, "" if it is not listed
	Derived   []Fact   `json:"derived,omitempty"` // packages to install if nothing lists any, from the imports
	Auth      []Fact   `json:"auth"`              // native, alb, iap, cloudflare, a library, "oauth", …, or "none": see [HandlingOf]
	Login     LoginUse `json:"login"`             // what the code says about it

	Components []Component `json:"-"` // that the code declares

	Modules []string `json:"-"` // the scripts that the app consists of

	Dockerfiles []Dockerfile `json:"dockerfiles"` // best first
	Composes    []Compose    `json:"composes"`
	Settings    Fact         `json:"settings"` // .streamlit/config.toml

	Defects []Defect `json:"defects"`
	Unread  []Fact   `json:"left"` // what was not read, and why

	tree    *tree
	lists   []depFile // dependency files, best first
	service *Launch   // that is the app; nil if no compose file says it
}

// Entry returns the likeliest entry script; ok is false if there is none.
func (f *Findings) Entry() (e Entry, ok bool) {
	if len(f.Entries) == 0 {
		return Entry{}, false
	}
	return f.Entries[0], true
}

// Choose makes a script of the tree the entry, for a reason of the caller's, and repeats the conclusions that depend
// on the entry. ok is false if there is no such file.
func (f *Findings) Choose(path string, why Fact) (ok bool) {
	if !f.tree.has(path) {
		return false
	}
	why.Value = path
	chosen := Entry{Path: path, Reasons: []Fact{why}, weight: weightChosen}
	rest := []Entry{chosen}
	for _, e := range f.Entries {
		if e.Path != path {
			rest = append(rest, e)
		}
	}
	f.Entries, f.Ambiguous = rest, false
	f.fromEntry()
	return true
}

// Tree reads a tree. It fails only if the root cannot be listed; [Findings.Unread] lists everything else that cannot
// be read.
func Tree(fsys fs.FS) (*Findings, error) {
	t, err := walk(fsys)
	if err != nil {
		return nil, err
	}
	f := &Findings{tree: t}
	f.Dockerfiles = dockerfiles(t)
	f.Composes = composes(t)
	f.Entries, f.Ambiguous = entries(t, f)
	f.fromEntry()
	f.Unread = t.unread
	return f, nil
}

// fromEntry draws the conclusions that depend on the entry script.
func (f *Findings) fromEntry() {
	f.Settings = Fact{}
	for _, dir := range f.dirs() {
		if name := path.Join(dir, ".streamlit/config.toml"); f.Settings.Value == "" && f.tree.has(name) {
			f.Settings = Fact{Value: name, Why: "it is the nearest one upwards from the entry script", File: name}
		}
	}
	f.dependencies()
	p := newProgram(f)
	f.Pages, f.Modules = p.pages, nil
	for _, m := range p.modules {
		f.Modules = append(f.Modules, m.path)
	}
	f.Roots, f.Derived = p.roots, nil
	if len(f.lists) == 0 && p.entry != "" {
		f.Derived = p.packages()
	}
	f.Components = components(p)
	f.Login = login(p)
	f.Auth = auth(p, f.Login)
	f.Defects = defects(f, p)
}
