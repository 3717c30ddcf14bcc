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

// tree is the files of a file system: their names are read first, their texts when they are needed.
type tree struct {
	fsys         fs.FS
	dir          string          // its path on this machine, with slashes; "" if it has none
	files        map[string]bool // the regular files outside ignored directories
	names        []string        // the same, sorted, those closer to the root first
	dirs         map[string]bool // including "."
	unread       []Fact
	bytesRead    int64
	textCache    map[string]string
	moduleCache  map[string]*module
	holdingCache map[string][]string // see dirsHolding
}

// walk lists the tree breadth first, so that the limit leaves out the deepest files. It follows links to files, but
// not to directories: those may lead in circles, and their targets are listed anyway.
func walk(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, files: map[string]bool{}, dirs: map[string]bool{".": true}, textCache: map[string]string{}, moduleCache: map[string]*module{}, holdingCache: map[string][]string{}}
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
				t.noteUnread(dir, fmt.Sprintf("the tree holds more than %d files and directories; the deeper ones were not read", maxEntries))
				return t.sorted(), nil
			}
			if next := t.add(path.Join(dir, entry.Name()), entry); next != "" {
				queue = append(queue, next)
			}
		}
	}
	return t.sorted(), nil
}

// add adds a file. For a directory to be listed it returns the name.
func (t *tree) add(name string, entry fs.DirEntry) (dir string) {
	if !fs.ValidPath(name) {
		return "" // nobody can type a name that is not UTF-8
	}
	switch mode := entry.Type(); {
	case mode.IsDir():
		if !isIgnored(entry.Name()) {
			return name
		}
	case mode.IsRegular():
		t.addFile(name)
	case mode&fs.ModeSymlink != 0:
		if info, err := fs.Stat(t.fsys, name); err == nil && info.Mode().IsRegular() {
			t.addFile(name)
		}
	}
	return ""
}

// isIgnored reports whether no project can be in a directory of that name. Two directories that begin with a dot hold
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

// isEnvironment reports whether a directory is a virtual environment, whatever its name.
func isEnvironment(list []fs.DirEntry) bool {
	return slices.ContainsFunc(list, func(e fs.DirEntry) bool { return e.Name() == "pyvenv.cfg" || e.Name() == "conda-meta" })
}

func (t *tree) addFile(name string) {
	t.files[name] = true
	t.names = append(t.names, name)
}

// sorted sorts the names of each depth, which walk has found one depth after the other.
func (t *tree) sorted() *tree {
	for rest := t.names; len(rest) > 0; {
		depth := strings.Count(rest[0], "/")
		deeper := slices.IndexFunc(rest, func(name string) bool { return strings.Count(name, "/") > depth })
		if deeper < 0 {
			deeper = len(rest)
		}
		slices.Sort(rest[:deeper])
		rest = rest[deeper:]
	}
	return t
}

func (t *tree) noteUnread(name, why string) {
	const most = 20 // more would not help
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

// has reports whether there is such a file.
func (t *tree) has(name string) bool {
	return t.files[name]
}

// named returns the files whose base name fits, closest to the root first.
func (t *tree) named(fits func(base string) bool) []string {
	var out []string
	for _, name := range t.names {
		if fits(path.Base(name)) {
			out = append(out, name)
		}
	}
	return out
}

// text returns a file's text; "" if there is none, or it cannot be read, is too large or no text.
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
		return "", errors.New("it is no regular file any more")
	case st.Size() > maxFileSize:
		return "", fmt.Errorf("larger than %d KiB", maxFileSize>>10)
	case t.bytesRead > maxRead:
		return "", fmt.Errorf("%d MiB were already read", maxRead>>20)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFileSize)) // it may grow meanwhile
	t.bytesRead += int64(len(b))
	if err != nil {
		return "", err
	}
	return decode(b)
}

// decode returns text in UTF-8, or in UTF-16 with a byte order mark, as a string. Other encodings are kept as they
// are, since everything that detect looks for is ASCII. Data with zero bytes is no text.
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

// lines returns the lines of a file without their ends.
func (t *tree) lines(name string) []line {
	var out []line
	n := 0
	for text := range strings.Lines(t.text(name)) {
		n++
		out = append(out, line{n, strings.TrimRight(text, "\r\n")})
	}
	return out
}
