package preflight

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"sdev/dev"
)

// Limits of an archive. They are far above what builders write, and keep a crafted one from using up memory.
const (
	maxArchiveEntries = 200_000
	maxArchiveNames   = 32 << 20  // bytes of all their names
	maxDescription    = 16 << 20  // of a manifest or configuration
	maxWindow         = 128 << 20 // of zstd, in memory
)

// Open returns the image in an archive: what "docker save" writes, in its old or new format, or an OCI layout,
// with or without gzip. If the archive holds several platforms, it returns the image for platform
// ("linux/amd64"), or the first if platform is "". The image reads from the archive later, so the file must stay
// in place, and ctx in force, while it is used. Errors are *dev.Error.
//
// go-containerregistry cannot replace this: its layout package reads a directory, so the archive would have to be
// unpacked to disk first, and neither layout nor tarball limits what a crafted archive makes it read into memory.
func Open(ctx context.Context, file, platform string) (v1.Image, error) {
	a := archive{ctx: ctx, file: file}
	img, err := a.image(ctx, platform)
	switch {
	case err == nil:
		return img, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, os.ErrNotExist):
		return nil, &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err, Message: "there is no file " + file, Hint: "create it: docker save -o " + path.Base(file) + " IMAGE"}
	}
	return nil, invalid(file, err)
}

func invalid(name string, err error) error {
	return &dev.Error{Code: dev.CodeImageInvalid, Exit: dev.ExitFailed, Cause: err, Message: printable(fmt.Sprintf("cannot read the image in %s: %v", name, err)),
		Hint: "create it again: docker save -o IMAGE.tar IMAGE"}
}

// archive is a file that contains an image.
type archive struct {
	ctx     context.Context //nolint:containedctx // readers of the image take no context
	file    string
	gzipped bool              // by gzip
	sizes   map[string]int64  // of its regular files; the largest if several have one name
	links   map[string]string // targets of its links by name
}

func (a *archive) image(ctx context.Context, platform string) (v1.Image, error) {
	if err := a.list(ctx); err != nil {
		return nil, err
	}
	if _, ok := a.sizes["manifest.json"]; ok {
		return a.dockerSave()
	}
	if _, ok := a.sizes["index.json"]; ok {
		return a.ociLayout(platform)
	}
	return nil, errors.New("it contains neither manifest.json (docker save) nor index.json (an OCI layout)")
}

// open opens the archive as a tar.
func (a *archive) open() (io.ReadCloser, error) {
	f, err := dev.OpenFile(a.file)
	if err != nil {
		return nil, err
	}
	if !a.gzipped {
		return cancellableFile{f, a.ctx}, nil
	}
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return readCloser{&limitedReader{ctx: a.ctx, r: z, left: maxUnpacked}, f}, nil
}

// cancellableFile is a file that can be read until ctx ends. It can still seek, so that readers skip members fast.
type cancellableFile struct {
	*os.File
	ctx context.Context //nolint:containedctx // as in limitedReader
}

func (w cancellableFile) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.File.Read(p)
}

// readCloser reads from one and closes another.
type readCloser struct {
	io.Reader
	io.Closer
}

// list records the files of the archive, and refuses what no builder writes.
func (a *archive) list(ctx context.Context) error {
	if err := a.detectGzip(); err != nil {
		return err
	}
	rc, err := a.open()
	if err != nil {
		return err
	}
	defer rc.Close()
	a.sizes, a.links = map[string]int64{}, map[string]string{}
	names := 0
	t := tar.NewReader(rc)
	for {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return checkLinks(a.links)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the archive ends too early")
		case errors.Is(err, errTooLarge):
			return err
		case err != nil:
			return fmt.Errorf("it is no tar archive: %w", err)
		case len(a.sizes)+len(a.links) > maxArchiveEntries:
			return fmt.Errorf("it contains more than %d files", maxArchiveEntries)
		}
		if names += len(h.Name) + len(h.Linkname); names > maxArchiveNames {
			return errors.New("the names of its files are longer than any that builders write")
		}
		switch name := path.Clean(h.Name); h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse:
			a.sizes[name] = max(a.sizes[name], h.Size)
			if path.Ext(name) == ".json" && h.Size > maxDescription {
				return fmt.Errorf("%s in it has %d bytes, more than any description of an image", name, h.Size)
			}
		case tar.TypeSymlink, tar.TypeLink:
			a.links[name] = path.Join(path.Dir(name), h.Linkname)
		}
	}
}

// detectGzip recognises gzip by the first bytes. It opens nothing that would block.
func (a *archive) detectGzip() error {
	f, err := dev.OpenFile(a.file)
	if err != nil {
		return err
	}
	if st, err := f.Stat(); err != nil || st.Size() == 0 {
		return errors.Join(cmp.Or(err, errors.New("it is empty")), f.Close())
	}
	magic := make([]byte, len(gzipMagic))
	_, _ = io.ReadFull(f, magic) // a shorter file is no tar either
	a.gzipped = bytes.Equal(magic, gzipMagic)
	return f.Close()
}

// checkLinks allows links to files: docker save writes a layer once and links to it. It refuses links to links.
func checkLinks(links map[string]string) error {
	for name, to := range links {
		if _, again := links[to]; again {
			return fmt.Errorf("%s in it is a link to a link", name)
		}
	}
	return nil
}

// dockerSave reads what docker save writes. Source: github.com/moby/docker-image-spec, v1.2.
func (a *archive) dockerSave() (v1.Image, error) {
	b, err := a.read("manifest.json")
	if err != nil {
		return nil, err
	}
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(b, &manifest); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(manifest) != 1 {
		return nil, fmt.Errorf("it contains %d images instead of one", len(manifest))
	}
	config, err := a.read(path.Clean(manifest[0].Config))
	if err != nil {
		return nil, fmt.Errorf("the image's configuration: %w", err)
	}
	return a.imageOf(config, manifest[0].Layers)
}

// read returns a small file of the archive.
func (a *archive) read(name string) ([]byte, error) {
	rc, err := a.openMember(name)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	b, err := io.ReadAll(io.LimitReader(rc, maxDescription+1))
	if err == nil && len(b) > maxDescription {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxDescription)
	}
	return b, err
}

// openMember opens a file of the archive, or the target of a link.
func (a *archive) openMember(name string) (io.ReadCloser, error) {
	name = path.Clean(name)
	if to, ok := a.links[name]; ok { // see checkLinks
		name = to
	}
	rc, err := a.open()
	if err != nil {
		return nil, err
	}
	t := tar.NewReader(rc)
	for {
		h, err := t.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("%s is missing", name)
			}
			return nil, errors.Join(err, rc.Close())
		}
		if path.Clean(h.Name) == name && h.Typeflag == tar.TypeReg {
			return readCloser{t, rc}, nil
		}
	}
}

// ociLayout reads an OCI layout. Source: github.com/opencontainers/image-spec, image-layout.md.
func (a *archive) ociLayout(platform string) (v1.Image, error) {
	b, err := a.read("index.json")
	if err != nil {
		return nil, err
	}
	const deepest = 4 // an index may hold an index
	for range deepest {
		var index v1.IndexManifest
		if err := json.Unmarshal(b, &index); err != nil {
			return nil, fmt.Errorf("its index: %w", err)
		}
		d, err := chooseManifest(index.Manifests, platform)
		if err != nil {
			return nil, err
		}
		if b, err = a.read(blobPath(d.Digest)); err != nil {
			return nil, err
		}
		if !d.MediaType.IsIndex() {
			return a.fromManifest(b)
		}
	}
	return nil, errors.New("its indexes are nested too deep")
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// chooseManifest chooses the manifest for a platform. It skips attestations, which builders add for the platform
// unknown.
func chooseManifest(all []v1.Descriptor, platform string) (v1.Descriptor, error) {
	var there []string
	for _, d := range all {
		if p := d.Platform; p != nil {
			if p.OS == "unknown" {
				continue
			}
			name := p.OS + "/" + p.Architecture
			there = append(there, name)
			if platform != "" && name != platform && len(all) > 1 {
				continue
			}
		}
		return d, nil
	}
	if len(there) > 0 {
		return v1.Descriptor{}, fmt.Errorf("it has no image for %s, only for %s", platform, strings.Join(there, ", "))
	}
	return v1.Descriptor{}, errors.New("its index names no image")
}

func (a *archive) fromManifest(b []byte) (v1.Image, error) {
	var m v1.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	config, err := a.read(blobPath(m.Config.Digest))
	if err != nil {
		return nil, err
	}
	var layers []string
	for _, d := range m.Layers {
		layers = append(layers, blobPath(d.Digest))
	}
	return a.imageOf(config, layers)
}

// imageOf returns the image with this configuration, whose layers are files of the archive.
func (a *archive) imageOf(config []byte, layers []string) (v1.Image, error) {
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("the image's configuration: %w", err)
	}
	have, want := len(layers), len(parsed.RootFS.DiffIDs)
	switch {
	case have != want:
		return nil, fmt.Errorf("it has %d layers, but the image's configuration names %d", have, want)
	case have > maxLayers:
		return nil, fmt.Errorf("it has %d layers, which no builder writes", have)
	}
	return partial.UncompressedToImage(&archiveImage{a, config, parsed, layers})
}

// archiveImage is an image in an archive.
type archiveImage struct {
	archive *archive
	config  []byte
	parsed  *v1.ConfigFile
	layers  []string
}

func (i *archiveImage) RawConfigFile() ([]byte, error)      { return i.config, nil }
func (i *archiveImage) MediaType() (types.MediaType, error) { return types.DockerManifestSchema2, nil }
func (i *archiveImage) LayerByDiffID(h v1.Hash) (partial.UncompressedLayer, error) {
	for n, id := range i.parsed.RootFS.DiffIDs {
		if id == h {
			return archiveLayer{i.archive, i.layers[n], h}, nil
		}
	}
	return nil, fmt.Errorf("it has no layer %s", h)
}

type archiveLayer struct {
	archive *archive
	file    string
	id      v1.Hash
}

func (l archiveLayer) DiffID() (v1.Hash, error)            { return l.id, nil }
func (l archiveLayer) MediaType() (types.MediaType, error) { return types.DockerLayer, nil }

// Uncompressed unpacks a layer by its first bytes, whatever its media type says.
func (l archiveLayer) Uncompressed() (io.ReadCloser, error) {
	rc, err := l.archive.openMember(l.file)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(rc)
	head, _ := in.Peek(len(zstdMagic)) // a shorter file is no layer; its reader reports that
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, errors.Join(err, rc.Close())
		}
		return readCloser{z, rc}, nil
	case bytes.Equal(head, zstdMagic):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, errors.Join(err, rc.Close())
		}
		return readCloser{z, zstdCloser{z, rc}}, nil
	}
	return readCloser{in, rc}, nil
}

var zstdMagic = []byte("\x28\xb5\x2f\xfd")

// zstdCloser closes a decoder and what it reads from.
type zstdCloser struct {
	decoder *zstd.Decoder
	io.Closer
}

func (r zstdCloser) Close() error {
	r.decoder.Close()
	return r.Closer.Close()
}
