package preflight_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/preflight"
)

// tarBlock is a tar header that archive/tar would not write.
func tarBlock(kind byte, name string, size int, more func(b []byte)) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00", size))
	copy(b[148:], "        ")
	b[156] = kind
	copy(b[257:], "ustar\x0000")
	if more != nil {
		more(b)
	}
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// filled pads a text as in a tar.
func filled(text string) []byte {
	return append([]byte(text), make([]byte, (512-len(text)%512)%512)...)
}

// withHoles is a tar with a sparse file, whose size exceeds its bytes.
func withHoles(size int64, form string) []byte {
	end := make([]byte, 1024)
	if form == "GNU" {
		return slices.Concat(tarBlock('S', "app/holes.txt", 512, func(b []byte) {
			copy(b[257:], "ustar  \x00")
			copy(b[386:], fmt.Sprintf("%011o\x00%011o\x00", 0, 512))
			copy(b[483:], fmt.Sprintf("%011o\x00", size))
		}), filled(awsKey+"\n"+strings.Repeat("\n", 511-len(awsKey))), end)
	}
	var records string
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=app/holes.txt", fmt.Sprintf("GNU.sparse.realsize=%d", size)} {
		n := len(r) + 4 // the length field: two digits, a space and a line end
		records += fmt.Sprintf("%d %s\n", n, r)
	}
	return slices.Concat(tarBlock('x', "x", len(records), nil), filled(records), tarBlock('0', "app/holes.txt", 1024, nil), filled("1\n0\n512\n"), filled(awsKey+"\n"+strings.Repeat("\n", 511-len(awsKey))), end)
}

// rawLayer is a layer with any bytes.
type rawLayer struct {
	v1.Layer
	body []byte
}

func (l rawLayer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.body)), nil
}

// rawImage is an image with any layers.
type rawImage struct {
	v1.Image
	layers []v1.Layer
}

func (rawImage) ConfigFile() (*v1.ConfigFile, error) {
	return &v1.ConfigFile{OS: "linux", Architecture: "amd64"}, nil
}
func (i rawImage) Layers() ([]v1.Layer, error) { return i.layers, nil }

func raw(layers ...[]byte) v1.Image {
	i := rawImage{Image: empty.Image}
	for _, body := range layers {
		i.layers = append(i.layers, rawLayer{body: body})
	}
	return i
}

// grown returns how many bytes a function allocates.
func grown(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestRun_AFileWithHolesTakesNeitherTimeNorMemory(t *testing.T) {
	for form, size := range map[string]int64{"GNU": 8<<30 - 1, "PAX": 1 << 40} {
		var found []dev.Finding
		var err error
		bytes := grown(func() {
			found, err = preflight.Run(t.Context(), preflight.Subject{Image: raw(withHoles(size, form))})
		})
		if err != nil || !slices.Contains(idsOf(found), "secret.layer") || bytes > 32<<20 {
			t.Errorf("%s: found %+v, %v, in %d MB", form, found, err, bytes>>20)
		}
	}
}

func TestRun_ArchivesThatUnpackToTooMuchAreData(t *testing.T) {
	nested := "key: " + awsKey + "\n"
	for range 30 {
		nested = gzipOf(t, nested)
	}
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	for i := range 2 {
		f, err := z.Create(fmt.Sprintf("%d.txt", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(f, zeros{}, 40<<20); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var large bytes.Buffer
	g := gzip.NewWriter(&large)
	if _, err := io.CopyN(g, zeros{}, 90<<20); err != nil || g.Close() != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"nested without end": nested, "a zip": bomb.String(), "gzip": large.String(), "gzip of a zip": gzipOf(t, bomb.String()), "the head of a zip": "PK\x03\x04" + strings.Repeat("\xff", 5000), "a tar of a huge size": string(tarBlock('0', "a", 1<<33-1, nil))} {
		s := sound()
		s.inImage("app/x.bin", body)
		var found []dev.Finding
		if bytes := grown(func() { found = s.run(t) }); len(found) > 0 || bytes > 96<<20+2*uint64(len(body)) {
			t.Errorf("%s: found %+v, in %d MB", name, found, bytes>>20)
		}
	}
}

func TestRun_RefusesWhatNoBuilderWrites(t *testing.T) {
	longName := tarOf(t, []testFile{{name: strings.Repeat("long/", 10_000) + "a", body: "x"}})
	for name, test := range map[string]struct {
		image v1.Image
		want  string
	}{
		"a name without end": {raw(longName), "a name of 50001 bytes"},
		"layers without end": {raw(slices.Repeat([][]byte{tarOf(t, nil)}, 1001)...), "1001 layers"},
	} {
		_, err := preflight.Run(t.Context(), preflight.Subject{Image: test.image})
		if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeImageInvalid || e.Hint == "" || !strings.Contains(e.Message, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRun_ManyDeletionsAndKeysTakeNoTime(t *testing.T) {
	var files []testFile
	for i := range 500 {
		files = append(files, testFile{name: "app/keys/" + itoa(i), body: strings.Repeat(awsKey+"\n", 20)})
	}
	var gone []testFile
	for i := range 20_000 {
		gone = append(gone, testFile{name: "app/other/.wh." + itoa(i)})
	}
	s := sound()
	s.layer("COPY . . # buildkit", files...)
	s.layer("RUN rm # buildkit", gone...)
	s.inImage("app/many.txt", strings.Repeat("AKIA ", 1<<17))
	if found := s.run(t); !slices.Contains(idsOf(found), "secret.layer") {
		t.Errorf("%+v", found)
	}
}

func TestOpen_RefusesWhatNoBuilderWrites(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.tar")
	if err := devtest.MakePipe(pipe); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(oldForm(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	// A reader finds the first of two files with one name, here the large one.
	twice := append(tarBlock('S', "config.json", 0, func(b []byte) {
		copy(b[257:], "ustar  \x00")
		copy(b[483:], fmt.Sprintf("%011o\x00", int64(8<<30-1)))
	}), whole...)
	var names bytes.Buffer
	w := tar.NewWriter(&names)
	for i := range 60 {
		if err := w.WriteHeader(&tar.Header{Name: strings.Repeat("n", 600_000) + itoa(i), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, want string }{
		"a pipe":             {pipe, "named pipe"},
		"a device":           {"/dev/zero", "a device"},
		"a file that hides":  {write(t, twice), "config.json in it has 8589934591 bytes"},
		"names without end":  {write(t, names.Bytes()), "longer than any that builders write"},
		"layers without end": {oldForm(t, manyLayers), "1500 layers"},
	} {
		_, err := preflight.Open(t.Context(), test.file, "")
		if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeImageInvalid || !strings.Contains(e.Message, test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// manyLayers has the same layer many times.
func manyLayers(f map[string]string) {
	const n = 1500
	id := `"sha256:` + strings.Repeat("ab", 32) + `"`
	f["config.json"] = `{"rootfs": {"type": "layers", "diff_ids": [` + strings.Join(slices.Repeat([]string{id}, n), ",") + `]}}`
	f["manifest.json"] = `[{"Config": "config.json", "Layers": [` + strings.Join(slices.Repeat([]string{`"0/layer.tar"`}, n), ",") + `]}]`
}

func TestRun_AWindowOfZstdIsBounded(t *testing.T) {
	frame := "\x28\xb5\x2f\xfd\x00\xf8" + "\x01\x00\x00" // a window of more than a terabyte
	img, err := preflight.Open(t.Context(), oldForm(t, func(f map[string]string) { f["0/layer.tar"] = frame }), "")
	if err != nil {
		t.Fatal(err)
	}
	bytes := grown(func() { _, err = preflight.Run(t.Context(), preflight.Subject{Image: img}) })
	if e, ok := errors.AsType[*dev.Error](err); !ok || !strings.Contains(e.Message, "layer 1") || bytes > 64<<20 {
		t.Errorf("error %v, in %d MB", err, bytes>>20)
	}
}

func FuzzOpen(f *testing.F) {
	for _, body := range [][]byte{[]byte("\x1f\x8b"), withHoles(1<<40, "PAX"), withHoles(1<<30, "GNU"), tarBlock('2', "manifest.json", 0, nil), nil} {
		f.Add(body)
	}
	config := `{"rootfs": {"type": "layers", "diff_ids": ["sha256:` + strings.Repeat("ab", 32) + `"]}}`
	manifest := `[{"Config": "c.json", "Layers": ["l"]}]`
	layer := slices.Concat(tarBlock('0', "app/a.sh", 20, nil), filled("export A=1\n#########"), make([]byte, 1024))
	for _, compress := range compressions() {
		var packed bytes.Buffer
		w := compress(&packed)
		if _, err := w.Write(layer); err != nil || w.Close() != nil {
			f.Fatal(err)
		}
		f.Add(slices.Concat(tarBlock('0', "manifest.json", len(manifest), nil), filled(manifest), tarBlock('0', "c.json", len(config), nil), filled(config), tarBlock('0', "l", packed.Len(), nil), filled(packed.String()), make([]byte, 1024)))
	}
	index := `{"manifests": [{"digest": "sha256:` + strings.Repeat("cd", 32) + `", "platform": {"os": "linux", "architecture": "amd64"}}]}`
	f.Add(slices.Concat(tarBlock('0', "index.json", len(index), nil), filled(index), tarBlock('0', "blobs/sha256/"+strings.Repeat("cd", 32), 2, nil), filled("{}"), make([]byte, 1024)))
	file := filepath.Join(f.TempDir(), "image.tar")
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := preflight.Open(t.Context(), file, "linux/amd64")
		if err == nil {
			_, err = preflight.Run(t.Context(), preflight.Subject{Image: img})
		}
		if e, ok := errors.AsType[*dev.Error](err); err != nil && (!ok || e.Hint == "" || len(e.Message) > 600) {
			t.Errorf("error %v", err)
		}
	})
}

func FuzzLayer(f *testing.F) {
	add := func(name, body string) { f.Add(name, []byte(body)) }
	add("app/a.py", "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n")
	add("app/run", "#!/bin/sh\n. ./b\n")
	add("app/a.pyc", bytecode("environ"))
	add("app/a.txt", inUTF16("key: "+awsKey, true, true))
	add("app/a.zip", "PK\x03\x04")
	add("app/a.tar", string(withHoles(1<<20, "PAX")))
	add("app/.streamlit/secrets.toml", "LOCAL_STREAMLIT = 1\n")
	add("app/LOCAL_STREAMLIT", "1")
	add("etc/passwd", "a:b:c\nroot:x:0:\n")
	add("app/.wh..wh..opq", "x")
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		layer := slices.Concat(tarBlock('0', name[:min(len(name), 99)], len(body), nil), filled(string(body)), make([]byte, 1024))
		_, err := preflight.Run(t.Context(), preflight.Subject{Image: raw(layer, layer)})
		if e, ok := errors.AsType[*dev.Error](err); err != nil && (!ok || e.Hint == "") {
			t.Errorf("error %v", err)
		}
	})
}
