package config

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// copies says what is copied into the app's container: what develop.watch asks for and, where the
// project cannot be mounted, what would have been mounted. For the latter an empty volume takes the
// mount's place, so that, as with a mount, nothing of the image shows there.
func (o *overlay) copies() {
	if o.app.Develop != nil {
		for i, t := range o.app.Develop.Watch {
			r, err := askedRule(o.p, o.app, i, t)
			if err == nil && r.Action.Syncs() {
				o.out.Copies = append(o.out.Copies, dev.Copy{Service: o.p.App, Path: r.Path, Target: r.Target, Rule: r.Origin, Whole: t.InitialSync})
			}
		}
	}
	if !o.parts.Sync {
		return
	}
	var volumes []types.ServiceVolumeConfig
	for _, v := range o.app.Volumes {
		rel, inside := o.p.relative(v.Source)
		if v.Type != types.VolumeTypeBind || !inside {
			volumes = append(volumes, v)
			continue
		}
		copied := dev.Copy{Service: o.p.App, Path: rel, Target: v.Target, Whole: true}
		if info, err := os.Stat(filepath.Join(o.p.Dir, filepath.FromSlash(rel))); err == nil && !info.IsDir() {
			if o.isMounted(v.Target) {
				o.addConfig("sdev-file-"+strings.ReplaceAll(rel, "/", "-"), v.Target, types.FileObjectConfig{File: v.Source})
			} else {
				o.out.Copies = append(o.out.Copies, copied) // over the image's
			}
			continue
		}
		o.out.Copies = append(o.out.Copies, copied)
		volumes = append(volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Target: v.Target, Volume: &types.ServiceVolumeVolume{NoCopy: true}})
	}
	o.app.Volumes = volumes
	o.note("sdev up --sync: the project's directories are copied, not mounted", "volumes")
}

// isMounted reports whether a path inside lies in a mount that stays one when the project is copied:
// a copy would go through it.
func (o *overlay) isMounted(target string) bool {
	return slices.ContainsFunc(o.app.Volumes, func(v types.ServiceVolumeConfig) bool {
		_, project := o.p.relative(v.Source)
		stays := v.Type != types.VolumeTypeBind || !project
		return stays && within(path.Clean(v.Target), path.Clean(target))
	})
}

// bounds keeps copies out of what is mounted inside their directories, and gives the receiver a place of its
// own where it would otherwise lie in a container that is read-only, or in somebody's mount.
func (o *overlay) bounds() {
	if len(o.out.Copies) == 0 {
		return
	}
	taken := o.places()
	if o.app.ReadOnly || slices.ContainsFunc(taken, func(at string) bool { return within(at, dev.ReceiverDir) }) {
		o.app.Volumes = append(slices.Clone(o.app.Volumes), types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Target: dev.ReceiverDir, Volume: &types.ServiceVolumeVolume{NoCopy: true}})
	}
	for i, c := range o.out.Copies {
		target := path.Clean(c.Target)
		for _, at := range taken {
			own := slices.ContainsFunc(o.out.Copies, func(other dev.Copy) bool { return path.Clean(other.Target) == at })
			if at != target && within(target, at) && !own {
				o.out.Copies[i].Hidden = append(o.out.Copies[i].Hidden, at)
			}
		}
	}
}

// places are the paths in the app's container at which something is mounted or a file is put.
func (o *overlay) places() []string {
	var out []string
	for _, v := range o.app.Volumes {
		out = append(out, path.Clean(v.Target))
	}
	for _, entry := range o.app.Tmpfs {
		at, _, _ := strings.Cut(entry, ":")
		out = append(out, path.Clean(at))
	}
	for _, c := range o.app.Configs {
		if path.IsAbs(c.Target) {
			out = append(out, path.Clean(c.Target))
		}
	}
	for _, s := range o.app.Secrets {
		if path.IsAbs(s.Target) {
			out = append(out, path.Clean(s.Target))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
