package docker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// containerConfig translates those settings of a service that concern its process.
func (e *Engine) containerConfig(s types.ServiceConfig) (*container.Config, error) {
	exposed, _, err := ports(s)
	if err != nil {
		return nil, err
	}
	c := &container.Config{
		Image: s.Image, Hostname: s.Hostname, Domainname: s.DomainName, User: s.User, WorkingDir: s.WorkingDir,
		Env: environment(s.Environment), Entrypoint: strslice.StrSlice(s.Entrypoint), Cmd: strslice.StrSlice(s.Command),
		ExposedPorts: exposed, StopSignal: s.StopSignal, Healthcheck: healthcheck(s.HealthCheck, e.supportsAPI(apiStartInterval)), Tty: s.Tty, OpenStdin: s.StdinOpen,
	}
	if !e.supportsAPI(apiEndpointMAC) {
		c.MacAddress = s.MacAddress //nolint:staticcheck // the only way before API 1.44
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

// healthcheck translates a health check. A field that the compose file does not set stays zero, which keeps the
// image's value. Old engines have no start interval and do not need one, because [Engine.wait] checks often itself.
func healthcheck(h *types.HealthCheckConfig, startInterval bool) *container.HealthConfig {
	if h == nil {
		return nil
	}
	if h.Disable {
		return &container.HealthConfig{Test: []string{"NONE"}}
	}
	out := &container.HealthConfig{Test: h.Test}
	out.Interval, out.Timeout, out.StartPeriod = duration(h.Interval), duration(h.Timeout), duration(h.StartPeriod)
	if startInterval {
		out.StartInterval = duration(h.StartInterval)
	}
	if h.Retries != nil {
		out.Retries = int(*h.Retries)
	}
	return out
}

func duration(d *types.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}

func ports(s types.ServiceConfig) (nat.PortSet, nat.PortMap, error) {
	exposed, bindings := nat.PortSet{}, nat.PortMap{}
	for _, e := range s.Expose {
		proto, number := nat.SplitProtoPort(e)
		start, end, err := nat.ParsePortRangeToInt(number)
		if err != nil {
			return nil, nil, fmt.Errorf("service %s: expose %q: %w", s.Name, e, err)
		}
		for n := start; n <= end; n++ {
			exposed[nat.Port(fmt.Sprintf("%d/%s", n, proto))] = struct{}{}
		}
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

// platform splits "os/architecture/variant"; nil leaves the choice to the engine.
func platform(text string) *ocispec.Platform {
	if text == "" {
		return nil
	}
	system, rest, _ := strings.Cut(text, "/")
	architecture, variant, _ := strings.Cut(rest, "/")
	return &ocispec.Platform{OS: system, Architecture: architecture, Variant: variant}
}
