package devtest_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sdev/dev/devtest"
)

// reported is a test that counts the errors that it gets.
type reported struct {
	testing.TB
	errors int
}

func (r *reported) Helper()               {}
func (r *reported) Errorf(string, ...any) { r.errors++ }

func TestTree_NoticesEveryKindOfChange(t *testing.T) {
	for name, change := range map[string]func(file, dir string) error{
		"content": func(file, _ string) error {
			st, err := os.Stat(file)
			if err == nil {
				err = os.WriteFile(file, []byte("b"), 0o644)
			}
			if err == nil {
				err = os.Chtimes(file, time.Time{}, st.ModTime())
			}
			return err
		},
		"mode":          func(file, _ string) error { return os.Chmod(file, 0o444) },
		"time":          func(file, _ string) error { return os.Chtimes(file, time.Time{}, time.Unix(0, 0)) },
		"a new file":    func(_, dir string) error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o644) },
		"a file gone":   func(file, _ string) error { return os.Remove(file) },
		"a directory's": func(_, dir string) error { return os.Chtimes(dir, time.Time{}, time.Unix(0, 0)) },
		"a link's goal": func(_, dir string) error { return os.Symlink("elsewhere", filepath.Join(dir, "link")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := devtest.Project(t, map[string]string{"sub/file": "a", ".sdev/own": "x"})
			told := &reported{TB: t}
			kept := devtest.KeepTree(told, dir)
			devtest.Write(t, filepath.Join(dir, ".sdev/own"), "y")
			if kept.Check("nothing"); told.errors != 0 {
				t.Error("it reports a change of sdev's own directory")
			}
			if err := change(filepath.Join(dir, "sub/file"), filepath.Join(dir, "sub")); err != nil {
				t.Fatal(err)
			}
			if kept.Check(name); told.errors != 1 {
				t.Errorf("%d reports", told.errors)
			}
			kept.Own("sub/file", "sub/new", "sub/link")
			if kept.Check("what the test owns"); told.errors != 1 {
				t.Errorf("%d reports of what the test did itself", told.errors)
			}
		})
	}
}
