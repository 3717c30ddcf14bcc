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

// The times of files in an image that ships.
//
// Builders write files at the time at which they build, so that the same commit gives other layers, and
// another digest, each time. Here an image that was built is taken from the engine, the files in the
// layers that the build has added are given the time of the build at most, and it is put back: in one
// stream, without a file in between, and with nothing else changed. The layers of the base stay as
// they are.
//
// It is done once for what a build gave, which is remembered by a name on the engine (sdev-settled:…).

// normalizedName is what images are called that came of this; the tag says of what.
const normalizedName = "sdev-settled"

// normalizeTimestamps does it to the image that a build has just tagged. Engines that keep images in containerd's
// store keep what the builder made.
func (e *Engine) normalizeTimestamps(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	ref := r.Tag
	built, err := e.api.ImageInspect(ctx, ref)
	if err != nil {
		return engineError("find the image just built", err)
	}
	info, err := e.api.Info(ctx)
	if err != nil {
		return engineError("ask the engine how it keeps images", err)
	}
	if slices.ContainsFunc(info.DriverStatus, func(kv [2]string) bool { return kv[0] == "driver-type" && strings.Contains(kv[1], "containerd") }) {
		return nil
	}
	known := normalizedName + ":" + strings.TrimPrefix(built.ID, "sha256:")[:24]
	if done, err := e.api.ImageInspect(ctx, known); err == nil {
		return engineError("name image "+ref, e.retag(ctx, ref, built.ID, done.ID))
	}
	emit(dev.BuildStep{Service: r.Service, Text: "files get the time of the commit, so that it always gives the same image"})
	archive, err := e.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return engineError("export image "+ref, err)
	}
	defer archive.Close()
	n := newTimestampNormalizer(r.Epoch, append([]string{ref, known}, r.Tags...))
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := n.rewrite(writer, archive)
		writer.CloseWithError(err)
		ended <- err
	}()
	err = e.loadArchive(ctx, reader)
	_ = reader.Close()
	if cause := <-ended; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		err = cause
	}
	if err != nil {
		return engineError("give the image its commit's time", err)
	}
	_, _ = e.api.ImageRemove(ctx, built.ID, image.RemoveOptions{}) // the builder's cache keeps what is in it
	e.removeUnusedNames(ctx, known)
	return nil
}

// retag moves a name to another image.
func (e *Engine) retag(ctx context.Context, ref, from, to string) error {
	if from == to {
		return nil
	}
	if err := e.api.ImageTag(ctx, to, ref); err != nil {
		return err
	}
	_, _ = e.api.ImageRemove(ctx, from, image.RemoveOptions{}) // the builder's cache keeps what is in it
	return nil
}

// loadArchive loads an archive.
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

// removeUnusedNames removes names of images that have no other any more.
func (e *Engine) removeUnusedNames(ctx context.Context, but string) {
	list, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", normalizedName))})
	if err != nil {
		return // a matter of room on the disk alone
	}
	of := func(name string) bool { return strings.HasPrefix(name, normalizedName+":") }
	for _, i := range list {
		if slices.ContainsFunc(i.RepoTags, func(name string) bool { return !of(name) }) {
			continue
		}
		for _, name := range i.RepoTags {
			if name != but {
				_, _ = e.api.ImageRemove(ctx, name, image.RemoveOptions{})
			}
		}
	}
}

// timestampNormalizer changes an archive of "docker save" on its way.
type timestampNormalizer struct {
	epoch time.Time
	names []string // that the image gets

	metadata   map[string][]byte    // descriptions, by name
	layers     map[string]layerSums // by name in the archive
	duplicates map[string]string    // names of layers that stand for others
}

func newTimestampNormalizer(epoch time.Time, names []string) *timestampNormalizer {
	return &timestampNormalizer{epoch: epoch, names: names, metadata: map[string][]byte{}, layers: map[string]layerSums{}, duplicates: map[string]string{}}
}

// layerSums are the digests of a layer before and after.
type layerSums struct{ before, after digest.Digest }

// maxMetadata is more than any description of an image has, in bytes.
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

// entry passes a layer on, and keeps a description.
func (n *timestampNormalizer) entry(out *tar.Writer, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeSymlink: // a layer that is there twice; the other one may come later
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

// writeMetadata writes the configuration and the manifest of what has come of the image. A layer of the base
// keeps its digest: the engine has it, and does not look at what the archive holds for it.
func (n *timestampNormalizer) writeMetadata(out *tar.Writer) error {
	var manifests []savedManifest
	if err := json.Unmarshal(n.metadata["manifest.json"], &manifests); err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	if len(manifests) != 1 {
		return fmt.Errorf("the archive holds %d images", len(manifests))
	}
	m := manifests[0]
	var config dockerspec.DockerOCIImage
	if err := json.Unmarshal(n.metadata[m.Config], &config); err != nil {
		return fmt.Errorf("the image's configuration: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(m.Layers) {
		return fmt.Errorf("%d layers, and %d in the configuration", len(m.Layers), len(config.RootFS.DiffIDs))
	}
	base := len(m.Layers) - n.added(config)
	for i, name := range m.Layers {
		if other, ok := n.duplicates[name]; ok {
			name = other
			m.Layers[i] = other // the link itself is not passed on
		}
		sums, ok := n.layers[name]
		if !ok || sums.before != config.RootFS.DiffIDs[i] {
			return fmt.Errorf("layer %d is not what the configuration says", i+1)
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

// added is how many layers the build has added: those of the lines of the history, from the end, that
// have the build's time.
func (n *timestampNormalizer) added(config dockerspec.DockerOCIImage) int {
	layers := 0
	for _, line := range slices.Backward(config.History) {
		if line.Created == nil || !line.Created.Equal(n.epoch) {
			break
		}
		if !line.EmptyLayer {
			layers++
		}
	}
	return layers
}
