package dev_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// holds checks that a directory contains exactly these entries, and no temporary file.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}

func fileIs(t *testing.T, name, content string, perm fs.FileMode) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != content || st.Mode().Perm() != perm {
		t.Errorf("%s is %q with %v, want %q with %v", name, b, st.Mode().Perm(), content, perm)
	}
}

// replacers are the functions that replace a file.
func replacers() map[string]func(name string, content []byte, perm fs.FileMode) error {
	return map[string]func(string, []byte, fs.FileMode) error{
		"by name": dev.ReplaceFile,
		"in a directory": func(name string, content []byte, perm fs.FileMode) error {
			root, err := os.OpenRoot(filepath.Dir(name))
			if err != nil {
				return err
			}
			defer root.Close()
			return dev.ReplaceFileIn(root, filepath.Base(name), content, perm, nil)
		},
	}
}

func TestReplaceFile_PutsTheContentInPlaceWithThePermissions(t *testing.T) {
	for how, replace := range replacers() {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "state.json")
			for _, content := range []string{"first", "second", ""} {
				if err := replace(name, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				fileIs(t, name, content, 0o600)
			}
			if err := replace(name, []byte("for all"), 0o755); err != nil {
				t.Fatal(err)
			}
			fileIs(t, name, "for all", 0o755)
			holds(t, dir, "state.json")
		})
	}
}

func TestReplaceFile_ReplacesALinkAndKeepsItsTarget(t *testing.T) {
	dir := t.TempDir()
	name, other := filepath.Join(dir, "link"), filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("other", name); err != nil {
		t.Fatal(err)
	}
	if err := dev.ReplaceFile(name, []byte("ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	fileIs(t, other, "theirs", 0o644)
	if st, err := os.Lstat(name); err != nil || !st.Mode().IsRegular() {
		t.Errorf("%v %v", st, err)
	}
}

func TestReplaceFile_OntoADirectoryFailsAndLeavesNothing(t *testing.T) {
	for how, replace := range replacers() {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "taken")
			if err := os.Mkdir(name, 0o755); err != nil {
				t.Fatal(err)
			}
			err := replace(name, []byte("new"), 0o600)
			var path *fs.PathError
			if !errors.As(err, &path) || path.Op != "rename" || strings.Contains(err.Error(), ".sdev-") {
				t.Errorf("error: %v", err)
			}
			holds(t, dir, "taken")
		})
	}
}

func TestReplaceFile_IntoADirectoryThatIsMissingFails(t *testing.T) {
	err := dev.ReplaceFile(filepath.Join(t.TempDir(), "missing", "state.json"), nil, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error: %v", err)
	}
}

func TestReplaceFileIn_ACheckThatFailsStopsTheRename(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	changed := errors.New("somebody else changed it")
	if err := dev.ReplaceFileIn(root, "a", []byte("new"), 0o644, func() error { return changed }); !errors.Is(err, changed) {
		t.Errorf("error: %v", err)
	}
	fileIs(t, filepath.Join(dir, "a"), "old", 0o644)
	holds(t, dir, "a")
}

func TestReplaceFileIn_DoesNotLeaveTheDirectory(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := dev.ReplaceFileIn(root, "out/a", []byte("new"), 0o644, nil); err == nil {
		t.Error("it left the directory")
	}
	holds(t, outside)
}

func TestRewriteFile_KeepsThePermissionsWhateverTheUmask(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "compose.yaml")
	for _, perm := range []fs.FileMode{0o666, 0o640, 0o400} {
		if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, perm); err != nil {
			t.Fatal(err)
		}
		if err := dev.RewriteFile(name, []byte("new")); err != nil {
			t.Fatal(err)
		}
		fileIs(t, name, "new", perm)
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, dir, "compose.yaml")
	if err := dev.RewriteFile(filepath.Join(dir, "missing"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	holds(t, dir, "compose.yaml")
}

func TestIsHalfWritten_RecognisesTemporaryFilesByName(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var during []string
	look := func() error {
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			during = append(during, e.Name())
		}
		return err
	}
	if err := dev.ReplaceFileIn(root, "a", nil, 0o644, look); err != nil {
		t.Fatal(err)
	}
	if len(during) != 1 || !dev.IsHalfWritten(during[0]) {
		t.Errorf("beside: %q", during)
	}
	for _, name := range []string{"a", ".sdev-project.json", ".sdev-mine", ".sdev-4711~"} {
		if dev.IsHalfWritten(name) {
			t.Errorf("%s is taken for one", name)
		}
	}
}
