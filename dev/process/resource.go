package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev/plan"
)

// resource is a network or a volume of a project, as it is stored.
type resource struct {
	Project string
	plan.Resource
}

func (r *Runtime) networkFile(name string) string {
	return filepath.Join(r.state, "networks", key(name)+".json")
}
func (r *Runtime) volumeDir(name string) string {
	return filepath.Join(r.state, "volumes", key(name))
}

// volumeDataDir is the directory that a volume consists of. The record of the volume is beside it.
func (r *Runtime) volumeDataDir(name string) string { return filepath.Join(r.volumeDir(name), "data") }
func (r *Runtime) volumeFile(name string) string {
	return filepath.Join(r.volumeDir(name), "volume.json")
}

// doNetwork creates or removes a network, which is only a name: all processes share this machine's network.
func (r *Runtime) doNetwork(op plan.Operation, labels plan.Labels) error {
	file := r.networkFile(op.Name)
	if op.Verb == plan.Remove {
		return r.gone(os.Remove(file))
	}
	return r.store(file, resource{labels.Project, plan.Resource{Name: op.Network.Name, Hash: op.Hash}}, op)
}

func (r *Runtime) doVolume(op plan.Operation, labels plan.Labels) error {
	name := op.Name
	if op.Verb == plan.Remove {
		all, err := r.containers("")
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(c found) bool { return slices.Contains(c.volumeNames(), name) }); i >= 0 {
			return fmt.Errorf("remove volume %s: container %s uses it", name, all[i].Name)
		}
		return r.gone(os.RemoveAll(r.volumeDir(name)))
	}
	if err := os.MkdirAll(r.volumeDataDir(name), 0o700); err != nil {
		return r.stateError(err)
	}
	return r.store(r.volumeFile(name), resource{labels.Project, plan.Resource{Name: op.Volume.Name, Hash: op.Hash, Dir: labels.Dir}}, op)
}

func (r *Runtime) store(file string, res resource, op plan.Operation) error {
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("%s %s exists already", op.Kind, op.Name)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return r.stateError(err)
	}
	if err := writeJSON(file, res); err != nil {
		return r.stateError(err)
	}
	return nil
}

// gone returns the error of a removal, unless there was nothing to remove.
func (r *Runtime) gone(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return r.stateError(err)
}

func (r *Runtime) networks(project string) ([]plan.Resource, error) {
	return r.resources("networks", "", project)
}

func (r *Runtime) volumes(project string) ([]plan.Resource, error) {
	return r.resources("volumes", "volume.json", project)
}

// resources reads the records of a project's networks or volumes: the entries of a directory of the state, or a file in
// each of them.
func (r *Runtime) resources(dir, file, project string) ([]plan.Resource, error) {
	dir = filepath.Join(r.state, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, r.gone(err)
	}
	var out []plan.Resource
	for _, e := range entries {
		var res resource
		if readJSON(filepath.Join(dir, e.Name(), file), &res) == nil && res.Project == project {
			out = append(out, res.Resource)
		}
	}
	slices.SortFunc(out, func(a, b plan.Resource) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
