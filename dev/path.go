package dev

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// HandoffDir is the directory in a bundle for sdev's own files.
const HandoffDir = ".handoff"

// RealPath resolves the links of a path. If the path does not exist, RealPath resolves its directory. It leaves
// dangling links, and links that it cannot resolve, to the caller, who then fails to open them.
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

// IsWithin reports whether a path is a directory or lies below it. Both are clean, and absolute or relative to the same
// directory. It allocates nothing, because walks call it for every file.
func IsWithin(dir, path string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || os.IsPathSeparator(rest[0]) || dir != "" && os.IsPathSeparator(dir[len(dir)-1])) // "/", or "C:\"
}

// IsAbs reports whether a path is absolute, on this system or in the engine's virtual machine: on Windows, the
// /var/run/docker.sock of a compose file is there, and not in the project.
func IsAbs(name string) bool { return filepath.IsAbs(name) || path.IsAbs(name) }

// IsTop reports whether a clean path is the top of the file system, or of a drive.
func IsTop(dir string) bool { return filepath.Dir(dir) == dir && filepath.IsAbs(dir) }
