package preflight

import (
	"archive/tar"
	"bufio"
	"bytes"
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
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"sdev/dev"
)

// Limits of an archive. They are far above what builders write, and keep a crafted one from taking
// the machine's memory.
const (
	maxArchiveEntries = 200_000
	maxDescription    = 16 << 20 // of a manifest or configuration
)

// Open gives the image in an archive: what "docker save" writes, in the old form or the new, or an OCI
// layout, packed by gzip or not. Of an archive for several platforms it is the one for platform
// ("linux/amd64"), or the first where that is "". The archive is read when the image is, so it must
// stay where it is. Errors are *dev.Error.
func Open(ctx context.Context, file, platform string) (v1.Image, error) {
	a := archive{file: file}
	img, err := a.image(ctx, platform)
	switch {
	case err == nil:
		return img, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, os.ErrNotExist):
		return nil, &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err, Message: "there is no file " + file, Hint: "write one: docker save -o " + path.Base(file) + " IMAGE"}
	}
	return nil, invalid(file, err)
}

func invalid(name string, err error) error {
	return &dev.Error{Code: dev.CodeImageInvalid, Exit: dev.ExitFailed, Cause: err, Message: short(fmt.Sprintf("cannot read the image in %s: %v", name, err)),
		Hint: "write it anew: docker save -o IMAGE.tar IMAGE"}
}

// archive is a file with an image.
type archive struct {
	file   string
	packed bool             // by gzip
	sizes  map[string]int64 // of the regular files in it
}

func (a *archive) image(ctx context.Context, platform string) (v1.Image, error) {
	if err := a.list(ctx); err != nil {
		return nil, err
	}
	if _, ok := a.sizes["manifest.json"]; ok {
		return a.saved()
	}
	if _, ok := a.sizes["index.json"]; ok {
		return a.layout(platform)
	}
	return nil, errors.New("it holds neither manifest.json (docker save) nor index.json (an OCI layout)")
}

// open opens the archive as a tar.
func (a *archive) open() (io.ReadCloser, error) {
	f, err := dev.OpenFile(a.file)
	if err != nil || !a.packed {
		return f, err
	}
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return closing{z, f}, nil
}

// closing reads from one and closes another.
type closing struct {
	io.Reader
	io.Closer
}

// list looks at what there is, and refuses what no builder writes.
func (a *archive) list(ctx context.Context) error {
	f, err := dev.OpenFile(a.file)
	if err != nil {
		return err
	}
	magic := make([]byte, 2)
	n, _ := io.ReadFull(f, magic)
	switch cerr := f.Close(); {
	case cerr != nil:
		return cerr
	case n == 0:
		return errors.New("it is empty")
	}
	a.packed = bytes.Equal(magic, []byte{0x1f, 0x8b})
	rc, err := a.open()
	if err != nil {
		return err
	}
	defer rc.Close()
	a.sizes = map[string]int64{}
	links := map[string]string{}
	t := tar.NewReader(rc)
	for {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return checkLinks(links)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the archive ends too early")
		case err != nil:
			return fmt.Errorf("it is no tar archive: %w", err)
		case len(a.sizes)+len(links) > maxArchiveEntries:
			return fmt.Errorf("it holds more than %d files", maxArchiveEntries)
		case ctx.Err() != nil:
			return ctx.Err()
		}
		switch name := path.Clean(h.Name); h.Typeflag {
		case tar.TypeReg:
			a.sizes[name] = h.Size
			if path.Ext(name) == ".json" && h.Size > maxDescription {
				return fmt.Errorf("%s in it has %d bytes, which no description of an image has", name, h.Size)
			}
		case tar.TypeSymlink, tar.TypeLink:
			links[name] = path.Join(path.Dir(name), h.Linkname)
		}
	}
}

// checkLinks allows links to files: docker save writes a layer that is there twice once.
func checkLinks(links map[string]string) error {
	for name, to := range links {
		if _, again := links[to]; again {
			return fmt.Errorf("%s in it is a link to a link", name)
		}
	}
	return nil
}

func (a *archive) saved() (v1.Image, error) {
	manifest, err := tarball.LoadManifest(a.open)
	if err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(manifest) != 1 {
		return nil, fmt.Errorf("it holds %d images, and one is wanted", len(manifest))
	}
	if size := a.sizes[path.Clean(manifest[0].Config)]; size > maxDescription {
		return nil, fmt.Errorf("the image's configuration has %d bytes", size)
	}
	img, err := tarball.Image(a.open, nil)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("the image's configuration: %w", err)
	}
	if have, want := len(manifest[0].Layers), len(config.RootFS.DiffIDs); have != want { // the library takes it for granted
		return nil, fmt.Errorf("it has %d layers, and the image's configuration names %d", have, want)
	}
	return img, nil
}

// read gives a small file of the archive.
func (a *archive) read(name string) ([]byte, error) {
	rc, err := a.find(name)
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

func (a *archive) find(name string) (io.ReadCloser, error) {
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
			return closing{t, rc}, nil
		}
	}
}

// layout reads an OCI layout. Source: github.com/opencontainers/image-spec, image-layout.md.
func (a *archive) layout(platform string) (v1.Image, error) {
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
		d, err := choose(index.Manifests, platform)
		if err != nil {
			return nil, err
		}
		if b, err = a.read(blobPath(d.Digest)); err != nil {
			return nil, err
		}
		if !d.MediaType.IsIndex() {
			return a.fromManifest(b, d)
		}
	}
	return nil, errors.New("its indexes are nested too deep")
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// choose takes the manifest for a platform, and never one that is not an image: builders put what they
// attest of an image beside it, for the platform unknown.
func choose(all []v1.Descriptor, platform string) (v1.Descriptor, error) {
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
		return v1.Descriptor{}, fmt.Errorf("it has no image for %s, but for %s", platform, strings.Join(there, ", "))
	}
	return v1.Descriptor{}, errors.New("its index names no image")
}

func (a *archive) fromManifest(b []byte, d v1.Descriptor) (v1.Image, error) {
	var m v1.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	config, err := a.read(blobPath(m.Config.Digest))
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(&layoutImage{archive: a, raw: b, manifest: m, config: config, media: d.MediaType})
}

// layoutImage is an image of an OCI layout.
type layoutImage struct {
	archive     *archive
	raw, config []byte
	manifest    v1.Manifest
	media       types.MediaType
}

func (l *layoutImage) RawConfigFile() ([]byte, error)      { return l.config, nil }
func (l *layoutImage) RawManifest() ([]byte, error)        { return l.raw, nil }
func (l *layoutImage) MediaType() (types.MediaType, error) { return l.media, nil }
func (l *layoutImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range l.manifest.Layers {
		if d.Digest == h {
			return layoutLayer{l.archive, d}, nil
		}
	}
	return nil, fmt.Errorf("its manifest has no layer %s", h)
}

type layoutLayer struct {
	archive    *archive
	descriptor v1.Descriptor
}

func (l layoutLayer) Digest() (v1.Hash, error)            { return l.descriptor.Digest, nil }
func (l layoutLayer) Size() (int64, error)                { return l.descriptor.Size, nil }
func (l layoutLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }
func (l layoutLayer) Compressed() (io.ReadCloser, error) {
	return l.archive.find(blobPath(l.descriptor.Digest))
}
