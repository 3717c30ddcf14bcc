package config

// What sdev keeps in a project stays out of every container but the gateway's.

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// hideState mounts an empty directory over every .sdev that a service would see through its mounts: it
// holds copies of logins, keys and secrets.
func (o *overlay) hideState() {
	found := map[string][]string{} // by directory: services mostly mount the same
	for name, s := range o.out.Project.Services {
		if name == GatewayService {
			continue
		}
		volumes := slices.Clone(s.Volumes)
		for _, v := range s.Volumes {
			for _, rel := range o.states(v, found) {
				target := path.Join(v.Target, rel)
				if slices.ContainsFunc(volumes, func(other types.ServiceVolumeConfig) bool { return path.Clean(other.Target) == target }) {
					continue
				}
				volumes = append(volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeTmpfs, Target: target, ReadOnly: true, Tmpfs: &types.ServiceVolumeTmpfs{Size: 4096, Mode: 0o555}})
				o.out.Notes = append(o.out.Notes, Note{[]string{"services", name, "volumes", strconv.Itoa(len(volumes) - 1)}, "sdev: an empty directory hides sdev's own files in " + dev.StateDir})
			}
		}
		s.Volumes = volumes
		o.out.Project.Services[name] = s
	}
}

// states are the state directories below what a volume shows of this machine, relative to it and with
// slashes: the project's own, whether or not it is there yet, and those of other projects. What was found
// before is in known, and what is found is added.
func (o *overlay) states(v types.ServiceVolumeConfig, known map[string][]string) []string {
	source := o.shownDir(v)
	if source == "" {
		return nil
	}
	if found, ok := known[source]; ok {
		return found
	}
	found := stateDirs(source)
	if own, ok := relativeTo(source, dev.RealPath(o.p.StatePath())); ok && own != "." && !slices.Contains(found, own) {
		found = append(found, own)
	}
	slices.Sort(found)
	known[source] = found
	return found
}

// shownDir is the directory of this machine that a volume shows, without links; "" for any other volume.
func (o *overlay) shownDir(v types.ServiceVolumeConfig) string {
	source := ""
	switch v.Type {
	case types.VolumeTypeBind:
		source = v.Source
	case types.VolumeTypeVolume: // one may be a directory in disguise
		options := o.out.Project.Volumes[v.Source].DriverOpts
		if strings.Contains(options["o"], "bind") {
			source = options["device"]
		}
	}
	if source == "" {
		return ""
	}
	source = dev.RealPath(source)
	if st, err := os.Stat(source); err != nil || !st.IsDir() {
		return ""
	}
	return source
}

// relativeTo returns a path relative to a directory, with slashes, and whether it lies inside.
func relativeTo(dir, name string) (string, bool) {
	rel, err := filepath.Rel(dir, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// mostDirs bounds the search for other projects' state, so that a mount of half a machine does not
// hold up each start.
const mostDirs = 20_000

// stateDirs searches a directory for the state of projects. Where packages, caches and other tools'
// things lie is no project.
func stateDirs(root string) []string {
	var out []string
	seen := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what cannot be read here cannot be read there
		}
		if seen++; seen > mostDirs {
			return filepath.SkipAll
		}
		switch base := d.Name(); {
		case name == root:
			return nil
		case base == dev.StateDir:
			if rel, ok := relativeTo(root, name); ok {
				out = append(out, rel)
			}
			return filepath.SkipDir
		case strings.HasPrefix(base, "."), base == "node_modules", base == "site-packages", base == "__pycache__", base == "venv":
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		return nil // the function above gives none
	}
	return out
}

// hostPath is a path of this machine that a compose file gives to a container or a build.
type hostPath struct {
	what, source string
	at           []string // where the compose file says it
}

// checkState refuses what would hand the project's state directory to a container or an image by name.
func checkState(p *Project) error {
	state := dev.RealPath(p.StatePath())
	for _, n := range hostPaths(p.Model) {
		source := n.source
		if source == "" || strings.Contains(source, "://") {
			continue
		}
		if !filepath.IsAbs(source) {
			source = filepath.Join(p.Dir, source)
		}
		if _, inside := relativeTo(state, dev.RealPath(source)); !inside {
			continue
		}
		file, line := p.sources.locate(n.at...)
		return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("%s is %s, where sdev stores logins and keys", n.what, display(p.Dir, source)),
			"use another directory: "+dev.StateDir+" must not leave this machine")
	}
	return nil
}

// hostPaths lists all of them.
func hostPaths(model *types.Project) []hostPath {
	var out []hostPath
	for _, name := range model.ServiceNames() {
		s := model.Services[name]
		for i, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				out = append(out, hostPath{"what service " + name + " mounts at " + v.Target, v.Source, []string{"services", name, "volumes", strconv.Itoa(i)}})
			}
		}
		if s.Build == nil {
			continue
		}
		out = append(out, hostPath{"the build context of service " + name, s.Build.Context, []string{"services", name, "build"}})
		for context, source := range s.Build.AdditionalContexts {
			out = append(out, hostPath{"the build context " + context + " of service " + name, source, []string{"services", name, "build", "additional_contexts", context}})
		}
	}
	for name, v := range model.Volumes {
		out = append(out, hostPath{"the volume " + name, v.DriverOpts["device"], []string{"volumes", name}})
	}
	for name, c := range model.Configs {
		out = append(out, hostPath{"the config " + name, c.File, []string{"configs", name}})
	}
	for name, s := range model.Secrets {
		out = append(out, hostPath{"the secret " + name, s.File, []string{"secrets", name}})
	}
	return out
}
