package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"maps"
	"path"
	"slices"

	"github.com/docker/docker/api/types/container"

	"sdev/dev/plan"
)

// copyFiles writes a service's secrets and configs into its container before the first start. It sends all of them in
// one archive, because each request takes the engine a tenth of a second. It mounts no path of this machine for them,
// so it works with every engine. None of the files lies inside a mount, see splitFiles. The engine does not write into
// a read-only root: there each directory of files is a volume, and gets an archive of its own.
func (e *Engine) copyFiles(ctx context.Context, id string, s plan.Service) error {
	if len(s.Files) == 0 {
		return nil
	}
	if !s.Config.ReadOnly {
		return e.copyInto(ctx, id, "/", s.Config.Name, s.Files)
	}
	dirs := map[string][]plan.File{}
	for _, f := range s.Files {
		dir := path.Dir(f.Path)
		f.Path = "/" + path.Base(f.Path)
		dirs[dir] = append(dirs[dir], f)
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := e.copyInto(ctx, id, dir, s.Config.Name, dirs[dir]); err != nil {
			return err
		}
	}
	return nil
}

// copyInto puts files below a directory of a service's container.
func (e *Engine) copyInto(ctx context.Context, id, dir, service string, files []plan.File) error {
	archive, err := e.archive(ctx, id, files)
	if err != nil {
		return engineError("read a file in "+service, err)
	}
	return engineError("copy secrets and configs into "+service, e.api.CopyToContainer(ctx, id, dir, archive, container.CopyToContainerOptions{}))
}

// dirsOf returns the directories of files. In a container with a read-only root each of them needs a volume.
func dirsOf(files []plan.File) []string {
	dirs := map[string]bool{}
	for _, f := range files {
		if dir := path.Dir(f.Path); dir != "/" {
			dirs[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// archive packs files, and those of their directories that the container lacks: a directory that exists would get the
// archive's mode, and a link would be replaced by a directory.
func (e *Engine) archive(ctx context.Context, id string, files []plan.File) (io.Reader, error) {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	seen := map[string]bool{}
	for _, f := range files {
		for _, dir := range parents(f.Path) {
			if seen[dir] {
				continue
			}
			seen[dir] = true
			if _, err := e.api.ContainerStatPath(ctx, id, "/"+dir); err == nil {
				continue
			} else if !isGone(err) {
				return nil, err
			}
			if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}); err != nil {
				return nil, err
			}
		}
		if err := t.WriteHeader(&tar.Header{Name: f.Path[1:], Mode: f.Mode, Uid: f.UID, Gid: f.GID, Size: int64(len(f.Content))}); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.Content); err != nil {
			return nil, err
		}
	}
	return &b, t.Close()
}

// parents lists the directories of an absolute path, outermost first, as an archive names them.
func parents(path string) []string {
	var out []string
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			out = append(out, path[1:i+1])
		}
	}
	return out
}
