package docker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"
)

// containerConfig translates what a service says about its process.
func containerConfig(s types.ServiceConfig) (*container.Config, error) {
	exposed, _, err := ports(s)
	if err != nil {
		return nil, err
	}
	c := &container.Config{
		Image: s.Image, Hostname: s.Hostname, Domainname: s.DomainName, User: s.User, WorkingDir: s.WorkingDir,
		Env: environment(s.Environment), Entrypoint: strslice.StrSlice(s.Entrypoint), Cmd: strslice.StrSlice(s.Command),
		ExposedPorts: exposed, StopSignal: s.StopSignal, Healthcheck: healthcheck(s.HealthCheck), Tty: s.Tty, OpenStdin: s.StdinOpen,
	}
	if s.StopGracePeriod != nil {
		// The engine counts whole seconds and takes 0 for "kill at once".
		seconds := max(1, int(time.Duration(*s.StopGracePeriod).Seconds()))
		c.StopTimeout = &seconds
	}
	return c, nil
}

func environment(env types.MappingWithEquals) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(env)) {
		if v := env[k]; v != nil {
			out = append(out, k+"="+*v)
		}
	}
	return out
}

func healthcheck(h *types.HealthCheckConfig) *container.HealthConfig {
	if h == nil {
		return nil
	}
	if h.Disable {
		return &container.HealthConfig{Test: []string{"NONE"}}
	}
	out := &container.HealthConfig{Test: h.Test}
	for from, to := range map[*types.Duration]*time.Duration{h.Interval: &out.Interval, h.Timeout: &out.Timeout, h.StartPeriod: &out.StartPeriod} {
		if from != nil {
			*to = time.Duration(*from)
		}
	}
	if h.Retries != nil {
		out.Retries = int(*h.Retries)
	}
	return out
}

// hostConfig translates what a service says about its surroundings. joins is the container whose
// network namespace it lives in; "" for one of its own.
func hostConfig(s types.ServiceConfig, joins string) (*container.HostConfig, error) {
	_, bindings, err := ports(s)
	if err != nil {
		return nil, err
	}
	h := &container.HostConfig{
		PortBindings: bindings, Init: s.Init, ReadonlyRootfs: s.ReadOnly, CapAdd: s.CapAdd, CapDrop: s.CapDrop, SecurityOpt: s.SecurityOpt,
		GroupAdd: s.GroupAdd, ShmSize: int64(s.ShmSize), DNS: s.DNS, ExtraHosts: s.ExtraHosts.AsList(":"), Tmpfs: tmpfs(s.Tmpfs),
		Resources: container.Resources{Memory: int64(s.MemLimit)},
	}
	if joins != "" {
		h.NetworkMode = container.NetworkMode("container:" + joins)
	} else if s.NetworkMode != "" {
		h.NetworkMode = container.NetworkMode(s.NetworkMode)
	}
	if s.Restart != "" {
		name, count, _ := strings.Cut(s.Restart, ":")
		h.RestartPolicy.Name = container.RestartPolicyMode(name)
		if _, err := fmt.Sscanf(count, "%d", &h.RestartPolicy.MaximumRetryCount); count != "" && err != nil {
			return nil, fmt.Errorf("service %s: restart %q: %w", s.Name, s.Restart, err)
		}
	}
	for _, v := range s.Volumes {
		h.Mounts = append(h.Mounts, volumeMount(v))
	}
	return h, nil
}

// tmpfs splits "path:options", as in "docker run --tmpfs".
func tmpfs(list types.StringList) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]string, len(list))
	for _, entry := range list {
		path, options, _ := strings.Cut(entry, ":")
		out[path] = options
	}
	return out
}

func volumeMount(v types.ServiceVolumeConfig) mount.Mount {
	m := mount.Mount{Type: mount.Type(v.Type), Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
	if v.Bind != nil && v.Bind.Propagation != "" {
		m.BindOptions = &mount.BindOptions{Propagation: mount.Propagation(v.Bind.Propagation)}
	}
	if v.Volume != nil && v.Volume.NoCopy {
		m.VolumeOptions = &mount.VolumeOptions{NoCopy: true}
	}
	if v.Tmpfs != nil {
		m.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: int64(v.Tmpfs.Size)}
	}
	return m
}

func ports(s types.ServiceConfig) (nat.PortSet, nat.PortMap, error) {
	exposed, bindings := nat.PortSet{}, nat.PortMap{}
	for _, e := range s.Expose {
		port, err := nat.NewPort(nat.SplitProtoPort(e))
		if err != nil {
			return nil, nil, fmt.Errorf("service %s: expose %q: %w", s.Name, e, err)
		}
		exposed[port] = struct{}{}
	}
	for _, p := range s.Ports {
		port, err := nat.NewPort(p.Protocol, fmt.Sprint(p.Target))
		if err != nil {
			return nil, nil, fmt.Errorf("service %s: port %d: %w", s.Name, p.Target, err)
		}
		exposed[port] = struct{}{}
		bindings[port] = append(bindings[port], nat.PortBinding{HostIP: p.HostIP, HostPort: p.Published})
	}
	return exposed, bindings, nil
}

// endpoints are the networks a container joins, under its service's name and aliases.
func endpoints(s types.ServiceConfig) map[string]*network.EndpointSettings {
	out := map[string]*network.EndpointSettings{}
	for name, n := range s.Networks {
		e := &network.EndpointSettings{Aliases: []string{s.Name}}
		if n != nil {
			e.Aliases = append(e.Aliases, n.Aliases...)
		}
		slices.Sort(e.Aliases)
		e.Aliases = slices.Compact(e.Aliases)
		out[name] = e
	}
	return out
}
