package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sdev/dev"
	"sdev/dev/handoff"
)

// Directories of the system: nothing is written below the trees, and nothing right into the tops, below
// which people do have directories of their own.
var (
	systemTrees = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib64", "/usr/sbin", "/usr/share",
		"/var/cache", "/var/db", "/var/lib", "/var/log", "/var/run", "/var/spool", "/System", "/Library", "/private/etc", "/private/var/db"}
	systemTops = []string{"/", "/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/usr", "/usr/local", "/usr/src", "/var", "/var/tmp", "/Applications", "/Users", "/Volumes", "/private", "/private/tmp", "/private/var"}
)

// reserved says whose a directory is that nobody but a program writes to; "" where it is nobody's.
func reserved(dir string) string {
	for part := range strings.SplitSeq(filepath.ToSlash(dir), "/") {
		switch {
		case strings.EqualFold(part, ".git"):
			return "it is git's own"
		case strings.EqualFold(part, dev.StateDir), strings.EqualFold(part, handoff.OwnDir):
			return "sdev keeps its own files there"
		}
	}
	return ""
}

// unfit says why nobody means a directory when they name it as one to write to: it is git's, sdev's own, or
// the system's, by its name or by where its links lead. "" where it is fine.
func (a *app) unfit(dir string) string {
	for _, seen := range []string{filepath.Clean(dir), dev.RealPath(dir)} {
		if why := reserved(seen); why != "" {
			return why
		}
		if slices.Contains(systemTops, seen) || a.isSystem(seen) {
			return "it is a directory of the system"
		}
	}
	return ""
}

// isSystem says whether a path lies where the system keeps its own. A home or temporary directory may lie
// there as well, and is the user's.
func (a *app) isSystem(name string) bool {
	return slices.ContainsFunc(systemTrees, func(tree string) bool { return within(tree, name) }) && !within(dev.RealPath(a.home()), name) && !within(dev.RealPath(os.TempDir()), name)
}

// unfitReport says why a report cannot be written to a file: nothing but another report is overwritten,
// and pipes and terminals are nobody's. "" where it can.
func (a *app) unfitReport(file string, isReport func([]byte) bool) string {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return ""
	}
	for _, seen := range []string{filepath.Clean(file), dev.RealPath(file)} {
		if why := reserved(seen); why != "" {
			return why
		}
		if a.isSystem(seen) {
			return "it is in a directory of the system"
		}
	}
	if err != nil || info.IsDir() || info.Size() == 0 {
		return "" // writing it says what is wrong
	}
	if b, err := dev.ReadFile(file); err != nil || !isReport(b) {
		return "it is there, and no report"
	}
	return ""
}

// home is the user's home directory; "" where there is none, or where it is everything.
func (a *app) home() string {
	home := a.Getenv("HOME")
	if !filepath.IsAbs(home) || filepath.Clean(home) == "/" {
		return ""
	}
	return filepath.Clean(home)
}

// within says whether a path is a directory, or lies below it.
func within(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return filepath.IsAbs(dir) && err == nil && filepath.IsLocal(rel)
}

// notForBundle says why a bundle cannot be written to a directory that lies outside of the project; "" where
// it can: the directory is new, or empty, or a bundle already, and it is the user's.
func (a *app) notForBundle(out string) string {
	real, home := dev.RealPath(out), dev.RealPath(a.home())
	switch rel, err := filepath.Rel(home, real); {
	case err != nil || !within(home, real):
	case rel == ".":
		return "it is your home directory"
	case strings.HasPrefix(rel, "."):
		return "programs keep their settings there"
	}
	info, err := os.Stat(real)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil || !info.IsDir() {
		return "" // opening it says so
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Getuid() {
		return "it is somebody else's"
	}
	if entries, err := os.ReadDir(real); err == nil && len(entries) > 0 && !isBundle(real) {
		return "it is not empty, and no bundle of sdev's"
	}
	return ""
}

func isBundle(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, handoff.OwnDir))
	return err == nil && info.IsDir()
}

// isSource says whether a directory of the project holds code of its own: a bundle would become part of the
// app.
func isSource(dir string) bool {
	if isBundle(dir) {
		return false
	}
	found := false
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { // what cannot be read is no code
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		if d.IsDir() && isBundle(filepath.Join(dir, d.Name())) {
			return fs.SkipDir
		}
		if found = d.Type().IsRegular() && filepath.Ext(d.Name()) == ".py"; found {
			return fs.SkipAll
		}
		return nil
	})
	return found
}
