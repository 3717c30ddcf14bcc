package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"sdev/dev"
)

// packedName is the Dockerfile's name in the archive of a build context. The archive's .dockerignore lists it, so that
// no COPY puts it into the image.
const packedName = ".dockerfile.sdev"

// packedRules is the name of the rules beside it. Podman reads these, and would otherwise apply the context's
// .dockerignore a second time, though a DOCKERFILE.dockerignore replaces it.
const packedRules = packedName + ".dockerignore"

// pack returns the build context as an archive without the files that .dockerignore excludes. A goroutine writes the
// archive while the caller reads it; Close ends that goroutine and waits for it. All files belong to root, as with the
// docker command. For podman, there are the rules of packedRules, and a file for each secret (values by id), see secretFile.
func (r *recipe) pack(ctx context.Context, podman bool, secrets map[string]string) (io.ReadCloser, error) {
	own, err := dev.ReadFile(filepath.Join(r.Context, ".dockerignore"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, r.unreadable(err)
	}
	rules := own
	if r.ignore != nil {
		rules = r.ignore
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(rules))
	if err != nil {
		return nil, r.unreadable(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, r.unreadable(err)
	}
	reader, writer := io.Pipe()
	out := &contextArchive{PipeReader: reader, ended: make(chan struct{})}
	go func() {
		defer close(out.ended)
		p := packer{ctx: ctx, root: r.Context, ignored: matcher, tar: tar.NewWriter(writer)}
		writer.CloseWithError(p.all(r.content, own, podman, secrets))
	}()
	return out, nil
}

// contextArchive is the reading end of an archive that a goroutine writes.
type contextArchive struct {
	*io.PipeReader
	ended chan struct{}
}

// Close stops the writing goroutine and waits until it has ended.
func (a *contextArchive) Close() error {
	err := a.PipeReader.Close()
	<-a.ended
	return err
}

// all writes the whole archive: the directory, the Dockerfile, the rules that hide it, and the secrets.
func (p packer) all(dockerfile, ignore []byte, podman bool, secrets map[string]string) error {
	if err := filepath.WalkDir(p.root, p.visit); err != nil {
		return err
	}
	if err := p.content(packedName, dockerfile); err != nil {
		return err
	}
	hidden := packedName + "\n"
	if ignore == nil {
		hidden += ".dockerignore\n"
	}
	if podman {
		if err := p.content(packedRules, []byte(hidden+packedRules+"\n")); err != nil {
			return err
		}
	}
	if err := p.content(".dockerignore", append(endLine(ignore), hidden...)); err != nil {
		return err
	}
	for i, id := range slices.Sorted(maps.Keys(secrets)) {
		if err := p.content(secretFile(i), []byte(secrets[id])); err != nil {
			return err
		}
	}
	return p.tar.Close()
}

func (r *recipe) unreadable(err error) error {
	return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
		Message: fmt.Sprintf("the build context of service %s cannot be read: %v", r.Service, err), Hint: "correct build.context or .dockerignore"}
}

// packer writes the files of a directory into an archive.
type packer struct {
	ctx     context.Context //nolint:containedctx // a packer lives for one walk, and WalkDir passes no context
	root    string
	ignored *patternmatcher.PatternMatcher
	tar     *tar.Writer
}

func (p packer) visit(path string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	rel, err := filepath.Rel(p.root, path)
	if err != nil || rel == "." || rel == ".dockerignore" {
		return err
	}
	if d.Name() == dev.StateDir { // no image contains sdev's state directory, whatever .dockerignore says
		if d.IsDir() {
			return filepath.SkipDir
		}
		return nil
	}
	rel = filepath.ToSlash(rel)
	skipped, err := p.ignored.MatchesOrParentMatches(rel)
	if err != nil {
		return err
	}
	if skipped {
		if d.IsDir() && !p.ignored.Exclusions() {
			return filepath.SkipDir
		}
		return nil
	}
	return p.entry(path, rel, d)
}

func (p packer) entry(path, rel string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	} else if !info.Mode().IsRegular() && !info.IsDir() {
		return nil // sockets and the like have no place in an image
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name, header.Uid, header.Gid, header.Uname, header.Gname = rel, 0, 0, "", ""
	header.Mode, header.Linkname = header.Mode&^0o777|int64(dev.ContainerMode(info)), filepath.ToSlash(link)
	header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
	if info.IsDir() {
		header.Name += "/"
	}
	if err := p.tar.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := dev.OpenFile(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	_, err = io.CopyN(p.tar, file, info.Size())
	if err != nil {
		return fmt.Errorf("%s changed while it was read: %v", path, err) //nolint:errorlint // its EOF is not that of the connection to the engine
	}
	return nil
}

func (p packer) content(name string, content []byte) error {
	if err := p.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := p.tar.Write(content)
	return err
}
