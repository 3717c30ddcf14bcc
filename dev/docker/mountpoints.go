package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"

	"sdev/dev"
)

// Mount points on this machine.
//
// A mount needs a mount point. If a mount lies inside another one, and the outer one is a directory of this
// machine without an entry at that path, the engine would create the entry as root and leave it behind. This
// package creates it instead, empty and as sdev's user, records it first in a label of the container, and
// removes it with the container. It does the same with missing directories that a compose file mounts, and with missing
// files, by their names. A mount point that has content by then stays. The directories above keep their modification times.

// ownPoints is the label with the mount points created for a container: a JSON array of absolute paths, parents
// first.
const ownPoints = "dev.sdev.mount-points"

// mountPoint is a file or directory that exists only to be mounted on.
type mountPoint struct {
	path   string
	file   bool
	source bool // the source of a mount, not its mount point
}

// visibleMount is the part of a mount that matters for mount points.
type visibleMount struct {
	target string // path in the container, clean
	source string // directory of this machine; "" for anything else
	file   bool   // the target is a file
}

// visibleMounts lists the mounts of a container. files are those targets that [Engine.mountOver] added.
func visibleMounts(host *container.HostConfig, files map[string]bool) []visibleMount {
	var out []visibleMount
	add := func(target, source string) {
		s := visibleMount{target: path.Clean(target), file: files[target]}
		switch st, err := os.Stat(source); {
		case source == "":
		case err != nil:
			s.file = isNamedAsFile(source) && isNamedAsFile(target) // it is created as a file
		case st.IsDir():
			s.source = filepath.Clean(source)
		default:
			s.file = true
		}
		out = append(out, s)
	}
	for _, m := range host.Mounts {
		if m.Type == mount.TypeBind && !files[m.Target] {
			add(m.Target, m.Source)
		} else {
			add(m.Target, "")
		}
	}
	for _, bind := range host.Binds {
		source, target := splitBind(bind)
		add(target, source)
	}
	for target := range host.Tmpfs {
		add(target, "")
	}
	slices.SortFunc(out, func(a, b visibleMount) int { return strings.Compare(a.target, b.target) })
	return out
}

// enclosingMount finds the mount that contains another one; ok is false if there is none, or it is not a directory
// of this machine.
func enclosingMount(all []visibleMount, inner visibleMount) (found visibleMount, ok bool) {
	for _, s := range all {
		if s.target != inner.target && covers(s.target, inner.target) {
			found = s // sorted: the longest one comes last
		}
	}
	return found, found.source != ""
}

// pathTo splits a path below a directory into its existing and its missing parts. It returns nothing if a part is
// a link: the engine follows that inside the container.
func pathTo(dir, rel string, file bool) (there, missing []mountPoint) {
	at := dir
	names := strings.Split(rel, "/")
	for i, name := range names {
		at = filepath.Join(at, name)
		last := i == len(names)-1
		p := mountPoint{path: at, file: file && last}
		st, err := os.Lstat(at)
		switch {
		case len(missing) > 0 || errors.Is(err, fs.ErrNotExist):
			missing = append(missing, p)
		case err != nil || st.Mode()&fs.ModeSymlink != 0 || !last && !st.IsDir():
			return nil, nil
		default:
			there = append(there, p)
		}
	}
	return there, missing
}

// withMountPoints creates a container and its mount points: first the sources that the engine requires, then the
// container with the label, then the mount points that its start needs. It handles one container with mount points at
// a time, because the next one must see the label.
func (e *Engine) withMountPoints(ctx context.Context, s types.ServiceConfig, host *container.HostConfig, files map[string]bool, create func(label string) error) error {
	e.mountPoints.Lock()
	points, err := e.missingMountPoints(ctx, s, host, files)
	if err != nil || len(points) == 0 {
		e.mountPoints.Unlock()
		if err != nil {
			return err
		}
		return create("")
	}
	defer e.mountPoints.Unlock()
	err = createMountPoints(s.Name, slices.DeleteFunc(slices.Clone(points), func(p mountPoint) bool { return !p.source }))
	if err == nil {
		err = create(formatMountPoints(points))
	}
	if err != nil {
		_ = e.removeMountPoints(ctx, mountPointPaths(points)) // the first error matters
		return err
	}
	return createMountPoints(s.Name, points)
}

// missingMountPoints lists the mount points to create on this machine for a container, and those created for
// another container that this one needs as well.
func (e *Engine) missingMountPoints(ctx context.Context, s types.ServiceConfig, host *container.HostConfig, files map[string]bool) ([]mountPoint, error) {
	var out, there []mountPoint
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind && v.Bind != nil && bool(v.Bind.CreateHostPath) {
			exists, missing := hostPathTo(v.Source, isNamedAsFile(v.Source) && isNamedAsFile(v.Target))
			there, out = append(there, exists...), append(out, missing...)
		}
	}
	var all []visibleMount
	if e.isLocal() {
		all = visibleMounts(host, files)
	}
	for _, inner := range all {
		if o, ok := enclosingMount(all, inner); ok {
			exists, missing := pathTo(o.source, strings.TrimPrefix(strings.TrimPrefix(inner.target, o.target), "/"), inner.file)
			there, out = append(there, exists...), append(out, missing...)
		}
	}
	if len(there) == 0 {
		return out, nil
	}
	taken, err := e.recordedMountPoints(ctx)
	there = slices.DeleteFunc(there, func(p mountPoint) bool { return !taken[p.path] })
	return append(there, out...), err
}

// isNamedAsFile reports whether a name is that of a file of settings or data: "secrets.toml", ".env.local". Docker makes a
// directory of a missing source, whatever its name, and no program can read that.
func isNamedAsFile(name string) bool {
	base := path.Base(filepath.ToSlash(name))
	if base == ".env" || strings.HasPrefix(base, ".env.") {
		return true
	}
	extension := path.Ext(base)
	return extension != base && slices.Contains([]string{".toml", ".env", ".json", ".yaml", ".yml", ".ini", ".cfg", ".conf", ".txt", ".csv", ".xml", ".properties",
		".pem", ".crt", ".cer", ".key", ".db", ".sqlite", ".sqlite3", ".duckdb", ".log", ".py", ".sh", ".sql"}, extension)
}

// hostPathTo is [pathTo] for the source of a mount, from the root of this machine.
func hostPathTo(source string, file bool) (there, missing []mountPoint) {
	for at := source; ; at = filepath.Dir(at) {
		p := mountPoint{path: at, source: true, file: file && at == source}
		if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, p)
		} else {
			there = append(there, p)
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	slices.Reverse(there)
	slices.Reverse(missing)
	return there, missing
}

// isLocal reports whether the engine is on this machine, according to its address.
func (e *Engine) isLocal() bool {
	kind, address, _ := strings.Cut(e.endpoint.Host, "://")
	switch kind {
	case "unix", "npipe":
		return true
	case "tcp", "http", "https":
		host, _, err := net.SplitHostPort(address)
		return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
	}
	return false
}

// isEmpty reports whether a path is an empty file or directory.
func isEmpty(name string) bool {
	st, err := os.Lstat(name)
	switch {
	case err != nil:
		return false
	case st.Mode().IsRegular():
		return st.Size() == 0
	case !st.IsDir():
		return false
	}
	entries, err := os.ReadDir(name)
	return err == nil && len(entries) == 0
}

// recordedMountPoints returns the mount points of all containers.
func (e *Engine) recordedMountPoints(ctx context.Context) (map[string]bool, error) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", ownPoints))})
	if err != nil {
		return nil, engineError("list containers", err)
	}
	out := map[string]bool{}
	for _, c := range list {
		for _, name := range parseMountPoints(c.Labels) {
			out[name] = true
		}
	}
	return out, nil
}

// parseMountPoints reads the label of a container.
func parseMountPoints(labels map[string]string) []string {
	var out []string
	if json.Unmarshal([]byte(labels[ownPoints]), &out) != nil {
		return nil
	}
	return out
}

// formatMountPoints is the label's value.
func formatMountPoints(points []mountPoint) string {
	b, err := json.Marshal(mountPointPaths(points))
	if err != nil {
		panic(err) // strings: cannot fail
	}
	return string(b)
}

func mountPointPaths(points []mountPoint) []string {
	var out []string
	for _, p := range points {
		if !slices.Contains(out, p.path) {
			out = append(out, p.path)
		}
	}
	return out
}

// createMountPoints creates what is missing.
func createMountPoints(service string, points []mountPoint) error {
	for _, p := range points {
		err := keepModTime(filepath.Dir(p.path), func() error {
			if p.file {
				f, err := os.OpenFile(p.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) // an ordinary file of the project
				if err != nil {
					return err
				}
				return f.Close()
			}
			return os.Mkdir(p.path, 0o755) // an ordinary directory of the project
		})
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
				Message: "service " + service + " mounts something at " + p.path + ", which does not exist and cannot be created: " + errors.Unwrap(err).Error(),
				Hint:    "create it, or correct the volume in the compose file"}
		}
	}
	return nil
}

// removeMountPoints removes the mount points of a removed container, unless another one needs them or they have
// content.
func (e *Engine) removeMountPoints(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	needed, err := e.recordedMountPoints(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(names) {
		if needed[name] || !isEmpty(name) {
			continue
		}
		// Mount points with content stay; one that cannot be removed does no harm.
		_ = keepModTime(filepath.Dir(name), func() error { return os.Remove(name) })
	}
	return nil
}

// keepModTime changes the content of a directory and restores its modification time.
func keepModTime(dir string, change func() error) error {
	before, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	_ = os.Chtimes(dir, time.Time{}, before.ModTime()) // another user's directory keeps the new time
	return nil
}
