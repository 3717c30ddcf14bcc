package preflight

import (
	"maps"
	"path"
	"slices"
	"strings"

	"sdev/dev/pattern"
)

var notInPaths = pattern.New(`[^\w./-]+`)

// started returns the project's files that run or are read when the app that ships starts: those that its
// command names, whatever they are called, and those that these name in turn.
func (c *checker) started() []string {
	if c.startedFiles != nil {
		return c.startedFiles
	}
	w := startWalk{c: c, named: map[string][]string{}, found: map[string]bool{}}
	for _, name := range c.names() {
		w.named[path.Base(name)] = append(w.named[path.Base(name)], name)
	}
	for name := range c.links {
		w.named[path.Base(name)] = append(w.named[path.Base(name)], name)
	}
	workdir := "/"
	for _, s := range c.App.Steps {
		switch verb, rest, _ := strings.Cut(s.Value, " "); verb {
		case "WORKDIR":
			if rest = strings.Trim(rest, `"' `); path.IsAbs(rest) {
				workdir = path.Clean(rest)
			} else {
				workdir = path.Join(workdir, rest)
			}
		case "CMD", "ENTRYPOINT":
			w.workdir = workdir
			w.command(rest)
		}
	}
	w.workdir = workdir
	w.command(strings.Join(c.App.Command, " "))
	if text, ok := c.files["Procfile"]; ok {
		w.found["Procfile"] = true
		w.script(text, "")
	}
	c.startedFiles = slices.AppendSeq([]string{}, maps.Keys(w.found)) // never nil once it is known
	slices.Sort(c.startedFiles)
	return c.startedFiles
}

// startWalk follows the names of files from the start command on.
type startWalk struct {
	c       *checker
	named   map[string][]string // the project's files by base name
	found   map[string]bool
	workdir string // in the image
}

// command looks for file names in a command. Its first word may be one without a slash or dot.
func (w *startWalk) command(text string) {
	for i, word := range notInPaths.Split(strings.TrimLeft(text, `[ "`), -1) {
		if strings.ContainsAny(word, "./") || i == 0 || w.isProject(word) {
			w.addNamed(word, "", true)
		}
	}
}

func (w *startWalk) isProject(word string) bool { _, ok := w.c.files[word]; return ok && word != "" }

// The path of a file that a script runs, or reads as settings. Any other path in it may mean anything.
const scriptPath = `[ \t="']*((?:\$\{?\w+\}?/|"\$\(dirname "?\$0"?\)"?/)?[\w./-]*[\w-])`

var (
	runsFile  = pattern.New(`(?m)(?:^|[;&|({]|\b(?:exec|then|do|else)\b|command=)` + scriptPath)
	readsFile = pattern.New(`(?m)(?:\b(?:source|sh|bash|dash|zsh|ash|python3?(?: -\w)*|cat|envdir|env|with-contenv|xargs)|(?:^|\s)(?:-c|-f|--env-file|--config|\.))` + scriptPath)
)

// script looks for file names in a script that is started.
func (w *startWalk) script(text, from string) {
	certain := map[string]bool{}
	for _, m := range slices.Concat(findAll(runsFile, text), findAll(readsFile, text)) {
		word := m.groups[1]
		if i := strings.LastIndexAny(word, "}\")"); i >= 0 {
			word = strings.TrimLeft(word[i+1:], `"/`)
		}
		certain[strings.TrimLeft(word, "/")] = true
		if strings.ContainsAny(word, "./") || w.isProject(word) {
			w.addNamed(word, from, true)
		}
	}
	for line := range strings.Lines(text) {
		if isComment(line) {
			continue
		}
		for _, word := range notInPaths.Split(line, -1) {
			if strings.ContainsAny(word, "./") && !certain[strings.TrimLeft(word, "/")] {
				w.addNamed(word, from, false)
			}
		}
	}
}

// addNamed adds the files that a word may name. A word that is not certain only occurs in the text: files for tests,
// for development and for people are left out.
func (w *startWalk) addNamed(word, from string, certain bool) {
	candidates := w.named[path.Base(word)]
	exact := slices.DeleteFunc(slices.Clone(candidates), func(name string) bool { return !w.refersTo(word, name, from) })
	for _, name := range exact {
		if certain && !isDocumentation(name) || !isTest(name) && !isProse(name) && !isDevelopmentPath(name) {
			w.add(name)
		}
	}
	if len(exact) > 0 {
		return
	}
	for _, name := range candidates { // the image may contain it by a way that is not understood
		if !isTest(name) && !isDevelopmentPath(name) && !isDocumentation(name) && (certain || !isProse(name)) {
			w.add(name)
		}
	}
}

// refersTo reports whether a path in the image, or beside a script, means a file of the project.
func (w *startWalk) refersTo(word, name, from string) bool {
	clean := path.Clean(word)
	if path.Join(path.Dir(from), clean) == name || clean == name {
		return true
	}
	inImage := clean
	if !path.IsAbs(clean) {
		inImage = path.Join(w.workdir, clean)
	}
	copied := false
	for _, cp := range w.c.App.Copies {
		if cp.To == "" || !copyIncludes(cp.From, name) {
			continue
		}
		copied = true
		rel := strings.TrimPrefix(strings.TrimPrefix(name, path.Clean(cp.From)), "/")
		if cp.From == "." {
			rel = name
		}
		if path.Join(cp.To, rel) == inImage || path.Join(cp.To, path.Base(name)) == inImage && rel == "" {
			return true
		}
	}
	return !copied && strings.HasSuffix(inImage, "/"+name)
}

func (w *startWalk) add(name string) {
	if w.found[name] {
		return
	}
	w.found[name] = true
	if target, ok := w.c.links[name]; ok {
		w.add(target)
		return
	}
	if path.Ext(name) != ".py" {
		w.script(w.c.files[name], name)
	}
}

// isDocumentation reports whether a file is written for people and no program reads it.
func isDocumentation(name string) bool { return isProse(name) && path.Ext(name) != ".txt" }
