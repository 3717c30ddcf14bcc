package mirror

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"

	"sdev/dev"
)

// manifest lists the files and directories that the receiver wrote into a container: absolute paths, those of
// directories with a slash at the end. On disk it is a log of additions and removals, each ended by a zero byte, which
// no path contains.
type manifest struct {
	file    string
	paths   map[string]bool
	unsaved bytes.Buffer // lines not yet on disk
}

func manifestLine(sign byte, path string) string { return string(sign) + path + "\x00" }

// packedManifest returns the path at which [Source.Pack] puts its manifest, so that it does not overwrite the
// receiver's.
func packedManifest(manifest string) string { return manifest + ".filled" }

// openManifest reads the manifest of an earlier receiver and that of an archive unpacked since, and merges them. A
// missing file counts as empty; a truncated line ends the reading.
func openManifest(file string) (*manifest, error) {
	m := &manifest{file: file, paths: map[string]bool{}}
	for _, f := range []string{file, packedManifest(file)} {
		b, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		m.read(b)
	}
	if err := m.rewrite(); err != nil {
		return nil, err
	}
	if err := os.Remove(packedManifest(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return m, nil
}

func (m *manifest) read(b []byte) {
	for {
		line, rest, whole := bytes.Cut(b, []byte{0})
		if !whole {
			return
		}
		b = rest
		switch {
		case len(line) > 1 && line[0] == '+':
			m.paths[string(line[1:])] = true
		case len(line) > 1 && line[0] == '-':
			delete(m.paths, string(line[1:]))
		}
	}
}

// rewrite replaces the log by the list of paths.
func (m *manifest) rewrite() error {
	var b bytes.Buffer
	for p := range m.paths {
		b.WriteString(manifestLine('+', p))
	}
	if err := os.MkdirAll(path.Dir(m.file), 0o755); err != nil { // the app's user must be able to run the receiver in the same directory
		return err
	}
	return dev.ReplaceFile(m.file, b.Bytes(), 0o600)
}

func (m *manifest) add(path string) {
	if !m.paths[path] {
		m.paths[path] = true
		m.unsaved.WriteString(manifestLine('+', path))
	}
}

func (m *manifest) drop(path string) {
	if m.paths[path] {
		delete(m.paths, path)
		m.unsaved.WriteString(manifestLine('-', path))
	}
}

// flush appends the unsaved lines to the file. If that fails, for example because the disk is full, the next call tries
// again.
func (m *manifest) flush() error {
	if m.unsaved.Len() == 0 {
		return nil
	}
	f, err := os.OpenFile(m.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := f.Write(m.unsaved.Bytes())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		m.unsaved.Reset()
	} else if n > 0 {
		return m.rewrite() // half a line would corrupt the next one
	}
	return err
}
