package tree_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev/tree"
)

func TestRead_TakesRegularFilesAlone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "text", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link": "a", "out": "/"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]string{"a": "text", "empty": "", "missing": "nil", "missing/below": "nil"} {
		content, err := tree.Read(root, name)
		if got := string(content); err != nil || (content == nil) != (want == "nil") || content != nil && got != want {
			t.Errorf("%s is %q, %v; want %q", name, content, err, want)
		}
	}
	for name, kind := range map[string]string{"sub": "a directory", "link": "a symbolic link"} {
		_, err := tree.Read(root, name)
		if e, ok := errors.AsType[*tree.IrregularError](err); !ok || e.Path != name || e.Kind != kind {
			t.Errorf("%s: %v, want that it is %s", name, err, kind)
		}
	}
	for _, name := range []string{"a/below", "out/etc", "../a"} {
		_, err := tree.Read(root, name)
		if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Op != "inspect" || e.Path != name || strings.Contains(tree.Reason(err), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJoin_KeepsBothChangesOrAsks(t *testing.T) {
	const base = "a\nb\nc\nd\ne\n"
	for name, tc := range map[string]struct {
		yours, rendered, want string
		conflict              bool
	}{
		"in different places":       {"A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n", false},
		"the same in both":          {"A\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", false},
		"of one line":               {"A\nb\nc\nd\ne\n", "x\nb\nc\nd\ne\n", "<<<<<<< yours\nA\n=======\nx\n>>>>>>> sdev\nb\nc\nd\ne\n", true},
		"at an end without newline": {"a\nb\nc\nd\nE", "a\nb\nc\nd\nx", "a\nb\nc\nd\n<<<<<<< yours\nE\n=======\nx\n>>>>>>> sdev\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, conflict := tree.MergeText([]byte(base), []byte(tc.yours), []byte(tc.rendered))
			if string(got) != tc.want || conflict != tc.conflict {
				t.Errorf("joined, conflict %v:\n%s\nwant:\n%s", conflict, got, tc.want)
			}
			if tree.HasConflictMarkers(got) != tc.conflict {
				t.Error("the marks are not seen, or seen where there are none")
			}
		})
	}
}
