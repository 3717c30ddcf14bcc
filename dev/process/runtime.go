package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gofrs/flock"

	"sdev/dev"
	"sdev/dev/plan"
)

// Options describe a runtime.
type Options struct {
	State string // directory for containers, volumes and images; nobody else may read it
	Cache string // directory for environments, which can be made again
	// Keeper is the command line that calls [Keep] with two more arguments. Its first word is the file of sdev's program.
	Keeper []string
	// Attached says that containers which this runtime starts end with this process, unless it calls
	// [Runtime.Detach]. See [Runtime] for several processes.
	Attached bool
	Environ  []string // environment of this process
	// Recipe says how to make the environment that stands for an image; nil if this runtime makes none.
	Recipe func(ctx context.Context, b plan.Build) (Recipe, error)
}

// Runtime runs containers as processes. Any number of goroutines, and any number of processes, may use one directory of
// state at the same time.
//
// The containers that start while an attached runtime works on their project belong to it, whoever starts them. Those
// that started before do not.
type Runtime struct {
	state, cache string
	keeper       []string
	attached     bool
	environ      []string
	recipe       func(ctx context.Context, b plan.Build) (Recipe, error)

	mu        sync.Mutex
	lifelines map[string]*flock.Flock // held, by project; guarded by mu
	keepers   map[string]*exec.Cmd    // started by this process and not reaped yet, by container; guarded by mu
}

// New returns a runtime. It creates nothing on the disk.
func New(o Options) *Runtime {
	return &Runtime{state: o.State, cache: o.Cache, keeper: o.Keeper, attached: o.Attached, environ: o.Environ, recipe: o.Recipe, lifelines: map[string]*flock.Flock{}, keepers: map[string]*exec.Cmd{}}
}

func (r *Runtime) containersDir() string { return filepath.Join(r.state, "containers") }
func (r *Runtime) projectDir(project string) string {
	return filepath.Join(r.state, "projects", key(project))
}

// shortSum is a hash as hexadecimal digits, short enough for paths.
func shortSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// Observe returns the objects of a project, and those of the images that exist.
func (r *Runtime) Observe(ctx context.Context, project string, images []string) (plan.Observed, error) {
	var have plan.Observed
	all, err := r.containers("")
	if err != nil {
		return have, err
	}
	for _, c := range all {
		if c.Project == project {
			have.Containers = append(have.Containers, c.describe())
		}
	}
	if have.Networks, err = r.networks(project); err != nil {
		return have, err
	}
	if have.Volumes, err = r.volumes(project); err != nil {
		return have, err
	}
	for i, v := range have.Volumes {
		var users []string
		for _, c := range all {
			if c.Project != project && slices.Contains(c.volumeNames(), v.Name) {
				users = append(users, "container "+c.Name)
			}
		}
		have.Volumes[i].Users = strings.Join(users, " and ")
	}
	for _, ref := range images {
		if _, ok := r.image(ref); ok {
			have.Images = append(have.Images, ref)
		}
	}
	return have, ctx.Err()
}

// Projects returns the projects that have a container.
func (r *Runtime) Projects(ctx context.Context) ([]plan.Origin, error) {
	all, err := r.containers("")
	if err != nil {
		return nil, err
	}
	var out []plan.Origin
	for _, c := range all {
		out = append(out, plan.Origin{Name: c.Project, Dir: c.ProjectDir})
	}
	return plan.SortOrigins(out), ctx.Err()
}

// describe returns the present state of a container.
func (c found) describe() plan.Container {
	last := c.lastRun()
	d := plan.Container{ID: c.id(), Name: c.Name, Service: c.Service, Hash: c.Hash, Image: c.Image, Reference: c.Reference, Joins: c.Joins,
		Labels: c.Labels, Env: c.Env, Ports: c.Ports, Dir: c.ProjectDir, Ours: true, Volumes: c.volumeNames(),
		Started: last.Started, ExitCode: last.ExitCode, Restarts: last.Restarts, Restarting: last.Restarting}
	for _, m := range c.Mounts {
		if !m.Temporary {
			d.Mounts = append(d.Mounts, m.Target)
		}
	}
	if !last.Started.IsZero() && !last.Ended && c.isKept() {
		d.Running, d.Health = true, last.Health
	}
	return d
}

// PortOwner names the container that publishes a port of this machine; "" if none does.
func (r *Runtime) PortOwner(_ context.Context, port uint16) string {
	all, err := r.containers("")
	if err != nil {
		return ""
	}
	suffix := ":" + strconv.Itoa(int(port))
	for _, c := range all {
		for _, binding := range c.Ports {
			host, _, _ := strings.Cut(binding, "->")
			if strings.HasSuffix(host, suffix) && c.describe().Running {
				return "container " + c.Name + " of project " + c.Project
			}
		}
	}
	return ""
}

// attach makes the containers that start from now on belong to this process too, if the runtime has
// [Options].Attached.
func (r *Runtime) attach(project string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.attached || r.lifelines[project] != nil {
		return nil
	}
	if err := os.MkdirAll(r.projectDir(project), 0o700); err != nil {
		return r.stateError(err)
	}
	l := lockOn(r.lifelineFile(project))
	if err := l.RLock(); err != nil {
		return r.stateError(err)
	}
	if err := os.Remove(r.detachedFile(project)); err != nil && !os.IsNotExist(err) {
		_ = l.Close() // the first error matters
		return r.stateError(err)
	}
	r.lifelines[project] = l
	return nil
}

// lifelineFile is the file on which each attached runtime of a project holds a shared lock.
func (r *Runtime) lifelineFile(project string) string {
	return filepath.Join(r.projectDir(project), "lifeline")
}

// detachedFile exists if an attached runtime has let go of the project on purpose since the last one attached.
func (r *Runtime) detachedFile(project string) string {
	return filepath.Join(r.projectDir(project), "detached")
}

// Detach leaves the containers running that belong to this process. It is for a command that ends while the project
// continues.
func (r *Runtime) Detach() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for project, l := range r.lifelines {
		if err := dev.ReplaceFile(r.detachedFile(project), nil, 0o600); err != nil {
			return r.stateError(err)
		}
		if err := l.Close(); err != nil {
			return r.stateError(err)
		}
		delete(r.lifelines, project)
	}
	r.attached = false
	return nil
}

// Close ends the containers that belong to this process alone, as its death does. It does not wait for them.
func (r *Runtime) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for project, l := range r.lifelines {
		if cerr := l.Close(); cerr != nil {
			err = r.stateError(cerr)
		}
		delete(r.lifelines, project)
	}
	return err
}
