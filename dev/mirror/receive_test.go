package mirror_test

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev/mirror"
)

func hello(root, manifest string) string {
	return fmt.Sprintf(`{"v":1,"roots":[%q],"ledger":%q,"owner":{"uid":%d,"gid":%d}}`+"\n", root, manifest, os.Getuid(), os.Getgid())
}

// batchOf returns the bytes of a batch of entries.
func batchOf(t testing.TB, entries ...*tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"batch":1,"files":%d}`+"\n", len(entries))
	w := tar.NewWriter(&b)
	for _, h := range entries {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, strings.NewReader(strings.Repeat("x", int(h.Size))), h.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReceive_WritesNothingOutsideItsRoots(t *testing.T) {
	for _, name := range []string{"0/../escaped", "0//etc/escaped", "0/a/../../escaped", "0/..", "1/escaped", "-1/escaped", "escaped", "0/a/./b"} {
		base := t.TempDir()
		var out bytes.Buffer
		in := hello(filepath.Join(base, "root"), filepath.Join(base, "own", "ledger")) + batchOf(t, &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 3, Mode: 0o644})
		if err := mirror.Receive(strings.NewReader(in), &out); err == nil {
			t.Errorf("%s: it is taken: %s", name, out.String())
		}
		if left := list(t, base); len(left) > 1 {
			t.Errorf("%s: %v", name, left)
		}
	}
}

func TestReceive_RefusesWhatIsNeitherFileNorLink(t *testing.T) {
	for _, kind := range []byte{tar.TypeLink, tar.TypeChar, tar.TypeFifo, tar.TypeDir} {
		base := t.TempDir()
		in := hello(filepath.Join(base, "root"), filepath.Join(base, "own", "ledger")) + batchOf(t, &tar.Header{Typeflag: kind, Name: "0/x", Linkname: "/etc/passwd"})
		if err := mirror.Receive(strings.NewReader(in), io.Discard); err == nil {
			t.Errorf("an entry of type %q is taken", kind)
		}
	}
}

// A stream that ends in the middle of a file leaves no part of it behind.
func TestReceive_WritesNoPartOfAFile(t *testing.T) {
	base := t.TempDir()
	whole := hello(filepath.Join(base, "root"), filepath.Join(base, "own", "ledger")) + batchOf(t, &tar.Header{Typeflag: tar.TypeReg, Name: "0/x", Size: 4096, Mode: 0o644})
	if err := mirror.Receive(strings.NewReader(whole[:len(whole)-3000]), io.Discard); err != nil {
		t.Errorf("the end of a stream is no error: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(base, "root")); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestReceive_RefusesAnotherVersion(t *testing.T) {
	var out bytes.Buffer
	if err := mirror.Receive(strings.NewReader(`{"v":2,"roots":[]}`+"\n"), &out); err == nil || !strings.Contains(out.String(), "stream version 2") {
		t.Errorf("%v, %s", err, out.String())
	}
}

// Receive ends for any input, and changes nothing outside its root.
func FuzzReceive(f *testing.F) {
	gone := base64.StdEncoding.EncodeToString([]byte("../beside"))
	f.Add([]byte(batchOf(f, &tar.Header{Typeflag: tar.TypeReg, Name: "0/a/b", Size: 5, Mode: 0o600})))
	f.Add([]byte(batchOf(f, &tar.Header{Typeflag: tar.TypeSymlink, Name: "0/a", Linkname: "../beside"}, &tar.Header{Typeflag: tar.TypeReg, Name: "0/a/b", Size: 1})))
	f.Add([]byte(`{"batch":1,"gone":[{"r":0,"p":"` + gone + `"}]}` + "\n"))
	f.Add([]byte("{}\n\n{"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		base := t.TempDir()
		beside := filepath.Join(base, "beside")
		if err := os.WriteFile(beside, []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
		in := hello(filepath.Join(base, "root"), filepath.Join(base, "own", "ledger")) + string(stream)
		_ = mirror.Receive(strings.NewReader(in), io.Discard)
		if b, err := os.ReadFile(beside); err != nil || string(b) != "kept" {
			t.Fatalf("%q, %v", b, err)
		}
		entries, err := os.ReadDir(base)
		if err != nil || len(entries) != 3 {
			t.Fatalf("%v, %v", entries, err)
		}
	})
}
