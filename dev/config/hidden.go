package config

// Only the gateway's container sees sdev's state directory.

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// hideState mounts an empty directory over every .sdev that a service would see through its mounts, because .sdev
// holds logins, keys and secrets.
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

// states are the state directories below a volume's source, relative to it, with slashes: the project's own, even
// if it does not exist yet, and those of other projects. known caches results.
func (o *overlay) states(v types.ServiceVolumeConfig, known map[string][]string) []string {
	source := o.shownDir(v)
	if source == "" {
		return nil
	}
	if found, ok := known[source]; ok {
		return found
	}
	found := slices.Clone(o.p.searched.stateDirs(source))
	if own, ok := relativeTo(source, dev.RealPath(o.p.StatePath())); ok && own != "." && !slices.Contains(found, own) {
		found = append(found, own)
	}
	slices.Sort(found)
	known[source] = found
	return found
}

// shownDir is the source directory of a bind mount, without links; "" for other volumes.
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

// stateSearch keeps what stateDirs found: one up derives the model several times, and a big tree takes long to search. It
// is safe for concurrent use.
type stateSearch struct {
	mu    sync.Mutex
	found map[string][]string
}

// stateDirs is the function of that name. Without a search to keep the results in, it searches each time.
func (s *stateSearch) stateDirs(root string) []string {
	if s == nil {
		return stateDirs(root)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.found[root]
	if !ok {
		found = stateDirs(root)
		if s.found == nil {
			s.found = map[string][]string{}
		}
		s.found[root] = found
	}
	return found
}

// mostDirs limits the search for other projects' state, so that a huge mount does not delay each start.
const mostDirs = 20_000

// stateDirs searches a directory for state directories of projects. It skips directories of packages, caches and
// other tools.
func stateDirs(root string) []string {
	var out []string
	seen := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // a container cannot read it either
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

// hostPath is a path on this machine that a compose file passes to a container or a build.
type hostPath struct {
	what, source string
	at           []string // its place in the compose file
}

// checkState refuses explicit uses of the project's state directory in a container or an image.
func checkState(p *Project) error {
	state := dev.RealPath(p.StatePath())
	for _, n := range hostPaths(p.Model) {
		source := n.source
		if source == "" || strings.Contains(source, "://") {
			continue
		}
		if !dev.IsAbs(source) {
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
