package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/network"

	"sdev/dev"
)

// checkExternal refuses a container that uses a missing external network or volume: the engine would silently create
// the volume, empty. The project's own networks and volumes exist by now, except for the networks in own.
func (e *Engine) checkExternal(ctx context.Context, s types.ServiceConfig, own []string) error {
	missing := func(kind, name string) error {
		return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: fmt.Sprintf("service %s uses the external %s %s, which does not exist", s.Name, kind, name),
			Hint: fmt.Sprintf("create it (docker %s create %s), or remove external from it", kind, name)}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		if slices.Contains(own, name) {
			continue
		}
		if _, err := e.api.NetworkInspect(ctx, name, network.InspectOptions{}); isGone(err) {
			return missing("network", name)
		} else if err != nil {
			return engineError("inspect network "+name, err)
		}
	}
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeVolume || v.Source == "" {
			continue
		}
		if _, err := e.api.VolumeInspect(ctx, v.Source); isGone(err) {
			return missing("volume", v.Source)
		} else if err != nil {
			return engineError("inspect volume "+v.Source, err)
		}
	}
	return nil
}

// checkVersion refuses settings that this engine is too old for: it would ignore them or crash.
func (e *Engine) checkVersion(s types.ServiceConfig) error {
	needs := func(key, version string) error {
		return &dev.Error{Code: dev.CodeEngineTooOld, Exit: dev.ExitProject,
			Message: fmt.Sprintf("services.%s.%s needs engine API %s, but this engine has %s", s.Name, key, version, e.endpoint.API), Hint: "remove it, or update Docker"}
	}
	for _, v := range s.Volumes {
		switch {
		case v.Volume != nil && v.Volume.Subpath != "" && !e.supportsAPI("1.45"):
			return needs("volumes.volume.subpath", "1.45")
		case v.Type == types.VolumeTypeImage && !e.supportsAPI("1.48"):
			return needs("volumes of type image", "1.48")
		case v.Bind != nil && v.Bind.Recursive == "readonly" && !e.supportsAPI("1.44"):
			return needs("volumes.bind.recursive", "1.44")
		}
	}
	for name, n := range s.Networks {
		switch {
		case n == nil:
		case n.GatewayPriority != 0 && !e.supportsAPI("1.48"):
			return needs("networks."+name+".gw_priority", "1.48")
		case n.MacAddress != "" && !e.supportsAPI(apiEndpointMAC):
			return needs("networks."+name+".mac_address", apiEndpointMAC)
		}
	}
	if len(s.Annotations) > 0 && !e.supportsAPI(apiAnnotations) {
		return needs("annotations", apiAnnotations)
	}
	return nil
}
