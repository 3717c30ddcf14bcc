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
// A mount needs something to be mounted on. Where one mount lies inside another, and the outer one is a
// directory of this machine that has nothing at that place, the engine would create it there, as root's, and
// leave it behind. Here it is created by the user of sdev instead, empty, is written down in a label of
// the container before it exists, and goes with the container. The same holds for directories that a compose
// file mounts and that are not there yet. What has got content meanwhile stays. The directories above keep
// their times.

// ownPoints is the label that holds, as a JSON array, the absolute paths that a container needs on this
// machine and that were not there before, outermost first.
const ownPoints = "dev.sdev.mount-points"

// mountPoint is a file or directory that exists only to be mounted on.
type mountPoint struct {
	path   string
	file   bool
	source bool // the mount leads to it, instead of covering it
}

// visibleMount is a mount as far as mount points are concerned.
type visibleMount struct {
	target string // inside, clean
	source string // directory of this machine; "" for anything else
	file   bool   // the target is a file
}

// visibleMounts lists the mounts of a container. files are those targets that [Engine.mountOver] added.
func visibleMounts(host *container.HostConfig, files map[string]bool) []visibleMount {
	var out []visibleMount
	add := func(target, source string) {
		s := visibleMount{target: path.Clean(target), file: files[target]}
		if st, err := os.Stat(source); source != "" && err == nil {
			if s.file = !st.IsDir(); !s.file {
				s.source = filepath.Clean(source)
			}
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
		source, _, _ := strings.Cut(bind, ":")
		add(bindTarget(bind), source)
	}
	for target := range host.Tmpfs {
		add(target, "")
	}
	slices.SortFunc(out, func(a, b visibleMount) int { return strings.Compare(a.target, b.target) })
	return out
}

// enclosingMount finds the mount in which another one lies; ok is false where that is none, or no directory of this
// machine.
func enclosingMount(all []visibleMount, inner visibleMount) (found visibleMount, ok bool) {
	for _, s := range all {
		if s.target != inner.target && covers(s.target, inner.target) {
			found = s // sorted: a longer one comes later
		}
	}
	return found, found.source != ""
}

// pathTo lists a path below a directory piece by piece, as what is there of it and what is missing for it to be
// mounted on. A link on the way is left to the engine, which follows it inside the container.
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

// withMountPoints makes a container between the two halves of making its mount points: what the engine wants to
// see before, and what only the start needs, which is created once the container says so in its label.
// One container at a time: whoever comes next has to see the label.
func (e *Engine) withMountPoints(ctx context.Context, s types.ServiceConfig, host *container.HostConfig, files map[string]bool, create func(label string) error) error {
	e.pointing.Lock()
	points, err := e.missingMountPoints(ctx, s, host, files)
	if err != nil || len(points) == 0 {
		e.pointing.Unlock()
		if err != nil {
			return err
		}
		return create("")
	}
	defer e.pointing.Unlock()
	err = createMountPoints(s.Name, slices.DeleteFunc(slices.Clone(points), func(p mountPoint) bool { return !p.source }))
	if err == nil {
		err = create(formatMountPoints(points))
	}
	if err != nil {
		_ = e.removeMountPoints(ctx, mountPointPaths(points)) // the first error is what matters
		return err
	}
	return createMountPoints(s.Name, points)
}

// missingMountPoints lists what has to be created on this machine before the mounts of a container fit, and what
// was created for another container and is needed by this one as well.
func (e *Engine) missingMountPoints(ctx context.Context, s types.ServiceConfig, host *container.HostConfig, files map[string]bool) ([]mountPoint, error) {
	var out, there []mountPoint
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind && v.Bind != nil && bool(v.Bind.CreateHostPath) {
			exists, missing := hostPathTo(v.Source)
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

// hostPathTo is [way] for the directory that a mount leads to, from the root of this machine.
func hostPathTo(dir string) (there, missing []mountPoint) {
	for at := dir; ; at = filepath.Dir(at) {
		p := mountPoint{path: at, source: true}
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

// isLocal reports whether the engine sees the files of this machine, as far as its address tells.
func (e *Engine) isLocal() bool {
	kind, address, _ := strings.Cut(e.place.Host, "://")
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
				f, err := os.OpenFile(p.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // an ordinary file of the project
				if err != nil {
					return err
				}
				return f.Close()
			}
			return os.Mkdir(p.path, 0o755) //nolint:gosec // an ordinary directory of the project
		})
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
				Message: "service " + service + " mounts something at " + p.path + ", which does not exist and cannot be created: " + errors.Unwrap(err).Error(),
				Hint:    "create it, or correct the volume in the compose file"}
		}
	}
	return nil
}

// removeMountPoints removes the mount points of a container that is gone, unless another one needs them or
// they have got content.
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
		// Whoever has written to it since keeps it, and one that cannot be removed harms nobody.
		_ = keepModTime(filepath.Dir(name), func() error { return os.Remove(name) })
	}
	return nil
}

// keepModTime changes what is in a directory and leaves the directory its time.
func keepModTime(dir string, change func() error) error {
	before, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	_ = os.Chtimes(dir, time.Time{}, before.ModTime()) // somebody else's directory keeps the new time
	return nil
}
