package preflight_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sdev/dev"
	"sdev/dev/preflight"
)

// compressions are the forms in which builders store layers.
func compressions() map[string]func(io.Writer) io.WriteCloser {
	return map[string]func(io.Writer) io.WriteCloser{
		"plain": func(w io.Writer) io.WriteCloser { return plain{w} },
		"gzip":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"zstd": func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w)
			if err != nil {
				panic(err) // only wrong options do that
			}
			return z
		},
	}
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// blobs are the files of an OCI layout by name.
type blobs map[string]string

// add adds a blob and returns its descriptor.
func (b blobs) add(mediaType string, content []byte) map[string]any {
	sum := sha256.Sum256(content)
	name := hex.EncodeToString(sum[:])
	b["blobs/sha256/"+name] = string(content)
	return map[string]any{"mediaType": mediaType, "digest": "sha256:" + name, "size": len(content)}
}

func (b blobs) addJSON(t *testing.T, mediaType string, content any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return b.add(mediaType, raw)
}

// image adds an image for a processor architecture, with a secret in its last layer. It returns the descriptor of its
// manifest, and the entry of manifest.json.
func (b blobs) image(t *testing.T, machine string, compress func(io.Writer) io.WriteCloser) (manifest map[string]any, saved map[string]any) {
	t.Helper()
	s := sound()
	s.inImage("app/"+machine+".txt", awsKey)
	s.config.Architecture = machine
	config, err := imageOf(t, s.config, s.layers).RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var layers []any
	var names []string
	for _, l := range s.layers {
		var packed bytes.Buffer
		w := compress(&packed)
		if _, err := w.Write(tarOf(t, l.files)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d := b.add("application/vnd.oci.image.layer.v1.tar", packed.Bytes())
		layers, names = append(layers, d), append(names, blobOf(d))
	}
	described := b.add("application/vnd.oci.image.config.v1+json", config)
	manifest = b.addJSON(t, "application/vnd.oci.image.manifest.v1+json", map[string]any{"schemaVersion": 2, "config": described, "layers": layers})
	return manifest, map[string]any{"Config": blobOf(described), "RepoTags": []string{"shop:1"}, "Layers": names}
}

func blobOf(descriptor map[string]any) string {
	return "blobs/" + strings.Replace(fmt.Sprint(descriptor["digest"]), ":", "/", 1)
}

// attestation adds what builders say about an image. Source: BuildKit, docs/attestations/attestation-storage.md.
func (b blobs) attestation(t *testing.T) map[string]any {
	t.Helper()
	statement := b.addJSON(t, "application/vnd.in-toto+json", map[string]any{"predicateType": "https://slsa.dev/provenance/v1"})
	config := b.addJSON(t, "application/vnd.oci.image.config.v1+json", map[string]any{"architecture": "unknown", "os": "unknown"})
	d := b.addJSON(t, "application/vnd.oci.image.manifest.v1+json", map[string]any{"schemaVersion": 2, "config": config, "layers": []any{statement}})
	d["platform"] = map[string]string{"os": "unknown", "architecture": "unknown"}
	return d
}

// index is an index of some manifests.
func index(manifests ...map[string]any) map[string]any {
	return map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}
}

// packed writes the files as an archive.
func (b blobs) packed(t *testing.T) string {
	t.Helper()
	var list []testFile
	for _, name := range slices.Sorted(maps.Keys(b)) {
		list = append(list, testFile{name: name, body: b[name]})
	}
	return write(t, tarOf(t, list))
}

func (b blobs) file(t *testing.T, name string, content any) {
	t.Helper()
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	b[name] = string(raw)
}

// saveContainerd is what docker save writes on an engine with the containerd image store: an OCI layout that also has
// manifest.json.
func saveContainerd(t *testing.T, compress func(io.Writer) io.WriteCloser) blobs {
	t.Helper()
	b := blobs{"oci-layout": `{"imageLayoutVersion": "1.0.0"}`}
	manifest, saved := b.image(t, "amd64", compress)
	b.file(t, "index.json", index(manifest))
	b.file(t, "manifest.json", []any{saved})
	return b
}

// layoutOfPlatforms is what docker buildx writes: an index in the index, with an image per platform and attestations.
func layoutOfPlatforms(t *testing.T, compress func(io.Writer) io.WriteCloser) blobs {
	t.Helper()
	b := blobs{"oci-layout": `{"imageLayoutVersion": "1.0.0"}`}
	manifests := []map[string]any{b.attestation(t)}
	for _, machine := range []string{"arm64", "amd64"} {
		d, _ := b.image(t, machine, compress)
		d["platform"] = map[string]string{"os": "linux", "architecture": machine}
		manifests = append(manifests, d)
	}
	b.file(t, "index.json", index(b.addJSON(t, "application/vnd.oci.image.index.v1+json", index(manifests...))))
	return b
}

func TestOpen_ReadsLayersOfEveryCompression(t *testing.T) {
	for compression, compress := range compressions() {
		for form, make := range map[string]func(*testing.T, func(io.Writer) io.WriteCloser) blobs{"docker save": saveContainerd, "OCI layout": layoutOfPlatforms} {
			t.Run(form+", "+compression, func(t *testing.T) {
				img, err := preflight.Open(t.Context(), make(t, compress).packed(t), "linux/amd64")
				if err != nil {
					t.Fatal(err)
				}
				found, err := preflight.Run(t.Context(), preflight.Subject{Image: img, Platform: "linux/amd64"})
				if err != nil || !slices.Equal(idsOf(found), []string{"secret.layer"}) || !strings.Contains(found[0].Message, "amd64.txt") {
					t.Errorf("found %+v, %v; want secret.layer of amd64.txt alone", found, err)
				}
			})
		}
	}
}

// A layer that is cut inside its compressed bytes is a damaged archive, and the message names the layer.
func TestRun_SaysWhichCompressedLayerIsCut(t *testing.T) {
	for compression, compress := range compressions() {
		t.Run(compression, func(t *testing.T) {
			b := saveContainerd(t, compress)
			var saved []struct{ Layers []string }
			if err := json.Unmarshal([]byte(b["manifest.json"]), &saved); err != nil {
				t.Fatal(err)
			}
			last := saved[0].Layers[len(saved[0].Layers)-1]
			b[last] = b[last][:len(b[last])*2/3-7]
			img, err := preflight.Open(t.Context(), b.packed(t), "")
			if err != nil {
				t.Fatal(err)
			}
			_, err = preflight.Run(t.Context(), preflight.Subject{Image: img})
			want := fmt.Sprintf("layer %d", len(saved[0].Layers))
			if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeImageInvalid || !strings.Contains(e.Message, want) || !strings.Contains(e.Message, "ends too early") {
				t.Errorf("error %v, want %q and that it ends too early", err, want)
			}
		})
	}
}
