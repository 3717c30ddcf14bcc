package release

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"sdev/dev"
	"sdev/dev/preflight"
)

// archiveFile returns the file that an image's name refers to; ok is false if it refers to an image of the engine.
func (r *Releaser) archiveFile(name string) (file string, ok bool) {
	file = name
	if !filepath.IsAbs(name) {
		file = filepath.Join(r.Dir, name)
	}
	st, err := os.Stat(file)
	return file, (err == nil && !st.IsDir()) || slices.Contains([]string{".tar", ".tgz", ".gz"}, filepath.Ext(name)) || strings.HasPrefix(name, ".") || filepath.IsAbs(name)
}

// openImage opens an archive or an image of the engine, to read its layers. The caller calls done when it has read
// them.
func (r *Releaser) openImage(ctx context.Context, name, platform string) (img v1.Image, done func(), err error) {
	nothing := func() {}
	if file, ok := r.archiveFile(name); ok {
		img, err = preflight.Open(ctx, file, platform)
		return img, nothing, err
	}
	file, err := r.save(ctx, name)
	if err != nil {
		return nil, nothing, err
	}
	done = func() { _ = os.Remove(file) }
	if img, err = preflight.Open(ctx, file, platform); err != nil {
		done()
		return nil, nothing, err
	}
	return img, done, nil
}

// save saves an image of the engine to a file, because an archive ends with its index and cannot be read as a stream.
// The caller removes the file.
func (r *Releaser) save(ctx context.Context, name string) (file string, err error) {
	err = r.withEngine(ctx, func(e Engine) error {
		archive, err := e.Save(ctx, name)
		if err != nil {
			return err
		}
		defer archive.Close()
		file, err = r.spool(archive)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), os.RemoveAll(file))
		}
		if err != nil {
			return &dev.Error{Code: dev.CodeImageInvalid, Exit: dev.ExitFailed, Cause: err, Message: "cannot save image " + name + " to check it: " + err.Error(), Hint: "free some disk space, or point XDG_CACHE_HOME to a larger disk"}
		}
		return nil
	})
	return file, err
}

// spool writes an archive to the cache directory.
func (r *Releaser) spool(archive io.Reader) (name string, err error) {
	dir, err := r.CacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	r.sweep(dir)
	f, err := os.CreateTemp(dir, "image-*.tar")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, archive)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// sweep removes archives that a killed run left behind.
func (r *Releaser) sweep(dir string) {
	const old = 24 * time.Hour
	names, _ := filepath.Glob(filepath.Join(dir, "image-*.tar")) // the pattern is valid
	for _, name := range names {
		if st, err := os.Stat(name); err == nil && r.Now().Sub(st.ModTime()) > old {
			_ = os.Remove(name) // another run may have removed it
		}
	}
}
