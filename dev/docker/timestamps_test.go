package docker

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var (
	limit = time.Unix(1772600767, 0)
	after = limit.Add(time.Hour + 345678*time.Microsecond)
)

// pycFile returns a compiled Python file with the timestamp of its source, or with a hash if flags say so.
func pycFile(flags uint32, source time.Time) string {
	b := binary.LittleEndian.AppendUint32([]byte("\xa7\r\r\n"), flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(source.Unix()))
	return string(binary.LittleEndian.AppendUint32(b, 7)) + "code"
}

type member struct {
	tar.Header
	content string
}

func members(at time.Time, format tar.Format) []member {
	h := func(name string, kind byte, at time.Time) tar.Header {
		return tar.Header{Name: name, Typeflag: kind, Mode: 0o644, ModTime: at, Format: format}
	}
	link := h("link", tar.TypeSymlink, at)
	link.Linkname = "file"
	return []member{{h("directory/", tar.TypeDir, at), ""}, {h("file", tar.TypeReg, at), strings.Repeat("x", 700)}, {h("old", tar.TypeReg, limit.Add(-time.Hour)), "y"}, {link, ""},
		{h("a.pyc", tar.TypeReg, at), pycFile(0, at)}, {h("hashed.pyc", tar.TypeReg, at), pycFile(1, at)}, {h("short.pyc", tar.TypeReg, at), "?"}, {h("empty.pyc", tar.TypeReg, at), ""},
		{h(strings.Repeat("long/", 40)+"b.pyc", tar.TypeReg, at), pycFile(0, at)}, {h(strings.Repeat("long/", 40)+"c", tar.TypeReg, at), "z"}}
}

func tarOf(t *testing.T, list []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range list {
		m.Size = int64(len(m.content))
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestClamp_ChangesOnlyTimestamps(t *testing.T) {
	for name, format := range map[string]tar.Format{"pax": tar.FormatPAX, "gnu": tar.FormatGNU} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			in := tarOf(t, members(after, format))
			if err := clamp(&out, bytes.NewReader(in), limit.Unix()); err != nil {
				t.Fatal(err)
			}
			if out.Len() != len(in) {
				t.Errorf("%d bytes became %d", len(in), out.Len())
			}
			want := members(limit, format)
			r := tar.NewReader(&out)
			for _, m := range want {
				h, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				if m.Name == "hashed.pyc" {
					m.content = pycFile(1, after) // its hash stays
				}
				if h.Name != m.Name || h.Linkname != m.Linkname || h.Mode != m.Mode || !h.ModTime.Equal(m.ModTime) || string(content) != m.content {
					t.Errorf("%s at %s with %q, want %s at %s with %q", h.Name, h.ModTime, content, m.Name, m.ModTime, m.content)
				}
			}
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the last file: %v", err)
			}
		})
	}
	for name, broken := range map[string][]byte{"no archive": bytes.Repeat([]byte("x"), tarBlock), "a part of one": tarOf(t, members(after, tar.FormatPAX))[:3*tarBlock+100]} {
		if err := clamp(io.Discard, bytes.NewReader(broken), limit.Unix()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzClamp(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0}, tarBlock))
	f.Fuzz(func(t *testing.T, content []byte) {
		var out bytes.Buffer
		if err := clamp(&out, bytes.NewReader(content), limit.Unix()); err == nil && out.Len() != len(content) {
			t.Errorf("%d bytes became %d", len(content), out.Len())
		}
	})
}

// normalized normalizes an image with a layer of its base and two equal layers of a build. The engine saves the second
// of these as a link to the first, which may come before it.
func normalized(t *testing.T, layerName func(digest.Digest) string, tamper func(*dockerspec.DockerOCIImage)) (manifest savedManifest, image dockerspec.DockerOCIImage, err error) {
	t.Helper()
	base, top := tarOf(t, members(after, tar.FormatPAX)), tarOf(t, members(after.Add(time.Minute), tar.FormatPAX))
	early, epoch := limit.Add(-time.Hour), limit.UTC()
	var config dockerspec.DockerOCIImage
	config.RootFS = ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(base), digest.FromBytes(top), digest.FromBytes(top)}}
	config.History = []ocispec.History{{Created: &early}, {Created: &epoch, EmptyLayer: true}, {Created: &epoch}, {Created: &epoch}}
	config.Config.User = "app"
	tamper(&config)
	described, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{layerName(digest.FromBytes(base)), layerName(digest.FromBytes(top)), "again/layer.tar"}
	duplicate := member{tar.Header{Name: names[2], Typeflag: tar.TypeSymlink, Linkname: "../" + names[1]}, ""}
	listed, err := json.Marshal([]savedManifest{{Config: "blobs/sha256/config", RepoTags: []string{"shop:1"}, Layers: names}})
	if err != nil {
		t.Fatal(err)
	}
	plain := func(name, content string) member {
		return member{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, content}
	}
	saved := tarOf(t, []member{duplicate, plain(names[0], string(base)), plain("blobs/sha256/config", string(described)), plain(names[1], string(top)), plain("manifest.json", string(listed))})
	var out bytes.Buffer
	s := newTimestampNormalizer(limit, []string{"shop:1", "other:2"})
	if err := s.rewrite(&out, bytes.NewReader(saved)); err != nil {
		return manifest, image, err
	}
	files := map[string][]byte{}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		files[h.Name], _ = io.ReadAll(r)
	}
	var list []savedManifest
	if err := errors.Join(json.Unmarshal(files["manifest.json"], &list), json.Unmarshal(files[list[0].Config], &image)); err != nil {
		t.Fatal(err)
	}
	if digest.FromBytes(files[list[0].Config]).Encoded()+".json" != list[0].Config || digest.FromBytes(files[names[1]]) != image.RootFS.DiffIDs[1] || image.RootFS.DiffIDs[2] != image.RootFS.DiffIDs[1] || list[0].Layers[2] != names[1] || image.RootFS.DiffIDs[0] != digest.FromBytes(base) {
		t.Errorf("names and digests: %+v, %+v", list, image.RootFS)
	}
	return list[0], image, nil
}

func TestTimestampNormalizer_ChangesOnlyTheLayersOfTheBuild(t *testing.T) {
	for name, layerName := range map[string]func(digest.Digest) string{
		"as older engines save":   func(d digest.Digest) string { return d.Encoded()[:16] + "/layer.tar" },
		"as younger engines save": func(d digest.Digest) string { return "blobs/sha256/" + d.Encoded() },
	} {
		m, image, err := normalized(t, layerName, func(*dockerspec.DockerOCIImage) {})
		if err != nil || strings.Join(m.RepoTags, " ") != "shop:1 other:2" || image.Config.User != "app" {
			t.Errorf("%s: %+v, %+v, %v", name, m, image, err)
		}
	}
	_, _, err := normalized(t, func(d digest.Digest) string { return "blobs/sha256/" + d.Encoded() }, func(c *dockerspec.DockerOCIImage) { c.RootFS.DiffIDs[1] = digest.FromString("another") })
	if err == nil || !strings.Contains(err.Error(), "layer 2 does not match the configuration") {
		t.Errorf("a layer that is another: %v", err)
	}
}
