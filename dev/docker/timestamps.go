package docker

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"

	"sdev/dev"
)

// Timestamps of files in an image that ships.
//
// Builders give files the time of the build, so that the same commit has different layers, and a different
// digest, each time. normalizeTimestamps exports the built image, limits the timestamps in the layers that the
// build has added to the commit's time, and imports it again, without any other change. The layers of the base image
// stay unchanged. The classic image store saves plain layers, which pass in one stream, without a temporary file; for
// those of the containerd image store see layoutNormalizer.
//
// A built image is normalized once; the name sdev-settled:… on the engine records the result.
//
// No library does this. mutate.Time of go-containerregistry and rewrite-timestamp of BuildKit also change layers of
// the base image, which would then be pushed and pulled a second time (newer versions of BuildKit do not);
// rewrite-timestamp is refused by the exporter of the classic image store (moby/buildkit issue 4230); neither changes
// the source's timestamp in compiled Python files, so that the layer of "pip install" would differ each time and Python
// would compile at each start; and mutate reads the archive several times, from a file as large as the image.

// normalizedName is the repository of normalized images; the tag is the original's id. Older versions use the
// same name.
const normalizedName = "sdev-settled"

// normalizeTimestamps normalizes the image that a build has just tagged.
func (e *Engine) normalizeTimestamps(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	ref := r.Tag
	built, err := e.api.ImageInspect(ctx, ref)
	if err != nil {
		return engineError("find the built image", err)
	}
	containerd, err := e.hasContainerdStore(ctx)
	if err != nil {
		return err
	}
	known := normalizedName + ":" + strings.TrimPrefix(built.ID, "sha256:")[:24]
	if done, err := e.api.ImageInspect(ctx, known); err == nil {
		return engineError("name image "+ref, e.retag(ctx, ref, built.ID, done.ID))
	}
	emit(dev.BuildStep{Service: r.Service, Text: "set the files' timestamps to the commit's, so that the image is reproducible"})
	names := append([]string{ref, known}, r.Tags...)
	rewrite := newTimestampNormalizer(r.Epoch, names).rewrite
	if containerd {
		dir, err := os.MkdirTemp("", "sdev-image-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		n := &layoutNormalizer{epoch: r.Epoch, names: names, dir: dir}
		rewrite = func(to io.Writer, from io.Reader) error { return n.rewrite(ctx, to, from) }
	}
	if err := e.reload(ctx, ref, rewrite); err != nil {
		return engineError("normalize the image's timestamps", err)
	}
	_, _ = e.api.ImageRemove(ctx, built.ID, image.RemoveOptions{}) // the build cache keeps its content
	e.removeUnusedNames(ctx, known)
	return nil
}

// hasContainerdStore reports whether the engine keeps its images in containerd's store.
func (e *Engine) hasContainerdStore(ctx context.Context) (bool, error) {
	info, err := e.api.Info(ctx)
	if err != nil {
		return false, engineError("read the engine's storage driver", err)
	}
	return slices.ContainsFunc(info.DriverStatus, func(kv [2]string) bool { return kv[0] == "driver-type" && strings.Contains(kv[1], "containerd") }), nil
}

// reload exports an image, rewrites the archive and imports the result.
func (e *Engine) reload(ctx context.Context, ref string, rewrite func(to io.Writer, from io.Reader) error) error {
	archive, err := e.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return err
	}
	defer archive.Close()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := rewrite(writer, archive)
		writer.CloseWithError(err)
		ended <- err
	}()
	err = e.loadArchive(ctx, reader)
	_ = reader.Close()
	if cause := <-ended; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		err = cause
	}
	return err
}

// retag moves a name to another image.
func (e *Engine) retag(ctx context.Context, ref, from, to string) error {
	if from == to {
		return nil
	}
	if err := e.api.ImageTag(ctx, to, ref); err != nil {
		return err
	}
	_, _ = e.api.ImageRemove(ctx, from, image.RemoveOptions{}) // the build cache keeps its content
	return nil
}

// loadArchive loads an archive of images.
func (e *Engine) loadArchive(ctx context.Context, archive io.Reader) error {
	loaded, err := e.api.ImageLoad(ctx, archive)
	if err != nil {
		return err
	}
	defer loaded.Body.Close()
	for decoder := json.NewDecoder(loaded.Body); ; {
		var m struct {
			Error string `json:"error"`
		}
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if m.Error != "" {
			return errorText(m.Error)
		}
	}
}

// removeUnusedNames removes our names, except for one, from images that no longer have any other name.
func (e *Engine) removeUnusedNames(ctx context.Context, except string) {
	list, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", normalizedName))})
	if err != nil {
		return // best effort: it only frees disk space
	}
	isOurs := func(name string) bool { return strings.HasPrefix(name, normalizedName+":") }
	for _, i := range list {
		if slices.ContainsFunc(i.RepoTags, func(name string) bool { return !isOurs(name) }) {
			continue
		}
		for _, name := range i.RepoTags {
			if name != except {
				_, _ = e.api.ImageRemove(ctx, name, image.RemoveOptions{})
			}
		}
	}
}

// timestampNormalizer rewrites an archive of "docker save" while it passes. The metadata comes last, because it names
// the layers by their digests.
type timestampNormalizer struct {
	epoch time.Time
	names []string // names that the image gets

	metadata   map[string][]byte    // metadata files, by name
	layers     map[string]layerSums // by name in the archive
	duplicates map[string]string    // layers that are links to others
}

func newTimestampNormalizer(epoch time.Time, names []string) *timestampNormalizer {
	return &timestampNormalizer{epoch: epoch, names: names, metadata: map[string][]byte{}, layers: map[string]layerSums{}, duplicates: map[string]string{}}
}

// layerSums are the digests of a layer before and after the change.
type layerSums struct{ before, after digest.Digest }

// maxMetadata limits the size of a metadata file, in bytes.
const maxMetadata = 16 << 20

func (n *timestampNormalizer) rewrite(to io.Writer, from io.Reader) error {
	in, out := tar.NewReader(from), tar.NewWriter(to)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := n.entry(out, h, in); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	if err := n.writeMetadata(out); err != nil {
		return err
	}
	return out.Close()
}

// entry rewrites a layer, and keeps a metadata file for writeMetadata.
func (n *timestampNormalizer) entry(out *tar.Writer, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeSymlink: // a duplicate layer; the other one may follow
		n.duplicates[h.Name] = path.Join(path.Dir(h.Name), h.Linkname)
		return nil
	case tar.TypeReg:
	default:
		return nil
	}
	peeked := bufio.NewReader(content)
	first, err := peeked.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	layer := path.Base(h.Name) == "layer.tar" || strings.HasPrefix(h.Name, "blobs/") && !bytes.Equal(first, []byte("{"))
	if !layer {
		n.metadata[h.Name], err = io.ReadAll(io.LimitReader(peeked, maxMetadata))
		return err
	}
	before, after := sha256.New(), sha256.New()
	if err := out.WriteHeader(&tar.Header{Name: h.Name, Mode: 0o644, Size: h.Size}); err != nil {
		return err
	}
	if err := clamp(io.MultiWriter(out, after), io.TeeReader(peeked, before), n.epoch.Unix()); err != nil {
		return err
	}
	n.layers[h.Name] = layerSums{digest.NewDigest(digest.SHA256, before), digest.NewDigest(digest.SHA256, after)}
	return nil
}

// savedManifest is an entry of manifest.json. Source: github.com/moby/docker-image-spec, spec.md.
type savedManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// writeMetadata writes the configuration and the manifest of the changed image. A layer of the base image keeps
// its digest: the engine has that layer and ignores the archive's copy.
func (n *timestampNormalizer) writeMetadata(out *tar.Writer) error {
	var manifests []savedManifest
	if err := json.Unmarshal(n.metadata["manifest.json"], &manifests); err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	if len(manifests) != 1 {
		return fmt.Errorf("the archive holds %d images, not one", len(manifests))
	}
	m := manifests[0]
	var config dockerspec.DockerOCIImage
	if err := json.Unmarshal(n.metadata[m.Config], &config); err != nil {
		return fmt.Errorf("the image's configuration: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(m.Layers) {
		return fmt.Errorf("the image has %d layers, but its configuration lists %d", len(m.Layers), len(config.RootFS.DiffIDs))
	}
	base := len(m.Layers) - addedLayers(config, n.epoch)
	for i, name := range m.Layers {
		if other, ok := n.duplicates[name]; ok {
			name = other
			m.Layers[i] = other // the archive does not contain the link itself
		}
		sums, ok := n.layers[name]
		if !ok || sums.before != config.RootFS.DiffIDs[i] {
			return fmt.Errorf("layer %d does not match the configuration", i+1)
		}
		if i >= base {
			config.RootFS.DiffIDs[i] = sums.after
		}
	}
	content, err := json.Marshal(config)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	m.Config, m.RepoTags = hex.EncodeToString(sum[:])+".json", n.names
	manifest, err := json.Marshal([]savedManifest{m})
	if err != nil {
		return err
	}
	return errors.Join(writeEntry(out, m.Config, content), writeEntry(out, "manifest.json", manifest))
}

func writeEntry(out *tar.Writer, name string, content []byte) error {
	if err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := out.Write(content)
	return err
}

// addedLayers is how many layers the build has added: those of the last history entries that have the build's time.
func addedLayers(config dockerspec.DockerOCIImage, epoch time.Time) int {
	layers := 0
	for _, line := range slices.Backward(config.History) {
		if line.Created == nil || !line.Created.Equal(epoch) {
			break
		}
		if !line.EmptyLayer {
			layers++
		}
	}
	return layers
}
