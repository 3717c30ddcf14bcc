package destination

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
)

// Directories of the system: nothing is written below the trees, and nothing right into the tops, below
// which people do have directories of their own.
var (
	systemTrees = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib64", "/usr/sbin", "/usr/share",
		"/var/cache", "/var/db", "/var/lib", "/var/log", "/var/run", "/var/spool", "/System", "/Library", "/private/etc", "/private/var/db"}
	systemParents = []string{"/", "/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/usr", "/usr/local", "/usr/src", "/var", "/var/tmp", "/Applications", "/Users", "/Volumes", "/private", "/private/tmp", "/private/var"}
)

// Guard judges destinations for one user. The zero value is for a user without a home directory.
type Guard struct {
	Home string // "" where the user has none
}

// NewGuard is for the user whose HOME is this. A home that is relative, or the root, counts as none.
func NewGuard(home string) Guard {
	if !filepath.IsAbs(home) || filepath.Clean(home) == "/" {
		return Guard{}
	}
	return Guard{filepath.Clean(home)}
}

// RefuseDir says why nothing is written to a directory: it belongs to git, to sdev or to the system, by its
// name or by where its links lead. It is "" for any other directory.
func (g Guard) RefuseDir(dir string) string {
	for _, name := range []string{filepath.Clean(dir), dev.RealPath(dir)} {
		if why := Reserved(name); why != "" {
			return why
		}
		if slices.Contains(systemParents, name) || g.isSystem(name) {
			return "it is a directory of the system"
		}
	}
	return ""
}

// RefuseReport says why a report is not written to a file: it lies where nothing is written, or it is
// something else than a report. It is "" for any other file; pipes and terminals are fine.
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
		return "" // writing it says what is wrong
	}
	if b, err := dev.ReadFile(file); err != nil || !isReport(b) {
		return "the file exists and is not a report"
	}
	return ""
}

// isSystem says whether a path lies where the system keeps its own. A home or temporary directory may lie
// there as well, and is the user's.
func (g Guard) isSystem(name string) bool {
	return slices.ContainsFunc(systemTrees, func(tree string) bool { return Within(tree, name) }) && !Within(dev.RealPath(g.Home), name) && !Within(dev.RealPath(os.TempDir()), name)
}

// Reserved says who alone writes to a directory: git, or sdev for itself. It is "" for any other directory.
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

// Within says whether a path is a directory, or lies below it. The directory must be absolute.
func Within(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return filepath.IsAbs(dir) && err == nil && filepath.IsLocal(rel)
}
