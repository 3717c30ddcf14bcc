package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// maxSubmoduleDepth limits the nesting of submodules that sdev examines.
const maxSubmoduleDepth = 8

// readState finds modified files and absent submodules.
func (r *Repository) readState(ctx context.Context) error {
	modified, absent, err := r.runner.at(r.Root).changes(ctx, maxSubmoduleDepth)
	if err != nil {
		return ctxErrorOr(ctx, err)
	}
	r.Modified = modified
	if _, err := os.Lstat(filepath.Join(r.Root, ".gitmodules")); err == nil {
		r.Absent = absent
	}
	return nil
}

func (c runner) at(dir string) runner {
	c.dir = dir
	return c
}

// changes returns the files of a work tree that differ from its commit, and its absent submodules. git would
// examine a submodule with a second process that follows the submodule's own settings. So git only compares the
// submodules' commits here, and changes calls itself for their files.
func (c runner) changes(ctx context.Context, deep int) (modified, absent []string, err error) {
	if c, err = c.withoutFilters(ctx); err != nil {
		return nil, nil, err
	}
	out, err := c.run(ctx, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty")
	if err != nil {
		return nil, nil, err
	}
	var edited []string // modified in the work tree, but not staged
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		switch {
		case len(entry) <= 3:
		case strings.HasPrefix(entry, " M"):
			edited = append(edited, entry[3:])
		default:
			modified = append(modified, entry[3:])
		}
	}
	same, err := c.unchangedByFilter(ctx, edited)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range edited {
		if !same[name] {
			modified = append(modified, name)
		}
	}
	changed, absent, err := c.submodules(ctx, deep)
	if err != nil {
		return nil, nil, err
	}
	modified = append(modified, changed...)
	slices.Sort(modified)
	return slices.Compact(modified), absent, nil
}

// submodules returns the submodules with changes, and the absent ones.
func (c runner) submodules(ctx context.Context, deep int) (changed, absent []string, err error) {
	out, err := c.run(ctx, "ls-files", "--stage", "-z")
	if err != nil {
		return nil, nil, err
	}
	for entry := range strings.SplitSeq(string(out), "\x00") {
		const link = "160000 " // mode of an index entry for a commit, which is a submodule
		_, name, _ := strings.Cut(entry, "\t")
		if !strings.HasPrefix(entry, link) {
			continue
		}
		inner := c.at(filepath.Join(c.dir, filepath.FromSlash(name)))
		if _, err := os.Lstat(filepath.Join(inner.dir, ".git")); err != nil {
			absent = append(absent, name)
			continue
		}
		if deep == 0 {
			continue
		}
		files, _, err := inner.changes(ctx, deep-1)
		if err != nil {
			return nil, nil, err
		}
		if len(files) > 0 {
			changed = append(changed, name)
		}
	}
	return changed, absent, nil
}

// unchangedByFilter returns the names of files that git would compare through a filter and that are unmodified
// nevertheless: nobody has written to them since git did, or the Git LFS pointer in the index matches their
// content.
func (c runner) unchangedByFilter(ctx context.Context, names []string) (map[string]bool, error) {
	same := map[string]bool{}
	filtered, err := c.withFilter(ctx, names)
	if err != nil || len(filtered) == 0 {
		return same, err
	}
	recorded, err := c.indexStamps(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range filtered {
		file := filepath.Join(c.dir, filepath.FromSlash(name))
		st, err := os.Lstat(file)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		have := stamp{st.ModTime().Unix(), int64(st.ModTime().Nanosecond()), st.Size()}
		if want, ok := recorded[name]; ok && want == have {
			same[name] = true
			continue
		}
		if same[name], err = c.isPointedTo(ctx, name, file, st.Size()); err != nil {
			return nil, err
		}
	}
	return same, nil
}

// withFilter returns the names that have the attribute "filter".
func (c runner) withFilter(ctx context.Context, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := c.runWithInput(ctx, strings.Join(names, "\x00")+"\x00", "check-attr", "-z", "--stdin", "filter")
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

// stamp is what git's index records to detect a write to a file.
type stamp struct{ seconds, nanoseconds, size int64 }

// debugEntry matches an entry in the output of "git ls-files --debug": name, mtime and size.
var debugEntry = pattern.New(`([^\x00]+)\x00  ctime: .*\n  mtime: (\d+):(\d+)\n  dev: .*\n  uid: .*\n  size: (\d+)\tflags: .*\n`)

// indexStamps returns the stamps of the index. They include nanoseconds, although git itself compares seconds and
// reads a file again if it was written in the same second as the index.
func (c runner) indexStamps(ctx context.Context) (map[string]stamp, error) {
	out, err := c.run(ctx, "ls-files", "-z", "--debug")
	if err != nil {
		return nil, err
	}
	stamps := map[string]stamp{}
	for _, m := range debugEntry.FindAllStringSubmatch(string(out), -1) {
		var part [3]int64
		for i := range part {
			part[i], _ = strconv.ParseInt(m[i+2], 10, 64) // debugEntry matches only digits
		}
		stamps[m[1]] = stamp{part[0], part[1], part[2]}
	}
	return stamps, nil
}

// pointer matches a Git LFS pointer file. Source: the Git LFS specification, docs/spec.md.
var pointer = pattern.New(`\Aversion https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n\z`)

// isPointedTo reports whether a Git LFS pointer in the index matches the content of a file.
func (c runner) isPointedTo(ctx context.Context, name, file string, size int64) (bool, error) {
	const longest = 1024 // maximum size of a pointer in bytes
	out, err := c.run(ctx, "cat-file", "-s", ":"+name)
	if n, perr := strconv.Atoi(strings.TrimSpace(string(out))); err != nil || perr != nil || n > longest {
		return false, context.Cause(ctx)
	}
	out, err = c.run(ctx, "cat-file", "blob", ":"+name)
	if err != nil {
		return false, context.Cause(ctx)
	}
	m := pointer.FindStringSubmatch(string(out))
	if m == nil || m[2] != strconv.FormatInt(size, 10) {
		return false, nil
	}
	f, err := dev.OpenFile(file)
	if err != nil {
		return false, nil // an unreadable file does not match
	}
	defer f.Close() //nolint:errcheck // only read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, nil // as above
	}
	return hex.EncodeToString(sum.Sum(nil)) == m[1], nil
}
