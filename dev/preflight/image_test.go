package preflight_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"sdev/dev"
	"sdev/dev/preflight"
)

func TestRun_FindsASecretThatALaterLayerDeletes(t *testing.T) {
	for name, deletion := range map[string]testFile{
		"the file":       {name: "app/.wh.id_rsa"},
		"its directory":  {name: ".wh.app"},
		"all below":      {name: "app/.wh..wh..opq"},
		"another one on": {name: "app/id_rsa", body: "nothing\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			s.layer("COPY id_rsa /app/ # buildkit", testFile{name: "app/id_rsa", body: privateKey})
			s.layer("RUN /bin/sh -c git clone x && rm /app/id_rsa # buildkit", deletion)
			found := s.run(t)
			const where = "layer 4 (COPY id_rsa /app/); layer 5 deletes or replaces it, but it can still be read"
			if len(found) != 1 || found[0].ID != "secret.layer" || found[0].Severity != dev.Blocks || found[0].Where != where {
				t.Errorf("found %+v, want one secret.layer in %s", found, where)
			}
		})
	}
}

func TestRun_KeepsWhatWasNotDeleted(t *testing.T) {
	s := sound()
	s.layer("COPY . . # buildkit", testFile{name: "app/keys/a.txt", body: awsKey})
	s.layer("RUN rm # buildkit", testFile{name: "app/.wh.key"}, testFile{name: "ap/.wh..wh..opq"})
	if found := s.run(t); len(found) != 1 || strings.Contains(found[0].Where, "deleted") {
		t.Errorf("found %+v", found)
	}
}

func TestRun_FindsEveryKindOfCredentialAcrossPieces(t *testing.T) {
	// The reader works in pieces; a credential may cross the border between two.
	for _, size := range []int{0, 1, 256<<10 - 20, 256 << 10, 256<<10 + 40, 512<<10 + 1040, 1<<20 - 7} {
		s := sound()
		s.inImage("app/data.txt", strings.Repeat("x\n", size/2)+" "+awsKey+" \n"+privateKey+awsSecret+"\n")
		found := s.run(t)
		line := size/2 + 1
		for _, f := range found {
			if !strings.Contains(f.Message, "/app/data.txt:"+itoa(line)) && !strings.Contains(f.Message, "/app/data.txt:"+itoa(line+1)) && !strings.Contains(f.Message, "/app/data.txt:"+itoa(line+7)) {
				t.Errorf("after %d bytes: %s, want lines from %d", size, f.Message, line)
			}
		}
		if len(found) != 3 {
			t.Errorf("after %d bytes: %d findings, want 3: %+v", size, len(found), found)
		}
	}
}

func TestRun_TellsOfALargeImageInLittleMemory(t *testing.T) {
	const layers, size = 3, 750 << 20
	img := largeOf(layers, size)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := time.Now()
	found, err := preflight.Run(t.Context(), preflight.Subject{Image: img})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	i := slices.IndexFunc(found, func(f dev.Finding) bool { return f.ID == largeImage })
	if i < 0 || !strings.Contains(found[i].Message, "2359 MB") || !strings.Contains(found[i].Message, "786 MB (RUN make data)") {
		t.Errorf("found %+v", found)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("%d MB were allocated for an image of %d MB", grown>>20, layers*size>>20)
	}
	t.Logf("%d MB in %v", layers*size>>20, time.Since(begun).Round(time.Millisecond))
	if found, err = preflight.Run(t.Context(), preflight.Subject{Image: largeOf(2, 1<<20)}); err != nil || slices.Contains(idsOf(found), largeImage) {
		t.Errorf("a small image: %+v, %v", found, err)
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	img := largeOf(1, 4<<30)
	img.began = cancel
	if _, err := preflight.Run(ctx, preflight.Subject{Image: img}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// large is an image whose layers are generated while they are read.
type large struct {
	v1.Image
	layers int
	size   int64
	began  func()
}

func largeOf(layers int, size int64) *large {
	return &large{Image: empty.Image, layers: layers, size: size, began: func() {}}
}

func (l *large) ConfigFile() (*v1.ConfigFile, error) {
	c := &v1.ConfigFile{OS: "linux", Architecture: "amd64"}
	for range l.layers {
		c.History = append(c.History, v1.History{CreatedBy: "RUN /bin/sh -c make data # buildkit"})
	}
	return c, nil
}

func (l *large) Layers() ([]v1.Layer, error) {
	return slices.Repeat([]v1.Layer{largeLayer{size: l.size, began: l.began}}, l.layers), nil
}

type largeLayer struct {
	v1.Layer
	size  int64
	began func()
}

func (l largeLayer) Uncompressed() (io.ReadCloser, error) {
	l.began()
	const magic = "\x7fELF" // a program, whose bytes are no text
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "data.csv", Typeflag: tar.TypeReg, Size: l.size, Mode: 0o644}); err != nil {
		return nil, err
	}
	return io.NopCloser(io.MultiReader(&head, strings.NewReader(magic), io.LimitReader(zeros{}, l.size-int64(len(magic))), io.LimitReader(zeros{}, 1024))), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// saved writes an image as docker save does.
func saved(t *testing.T, images ...v1.Image) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	refs := map[name.Reference]v1.Image{}
	for i, img := range images {
		ref, err := name.ParseReference("shop:" + itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		refs[ref] = img
	}
	if err := tarball.MultiRefWriteToFile(file, refs); err != nil {
		t.Fatal(err)
	}
	return file
}

// laidOut writes images as an OCI layout in a tar.
func laidOut(t *testing.T, images map[string]v1.Image) string {
	t.Helper()
	dir := t.TempDir()
	l, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"unknown/unknown", "linux/arm64", "linux/amd64"} {
		img, ok := images[platform]
		if !ok {
			continue
		}
		system, machine, _ := strings.Cut(platform, "/")
		if err := l.AppendImage(img, layout.WithPlatform(v1.Platform{OS: system, Architecture: machine})); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "image.tar")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(out)
	if err := errors.Join(w.AddFS(os.DirFS(filepath.Join(dir, "layout"))), w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

// leaking is an image with a secret.
func leaking(t *testing.T, machine string) v1.Image {
	s := sound()
	s.config.Architecture = machine
	s.inImage("app/key.txt", awsKey)
	return imageOf(t, s.config, s.layers)
}

func TestOpen_ReadsArchivesOfEveryForm(t *testing.T) {
	img := leaking(t, "amd64")
	packed := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		if _, err := z.Write(b); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		return write(t, out.Bytes())
	}
	for form, file := range map[string]string{
		"docker save":         saved(t, img),
		"docker save, packed": packed(saved(t, img)),
		"OCI layout":          laidOut(t, map[string]v1.Image{"unknown/unknown": empty.Image, "linux/arm64": leaking(t, "arm64"), "linux/amd64": img}),
		"OCI, packed":         packed(laidOut(t, map[string]v1.Image{"linux/amd64": img})),
		"uncompressed layers": oldForm(t, nil),
	} {
		t.Run(form, func(t *testing.T) {
			got, err := preflight.Open(t.Context(), file, "linux/amd64")
			if err != nil {
				t.Fatal(err)
			}
			found, err := preflight.Run(t.Context(), preflight.Subject{Image: got, Platform: "linux/amd64"})
			if err != nil || !slices.Equal(idsOf(found), []string{"secret.layer"}) {
				t.Errorf("found %+v, %v; want secret.layer alone", found, err)
			}
		})
	}
}

// oldForm is what engines up to 24 write: uncompressed layers, each in its own directory.
func oldForm(t *testing.T, change func(files map[string]string)) string {
	t.Helper()
	s := sound()
	s.inImage("app/key.txt", awsKey)
	img := imageOf(t, s.config, s.layers)
	raw, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"config.json": string(raw)}
	var names []string
	for i, l := range s.layers {
		names = append(names, `"`+itoa(i)+`/layer.tar"`)
		files[itoa(i)+"/layer.tar"] = string(tarOf(t, l.files))
	}
	files["manifest.json"] = `[{"Config": "config.json", "RepoTags": ["shop:1"], "Layers": [` + strings.Join(names, ", ") + `]}]`
	if change != nil {
		change(files)
	}
	var list []testFile
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, testFile{name: name, body: files[name]})
	}
	return write(t, tarOf(t, list))
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// linked is a tar whose files are links to each other.
func linked(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for from, to := range map[string]string{"manifest.json": "b", "b": "manifest.json"} {
		if err := w.WriteHeader(&tar.Header{Name: from, Linkname: to, Typeflag: tar.TypeSymlink}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpen_SaysWhatIsWrongWithAnArchive(t *testing.T) {
	whole, err := os.ReadFile(oldForm(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	img := leaking(t, "arm64")
	for wrong, c := range map[string]struct {
		file string
		want string
		code dev.Code
	}{
		"absent":        {filepath.Join(t.TempDir(), "none.tar"), "there is no file", dev.CodeImageMissing},
		"a directory":   {t.TempDir(), "a directory", dev.CodeImageInvalid},
		"empty":         {write(t, nil), "empty", dev.CodeImageInvalid},
		"no tar":        {write(t, bytes.Repeat([]byte("hello "), 200)), "no tar archive", dev.CodeImageInvalid},
		"no gzip":       {write(t, []byte("\x1f\x8bhello, this is not packed at all")), "gzip", dev.CodeImageInvalid},
		"another tar":   {write(t, tarOf(t, []testFile{{name: "a.txt", body: "x"}})), "neither manifest.json", dev.CodeImageInvalid},
		"cut in a file": {write(t, whole[:len(whole)/2-300]), "too early", dev.CodeImageInvalid},
		"two images":    {saved(t, img, leaking(t, "amd64")), "2 images", dev.CodeImageInvalid},
		"no JSON":       {oldForm(t, func(f map[string]string) { f["manifest.json"] = "[{" }), "manifest.json", dev.CodeImageInvalid},
		"a layer short": {oldForm(t, func(f map[string]string) {
			f["manifest.json"] = strings.Replace(f["manifest.json"], f["manifest.json"][strings.Index(f["manifest.json"], `"Layers": [`):], `"Layers": []}]`, 1)
		}), "it has 0 layers", dev.CodeImageInvalid},
		"no images":        {oldForm(t, func(f map[string]string) { f["manifest.json"] = "[]" }), "0 images", dev.CodeImageInvalid},
		"a huge text":      {oldForm(t, func(f map[string]string) { f["config.json"] = strings.Repeat(" ", 17<<20) }), "bytes", dev.CodeImageInvalid},
		"links in a ring":  {write(t, linked(t)), "link", dev.CodeImageInvalid},
		"no configuration": {oldForm(t, func(f map[string]string) { delete(f, "config.json") }), "config.json", dev.CodeImageInvalid},
		"another platform": {laidOut(t, map[string]v1.Image{"linux/arm64": img, "unknown/unknown": empty.Image}), "linux/arm64", dev.CodeImageInvalid},
		"an empty index":   {laidOut(t, nil), "no image", dev.CodeImageInvalid},
	} {
		t.Run(wrong, func(t *testing.T) {
			_, err := preflight.Open(t.Context(), c.file, "linux/amd64")
			e, ok := errors.AsType[*dev.Error](err)
			if !ok || e.Code != c.code || !strings.Contains(e.Message, c.want) || e.Hint == "" {
				t.Errorf("error %v, want code %s and %q", err, c.code, c.want)
			}
		})
	}
}

func TestRun_SaysWhichLayerCannotBeRead(t *testing.T) {
	for wrong, c := range map[string]struct {
		change func(files map[string]string)
		want   string
	}{
		"damaged": {func(f map[string]string) {
			f["3/layer.tar"] = strings.Replace(f["3/layer.tar"], awsKey, "AKIAXXXXXXXXXXXXXXXX", 1)
		}, "damaged"},
		"cut":       {func(f map[string]string) { f["3/layer.tar"] = f["3/layer.tar"][:520] }, "ends too early"},
		"no tar":    {func(f map[string]string) { f["3/layer.tar"] = strings.Repeat("no tar at all ", 100) }, "no tar archive"},
		"not there": {func(f map[string]string) { delete(f, "3/layer.tar") }, "3/layer.tar"},
	} {
		t.Run(wrong, func(t *testing.T) {
			img, err := preflight.Open(t.Context(), oldForm(t, c.change), "")
			if err == nil {
				_, err = preflight.Run(t.Context(), preflight.Subject{Image: img})
			}
			e, ok := errors.AsType[*dev.Error](err)
			if !ok || e.Code != dev.CodeImageInvalid || !strings.Contains(e.Message, "layer 4") || !strings.Contains(e.Message, c.want) {
				t.Errorf("error %v, want layer 4 and %q", err, c.want)
			}
		})
	}
}

func TestRun_LimitsWhatACraftedImageCanShow(t *testing.T) {
	s := sound()
	var files []testFile
	for i := range 300 {
		files = append(files, testFile{name: "app/" + itoa(i) + strings.Repeat("long", 2000) + "\x1b[31m\n.txt", body: awsKey})
	}
	s.layer("COPY . . # buildkit", files...)
	found := s.run(t)
	if len(found) > 30 {
		t.Errorf("%d findings of one kind", len(found))
	}
	counted := false
	for _, f := range found {
		counted = counted || strings.Contains(f.Message, "more of this rule")
		if strings.ContainsAny(f.Message+f.Where, "\x1b\n") || len(f.Message) > 600 {
			t.Errorf("not fit to be shown: %q", f.Message)
		}
	}
	if !counted {
		t.Error("no message says that there are more")
	}
}

func TestRun_IgnoresWrongMediaTypes(t *testing.T) {
	img := leaking(t, "amd64")
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	odd, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layers[3], MediaType: types.DockerForeignLayer, History: v1.History{CreatedBy: "COPY x"}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := preflight.Run(t.Context(), preflight.Subject{Image: odd})
	if err != nil || !slices.Contains(idsOf(found), "secret.layer") {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestOpen_SurvivesEveryCutAndFlippedBytes(t *testing.T) {
	whole, err := os.ReadFile(oldForm(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	try := func(what string, content []byte) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var found []dev.Finding
		img, err := preflight.Open(t.Context(), file, "")
		if err == nil {
			found, err = preflight.Run(t.Context(), preflight.Subject{Image: img})
		}
		if e, ok := errors.AsType[*dev.Error](err); err != nil && (!ok || e.Hint == "" || len(e.Message) > 600) {
			t.Errorf("%s: error %v", what, err)
		}
		if err == nil && !slices.Contains(idsOf(found), "secret.layer") {
			t.Errorf("%s: read, and the secret was not found: %+v", what, found)
		}
	}
	for n := 0; n < len(whole); n += 211 {
		try("cut after "+itoa(n), whole[:n])
	}
	for n := 0; n < len(whole); n += 389 {
		flipped := slices.Clone(whole)
		flipped[n] ^= 0x55
		try("flipped at "+itoa(n), flipped)
	}
}
