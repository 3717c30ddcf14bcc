package tree_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/tree"
)

// treeText returns the files of a directory, as "path: content" lines.
func treeText(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		out.WriteString(rel + ": " + string(b) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func dir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "1", "b": "2", "c": "3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestApply_MakesTheChanges(t *testing.T) {
	dir := dir(t)
	left := filepath.Join(dir, ".sdev-ABCDEFGHIJKLMNOPQRSTUVWXY2")
	for _, name := range []string{left, filepath.Join(dir, ".sdev-mine")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := tree.Apply(t.Context(), dir, []tree.Change{
		{Path: "a", Before: []byte("1"), Content: []byte("one")}, {Path: "b", Before: []byte("2")}, {Path: "d/e.sh", Content: []byte("new"), Mode: 0o755},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := treeText(t, dir); got != ".sdev-mine: \na: one\nc: 3\nd/e.sh: new\n" {
		t.Error(got)
	}
	if st, err := os.Stat(filepath.Join(dir, "d/e.sh")); err != nil || st.Mode().Perm()&0o100 == 0 {
		t.Error("it cannot be executed")
	}
}

func TestApply_MakesAllOrNothing(t *testing.T) {
	for name, last := range map[string]tree.Change{
		"changed meanwhile":         {Path: "c", Before: []byte("old"), Content: []byte("new")},
		"changed before its end":    {Path: "c", Before: []byte("old")},
		"made meanwhile":            {Path: "c", Content: []byte("new")},
		"gone meanwhile":            {Path: "z", Before: []byte("old"), Content: []byte("new")},
		"below a file":              {Path: "c/d", Content: []byte("new")},
		"outside":                   {Path: "../z", Content: []byte("new")},
		"removed in a missing tree": {Path: "x/y", Before: []byte("old")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := dir(t)
			before := treeText(t, dir)
			err := tree.Apply(t.Context(), dir, []tree.Change{
				{Path: "a", Before: []byte("1"), Content: []byte("one")}, {Path: "b", Before: []byte("2")}, {Path: "d/e", Content: []byte("new")}, last,
			})
			if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeScaffoldTarget {
				t.Error(err)
			}
			if got := treeText(t, dir); got != before {
				t.Errorf("%s\nwas\n%s", got, before)
			}
			if _, err := os.Stat(filepath.Join(dir, "d")); err == nil {
				t.Error("a directory is left")
			}
		})
	}
}
