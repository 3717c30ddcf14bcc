package plan

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Inputs is what [NewDesired] needs besides the compose model.
type Inputs struct {
	Images map[string]string // image ids by reference, as far as known
	Files  map[string][]byte // content of the files behind secrets and configs, by path
}

// NewDesired reads the desired state from an effective compose model.
func NewDesired(model *types.Project, app, gateway string, inputs Inputs) Desired {
	d := Desired{Project: model.Name, App: app, Gateway: gateway}
	used := map[string]bool{}
	volumes := map[string]bool{}
	for _, name := range startOrder(model) {
		s := model.Services[name]
		if s.GetScale() == 0 {
			continue // scaled to 0
		}
		for n := range s.Networks {
			used[n] = true
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume && v.Source != "" {
				volumes[v.Source] = true
			}
		}
		ref := ImageName(model.Name, s)
		s.Image = ref
		svc := Service{Config: engineNames(model, s), Image: inputs.Images[ref], Files: files(model, s, inputs.Files)}
		svc.Parts = parts(svc)
		svc.Hash = svc.Parts.sum()
		d.Services = append(d.Services, svc)
	}
	for _, name := range model.NetworkNames() {
		switch n := model.Networks[name]; {
		case bool(n.External):
			d.ExternalNetworks = append(d.ExternalNetworks, n.Name)
		case used[name]:
			d.Networks = append(d.Networks, n)
		}
	}
	for _, name := range model.VolumeNames() {
		if volumes[name] && !bool(model.Volumes[name].External) {
			d.Volumes = append(d.Volumes, model.Volumes[name])
		}
	}
	return d
}

// engineNames replaces the compose file's names of networks, volumes and containers with the engine's. It keeps the
// service in network_mode: Make resolves that one, see [Operation].Joins.
func engineNames(model *types.Project, s types.ServiceConfig) types.ServiceConfig {
	networks := make(map[string]*types.ServiceNetworkConfig, len(s.Networks))
	for key, n := range s.Networks {
		networks[model.Networks[key].Name] = n
	}
	s.Networks = networks
	s.Volumes = slices.Clone(s.Volumes)
	for i, v := range s.Volumes {
		if v.Type == types.VolumeTypeVolume && v.Source != "" {
			s.Volumes[i].Source = model.Volumes[v.Source].Name
		}
	}
	container := func(service string) string { return ContainerName(model.Name, model.Services[service]) }
	for _, namespace := range []*string{&s.Ipc, &s.Pid, &s.Uts, &s.Cgroup} {
		if host, ok := strings.CutPrefix(*namespace, types.ServicePrefix); ok {
			*namespace = types.ContainerPrefix + container(host)
		}
	}
	s.VolumesFrom = slices.Clone(s.VolumesFrom)
	for i, from := range s.VolumesFrom {
		if other, ok := strings.CutPrefix(from, types.ContainerPrefix); ok {
			s.VolumesFrom[i] = other
			continue
		}
		service, mode, _ := strings.Cut(from, ":")
		s.VolumesFrom[i] = strings.TrimSuffix(container(service)+":"+mode, ":")
	}
	links := make([]string, 0, len(s.Links))
	for _, link := range s.Links {
		service, alias, _ := strings.Cut(link, ":")
		links = append(links, container(service)+":"+cmp.Or(alias, service))
	}
	if s.Links = nil; len(links) > 0 {
		s.Links = links
	}
	return s
}

// secretsDir is where the Compose Specification puts secrets without a target path.
const secretsDir = "/run/secrets"

// files returns the secrets and configs of a service as files of its container.
func files(model *types.Project, s types.ServiceConfig, read map[string][]byte) []File {
	var out []File
	content := func(o types.FileObjectConfig) []byte {
		if o.File != "" {
			return read[o.File]
		}
		return []byte(o.Content)
	}
	for _, ref := range s.Configs {
		f := fileOf(types.FileReferenceConfig(ref), "/")
		f.What, f.Content = "config "+ref.Source, content(types.FileObjectConfig(model.Configs[ref.Source]))
		f.Ours = strings.HasPrefix(ref.Source, ownConfigs) && f.UID == 0 && f.GID == 0 && f.Mode == readable
		out = append(out, f)
	}
	for _, ref := range s.Secrets {
		f := fileOf(types.FileReferenceConfig(ref), secretsDir)
		f.What, f.Content = "secret "+ref.Source, content(types.FileObjectConfig(model.Secrets[ref.Source]))
		out = append(out, f)
	}
	return out
}

// ownConfigs begins the names of configs that sdev adds to a project.
const ownConfigs = "sdev-"

// readable is the mode of a file that names none.
const readable = 0o444

func fileOf(ref types.FileReferenceConfig, dir string) File {
	f := File{Path: cmp.Or(ref.Target, ref.Source), Mode: readable}
	if !path.IsAbs(f.Path) {
		f.Path = path.Join(dir, f.Path)
	}
	if ref.Mode != nil {
		f.Mode = int64(*ref.Mode)
	}
	f.UID, _ = strconv.Atoi(ref.UID) // reading the compose file has rejected anything but numbers
	f.GID, _ = strconv.Atoi(ref.GID)
	return f
}

// ImageName is the image reference of a service: the one that it names, or the one that Compose gives to an image
// that it builds.
func ImageName(project string, s types.ServiceConfig) string {
	if s.Image != "" {
		return s.Image
	}
	return project + "-" + s.Name
}

// ContainerName is the name that Compose gives to the first container of a service.
func ContainerName(project string, s types.ServiceConfig) string {
	if s.ContainerName != "" {
		return s.ContainerName
	}
	return project + "-" + s.Name + "-1"
}

// startOrder returns the services so that each comes after its dependencies; otherwise by name.
func startOrder(model *types.Project) []string {
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		s, ok := model.Services[name]
		if seen[name] || !ok {
			return
		}
		seen[name] = true
		for _, dep := range slices.Sorted(maps.Keys(s.DependsOn)) {
			visit(dep)
		}
		order = append(order, name)
	}
	for _, name := range model.ServiceNames() {
		visit(name)
	}
	return order
}
