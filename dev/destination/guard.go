package destination

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
)

// Guard checks destinations for one user. The zero value is for a user without a home directory.
type Guard struct {
	Home string // "" if the user has none
}

// NewGuard returns the guard for the user with this home directory. A relative path or the root directory counts as none.
func NewGuard(home string) Guard {
	if !filepath.IsAbs(home) || dev.IsTop(filepath.Clean(home)) {
		return Guard{}
	}
	return Guard{filepath.Clean(home)}
}

// RefuseDir says why sdev does not write to a directory: its path, as written or with symbolic links resolved, belongs
// to git, to sdev or to the system. It returns "" for any other directory.
func (g Guard) RefuseDir(dir string) string {
	for _, name := range []string{filepath.Clean(dir), dev.RealPath(dir)} {
		if why := Reserved(name); why != "" {
			return why
		}
		if dev.IsTop(name) || isSystemParent(name) || g.isSystem(name) {
			return "it is a directory of the system"
		}
	}
	return ""
}

// RefuseReport says why sdev does not write a report to a file: the file is in a refused directory, or exists and is
// not a report. It returns "" for any other file, and for pipes and terminals.
func (g Guard) RefuseReport(file string, isReport func(content []byte) bool) string {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return ""
	}
	for _, name := range []string{filepath.Clean(file), dev.RealPath(file)} {
		if why := Reserved(name); why != "" {
			return why
		}
		if g.isSystem(name) {
			return "it is in a directory of the system"
		}
	}
	if err != nil || info.IsDir() || info.Size() == 0 {
		return "" // the write reports what is wrong, if anything is
	}
	if b, err := dev.ReadFile(file); err != nil || !isReport(b) {
		return "the file exists and is not a report"
	}
	return ""
}

// isSystem reports whether a path is in a directory of the system. A home or temporary directory may be in one, too,
// and belongs to the user.
func (g Guard) isSystem(name string) bool {
	return slices.ContainsFunc(systemTrees(), func(tree string) bool { return Within(tree, name) }) && !Within(dev.RealPath(g.Home), name) && !Within(dev.RealPath(os.TempDir()), name)
}

// isSystemParent reports whether a path is a directory of the system below which people have directories of their own.
func isSystemParent(name string) bool {
	return slices.ContainsFunc(systemParents(), func(parent string) bool {
		rel, err := filepath.Rel(parent, name) // which ignores case where the system does
		return err == nil && rel == "."
	})
}

// Reserved says why a directory is reserved: only git or sdev itself writes there. It returns "" for any other
// directory.
func Reserved(dir string) string {
	for part := range strings.SplitSeq(filepath.ToSlash(dir), "/") {
		switch {
		case strings.EqualFold(part, ".git"):
			return "it is a directory of git"
		case strings.EqualFold(part, dev.StateDir), strings.EqualFold(part, dev.HandoffDir):
			return "sdev keeps its own files there"
		}
	}
	return ""
}

// Within reports whether a path is dir or below it. dir must be absolute.
func Within(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return filepath.IsAbs(dir) && err == nil && filepath.IsLocal(rel)
}
