package docker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/container"
)

// TestHostPathTo_MakesAFileOfWhatIsNamedAsOne wants an empty file for a missing secrets.toml or .env, as no program can read
// a directory there, and directories for everything else.
func TestHostPathTo_MakesAFileOfWhatIsNamedAsOne(t *testing.T) {
	dir := t.TempDir()
	for name, file := range map[string]bool{
		".env": true, ".env.local": true, "conf/secrets.toml": true, "a/b/data.csv": true,
		"data": false, ".streamlit": false, "conf.d": false, "release-1.2": false, ".json": false,
	} {
		_, missing := hostPathTo(filepath.Join(dir, name), isNamedAsFile(name))
		if err := createMountPoints("app", missing); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil || st.IsDir() == file {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	if st, err := os.Stat(filepath.Join(dir, "a", "b")); err != nil || !st.IsDir() {
		t.Errorf("the directory above a file: %v, %v", st, err)
	}
}

// TestVisibleMounts_KnowWhatWillBeAFile wants the mount point of a missing file to be one too.
func TestVisibleMounts_KnowWhatWillBeAFile(t *testing.T) {
	dir := t.TempDir()
	got := visibleMounts(&container.HostConfig{Binds: []string{dir + ":/app", filepath.Join(dir, ".env") + ":/app/.env:ro", filepath.Join(dir, "data") + ":/app/data"}}, nil)
	if len(got) != 3 || got[0].file || !got[1].file || got[2].file {
		t.Errorf("%+v", got)
	}
}
