package watch

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// counted is a source that accepts everything.
type counted struct {
	source
	watched map[string]bool
}

func (c counted) Add(dir string) error    { c.watched[dir] = true; return nil }
func (c counted) Remove(dir string) error { delete(c.watched, dir); return nil }

func TestFrugal_StopsBeforeTheProgramHasNoOpenFilesLeft(t *testing.T) {
	inner := counted{watched: map[string]bool{}}
	f := newFrugal(inner, 20)
	files := map[string]int{"/a": 9, "/b": 9, "/c": 0}
	f.count = func(dir string) (int, error) { return files[dir], nil }
	for _, dir := range []string{"/a", "/b", "/a"} { // a second time costs nothing
		if err := f.Add(dir); err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
	}
	if err := f.Add("/c"); !errors.Is(err, syscall.EMFILE) || inner.watched["/c"] {
		t.Errorf("beyond the limit: %v, watched %v", err, inner.watched)
	}
	if err := f.Remove("/b"); err != nil {
		t.Fatal(err)
	}
	if err := f.Add("/c"); err != nil || !inner.watched["/c"] || inner.watched["/b"] {
		t.Errorf("after another directory was given up: %v, watched %v", err, inner.watched)
	}
	gone := errors.New("gone")
	f.count = func(string) (int, error) { return 0, gone }
	if err := f.Add("/d"); !errors.Is(err, gone) {
		t.Errorf("a directory that cannot be read: %v", err)
	}
}

func TestLimits_NameWhatHelpsOnEachSystem(t *testing.T) {
	for name, c := range map[string]struct {
		on   limits
		hint string
	}{"Linux": {linuxLimits(), "max_user_instances"}, "macOS": {kqueueLimits(), "ulimit -n 65536 before sdev"}, "Windows": {windowsLimits(), ".dockerignore"}} {
		w := c.on.warning(fmt.Errorf("watch: %w", syscall.EMFILE), 3, time.Second)
		if !strings.Contains(w.Hint, c.hint) || !strings.HasSuffix(w.Message, "; polling every 1s instead") {
			t.Errorf("%s: %+v", name, w)
		}
		if name != "Linux" && strings.Contains(w.Hint, "sysctl") {
			t.Errorf("%s has no such setting: %s", name, w.Hint)
		}
	}
}
