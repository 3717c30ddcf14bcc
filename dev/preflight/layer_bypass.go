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

// Several files of an image can switch the login off together: a constant in one script, its use in another, and
// values in a third that is loaded. The walker saves their texts while it reads the layers, and checks them in
// the state that the last layer leaves.

// layerText is a text of the image and the layer that it is in.
type layerText struct {
	layer int
	text  string
}

// Limits of the texts that are saved. Ordinary apps need a tenth.
const (
	maxTextBytes   = 32 << 20
	maxLayerTexts  = 20_000
	maxSmallScript = 64 << 10 // of a script that is saved because it may name others
)

// isRelevant reports whether a file may set the variable, or hold what another file sets it to.
func (w *walker) isRelevant(name string, published bool) bool {
	if base := path.Base(name); runsItself(base) || path.Ext(base) == ".pth" || isSecretsOfStreamlit(name) || base == bypassVariable {
		return true
	}
	switch path.Ext(name) {
	case ".json", ".yaml", ".yml", ".toml", ".txt":
		return !published
	}
	return startsApp(name) || w.isNamed(name)
}

// saveText saves a text that matters, and returns a reader of the whole file.
func (w *walker) saveText(n int, name string, published bool, in io.Reader) (io.Reader, error) {
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
	own = own || w.isNamed(name) || len(text) <= maxSmallScript && startsApp(name) && strings.HasPrefix(name, path.Join("/", w.checker.image.config.Config.WorkingDir)+"/")
	if own || mayContainName(text) || path.Base(name) == bypassVariable {
		w.save(n, name, text)
	}
	return all, nil
}

func (w *walker) save(n int, name, text string) {
	w.drop(name)
	if len(w.texts) >= maxLayerTexts || w.textBytes+len(text) > maxTextBytes {
		return
	}
	w.texts[name] = layerText{n, text}
	w.textBytes += len(text)
	w.track(name)
}

func (w *walker) drop(name string) {
	if k, ok := w.texts[name]; ok {
		w.textBytes -= len(k.text)
		delete(w.texts, name)
	}
}

// isNamed reports whether the image's own command names a file, whatever it is called.
func (w *walker) isNamed(name string) bool {
	for _, words := range w.checker.image.commands() {
		for _, word := range notInPaths.Split(strings.Join(words, " "), -1) {
			if word != "" && (word == name || path.Join("/", w.checker.image.config.Config.WorkingDir, word) == name) {
				return true
			}
		}
	}
	return false
}

// bypass checks the saved texts.
func (w *walker) bypass() {
	scripts := map[string]string{}
	started := w.startedFiles()
	for _, name := range slices.Sorted(maps.Keys(w.texts)) {
		switch k := w.texts[name]; {
		case path.Base(name) == bypassVariable:
			if strings.TrimSpace(k.text) != "" && !isTest(name) {
				w.add("bypass.layer", dev.Blocks, k.layer, name, 1, "%s sets %s if envdir or s6 reads its directory at the start", name, bypassVariable)
			}
		case path.Ext(name) == ".py":
			if !isTest(name) || started[name] {
				scripts[name] = k.text
			}
		case path.Ext(name) == ".pth":
			scripts[name] = pathFile(k.text)
		default:
			for _, line := range settingLines(name, k.text, started[name]) {
				w.addBypass(name, line)
			}
		}
	}
	for _, f := range assign.Python(scripts, bypassVariable) {
		switch f.Kind {
		case assign.EntryOther:
		case assign.Loads:
			w.addLoaded(f)
		default:
			w.addBypass(f.File, f.Line)
		}
	}
	for name, k := range w.compiled {
		w.reportBytecode(name, k)
	}
}

// settingLines returns the lines of a file, no Python script, that set the variable where the app starts.
func settingLines(name, text string, started bool) (lines []int) {
	switch {
	case isSecretsOfStreamlit(name):
		if line := secretsBypass(text); line > 0 {
			lines = []int{line}
		}
	case strings.HasSuffix(name, "/conda-meta/state"): // variables of a conda environment
		lines, _ = assigned(name+".json", text)
	case startsApp(name) && !isDocumentation(name) || started:
		lines, _ = assigned(name, text)
	}
	return lines
}

func (w *walker) addBypass(name string, line int) {
	w.add("bypass.layer", dev.Blocks, w.texts[name].layer, name, line, "%s:%d sets %s", name, line, bypassVariable)
}

// startedFiles returns the saved files that the image's command names, and those that these run or read.
func (w *walker) startedFiles() map[string]bool {
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
		for _, m := range slices.Concat(findAll(runsFile, w.texts[name].text), findAll(readsFile, w.texts[name].text)) {
			for _, dir := range []string{"/", path.Dir(name), path.Join("/", w.checker.image.config.Config.WorkingDir)} {
				file := path.Join(dir, m.groups[1])
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

// addLoaded checks what a script loads into the environment.
func (w *walker) addLoaded(f assign.Found) {
	for _, name := range f.Names {
		if strings.Contains(name, bypassVariable) {
			if lines, _ := assignedInAnyLanguage("", name); len(lines) > 0 {
				w.addBypass(f.File, f.Line)
			}
			continue
		}
		for _, dir := range []string{path.Dir(f.File), path.Join("/", w.checker.image.config.Config.WorkingDir), "/"} {
			file := path.Join(dir, name)
			k, ok := w.texts[file]
			if !ok || len(name) > maxName || path.Ext(file) == ".py" {
				continue
			}
			lines, _ := assignedInAnyLanguage(file, k.text)
			for _, line := range lines {
				w.add("bypass.layer", dev.Blocks, k.layer, file, line, "%s:%d sets %s, and %s:%d loads this file into the environment", file, line, bypassVariable, f.File, f.Line)
			}
		}
	}
}

// readBytecode saves a compiled script that contains the variable's name, and searches it for credentials.
func (w *walker) readBytecode(n int, name string, in io.Reader) error {
	head, err := io.ReadAll(io.LimitReader(in, maxText+1))
	if err != nil {
		return err
	}
	if len(head) <= maxText && bytes.Contains(head, []byte(bypassVariable)) && !isPackageFile(name) && !isTest(name) && len(w.compiled) < maxLayerTexts && w.textBytes+len(head) <= maxTextBytes {
		w.compiled[name] = layerText{n, string(head)}
		w.textBytes += len(head)
		w.track(name)
	}
	return w.scanner.scan(io.MultiReader(bytes.NewReader(head), in), nil, func(h hit) {
		w.add("secret.layer", dev.Blocks, n, name, 0, "%s is in %s", h.what, name)
	})
}

// reportBytecode reports a compiled script whose source is not in the image. Bytecode holds the names that it uses,
// but not how: a script that only reads the variable uses "get" or "getenv".
func (w *walker) reportBytecode(name string, k layerText) {
	dir, base := path.Split(name)
	if path.Base(dir) == "__pycache__" {
		base, _, _ = strings.Cut(base, ".")
		dir = path.Dir(path.Clean(dir))
	}
	source := path.Join(dir, strings.TrimSuffix(base, ".pyc")+".py")
	if _, ok := w.texts[source]; ok {
		return
	}
	uses := func(name string) bool { // marshal writes a short name after its length
		return strings.Contains(k.text, string([]byte{byte(len(name))})+name)
	}
	if uses("setdefault") || uses("putenv") || uses("update") || uses("environ") && !uses("get") && !uses("getenv") {
		w.add("bypass.layer", dev.Blocks, k.layer, name, 0, "%s, a compiled script without its source, sets %s", name, bypassVariable)
		return
	}
	w.add("bypass.layer", dev.Warns, k.layer, name, 0, "%s, a compiled script without its source, contains the name %s, and may set it", name, bypassVariable)
}
