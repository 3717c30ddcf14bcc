package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

	"sdev/dev/pattern"
	"sdev/dev/plan"
)

// Files whose path lies inside a mount.
//
// The engine copies files into a container through its mounts, and so would overwrite a file on this machine.
// Such files go into a volume of the container's own instead, and are mounted from there over the other mount.
// A volume, unlike a directory on this machine, works on every engine, and keeps owners and modes.

// ownFiles is the label that links such a volume and its container: each holds the other's name.
const ownFiles = "dev.sdev.files"

// apiSubpath is the first API version that can mount part of a volume.
const apiSubpath = "1.45"

// mountFiles prepares a container's mounts for its files. It returns the files to copy, the paths of those that
// are mounted, and the volume that holds the latter; "" for none.
func (e *Engine) mountFiles(ctx context.Context, op plan.Operation, labels plan.Labels, host *container.HostConfig) (copied []plan.File, mounted map[string]bool, volume string, err error) {
	mounted = map[string]bool{}
	op.Service.Files = e.mountOwn(op.Service, labels, op.Service.Files, &host.Mounts, mounted)
	copied, over, err := e.splitFiles(ctx, op.Service)
	if err != nil {
		return nil, nil, "", err
	}
	if len(over) > 0 {
		if volume, err = e.mountOver(ctx, op, labels, host, over); err != nil {
			return nil, nil, "", err
		}
	}
	for _, f := range over {
		mounted[f.Path] = true
	}
	if op.Service.Config.ReadOnly {
		for _, dir := range dirsOf(copied) {
			host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Target: dir})
		}
	}
	return copied, mounted, volume, nil
}

// splitFiles decides which files are copied into a container and which are mounted over its mounts: all of them are
// mounted if one has to be, or if a file is mounted inside a read-only mount. Docker releases of 2026 up to 29.8.1,
// and older releases with the same patch, copy nothing into a container with such a mount.
func (e *Engine) splitFiles(ctx context.Context, s plan.Service) (copied, over []plan.File, err error) {
	if len(s.Files) == 0 {
		return nil, nil, nil
	}
	targets, err := e.mountTargets(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	inside := func(f plan.File) bool {
		return slices.ContainsFunc(targets, func(target string) bool { return covers(target, f.Path) })
	}
	if slices.ContainsFunc(s.Files, inside) || filesInReadOnly(s.Config.Volumes) {
		return nil, s.Files, nil
	}
	return s.Files, nil, nil
}

// filesInReadOnly reports whether a file on this machine is mounted inside a read-only mount.
func filesInReadOnly(volumes []types.ServiceVolumeConfig) bool {
	return slices.ContainsFunc(volumes, func(inner types.ServiceVolumeConfig) bool {
		st, err := os.Stat(inner.Source)
		return inner.Type == types.VolumeTypeBind && err == nil && !st.IsDir() && slices.ContainsFunc(volumes, func(outer types.ServiceVolumeConfig) bool {
			return outer.ReadOnly && path.Clean(outer.Target) != path.Clean(inner.Target) && covers(outer.Target, inner.Target)
		})
	})
}

// mountTargets are the paths of all mounts in a service's container.
func (e *Engine) mountTargets(ctx context.Context, s plan.Service) ([]string, error) {
	var out []string
	for _, v := range s.Config.Volumes {
		out = append(out, v.Target)
	}
	out = slices.AppendSeq(out, maps.Keys(tmpfs(s.Config.Tmpfs)))
	for _, from := range s.Config.VolumesFrom {
		name, _, _ := strings.Cut(from, ":")
		other, err := e.api.ContainerInspect(ctx, name)
		if err != nil {
			return nil, engineError("inspect the volumes of "+name, err)
		}
		for _, m := range other.Mounts {
			out = append(out, m.Destination)
		}
	}
	return out, nil
}

// covers reports whether a mount at dir covers a path.
func covers(dir, file string) bool {
	dir, file = path.Clean(dir), path.Clean(file)
	return file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
}

// mountOver writes files into a volume of the container's own, adds a mount for each of them, and returns the
// volume's name. As with Compose, a file replaces a mount with the same target.
func (e *Engine) mountOver(ctx context.Context, op plan.Operation, labels plan.Labels, host *container.HostConfig, files []plan.File) (string, error) {
	createCtx, cancel := withoutCancel(ctx)
	defer cancel()
	name := op.Name + "-files-" + strings.ToLower(rand.Text()[:8])
	made, err := e.api.VolumeCreate(createCtx, volume.CreateOptions{Name: name, Labels: map[string]string{
		labelProject: labels.Project, labelVolume: strings.TrimPrefix(name, labels.Project+"-"), labelVersion: composeVersion, labelWorkingDir: labels.Dir, ownFiles: op.Name}})
	if err != nil {
		return "", engineError("create volume "+name, err)
	}
	if err := e.fillVolume(createCtx, name, op.Service, files); err != nil {
		_ = e.api.VolumeRemove(createCtx, name, true) // the first error matters
		return "", err
	}
	for i, f := range files {
		m := mount.Mount{Type: mount.TypeBind, Source: made.Mountpoint + "/" + strconv.Itoa(i), Target: f.Path, ReadOnly: true}
		if e.supportsAPI(apiSubpath) {
			m.Type, m.Source, m.VolumeOptions = mount.TypeVolume, name, &mount.VolumeOptions{NoCopy: true, Subpath: strconv.Itoa(i)}
		}
		host.Mounts = slices.DeleteFunc(host.Mounts, func(other mount.Mount) bool { return path.Clean(other.Target) == path.Clean(f.Path) })
		host.Binds = slices.DeleteFunc(host.Binds, func(bind string) bool {
			_, target := splitBind(bind)
			return path.Clean(target) == path.Clean(f.Path)
		})
		host.Mounts = append(host.Mounts, m)
	}
	return name, nil
}

// splitBind returns source and target of a mount in short form, "source:target:options". The source may begin with the
// letter of a drive.
func splitBind(bind string) (source, target string) {
	drive := ""
	if onDrive.MatchString(bind) {
		drive, bind = bind[:2], bind[2:]
	}
	source, rest, _ := strings.Cut(bind, ":")
	target, _, _ = strings.Cut(rest, ":")
	return drive + source, target
}

var onDrive = pattern.New(`^[A-Za-z]:[\\/]`)

// fillVolume writes files into a volume, each named by its index. The engine writes into volumes only through a
// container, which is never started.
func (e *Engine) fillVolume(ctx context.Context, name string, s plan.Service, files []plan.File) error {
	const dir = "/files"
	c, err := e.api.ContainerCreate(ctx, &container.Config{Image: s.Config.Image, Cmd: []string{"/none"}, NetworkDisabled: true, Labels: map[string]string{ownFiles: name}},
		&container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: name, Target: dir, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}}}, nil, platform(s.Config.Platform), "")
	if err != nil {
		return engineError("prepare the files of "+s.Config.Name, err)
	}
	defer e.api.ContainerRemove(context.WithoutCancel(ctx), c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}) //nolint:errcheck // never started, and without a name
	archive, err := numberedArchive(files)
	if err != nil {
		return err
	}
	return engineError("copy secrets and configs for "+s.Config.Name, e.api.CopyToContainer(ctx, c.ID, dir, archive, container.CopyToContainerOptions{}))
}

// numberedArchive packs files named by their index.
func numberedArchive(files []plan.File) (*bytes.Buffer, error) {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	for i, f := range files {
		if err := t.WriteHeader(&tar.Header{Name: strconv.Itoa(i), Mode: f.Mode, Uid: f.UID, Gid: f.GID, Size: int64(len(f.Content))}); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.Content); err != nil {
			return nil, err
		}
	}
	return &b, t.Close()
}
