package preflight

import (
	"bytes"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/preflight/assign"
)

// What switches the login off inside an image can lie in several files: a constant in one script, its
// use in another, and values in a third that is loaded. They are kept while the layers are read, and
// judged as the last layer leaves them.

// kept is a text of the image.
type kept struct {
	layer int
	text  string
}

// Limits of what is kept of an image. The apps of people are a tenth of it.
const (
	maxKept  = 32 << 20
	maxCount = 20_000
	maxSmall = 64 << 10 // of a script that may only name others
)

// mayKeep says that a file may set the bypass, or say what another one sets.
func (w *walker) mayKeep(name string, published bool) bool {
	if base := path.Base(name); runsItself(base) || path.Ext(base) == ".pth" || isSecretsOfStreamlit(name) || base == bypassVariable {
		return true
	}
	switch path.Ext(name) {
	case ".json", ".yaml", ".yml", ".toml", ".txt":
		return !published
	}
	return startsApp(name) || w.isNamed(name)
}

// keepText keeps a text that matters, and gives all of it to be read further.
func (w *walker) keepText(n int, name string, published bool, in io.Reader) (io.Reader, error) {
	head, err := io.ReadAll(io.LimitReader(in, maxText+1))
	if err != nil {
		return nil, err
	}
	all := io.MultiReader(bytes.NewReader(head), in)
	if len(head) > maxText {
		return all, nil
	}
	text := string(head)
	own := path.Ext(name) == ".py" && !published || runsItself(path.Base(name)) || path.Ext(name) == ".pth"
	own = own || w.isNamed(name) || len(text) <= maxSmall && startsApp(name) && strings.HasPrefix(name, path.Join("/", w.c.built.config.Config.WorkingDir)+"/")
	if own || mayName(text) || path.Base(name) == bypassVariable {
		w.keep(n, name, text)
	}
	return all, nil
}

func (w *walker) keep(n int, name, text string) {
	w.drop(name)
	if len(w.texts) >= maxCount || w.keeps+len(text) > maxKept {
		return
	}
	w.texts[name] = kept{n, text}
	w.keeps += len(text)
	w.track(name)
}

func (w *walker) drop(name string) {
	if k, ok := w.texts[name]; ok {
		w.keeps -= len(k.text)
		delete(w.texts, name)
	}
}

// isNamed says that the image's own command names a file, whatever the file is called.
func (w *walker) isNamed(name string) bool {
	for _, words := range w.c.built.commands() {
		for _, word := range notInPaths.Split(strings.Join(words, " "), -1) {
			if word != "" && (word == name || path.Join("/", w.c.built.config.Config.WorkingDir, word) == name) {
				return true
			}
		}
	}
	return false
}

// bypass judges what was kept.
func (w *walker) bypass() {
	scripts := map[string]string{}
	started := w.startedHere()
	for _, name := range slices.Sorted(maps.Keys(w.texts)) {
		switch k := w.texts[name]; {
		case path.Base(name) == bypassVariable:
			if strings.TrimSpace(k.text) != "" && !isTest(name) {
				w.see("bypass.layer", dev.Blocks, k.layer, name, 1, "%s sets %s where a directory of variables is read at the start", name, bypassVariable)
			}
		case path.Ext(name) == ".py":
			if !isTest(name) || started[name] {
				scripts[name] = k.text
			}
		case path.Ext(name) == ".pth":
			scripts[name] = pathFile(k.text)
		default:
			for _, line := range settingLines(name, k.text, started[name]) {
				w.sets(name, line)
			}
		}
	}
	for _, f := range assign.Python(scripts, bypassVariable) {
		switch f.Kind {
		case assign.Mentions:
		case assign.Loads:
			w.loaded(f)
		default:
			w.sets(f.File, f.Line)
		}
	}
	for name, k := range w.compiled {
		w.judgeBytecode(name, k)
	}
}

// settingLines are the lines of a file that is no script in Python which set the bypass where the app
// starts.
func settingLines(name, text string, started bool) (lines []int) {
	switch {
	case isSecretsOfStreamlit(name):
		if line := secretsBypass(text); line > 0 {
			lines = []int{line}
		}
	case strings.HasSuffix(name, "/conda-meta/state"): // variables of an environment of conda
		lines, _ = assigned(name+".json", text)
	case startsApp(name) && !isManual(name) || started:
		lines, _ = assigned(name, text)
	}
	return lines
}

func (w *walker) sets(name string, line int) {
	w.see("bypass.layer", dev.Blocks, w.texts[name].layer, name, line, "%s:%d sets %s", name, line, bypassVariable)
}

// startedHere are the kept files that the image's command names, and those that these run or read.
func (w *walker) startedHere() map[string]bool {
	out := map[string]bool{}
	var queue []string
	for name := range w.texts {
		if w.isNamed(name) {
			queue = append(queue, name)
		}
	}
	for name, target := range w.links {
		if w.isNamed(name) {
			queue = append(queue, target)
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if out[name] {
			continue
		}
		out[name] = true
		for _, m := range slices.Concat(runs.matches(w.texts[name].text), reads.matches(w.texts[name].text)) {
			for _, dir := range []string{"/", path.Dir(name), path.Join("/", w.c.built.config.Config.WorkingDir)} {
				file := path.Join(dir, m.text[1])
				if target, ok := w.links[file]; ok {
					file = target
				}
				if w.texts[file].text != "" {
					queue = append(queue, file)
				}
			}
		}
	}
	return out
}

// loaded looks at what a script loads into the environment.
func (w *walker) loaded(f assign.Found) {
	for _, name := range f.Names {
		if strings.Contains(name, bypassVariable) {
			if lines, _ := anyAssigned("", name); len(lines) > 0 {
				w.sets(f.File, f.Line)
			}
			continue
		}
		for _, dir := range []string{path.Dir(f.File), path.Join("/", w.c.built.config.Config.WorkingDir), "/"} {
			file := path.Join(dir, name)
			k, ok := w.texts[file]
			if !ok || len(name) > maxName || path.Ext(file) == ".py" {
				continue
			}
			lines, _ := anyAssigned(file, k.text)
			for _, line := range lines {
				w.see("bypass.layer", dev.Blocks, k.layer, file, line, "%s:%d sets %s, and %s:%d loads this file into the environment", file, line, bypassVariable, f.File, f.Line)
			}
		}
	}
}

// bytecode looks at a compiled script. One beside its source is what its source is.
func (w *walker) bytecode(n int, name string, in io.Reader) error {
	head, err := io.ReadAll(io.LimitReader(in, maxText+1))
	if err != nil {
		return err
	}
	if len(head) <= maxText && bytes.Contains(head, []byte(bypassVariable)) && !isPublished(name) && !isTest(name) && len(w.compiled) < maxCount && w.keeps+len(head) <= maxKept {
		w.compiled[name] = kept{n, string(head)}
		w.keeps += len(head)
		w.track(name)
	}
	return w.s.scan(io.MultiReader(bytes.NewReader(head), in), nil, func(h hit) {
		w.see("secret.layer", dev.Blocks, n, name, 0, "%s is in %s", h.what, name)
	})
}

// judgeBytecode tells of a compiled script that has no source in the image. Which names it uses is in
// it, and not how: whoever only reads the variable uses "get" or "getenv".
func (w *walker) judgeBytecode(name string, k kept) {
	dir, base := path.Split(name)
	if path.Base(dir) == "__pycache__" {
		base, _, _ = strings.Cut(base, ".")
		dir = path.Dir(path.Clean(dir))
	}
	source := path.Join(dir, strings.TrimSuffix(base, ".pyc")+".py")
	if _, ok := w.texts[source]; ok {
		return
	}
	uses := func(name string) bool { // as marshal writes a short name: its length, and it
		return strings.Contains(k.text, string([]byte{byte(len(name))})+name)
	}
	if uses("setdefault") || uses("putenv") || uses("update") || uses("environ") && !uses("get") && !uses("getenv") {
		w.see("bypass.layer", dev.Blocks, k.layer, name, 0, "%s, a compiled script without its source, sets %s", name, bypassVariable)
		return
	}
	w.see("bypass.layer", dev.Warns, k.layer, name, 0, "%s, a compiled script without its source, speaks of %s: nobody can see whether it sets it", name, bypassVariable)
}
