package mirror_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev/mirror"
)

// unpack unpacks an archive like a container engine.
func unpack(t *testing.T, archive io.Reader, root string) map[string]*tar.Header {
	t.Helper()
	headers := map[string]*tar.Header{}
	r := tar.NewReader(archive)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		if err != nil {
			t.Fatal(err)
		}
		headers[h.Name] = h
		full := filepath.Join(root, h.Name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(full, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, full)
		case tar.TypeReg:
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				err = errors.Join(os.WriteFile(full, b, os.FileMode(h.Mode)), os.Chtimes(full, h.ModTime, h.ModTime))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Files from an archive count as written by the receiver: it has nothing to copy, and it removes such a file once the
// project no longer has it, even if another archive was unpacked in between.
func TestPack_IsWhatTheReceiverWouldHaveWritten(t *testing.T) {
	p := newPair(t)
	container := filepath.Dir(p.there)
	p.syncer.Source.Layout = everything{mirror.Root{Path: "/app", Own: true}, true}
	p.write("a.py", "a")
	p.write("deep/er/b.py", "b")
	p.write("caf\xe9.py", "c")
	if err := os.Symlink("a.py", filepath.Join(p.here, "link")); err != nil {
		t.Fatal(err)
	}
	receiver := &mirror.Receiver{Content: []byte("program"), Modified: time.Unix(1700000000, 0)}
	source := p.syncer.Source
	source.Owner = mirror.Owner{UID: 1234, GID: 2345}
	var b bytes.Buffer
	if failed, err := source.Pack(&b, receiver, "/"); err != nil || len(failed) != 0 {
		t.Fatal(failed, err)
	}
	headers := unpack(t, &b, container)
	for _, name := range []string{"app/", "app/deep/", "app/deep/er/", "app/a.py", "app/link"} {
		if h := headers[name]; h == nil || h.Uid != 1234 || h.Gid != 2345 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if h := headers[mirror.Program[1:]]; h == nil || h.Uid != 0 || h.Mode != 0o755 || h.Size != 7 || !h.ModTime.Equal(receiver.Modified) {
		t.Errorf("the receiver: %+v", h)
	}
	p.same()
	// The archive names /app; this fake container's files are in a temporary directory.
	notes, err := os.ReadFile(filepath.Join(container, mirror.Manifest+".filled"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(p.manifest), 0o755); err != nil {
		t.Fatal(err)
	}
	notes = bytes.ReplaceAll(notes, []byte("+/app"), []byte("+"+p.there))
	if err := os.WriteFile(p.manifest+".filled", notes, 0o600); err != nil {
		t.Fatal(err)
	}
	p.syncer.Source.Layout = everything{mirror.Root{Path: p.there}, true}
	p.remove("deep")
	p.run()
	if r := p.await(compared); r.Written != 0 || r.Removed != 1 {
		t.Errorf("%+v, want nothing written and one removed", r)
	}
	p.same()
	if _, err := os.Stat(filepath.Join(p.there, "deep")); err == nil {
		t.Error("the directory of the file that is gone is still there")
	}
	b.Reset()
	if _, err := source.Pack(&b, nil, "/"); err != nil || strings.Contains(b.String(), "program") {
		t.Errorf("the receiver is sent although it is there: %v", err)
	}
	p.write("deep/er/b.py", "b")
	b.Reset()
	if _, err := source.Pack(&b, receiver, "/app/deep"); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(unpack(t, &b, t.TempDir()))); !slices.Equal(got, []string{"./", "er/", "er/b.py"}) {
		t.Errorf("below one directory: %q", got)
	}
}
