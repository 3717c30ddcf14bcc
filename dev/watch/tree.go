package watch

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"sdev/dev"
)

// tree holds the known state of the files in which a rule can take effect.
type tree struct {
	root  string // absolute, without symbolic links
	rules *Rules
	fresh time.Duration // age below which a file is fresh: see state.fresh
	files map[string]state
}

// state is a file as it was last reported.
type state struct {
	info fs.FileInfo
	// fresh says that the file was read so soon after its last write that another write could have the same
	// modification time. Then sum is compared as well.
	fresh bool
	sum   [sha256.Size]byte // zero for a file that cannot be read or is larger than maxSum
}

// maxSum is the size in bytes up to which the content of a fresh file is compared.
const maxSum = 4 << 20

func (t *tree) abs(rel string) string { return filepath.Join(t.root, filepath.FromSlash(rel)) }

// stateNow returns the file's state now. It reports false when there is no file: nothing, or a directory.
func (t *tree) stateNow(rel string) (state, bool) {
	info, err := os.Lstat(t.abs(rel))
	if err != nil || info.IsDir() {
		return state{}, false
	}
	return t.stateOf(rel, info), true
}

func (t *tree) stateOf(rel string, info fs.FileInfo) state {
	st := state{info: info}
	if age := time.Since(info.ModTime()); age >= 0 && age < t.fresh {
		st.fresh, st.sum = true, t.checksum(rel, info)
	}
	return st
}

// differs reports whether the file at rel was changed between two states.
func (t *tree) differs(rel string, was, is state) bool {
	a, b := was.info, is.info
	if !a.ModTime().Equal(b.ModTime()) || a.Size() != b.Size() || a.Mode().Type() != b.Mode().Type() || !os.SameFile(a, b) {
		return true
	}
	return was.fresh && was.sum != t.checksum(rel, b)
}

func (t *tree) checksum(rel string, info fs.FileInfo) (sum [sha256.Size]byte) {
	if !info.Mode().IsRegular() || info.Size() > maxSum {
		return sum
	}
	f, err := dev.OpenFile(t.abs(rel))
	if err != nil {
		return sum
	}
	defer func() { _ = f.Close() }() // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum
	}
	h.Sum(sum[:0])
	return sum
}

// walk calls file for every file below dir in which a rule can take effect. It calls enter for dir, and for every
// directory below that may hold such a file, before it reads the directory. An error of enter ends the walk. A directory
// that vanishes or cannot be read counts as empty.
func (t *tree) walk(dir string, enter func(dir string) error, file func(rel string, info fs.FileInfo)) error {
	if err := enter(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(t.abs(dir))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		rel := path.Join(dir, e.Name())
		if e.IsDir() {
			if t.rules.reaches(rel) {
				if err := t.walk(rel, enter, file); err != nil {
					return err
				}
			}
			continue
		}
		if !t.rules.effective(rel) {
			continue
		}
		if info, err := e.Info(); err == nil {
			file(rel, info)
		}
	}
	return nil
}

// read replaces the known state with the current one.
func (t *tree) read() error {
	t.files = make(map[string]state)
	return t.walk(".", func(string) error { return nil }, func(rel string, info fs.FileInfo) {
		t.files[rel] = t.stateOf(rel, info)
	})
}

// compare walks dir and returns every path at or below it that differs from the known state. It records nothing.
func (t *tree) compare(dir string, enter func(dir string) error) ([]string, error) {
	var out []string
	seen := make(map[string]bool)
	err := t.walk(dir, enter, func(rel string, info fs.FileInfo) {
		seen[rel] = true
		was, known := t.files[rel]
		// This state is not recorded, so whether it is fresh does not matter.
		if !known || t.differs(rel, was, state{info: info}) {
			out = append(out, rel)
		}
	})
	for rel := range t.under(dir) {
		if !seen[rel] {
			out = append(out, rel)
		}
	}
	return out, err
}

// maybeHalfSaved reports whether the file is missing or empty, but was not before: some editors save in two steps.
func (t *tree) maybeHalfSaved(rel string) bool {
	was, known := t.files[rel]
	if !known || was.info.Size() == 0 {
		return false
	}
	info, err := os.Lstat(t.abs(rel))
	return err != nil || info.Size() == 0
}

// record stores the current state of the file at rel, and returns the change from the known state, if there is one. For a
// removal, the time of the save is noticed.
func (t *tree) record(rel string, noticed time.Time) (dev.Change, bool) {
	is, there := t.stateNow(rel)
	was, known := t.files[rel]
	if !there {
		delete(t.files, rel)
		return dev.Change{Path: rel, Gone: true, Saved: noticed}, known
	}
	same := known && !t.differs(rel, was, is)
	t.files[rel] = is
	return dev.Change{Path: rel, Saved: is.info.ModTime()}, !same
}

// under yields the known files at or below a path.
func (t *tree) under(dir string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for rel := range t.files {
			if (dir == "." || rel == dir || strings.HasPrefix(rel, dir+"/")) && !yield(rel) {
				return
			}
		}
	}
}
