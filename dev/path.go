package dev

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// HandoffDir is the directory in a bundle that holds what sdev keeps for itself.
const HandoffDir = ".handoff"

// RealPath gives a path without links, as far as it leads to something: of what is not there yet, the
// directory above counts. A link to nothing, and one that cannot be followed, stay as they are, for whoever
// uses the path to refuse.
func RealPath(name string) string {
	real, err := filepath.EvalSymlinks(name)
	switch {
	case err == nil:
		return real
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(name) != name:
		if _, err := os.Lstat(name); err == nil {
			return name
		}
		return filepath.Join(RealPath(filepath.Dir(name)), filepath.Base(name))
	}
	return name
}
