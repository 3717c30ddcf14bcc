package docker

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/pkg/archive/compression"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// testLayout is an OCI layout in memory, and the image in it: a layer of the base and two equal ones of a build.
type testLayout struct {
	files    map[string][]byte
	config   dockerspec.DockerOCIImage
	manifest ocispec.Manifest
	index    ocispec.Index
}

func (l *testLayout) add(content []byte) digest.Digest {
	sum := digest.FromBytes(content)
	l.files[blob(sum)] = content
	return sum
}

func (l *testLayout) addJSON(t *testing.T, what any) digest.Digest {
	t.Helper()
	content, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	return l.add(content)
}

// timedMembers are files of which a build at another time differs only in timestamps.
func timedMembers(at time.Time) []member {
	return slices.DeleteFunc(members(at, tar.FormatPAX), func(m member) bool { return m.Name == "hashed.pyc" })
}

// layer adds a layer whose files have a time.
func (l *testLayout) layer(t *testing.T, at time.Time, how compression.Compression) {
	t.Helper()
	plain := tarOf(t, timedMembers(at))
	var packed bytes.Buffer
	w, err := compression.CompressStream(&packed, how)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	mediaType := map[compression.Compression]string{compression.Gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip", compression.Zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd", compression.Uncompressed: "application/vnd.docker.image.rootfs.diff.tar"}[how]
	l.config.RootFS.DiffIDs = append(l.config.RootFS.DiffIDs, digest.FromBytes(plain))
	l.manifest.Layers = append(l.manifest.Layers, ocispec.Descriptor{MediaType: mediaType, Digest: l.add(packed.Bytes()), Size: int64(packed.Len())})
}

// savedLayout is what the engine saves of a build that ended at a time, with layers of the build compressed in some way.
func savedLayout(t *testing.T, at time.Time, how compression.Compression) *testLayout {
	t.Helper()
	l := &testLayout{files: map[string][]byte{}}
	early, epoch := limit.Add(-time.Hour), limit.UTC()
	l.config.History = []ocispec.History{{Created: &early}, {Created: &epoch, EmptyLayer: true}, {Created: &epoch}, {Created: &epoch}}
	l.config.Config.User = "app"
	l.layer(t, after, compression.Gzip)
	l.layer(t, at, how)
	l.layer(t, at, how)
	return l
}

// archive is the layout as a tar.
func (l *testLayout) archive(t *testing.T) []byte {
	t.Helper()
	l.manifest.Config.Digest = l.addJSON(t, l.config)
	l.index.Manifests = append(l.index.Manifests, ocispec.Descriptor{MediaType: "application/vnd.docker.distribution.manifest.v2+json", Digest: l.addJSON(t, l.manifest)})
	index, err := json.Marshal(l.index)
	if err != nil {
		t.Fatal(err)
	}
	l.files["index.json"] = index
	var list []member
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		list = append(list, member{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, string(l.files[name])})
	}
	return tarOf(t, append(list, member{tar.Header{Name: "blobs/../../outside", Typeflag: tar.TypeReg}, "x"}))
}

// normalizeLayout returns the normalized layout's files by name.
func normalizeLayout(t *testing.T, archive []byte) (map[string][]byte, error) {
	t.Helper()
	n := &layoutNormalizer{epoch: limit, names: []string{"shop:1", "example.com/other"}, dir: t.TempDir()}
	var out bytes.Buffer
	if err := n.rewrite(t.Context(), &out, bytes.NewReader(archive)); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLayoutNormalizer_ChangesOnlyTheLayersOfTheBuild(t *testing.T) {
	for name, how := range map[string]compression.Compression{"gzip": compression.Gzip, "zstd": compression.Zstd, "plain": compression.Uncompressed} {
		t.Run(name, func(t *testing.T) {
			saved := savedLayout(t, after.Add(time.Minute), how)
			files, err := normalizeLayout(t, saved.archive(t))
			if err != nil {
				t.Fatal(err)
			}
			var index ocispec.Index
			var manifest ocispec.Manifest
			var config dockerspec.DockerOCIImage
			if err := json.Unmarshal(files["index.json"], &index); err != nil || len(index.Manifests) != 2 {
				t.Fatalf("%s, %v", files["index.json"], err)
			}
			if a, b := index.Manifests[0].Annotations["io.containerd.image.name"], index.Manifests[1].Annotations["io.containerd.image.name"]; a != "docker.io/library/shop:1" || b != "example.com/other:latest" {
				t.Errorf("names %s, %s", a, b)
			}
			if err := errors.Join(json.Unmarshal(files[blob(index.Manifests[0].Digest)], &manifest), json.Unmarshal(files[blob(manifest.Config.Digest)], &config)); err != nil {
				t.Fatal(err)
			}
			if config.Config.User != "app" || config.RootFS.DiffIDs[0] != saved.config.RootFS.DiffIDs[0] || manifest.Layers[0].Digest != saved.manifest.Layers[0].Digest {
				t.Errorf("the base or the configuration has changed: %+v", config)
			}
			for i, l := range manifest.Layers[1:] {
				unpacked, err := compression.DecompressStream(bytes.NewReader(files[blob(l.Digest)]))
				if err != nil {
					t.Fatal(err)
				}
				got, err := digest.FromReader(unpacked)
				if err != nil || got != config.RootFS.DiffIDs[i+1] || l.Size != int64(len(files[blob(l.Digest)])) || l.MediaType != "application/vnd.docker.image.rootfs.diff.tar.gzip" || digest.FromBytes(files[blob(l.Digest)]) != l.Digest {
					t.Errorf("layer %d: %v, %+v", i+2, err, l)
				}
			}
			if manifest.Layers[1].Digest != manifest.Layers[2].Digest {
				t.Error("equal layers differ")
			}
		})
	}
}

// Two builds of one commit, at different times, give the same image.
func TestLayoutNormalizer_GivesTheSameDigestAgain(t *testing.T) {
	var sums []string
	for _, at := range []time.Time{after, after.Add(3 * time.Hour)} {
		files, err := normalizeLayout(t, savedLayout(t, at, compression.Gzip).archive(t))
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, string(files["index.json"]))
	}
	if sums[0] != sums[1] {
		t.Errorf("%s\n%s", sums[0], sums[1])
	}
}

func TestLayoutNormalizer_RefusesWhatItDoesNotUnderstand(t *testing.T) {
	for want, change := range map[string]func(*testLayout){
		"layer 2 does not match":     func(l *testLayout) { l.config.RootFS.DiffIDs[1] = digest.FromString("another") },
		"the image has 3 layers":     func(l *testLayout) { l.config.RootFS.DiffIDs = l.config.RootFS.DiffIDs[1:] },
		"the archive holds 2 images": func(l *testLayout) { l.index.Manifests = make([]ocispec.Descriptor, 1) },
		"layer 2: unexpected EOF": func(l *testLayout) {
			b := blob(l.manifest.Layers[1].Digest)
			l.files[b] = l.files[b][:len(l.files[b])/2]
		},
		"no such file or directory":     func(l *testLayout) { delete(l.files, blob(l.manifest.Layers[2].Digest)) },
		"invalid character 'x' looking": func(l *testLayout) { l.index.MediaType = "" },
	} {
		saved := savedLayout(t, after, compression.Gzip)
		change(saved)
		archive := saved.archive(t)
		if strings.HasPrefix(want, "invalid") {
			archive = bytes.Replace(archive, saved.files["index.json"], bytes.Repeat([]byte("x"), len(saved.files["index.json"])), 1)
		}
		if _, err := normalizeLayout(t, archive); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
