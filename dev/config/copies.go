package config

import (
	"os"
	"path/filepath"
	"slices"

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
		o.room()
		return
	}
	var volumes []types.ServiceVolumeConfig
	for _, v := range o.app.Volumes {
		rel, inside := o.p.relative(v.Source)
		if v.Type != types.VolumeTypeBind || !inside {
			volumes = append(volumes, v)
			continue
		}
		o.out.Copies = append(o.out.Copies, dev.Copy{Service: o.p.App, Path: rel, Target: v.Target, Whole: true})
		if info, err := os.Stat(filepath.Join(o.p.Dir, filepath.FromSlash(rel))); err == nil && !info.IsDir() {
			continue // a single file is copied over the image's
		}
		volumes = append(volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Target: v.Target, Volume: &types.ServiceVolumeVolume{NoCopy: true}})
	}
	o.app.Volumes = volumes
	o.note("sdev up --sync: the project's folders are copied in, not mounted", "volumes")
	o.room()
}

// room gives the receiver a place of its own in a container that is read-only.
func (o *overlay) room() {
	if len(o.out.Copies) == 0 || !o.app.ReadOnly {
		return
	}
	o.app.Volumes = append(slices.Clone(o.app.Volumes), types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Target: dev.ReceiverDir, Volume: &types.ServiceVolumeVolume{NoCopy: true}})
}
