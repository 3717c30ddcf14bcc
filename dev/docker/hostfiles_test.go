package docker

import (
	"os"
	"path/filepath"
	"testing"

	"sdev/dev"
	"sdev/dev/plan"
)

func TestStoreFile_RepairsWhatIsDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), dev.MountedDir)
	f := plan.File{Content: []byte("content"), Mode: 0o444}
	for name, damage := range map[string]func(string) error{
		"nothing": func(string) error { return nil },
		"emptied": func(name string) error { _ = os.Chmod(name, 0o644); return os.WriteFile(name, nil, 0o644) },
		"changed": func(name string) error {
			_ = os.Chmod(name, 0o644)
			return os.WriteFile(name, []byte("CONTENT"), 0o644)
		},
		"unreadable":  func(name string) error { return os.Chmod(name, 0o400) },
		"gone":        os.Remove,
		"a directory": func(name string) error { _ = os.Remove(name); return os.Mkdir(name, 0o755) },
	} {
		path, err := storeFile(dir, f)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(path); err != nil {
			t.Fatal(err)
		}
		again, err := storeFile(dir, f)
		if name == "a directory" {
			if err == nil {
				t.Errorf("%s: stored", name)
			}
			_ = os.Remove(path)
			continue
		}
		b, _ := os.ReadFile(again)
		if st, serr := os.Stat(again); err != nil || again != path || string(b) != "content" || serr != nil || st.Mode().Perm() != 0o444 {
			t.Errorf("%s: %s %q %v", name, again, b, err)
		}
	}
}
