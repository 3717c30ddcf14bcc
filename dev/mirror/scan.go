package mirror

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sdev/dev"
)

// item is a file of the project and one of its places in the container.
type item struct {
	path  string // relative to the project
	Whole bool   // see [Place]
	want
}

func (s Source) abs(rel string) string { return filepath.Join(s.Dir, filepath.FromSlash(rel)) }

// scan lists the files of the project that have a place, ordered by place. It returns a failure for a directory that
// cannot be read; one that disappears during the scan counts as empty.
func (s Source) scan() (items []item, failed []Failure) {
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := os.ReadDir(s.abs(dir))
		if err != nil && !os.IsNotExist(err) {
			failed = append(failed, Failure{Path: dir, Reason: reasonOf(err)})
		}
		for _, e := range entries {
			rel := path.Join(dir, e.Name())
			if e.IsDir() {
				if s.Layout.Reaches(rel) {
					walk(rel)
				}
				continue
			}
			items = append(items, s.itemsAt(rel)...)
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

// itemsAt returns an item for each place of one path of the project; none if the path is neither a file nor a link.
func (s Source) itemsAt(rel string) []item {
	places := s.Layout.Places(rel)
	if len(places) == 0 {
		return nil
	}
	info, err := os.Lstat(s.abs(rel))
	if err != nil {
		return nil
	}
	w := want{Size: info.Size(), Time: info.ModTime().UnixNano(), Mode: uint32(dev.ContainerMode(info))}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := os.Readlink(s.abs(rel))
		if err != nil || link == "" {
			return nil
		}
		w = want{Link: rawPath(link)}
	case !info.Mode().IsRegular():
		return nil // a socket or a pipe is not copied
	}
	items := make([]item, 0, len(places))
	for _, p := range places {
		w := w
		w.location = location{Root: p.Root, Path: rawPath(p.Path)}
		w.Weak = !p.Whole && s.olderThanImage(info)
		items = append(items, item{path: rel, Whole: p.Whole, want: w})
	}
	return items
}

// olderThanImage reports whether a file was neither written nor created or renamed since the image was made.
func (s Source) olderThanImage(info fs.FileInfo) bool {
	return later(info.ModTime(), changeTime(info)).Before(s.Since)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
