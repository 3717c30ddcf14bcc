package detect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
)

// tree is what was found in a file system: names first, texts when asked for.
type tree struct {
	fsys         fs.FS
	files        map[string]fs.FileMode // every regular file that is not in an ignored directory
	names        []string               // the same, sorted, those nearer to the root first
	dirs         map[string]bool        // "." included
	unread       []Fact
	bytesRead    int64
	textCache    map[string]string
	moduleCache  map[string]*module
	holdingCache map[string][]string // see holding
}

// walk lists the tree breadth first, so that where the limit cuts it short what is left out lies
// deepest. Links to files are followed, links to directories are not: they may lead in circles, and
// what they lead to is found where it is.
func walk(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, files: map[string]fs.FileMode{}, dirs: map[string]bool{".": true}, textCache: map[string]string{}, moduleCache: map[string]*module{}, holdingCache: map[string][]string{}}
	seen := 0
	for queue := []string{"."}; len(queue) > 0; {
		dir := queue[0]
		queue = queue[1:]
		list, err := fs.ReadDir(fsys, dir)
		if err != nil {
			if dir == "." {
				return nil, fmt.Errorf("list the directory: %w", err)
			}
			t.noteUnread(dir, "the directory cannot be listed: "+reason(err))
			continue
		}
		if isEnvironment(list) && dir != "." {
			continue
		}
		t.dirs[dir] = true
		for _, entry := range list {
			if seen++; seen > maxEntries {
				t.noteUnread(dir, fmt.Sprintf("the tree holds more than %d files and directories; the deeper ones were not looked at", maxEntries))
				return t.sorted(), nil
			}
			if next := t.add(path.Join(dir, entry.Name()), entry); next != "" {
				queue = append(queue, next)
			}
		}
	}
	return t.sorted(), nil
}

// add takes a file in; it gives the name back where it is a directory to look into.
func (t *tree) add(name string, entry fs.DirEntry) (dir string) {
	if !fs.ValidPath(name) {
		return "" // a name that is not UTF-8 is none that anybody could type
	}
	switch mode := entry.Type(); {
	case mode.IsDir():
		if !isIgnored(entry.Name()) {
			return name
		}
	case mode.IsRegular():
		if info, err := entry.Info(); err == nil {
			t.files[name] = info.Mode()
		}
	case mode&fs.ModeSymlink != 0:
		if info, err := fs.Stat(t.fsys, name); err == nil && info.Mode().IsRegular() {
			t.files[name] = info.Mode()
		}
	}
	return ""
}

// isIgnored names the directories in which no project is. Of those that begin with a dot two hold
// settings.
func isIgnored(name string) bool {
	switch name {
	case ".streamlit", ".github":
		return false
	case "node_modules", "__pycache__", "site-packages", "venv", "htmlcov":
		return true
	}
	return name[0] == '.'
}

// isEnvironment is true for a virtual environment, whatever it is called.
func isEnvironment(list []fs.DirEntry) bool {
	return slices.ContainsFunc(list, func(e fs.DirEntry) bool { return e.Name() == "pyvenv.cfg" || e.Name() == "conda-meta" })
}

func (t *tree) sorted() *tree {
	for name := range t.files {
		t.names = append(t.names, name)
	}
	slices.SortFunc(t.names, func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return t
}

func (t *tree) noteUnread(name, why string) {
	const most = 20 // more of them help nobody
	if len(t.unread) < most {
		t.unread = append(t.unread, Fact{Value: name, Why: why, File: name})
	}
}

func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// has says whether there is such a file.
func (t *tree) has(name string) bool {
	_, ok := t.files[name]
	return ok
}

// named gives the files whose base name fits, nearest to the root first.
func (t *tree) named(fits func(base string) bool) []string {
	var out []string
	for _, name := range t.names {
		if fits(path.Base(name)) {
			out = append(out, name)
		}
	}
	return out
}

// text gives a file's text; "" where there is none, or it cannot be read, is too large or no text.
func (t *tree) text(name string) string {
	if !t.has(name) {
		return ""
	}
	if s, ok := t.textCache[name]; ok {
		return s
	}
	s, err := t.load(name)
	if err != nil {
		t.noteUnread(name, "not read: "+reason(err))
	}
	t.textCache[name] = s
	return s
}

func (t *tree) load(name string) (string, error) {
	f, err := t.fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	st, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !st.Mode().IsRegular():
		return "", errors.New("no regular file any more")
	case st.Size() > maxFileSize:
		return "", fmt.Errorf("larger than %d KiB", maxFileSize>>10)
	case t.bytesRead > maxRead:
		return "", fmt.Errorf("more than %d MiB were read already", maxRead>>20)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFileSize)) // it may grow meanwhile
	t.bytesRead += int64(len(b))
	if err != nil {
		return "", err
	}
	return decode(b)
}

// decode gives text in UTF-8, and UTF-16 with a byte order mark, as a string. What is neither is
// kept as it is, since what is looked for is ASCII; only what holds zero bytes is no text at all.
func decode(b []byte) (string, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		return string(b[3:]), nil
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	case bytes.IndexByte(b, 0) >= 0:
		return "", errors.New("it is no text")
	default:
		return string(b), nil
	}
	units := make([]uint16, 0, len(b)/2)
	for b = b[2:]; len(b) > 1; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units)), nil
}

// line is one line of a text, counted from 1.
type line struct {
	n    int
	text string
}

// lines gives the lines of a file without their ends.
func (t *tree) lines(name string) []line {
	var out []line
	n := 0
	for text := range strings.Lines(t.text(name)) {
		n++
		out = append(out, line{n, strings.TrimRight(text, "\r\n")})
	}
	return out
}
