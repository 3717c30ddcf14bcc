package config

import (
	"path"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Neighbour is a service around the app that has rules for saves.
type Neighbour struct {
	Service string
	Rules   []dev.Rule
	Copies  []dev.Copy // what the syncing rules copy into its container
}

// neighbours returns the services around the app that have develop.watch, ordered by name. Rules that cannot be applied
// are left out, each with a warning: they are no reason not to run the app.
func neighbours(p *Project) (out []Neighbour, warnings []dev.Warning) {
	for _, name := range p.Model.ServiceNames() {
		s := p.Model.Services[name]
		if name == p.App || s.Develop == nil {
			continue
		}
		n := Neighbour{Service: name}
		for i, t := range s.Develop.Watch {
			r, err := neighbourRule(trigger{p, s, i, t}, n.Rules)
			if err != nil {
				warnings = append(warnings, notApplied(err))
				continue
			}
			n.Rules = append(n.Rules, r)
			if r.Action.Syncs() {
				n.Copies = append(n.Copies, dev.Copy{Service: name, Path: r.Path, Target: r.Target, Rule: r.Origin, Whole: t.InitialSync})
			}
		}
		if len(n.Rules) > 0 {
			n.Copies = hideMounts(n.Copies, places(s))
			out = append(out, n)
		}
	}
	return out, warnings
}

// neighbourRule returns one rule of a service around the app. earlier are the rules before it.
func neighbourRule(t trigger, earlier []dev.Rule) (dev.Rule, error) {
	r, err := askedRule(t.project, t.service, t.index, t.Trigger)
	if err != nil {
		return r, err
	}
	if err := t.check(r, earlier); err != nil {
		return r, err
	}
	return r, nil
}

// notApplied turns the error about a rule into a warning.
func notApplied(err error) dev.Warning {
	e := dev.AsError(err)
	return dev.Warning{Code: e.Code, Message: e.Error() + "; sdev does not apply this rule", Hint: e.Hint}
}

// neighbours prepares the services around the app into which files are copied.
func (o *overlay) neighbours() {
	o.out.Neighbours, _ = neighbours(o.p) // Load has reported the warnings
	for _, n := range o.out.Neighbours {
		s := o.out.Project.Services[n.Service]
		if len(n.Copies) > 0 && needsReceiverVolume(s, places(s)) {
			s.Volumes = append(slices.Clone(s.Volumes), receiverVolume())
			o.out.Project.Services[n.Service] = s
		}
	}
}

// hideMounts excludes mounts inside copied directories from copying.
func hideMounts(copies []dev.Copy, taken []string) []dev.Copy {
	for i, c := range copies {
		target := path.Clean(c.Target)
		for _, at := range taken {
			own := slices.ContainsFunc(copies, func(other dev.Copy) bool { return path.Clean(other.Target) == at })
			if at != target && dev.IsWithin(target, at) && !own {
				copies[i].Hidden = append(copies[i].Hidden, at)
			}
		}
	}
	return copies
}

// needsReceiverVolume reports whether the receiver's directory would otherwise be read-only or inside another mount.
func needsReceiverVolume(s types.ServiceConfig, taken []string) bool {
	return s.ReadOnly || slices.ContainsFunc(taken, func(at string) bool { return dev.IsWithin(at, dev.ReceiverDir) })
}

func receiverVolume() types.ServiceVolumeConfig {
	return types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Target: dev.ReceiverDir, Volume: &types.ServiceVolumeVolume{NoCopy: true}}
}
