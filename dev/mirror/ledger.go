package mirror

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"

	"sdev/dev"
)

// ledger is the list of what was put into a container: absolute paths, those of directories with a slash
// at the end. On disk it is a log of additions and removals, each ended by a zero byte, which no
// path holds.
type ledger struct {
	file  string
	has   map[string]bool
	notes bytes.Buffer // not yet on disk
}

func ledgerLine(sign byte, path string) string { return string(sign) + path + "\x00" }

// filled is where the ledger of an archive goes, which must not take the place of what is known.
func filled(ledger string) string { return ledger + ".filled" }

// openLedger reads what an earlier receiver kept, and what came with archives since. What is missing
// is empty, and so is what follows a line that was cut off.
func openLedger(file string) (*ledger, error) {
	l := &ledger{file: file, has: map[string]bool{}}
	for _, f := range []string{file, filled(file)} {
		b, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		l.read(b)
	}
	if err := l.rewrite(); err != nil {
		return nil, err
	}
	if err := os.Remove(filled(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return l, nil
}

func (l *ledger) read(b []byte) {
	for {
		line, rest, whole := bytes.Cut(b, []byte{0})
		if !whole {
			return
		}
		b = rest
		switch {
		case len(line) > 1 && line[0] == '+':
			l.has[string(line[1:])] = true
		case len(line) > 1 && line[0] == '-':
			delete(l.has, string(line[1:]))
		}
	}
}

// rewrite puts the list in place of the log.
func (l *ledger) rewrite() error {
	var b bytes.Buffer
	for p := range l.has {
		b.WriteString(ledgerLine('+', p))
	}
	if err := os.MkdirAll(path.Dir(l.file), 0o755); err != nil { //nolint:gosec // the app's user runs what is beside it
		return err
	}
	return dev.ReplaceFile(l.file, b.Bytes(), 0o600)
}

func (l *ledger) add(path string) {
	if !l.has[path] {
		l.has[path] = true
		l.notes.WriteString(ledgerLine('+', path))
	}
}

func (l *ledger) drop(path string) {
	if l.has[path] {
		delete(l.has, path)
		l.notes.WriteString(ledgerLine('-', path))
	}
}

// flush writes what was noted since. A disk that is full leaves the notes for the next time.
func (l *ledger) flush() error {
	if l.notes.Len() == 0 {
		return nil
	}
	f, err := os.OpenFile(l.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := f.Write(l.notes.Bytes())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		l.notes.Reset()
	} else if n > 0 {
		return l.rewrite() // half a line would hide the next one
	}
	return err
}
