package detect

import (
	"path"
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// readSetup reads the packages that a setup.py or setup.cfg installs. The project itself is installed with them.
func readSetup(t *tree, name string) depFile {
	l := depFile{manager: "setup", file: name, needsSource: true}
	if path.Base(name) == "setup.cfg" {
		l.readSetupCfg(t, name)
		return l
	}
	if cfg := path.Join(path.Dir(name), "setup.cfg"); t.has(cfg) {
		l.readSetupCfg(t, cfg)
	}
	tokens := t.module(name).tokens
	for n, tok := range tokens {
		if tok.kind != word || tok.s != "install_requires" && tok.s != "extras_require" && tok.s != "python_requires" || n+2 >= len(tokens) || !tokens[n+1].is("=") {
			continue
		}
		if tok.s == "python_requires" {
			if v := tokens[n+2]; v.kind == text {
				l.python = Fact{Value: v.s, Why: "python_requires " + v.s, File: name, Line: v.line}
			}
			continue
		}
		depth := 0
		for _, v := range tokens[n+2:] {
			switch {
			case v.is("[") || v.is("{") || v.is("("):
				depth++
			case v.is("]") || v.is("}") || v.is(")"):
				depth--
			case v.kind == text && tok.s == "install_requires":
				l.addRequirement(v.s, name, v.line)
			}
			if depth <= 0 {
				break
			}
		}
	}
	return l
}

var (
	cfgSection = pattern.New(`^\[([^\]]+)\]`)
	cfgKey     = pattern.New(`^([A-Za-z_-]+)\s*[=:]\s*(.*)$`)
)

// readSetupCfg reads the lists of setup.cfg: values may continue on indented lines.
func (l *depFile) readSetupCfg(t *tree, name string) {
	section, key := "", ""
	for _, row := range t.lines(name) {
		value := strings.TrimSpace(row.text)
		if m := cfgSection.FindStringSubmatch(row.text); m != nil {
			section, key = m[1], ""
			continue
		}
		if m := cfgKey.FindStringSubmatch(row.text); m != nil {
			key, value = m[1], m[2]
		}
		switch {
		case section != "options" || value == "" || strings.HasPrefix(value, "#"):
		case key == "install_requires":
			l.addRequirement(value, name, row.n)
		case key == "python_requires":
			l.python = Fact{Value: value, Why: "python_requires " + value, File: name, Line: row.n}
		}
	}
}

// readScript reads the packages that a script lists itself, in a block of comments (PEP 723).
func readScript(t *tree, name string) (depFile, bool) {
	l := depFile{manager: "script", file: name}
	var block []string
	first := 0
	for _, row := range t.lines(name) {
		switch {
		case first == 0 && row.text == "# /// script":
			first = row.n
		case first == 0:
		case row.text == "# ///":
			sub := &tree{files: t.files, textCache: map[string]string{name: strings.Join(block, "\n")}}
			for _, e := range readTOML(sub, name) {
				switch e.key {
				case "dependencies":
					l.addRequirement(e.value, name, first+e.line)
					l.inline = append(l.inline, e.value)
				case "requires-python":
					l.python = Fact{Value: e.value, Why: "requires-python " + e.value, File: name, Line: first + e.line}
				}
			}
			return l, true
		case strings.HasPrefix(row.text, "#"):
			block = append(block, strings.TrimPrefix(strings.TrimPrefix(row.text, "#"), " "))
		default:
			return l, false // an unclosed block is none
		}
	}
	return l, false
}

// local records a path that a list installs from. A path that leads out of the tree is copied into the image, and
// mounted, at the same place relative to the project.
func (l *depFile) local(t *tree, list, arg string) {
	arg = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(arg), "file://"), "file:")
	arg, _, _ = strings.Cut(arg, " ")
	arg, _, _ = strings.Cut(arg, "[") // extras
	if strings.Contains(arg, "://") || strings.HasPrefix(arg, "git+") || path.IsAbs(arg) {
		return
	}
	l.needsSource = true
	at := path.Join(path.Dir(list), arg)
	base, found := t.installsFrom(list, arg)
	switch {
	case found:
		l.base = base
	case isAbove(at):
		l.addOutside(at)
		l.base = path.Dir(list)
	case t.dirs[at]:
		l.base = path.Dir(list)
	default:
		l.base = "."
		if isAbove(path.Clean(arg)) {
			l.addOutside(path.Clean(arg))
		}
	}
}

// installsFrom returns the directory from which pip finds a path of a list. pip resolves it from where it runs: usually
// beside the list, or else above it, where a directory with this path can be installed.
func (t *tree) installsFrom(list, arg string) (dir string, ok bool) {
	for _, dir := range upwards(list) {
		at := path.Join(dir, arg)
		if t.has(at) || slices.ContainsFunc([]string{"pyproject.toml", "setup.py", "setup.cfg"}, func(name string) bool { return t.has(path.Join(at, name)) }) {
			return dir, true
		}
	}
	return "", false
}

func (l *depFile) addOutside(name string) {
	if !slices.Contains(l.outside, name) {
		l.outside = append(l.outside, name)
	}
}

func isAbove(name string) bool { return name == ".." || strings.HasPrefix(name, "../") }

// somewhere are requirements files in directories that hold nothing else of the app, such as config or docker: the
// first that lists streamlit.
func somewhere(t *tree) []depFile {
	const deepest = 2
	for _, name := range t.names {
		base := path.Base(name)
		if strings.Count(name, "/") > deepest || !strings.HasPrefix(base, "requirements") || !strings.HasSuffix(base, ".txt") || forTools.MatchString(base) {
			continue
		}
		if l := readRequirements(t, name); l.line > 0 {
			return []depFile{l}
		}
	}
	return nil
}
