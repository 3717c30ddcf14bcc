package console

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
	"sdev/dev/pattern"
)

// editorVariable is the variable that says which editor opens places in files.
const editorVariable = "SDEV_EDITOR"

// editors are the addresses at which editors open a file at a line. Sources: https://code.visualstudio.com/docs/configure/command-line
// (opening with URLs), https://www.jetbrains.com/help/pycharm/working-with-tool-windows.html, https://zed.dev/docs.
func editors() map[string]string {
	return map[string]string{
		"vscode":   "vscode://file{path}:{line}",
		"insiders": "vscode-insiders://file{path}:{line}",
		"vscodium": "vscodium://file{path}:{line}",
		"cursor":   "cursor://file{path}:{line}",
		"windsurf": "windsurf://file{path}:{line}",
		"zed":      "zed://file{path}:{line}",
		"pycharm":  "pycharm://open?file={path}&line={line}",
		"idea":     "idea://open?file={path}&line={line}",
		"sublime":  "subl://open?url=file://{path}&line={line}",
		"file":     "file://{host}{path}",
		"none":     "",
	}
}

// CheckEditor returns an error if the variable that names the editor has no value that it can have.
func (c *Console) CheckEditor() error {
	name := c.Getenv(editorVariable)
	if _, ok := editors()[name]; ok || name == "" || strings.Contains(name, "://") && strings.Contains(name, "{path}") {
		return nil
	}
	return dev.UsageError(dev.Line("%s is %q, which is no editor that sdev knows", editorVariable, name),
		"one of: vscode, insiders, vscodium, cursor, windsurf, zed, pycharm, idea, sublime, file, none; or an address with {path} and {line}")
}

// linker makes the addresses in lines for a terminal, and the places in files that exist, links: with OSC 8, which terminals
// open on a click. Source: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
type linker struct {
	dir    string // of relative paths, or below it
	editor string // address of a place, with {path}, {line} and {host}
	host   string

	mu    sync.Mutex
	paths map[string]string // absolute, by path as written; "" is no file
}

// linker returns nil if the output gets no links: on no terminal, in JSON, without colours.
func (c *Console) linker(terminal bool) *linker {
	if !terminal || c.JSON || !c.Colored() {
		return nil
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil // the directory has gone
	}
	host, _ := os.Hostname() // without one, terminals take the address for one of this machine
	known := editors()
	name := c.Getenv(editorVariable)
	editor, ok := known[name]
	switch {
	case name == "" && c.Getenv("TERM_PROGRAM") == "vscode":
		editor = known["vscode"]
	case name == "":
		editor = known["file"]
	case !ok:
		editor = name
	}
	return &linker{dir: dir, editor: editor, host: host, paths: map[string]string{}}
}

// linkable matches addresses of pages, and places in files: "code_package/util/db.py:12".
var linkable = pattern.New(`https?://[^\s\x1b"'<>()]*[^\s\x1b"'<>().,:;!?]|(?:[\w.@+-]*/)*[\w.@+-]+\.\w{1,5}:\d+`)

// link returns a text with links.
func (l *linker) link(text string) string {
	return linkable.ReplaceAllStringFunc(text, func(found string) string {
		address := found
		if !strings.Contains(found, "://") {
			if address = l.place(found); address == "" {
				return found
			}
		}
		return ansi.SetHyperlink(address) + found + ansi.ResetHyperlink()
	})
}

// place is the address of a place in a file; "" if there is no such file.
func (l *linker) place(text string) string {
	name, line := text[:strings.LastIndexByte(text, ':')], text[strings.LastIndexByte(text, ':')+1:]
	full := l.find(name)
	if full == "" || l.editor == "" {
		return ""
	}
	full = (&url.URL{Path: "/" + strings.TrimPrefix(filepath.ToSlash(full), "/")}).EscapedPath()
	return strings.NewReplacer("{path}", full, "{line}", line, "{host}", l.host).Replace(l.editor)
}

// find returns the absolute path of a file. Relative paths in sdev's output begin at the project, which is the directory where
// sdev runs or one above it.
func (l *linker) find(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if full, ok := l.paths[name]; ok {
		return full
	}
	l.paths[name] = ""
	for dir := l.dir; ; dir = filepath.Dir(dir) {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if filepath.IsAbs(name) {
			full = name
		}
		if st, err := os.Stat(full); err == nil && st.Mode().IsRegular() {
			l.paths[name] = full
			break
		}
		if filepath.IsAbs(name) || dir == filepath.Dir(dir) {
			break
		}
	}
	return l.paths[name]
}
