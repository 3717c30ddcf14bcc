package docker

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPacker_AFileThatBecomesShorterIsNoLostConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.csv")
	if err := os.WriteFile(path, []byte("long"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1); err != nil {
		t.Fatal(err)
	}
	err = packer{tar: tar.NewWriter(io.Discard)}.entry(path, "data.csv", fs.FileInfoToDirEntry(before))
	if err == nil || isConnectionLost(err) || !strings.Contains(err.Error(), "data.csv changed while it was read") {
		t.Errorf("%v", err)
	}
}
