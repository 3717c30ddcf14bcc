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

// copies determines what is copied into the app's container: what develop.watch requires and, if the project
// cannot be mounted, what would have been mounted. An empty volume replaces each such mount, so that, as with a
// mount, the image's files are hidden.
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

// isMounted reports whether a path in the container lies in a mount that remains when the project is copied: a
// copy would write through it.
func (o *overlay) isMounted(target string) bool {
	return slices.ContainsFunc(o.app.Volumes, func(v types.ServiceVolumeConfig) bool {
		_, project := o.p.relative(v.Source)
		stays := v.Type != types.VolumeTypeBind || !project
		return stays && dev.IsWithin(path.Clean(v.Target), path.Clean(target))
	})
}

// bounds excludes mounts inside copied directories from copying, and gives the receiver a volume if its directory
// would otherwise be read-only or inside another mount.
func (o *overlay) bounds() {
	if len(o.out.Copies) == 0 {
		return
	}
	taken := places(o.app)
	if needsReceiverVolume(o.app, taken) {
		o.app.Volumes = append(slices.Clone(o.app.Volumes), receiverVolume())
	}
	o.out.Copies = hideMounts(o.out.Copies, taken)
}

// places are the paths of mounts and files in a service's container.
func places(service types.ServiceConfig) []string {
	var out []string
	for _, v := range service.Volumes {
		out = append(out, path.Clean(v.Target))
	}
	for _, entry := range service.Tmpfs {
		at, _, _ := strings.Cut(entry, ":")
		out = append(out, path.Clean(at))
	}
	for _, c := range service.Configs {
		if path.IsAbs(c.Target) {
			out = append(out, path.Clean(c.Target))
		}
	}
	for _, s := range service.Secrets {
		if path.IsAbs(s.Target) {
			out = append(out, path.Clean(s.Target))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
