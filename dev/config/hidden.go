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

// hideState mounts an empty folder over every .sdev that a service would see through its mounts: it
// holds copies of logins, keys and secrets.
func (o *overlay) hideState() {
	for name, s := range o.out.Project.Services {
		if name == GatewayService {
			continue
		}
		volumes := slices.Clone(s.Volumes)
		for _, v := range s.Volumes {
			for _, rel := range o.states(v) {
				target := path.Join(v.Target, rel)
				if slices.ContainsFunc(volumes, func(other types.ServiceVolumeConfig) bool { return path.Clean(other.Target) == target }) {
					continue
				}
				volumes = append(volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeTmpfs, Target: target, ReadOnly: true, Tmpfs: &types.ServiceVolumeTmpfs{Size: 4096, Mode: 0o555}})
				o.out.Notes = append(o.out.Notes, Note{[]string{"services", name, "volumes", strconv.Itoa(len(volumes) - 1)}, "sdev: an empty folder over what sdev keeps in " + dev.StateFolder})
			}
		}
		s.Volumes = volumes
		o.out.Project.Services[name] = s
	}
}

// states are the state folders below what a volume shows of this machine, relative to it and with
// slashes: the project's own, whether or not it is there yet, and those of other projects.
func (o *overlay) states(v types.ServiceVolumeConfig) []string {
	source := o.shownFolder(v)
	if source == "" {
		return nil
	}
	found := stateFolders(source)
	if own, ok := relativeTo(source, dev.RealPath(o.p.StatePath())); ok && own != "." && !slices.Contains(found, own) {
		found = append(found, own)
	}
	slices.Sort(found)
	return found
}

// shownFolder is the folder of this machine that a volume shows, without links; "" for any other volume.
func (o *overlay) shownFolder(v types.ServiceVolumeConfig) string {
	source := ""
	switch v.Type {
	case types.VolumeTypeBind:
		source = v.Source
	case types.VolumeTypeVolume: // one may be a folder in disguise
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

// relativeTo gives a path relative to a folder, with slashes, and whether it lies inside.
func relativeTo(folder, name string) (string, bool) {
	rel, err := filepath.Rel(folder, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// mostFolders bounds the search for other projects' state, so that a mount of half a machine does not
// hold up each start.
const mostFolders = 20_000

// stateFolders searches a folder for the state of projects. Where packages, caches and other tools'
// things lie is no project.
func stateFolders(root string) []string {
	var out []string
	seen := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what cannot be read here cannot be read there
		}
		if seen++; seen > mostFolders {
			return filepath.SkipAll
		}
		switch base := d.Name(); {
		case name == root:
			return nil
		case base == dev.StateFolder:
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

// checkState refuses what would hand the project's state folder to a container or an image by name.
func checkState(p *Project) error {
	state := dev.RealPath(p.StatePath())
	refuse := func(what, source string, at ...string) error {
		if source == "" || strings.Contains(source, "://") {
			return nil
		}
		if !filepath.IsAbs(source) {
			source = filepath.Join(p.Dir, source)
		}
		if _, inside := relativeTo(state, dev.RealPath(source)); !inside {
			return nil
		}
		file, line := p.sources.locate(at...)
		return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("%s is %s, where sdev keeps logins and keys", what, display(p.Dir, source)), "name a folder of your own: what lies in "+dev.StateFolder+" leaves this machine with nothing")
	}
	for _, name := range p.Model.ServiceNames() {
		s := p.Model.Services[name]
		for i, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if err := refuse("what service "+name+" mounts at "+v.Target, v.Source, "services", name, "volumes", strconv.Itoa(i)); err != nil {
				return err
			}
		}
		if s.Build == nil {
			continue
		}
		if err := refuse("the build context of service "+name, s.Build.Context, "services", name, "build"); err != nil {
			return err
		}
		for context, source := range s.Build.AdditionalContexts {
			if err := refuse("the build context "+context+" of service "+name, source, "services", name, "build", "additional_contexts", context); err != nil {
				return err
			}
		}
	}
	for name, volume := range p.Model.Volumes {
		if err := refuse("the volume "+name, volume.DriverOpts["device"], "volumes", name); err != nil {
			return err
		}
	}
	for name, c := range p.Model.Configs {
		if err := refuse("the config "+name, c.File, "configs", name); err != nil {
			return err
		}
	}
	for name, s := range p.Model.Secrets {
		if err := refuse("the secret "+name, s.File, "secrets", name); err != nil {
			return err
		}
	}
	return nil
}
