// Package detect says what kind of Streamlit project a directory holds, and why.
//
// [Tree] reads a tree of files and concludes: which script Streamlit runs, which pages there are,
// what has to be on Python's path, what installs the packages, which versions, which login, which
// Dockerfile and compose file, and which known defects. Every conclusion is a [Fact]: a value with
// the file and line that it was read from. Where several answers are possible all of them are
// listed, best first. [Findings.Recipe] turns the findings into what it takes to run the app.
//
// Nothing is run and nothing is written: Python is read by a scanner that knows comments, strings
// and statements and no more, so a script with a syntax error, or in a version of the language that
// does not exist yet, is read like any other. What cannot be read is left out, and [Findings.Left]
// says so. The work is bounded by the limits below, whatever the tree holds.
//
// The package is pure but for the file system that it is given, and starts no goroutines.
package detect

import (
	"fmt"
	"io/fs"
)

// Limits of the walk. They are far above what a project of people holds and keep a home directory or
// a data lake from being read to its end.
const (
	maxEntries  = 60_000    // files and directories looked at
	maxFileSize = 1 << 20   // larger files are not read
	maxRead     = 128 << 20 // bytes read in all
)

// Fact is a conclusion and what led to it.
type Fact struct {
	Value string `json:"value"`
	Why   string `json:"why"`
	File  string `json:"file,omitempty"` // relative to the tree, with slashes
	Line  int    `json:"line,omitempty"` // from 1; 0 where it is about the file as a whole
}

// Place is "file:line", or the file alone, or nothing.
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

// Entry is a script that Streamlit may be meant to run.
type Entry struct {
	Path    string `json:"path"`    // relative to the tree, with slashes
	Reasons []Fact `json:"reasons"` // strongest first; Value is the path

	weight int
}

// Why is the strongest reason.
func (e Entry) Why() Fact { return e.Reasons[0] }

// Findings is everything that is concluded about a tree.
type Findings struct {
	Entries   []Entry `json:"entries"`   // candidates for the entry script, best first
	Ambiguous bool    `json:"ambiguous"` // the first entries are about as likely as one another
	Pages     []Fact  `json:"pages"`     // scripts of pages, in the order of their names
	Roots     []Fact  `json:"roots"`     // directories that Python's path must hold besides the entry's own; "." is the tree
	Managers  []Fact  `json:"managers"`  // what installs packages: uv, poetry, pipenv, conda, pip, pyproject; File is the list
	Python    Fact    `json:"python"`    // "3.11"; Value is empty where nothing says it
	Streamlit Fact    `json:"streamlit"` // a version where it is pinned, "any" where it is only named, "" where nothing names it
	Auth      []Fact  `json:"auth"`      // streamlit-oauth, native, alb, iap, cloudflare, streamlit-authenticator; or one "none"
	Login     Login   `json:"login"`     // what the code says of it

	Modules []string `json:"-"` // the scripts that the app consists of

	Dockerfiles []Dockerfile `json:"dockerfiles"` // best first
	Composes    []Compose    `json:"composes"`
	Settings    Fact         `json:"settings"` // .streamlit/config.toml

	Defects []Defect `json:"defects"`
	Unread  []Fact   `json:"left"` // what was not read, and why

	tree  *tree
	lists []depFile // dependency files, best first
}

// Entry is the likeliest entry script; ok is false where there is none.
func (f *Findings) Entry() (e Entry, ok bool) {
	if len(f.Entries) == 0 {
		return Entry{}, false
	}
	return f.Entries[0], true
}

// Choose makes one of the scripts of the tree the entry, for a reason of the caller's; everything
// that follows from the entry is concluded again. ok is false where there is no such file.
func (f *Findings) Choose(path string, why Fact) (ok bool) {
	if _, there := f.tree.files[path]; !there {
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

// Tree reads a tree and concludes. The error is that of a root that cannot be listed; anything
// below that cannot be read is left out and told in [Findings.Left].
func Tree(fsys fs.FS) (*Findings, error) {
	t, err := walk(fsys)
	if err != nil {
		return nil, err
	}
	f := &Findings{tree: t}
	f.Dockerfiles = dockerfiles(t)
	f.Composes = composes(t)
	f.Entries, f.Ambiguous = entries(t, f)
	if _, ok := t.files[".streamlit/config.toml"]; ok {
		f.Settings = Fact{Value: ".streamlit/config.toml", Why: "Streamlit reads it from where it is started", File: ".streamlit/config.toml"}
	}
	f.fromEntry()
	f.Unread = t.unread
	return f, nil
}

// fromEntry concludes what follows from the entry script.
func (f *Findings) fromEntry() {
	f.dependencies()
	p := newProgram(f)
	f.Pages, f.Modules = p.pages, nil
	for _, m := range p.modules {
		f.Modules = append(f.Modules, m.path)
	}
	f.Roots = p.roots
	f.Auth = auth(p)
	f.Login = login(p)
	f.Defects = defects(f, p)
}
