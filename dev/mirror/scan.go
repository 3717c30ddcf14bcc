package mirror

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// item is a file of the project and one place where it belongs.
type item struct {
	source string // relative to the project
	Whole  bool   // see [Place]
	want
}

func (s Source) abs(rel string) string { return filepath.Join(s.Dir, filepath.FromSlash(rel)) }

// scan gives every file of the project that has a place, ordered by place. What cannot be read is a
// failure; directories that vanish meanwhile count as empty.
func (s Source) scan() (items []item, failed []Failure) {
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := os.ReadDir(s.abs(dir))
		if err != nil && !os.IsNotExist(err) {
			failed = append(failed, Failure{Path: dir, Reason: reason(err)})
		}
		for _, e := range entries {
			rel := path.Join(dir, e.Name())
			if e.IsDir() {
				if s.Layout.Reaches(rel) {
					walk(rel)
				}
				continue
			}
			items = append(items, s.look(rel)...)
		}
	}
	walk(".")
	slices.SortFunc(items, func(a, b item) int {
		if a.Root != b.Root {
			return a.Root - b.Root
		}
		return strings.Compare(string(a.Path), string(b.Path))
	})
	return items, failed
}

// look gives what is wanted of one path of the project as it is now: an item for each of its
// places, or none where there is no file or link.
func (s Source) look(rel string) []item {
	places := s.Layout.Places(rel)
	if len(places) == 0 {
		return nil
	}
	info, err := os.Lstat(s.abs(rel))
	if err != nil {
		return nil
	}
	w := want{Size: info.Size(), Time: info.ModTime().UnixNano(), Mode: uint32(info.Mode().Perm())}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := os.Readlink(s.abs(rel))
		if err != nil || link == "" {
			return nil
		}
		w = want{Link: name(link)}
	case !info.Mode().IsRegular():
		return nil // a socket or a pipe is nobody's source
	}
	items := make([]item, 0, len(places))
	for _, p := range places {
		w := w
		w.spot = spot{Root: p.Root, Path: name(p.Path)}
		w.Weak = !p.Whole && s.old(info)
		items = append(items, item{source: rel, Whole: p.Whole, want: w})
	}
	return items
}

// old reports whether a file was neither written nor moved here since the image was made.
func (s Source) old(info fs.FileInfo) bool {
	return latest(info.ModTime(), arrived(info)).Before(s.Since)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
