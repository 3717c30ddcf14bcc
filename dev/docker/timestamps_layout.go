package docker

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/distribution/reference"
	"github.com/klauspost/compress/gzip"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"sdev/dev"
	"sdev/dev/pattern"
)

// layoutNormalizer rewrites what an engine with the containerd image store saves: an OCI layout, whose layers are
// compressed. The manifest names a layer by the digest of its compressed bytes, so a layer that the build has added is
// compressed again, always by the same code. A layer of the base image keeps its bytes, so that a registry that has it
// does not get it again.
//
// The order of the archive does not say which layers to change. So the layout is unpacked into a directory first.
type layoutNormalizer struct {
	epoch time.Time
	names []string // names that the image gets
	dir   string   // the unpacked layout, empty at first
}

// layoutFile matches the files of a layout that are needed.
var layoutFile = pattern.New(`^(?:index\.json|blobs/sha256/[0-9a-f]{64})$`)

func (n *layoutNormalizer) rewrite(ctx context.Context, to io.Writer, from io.Reader) error {
	if err := n.unpack(ctx, from); err != nil {
		return err
	}
	var index ocispec.Index
	if err := n.read(ocispec.ImageIndexFile, &index); err != nil {
		return err
	}
	if len(index.Manifests) != 1 {
		return fmt.Errorf("the archive holds %d images, not one", len(index.Manifests))
	}
	described := index.Manifests[0]
	var manifest ocispec.Manifest
	if err := n.read(blob(described.Digest), &manifest); err != nil {
		return err
	}
	var config dockerspec.DockerOCIImage
	if err := n.read(blob(manifest.Config.Digest), &config); err != nil {
		return err
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return fmt.Errorf("the image has %d layers, but its configuration lists %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	for i := max(0, len(manifest.Layers)-addedLayers(config, n.epoch)); i < len(manifest.Layers); i++ {
		sums, err := n.layer(ctx, &manifest.Layers[i])
		if err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		if sums.before != config.RootFS.DiffIDs[i] {
			return fmt.Errorf("layer %d does not match the configuration", i+1)
		}
		config.RootFS.DiffIDs[i] = sums.after
	}
	var err error
	if manifest.Config.Digest, manifest.Config.Size, err = n.add(config); err != nil {
		return err
	}
	if described.Digest, described.Size, err = n.add(manifest); err != nil {
		return err
	}
	return n.write(ctx, to, described, manifest)
}

// unpack writes the layout's files to the directory.
func (n *layoutNormalizer) unpack(ctx context.Context, from io.Reader) error {
	if err := os.MkdirAll(filepath.Join(n.dir, "blobs", "sha256"), 0o700); err != nil {
		return err
	}
	for archive := tar.NewReader(from); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if name := path.Clean(h.Name); h.Typeflag == tar.TypeReg && layoutFile.MatchString(name) {
			if err := n.create(ctx, name, archive); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
}

func (n *layoutNormalizer) create(ctx context.Context, name string, content io.Reader) error {
	f, err := os.Create(filepath.Join(n.dir, name))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, untilDone{ctx, content})
	return errors.Join(err, f.Close())
}

// read reads a metadata file.
func (n *layoutNormalizer) read(name string, into any) error {
	content, err := dev.ReadUpTo(filepath.Join(n.dir, name), maxMetadata)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// add adds a metadata file to the blobs.
func (n *layoutNormalizer) add(described any) (digest.Digest, int64, error) {
	content, err := json.Marshal(described)
	if err != nil {
		return "", 0, err
	}
	sum := digest.FromBytes(content)
	return sum, int64(len(content)), os.WriteFile(filepath.Join(n.dir, blob(sum)), content, 0o600)
}

// layer changes the timestamps in a layer and describes the result. The sums are those of the uncompressed layer.
func (n *layoutNormalizer) layer(ctx context.Context, d *ocispec.Descriptor) (sums layerSums, err error) {
	in, err := dev.OpenFile(filepath.Join(n.dir, blob(d.Digest)))
	if err != nil {
		return sums, err
	}
	defer in.Close() //nolint:errcheck // only read
	unpacked, err := compression.DecompressStream(in)
	if err != nil {
		return sums, err
	}
	defer unpacked.Close()
	out, err := os.CreateTemp(n.dir, "layer-")
	if err != nil {
		return sums, err
	}
	defer out.Close() //nolint:errcheck // below, it is checked; here, it ends an attempt that has failed
	before, after, packed := digest.SHA256.Digester(), digest.SHA256.Digester(), digest.SHA256.Digester()
	z := gzip.NewWriter(io.MultiWriter(out, packed.Hash()))
	if err := clamp(io.MultiWriter(z, after.Hash()), io.TeeReader(untilDone{ctx, unpacked}, before.Hash()), n.epoch.Unix()); err != nil {
		return sums, err
	}
	if err := errors.Join(z.Close(), out.Close()); err != nil {
		return sums, err
	}
	st, err := os.Stat(out.Name())
	if err != nil {
		return sums, err
	}
	d.Digest, d.Size, d.MediaType = packed.Digest(), st.Size(), gzipType(d.MediaType)
	return layerSums{before.Digest(), after.Digest()}, os.Rename(out.Name(), filepath.Join(n.dir, blob(d.Digest)))
}

// gzipType is the media type of a layer with gzip in an image of the same kind, Docker's or OCI's.
func gzipType(mediaType string) string {
	const docker = "application/vnd.docker.image.rootfs.diff.tar"
	if base := regexp.MustCompile(`[.+](?:gzip|zstd)$`).ReplaceAllString(mediaType, ""); base == docker {
		return docker + ".gzip"
	}
	return ocispec.MediaTypeImageLayerGzip
}

// write writes the layout with the image under all its names.
func (n *layoutNormalizer) write(ctx context.Context, to io.Writer, described ocispec.Descriptor, manifest ocispec.Manifest) error {
	out := tar.NewWriter(to)
	content := map[digest.Digest]bool{described.Digest: true, manifest.Config.Digest: true}
	for _, l := range manifest.Layers {
		content[l.Digest] = true
	}
	for _, sum := range slices.Sorted(maps.Keys(content)) {
		if err := n.copy(ctx, out, sum); err != nil {
			return fmt.Errorf("%s: %w", blob(sum), err)
		}
	}
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	for _, name := range n.names {
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil {
			return err
		}
		// containerd reads the whole name from its own annotation. Source: containerd, core/images/annotations.go.
		described.Annotations = map[string]string{"io.containerd.image.name": reference.TagNameOnly(named).String()}
		index.Manifests = append(index.Manifests, described)
	}
	encoded, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return errors.Join(writeEntry(out, ocispec.ImageIndexFile, encoded),
		writeEntry(out, ocispec.ImageLayoutFile, []byte(`{"imageLayoutVersion":"`+ocispec.ImageLayoutVersion+`"}`)), out.Close())
}

func (n *layoutNormalizer) copy(ctx context.Context, to *tar.Writer, sum digest.Digest) error {
	f, err := dev.OpenFile(filepath.Join(n.dir, blob(sum)))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := to.WriteHeader(&tar.Header{Name: blob(sum), Mode: 0o644, Size: st.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(to, untilDone{ctx, f})
	return err
}

// blob is the name of a blob's file in a layout.
func blob(sum digest.Digest) string { return path.Join("blobs", "sha256", sum.Encoded()) }

// untilDone reads until ctx ends.
type untilDone struct {
	ctx context.Context //nolint:containedctx // a reader takes no context
	io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
