package scaffold

import (
	"path/filepath"
)

// Change is what becomes of one file, decided by somebody who has looked at it.
type Change struct {
	Path       string // relative to the directory, with slashes
	Before     []byte // what the file holds; nil where it is not there
	Content    []byte // what it is to hold; nil removes it
	Executable bool
}

// NewChanges plans changes below dir, which [Plan.Apply] makes with the promises of this package: a
// file that is no longer as it was looked at stops it, and everything is undone. Changes are made in
// their order. No record is kept.
func NewChanges(dir string, changes []Change) *Plan {
	p := &Plan{Dir: filepath.Clean(dir)}
	for _, c := range changes {
		f := File{Path: c.Path, Status: Update, content: c.Content, before: c.Before, mode: 0o644}
		switch {
		case c.Content == nil:
			f.Status = Remove
		case c.Before == nil:
			f.Status = Create
		}
		if c.Executable {
			f.mode = 0o755
		}
		p.Files = append(p.Files, f)
	}
	return p
}
