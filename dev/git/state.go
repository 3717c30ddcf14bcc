package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
)

// maxDepth limits how deep submodules are nested.
const maxDepth = 8

// readState collects what differs from the commit.
func (r *Repository) readState(ctx context.Context) error {
	modified, absent, err := r.runner.at(r.Root).workTreeState(ctx, maxDepth)
	if err != nil {
		return contextError(ctx, err)
	}
	r.Modified = modified
	if _, err := os.Lstat(filepath.Join(r.Root, ".gitmodules")); err == nil {
		r.Absent = absent
	}
	return nil
}

func (g runner) at(dir string) runner {
	g.dir = dir
	return g
}

// workTreeState returns the files of a work tree that differ from its commit, and the submodules that are not
// checked out. git itself would run in a submodule with that repository's settings, so it only compares the
// submodules' commits here, and submodules reads each of them with safe settings.
func (g runner) workTreeState(ctx context.Context, depth int) (modified, absent []string, err error) {
	if g, err = g.withoutFilters(ctx); err != nil {
		return nil, nil, err
	}
	out, err := g.run(ctx, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty")
	if err != nil {
		return nil, nil, err
	}
	var edited []string // in the work tree alone
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		switch {
		case len(entry) <= 3:
		case strings.HasPrefix(entry, " M"):
			edited = append(edited, entry[3:])
		default:
			modified = append(modified, entry[3:])
		}
	}
	same, err := g.unchanged(ctx, edited)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range edited {
		if !same[name] {
			modified = append(modified, name)
		}
	}
	changed, absent, err := g.submodules(ctx, depth)
	if err != nil {
		return nil, nil, err
	}
	modified = append(modified, changed...)
	slices.Sort(modified)
	return slices.Compact(modified), absent, nil
}

// submodules returns those with changes, and those that are not checked out.
func (g runner) submodules(ctx context.Context, depth int) (changed, absent []string, err error) {
	out, err := g.run(ctx, "ls-files", "--stage", "-z")
	if err != nil {
		return nil, nil, err
	}
	for entry := range strings.SplitSeq(string(out), "\x00") {
		const link = "160000 " // the mode of an entry that is a commit
		_, name, _ := strings.Cut(entry, "\t")
		if !strings.HasPrefix(entry, link) {
			continue
		}
		inner := g.at(filepath.Join(g.dir, filepath.FromSlash(name)))
		if _, err := os.Lstat(filepath.Join(inner.dir, ".git")); err != nil {
			absent = append(absent, name)
			continue
		}
		if depth == 0 {
			continue
		}
		files, _, err := inner.workTreeState(ctx, depth-1)
		if err != nil {
			return nil, nil, err
		}
		if len(files) > 0 {
			changed = append(changed, name)
		}
	}
	return changed, absent, nil
}

// unchanged returns the names that are as they were committed although git would have compared them through a filter:
// nobody wrote to them since git created them, or they are the files that their Git LFS pointers name.
func (g runner) unchanged(ctx context.Context, names []string) (map[string]bool, error) {
	same := map[string]bool{}
	filtered, err := g.withFilter(ctx, names)
	if err != nil || len(filtered) == 0 {
		return same, err
	}
	recorded, err := g.indexStamps(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range filtered {
		file := filepath.Join(g.dir, filepath.FromSlash(name))
		st, err := os.Lstat(file)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		have := stamp{st.ModTime().Unix(), int64(st.ModTime().Nanosecond()), st.Size()}
		if want, ok := recorded[name]; ok && want == have {
			same[name] = true
			continue
		}
		if same[name], err = g.matchesPointer(ctx, name, file, st.Size()); err != nil {
			return nil, err
		}
	}
	return same, nil
}

// withFilter returns the names with the attribute "filter".
func (g runner) withFilter(ctx context.Context, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := g.runWithInput(ctx, strings.Join(names, "\x00")+"\x00", "check-attr", "-z", "--stdin", "filter")
	if err != nil {
		return nil, err
	}
	var filtered []string
	fields := strings.Split(string(out), "\x00")
	for i := 0; i+2 < len(fields); i += 3 { // name, attribute, value
		if fields[i+2] != "unspecified" && fields[i+2] != "unset" {
			filtered = append(filtered, fields[i])
		}
	}
	return filtered, nil
}

// stamp is what git records of a file to see whether somebody wrote to it.
type stamp struct{ seconds, nanoseconds, size int64 }

// debugEntry is how git prints a name and its stamp.
var debugEntry = regexp.MustCompile(`([^\x00]+)\x00  ctime: .*\n  mtime: (\d+):(\d+)\n  dev: .*\n  uid: .*\n  size: (\d+)\tflags: .*\n`)

// indexStamps returns the stamps in the index. git compares times by the second, and reads a file again that was
// written in the second of its index; the nanoseconds are recorded all the same.
func (g runner) indexStamps(ctx context.Context) (map[string]stamp, error) {
	out, err := g.run(ctx, "ls-files", "-z", "--debug")
	if err != nil {
		return nil, err
	}
	stamps := map[string]stamp{}
	for _, m := range debugEntry.FindAllStringSubmatch(string(out), -1) {
		var part [3]int64
		for i := range part {
			part[i], _ = strconv.ParseInt(m[i+2], 10, 64) // digits, see debugEntry
		}
		stamps[m[1]] = stamp{part[0], part[1], part[2]}
	}
	return stamps, nil
}

// lfsPointer is what Git LFS commits in place of a file. Source: its specification, docs/spec.md.
var lfsPointer = regexp.MustCompile(`\Aversion https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n\z`)

// matchesPointer reports whether a file is the one whose pointer the repository holds.
func (g runner) matchesPointer(ctx context.Context, name, file string, size int64) (bool, error) {
	const longest = 1024 // of a pointer
	out, err := g.run(ctx, "cat-file", "-s", ":"+name)
	if n, perr := strconv.Atoi(strings.TrimSpace(string(out))); err != nil || perr != nil || n > longest {
		return false, context.Cause(ctx)
	}
	out, err = g.run(ctx, "cat-file", "blob", ":"+name)
	if err != nil {
		return false, context.Cause(ctx)
	}
	m := lfsPointer.FindStringSubmatch(string(out))
	if m == nil || m[2] != strconv.FormatInt(size, 10) {
		return false, nil
	}
	f, err := dev.OpenFile(file)
	if err != nil {
		return false, nil //nolint:nilerr // an unreadable file does not count as the one
	}
	defer f.Close() //nolint:errcheck // only read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, nil //nolint:nilerr // as above
	}
	return hex.EncodeToString(sum.Sum(nil)) == m[1], nil
}
