package docker

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"
)

// The first versions of the engine's API with a feature.
// Source: Docker Engine API, version history.
const (
	apiAnnotations   = "1.43"
	apiStartInterval = "1.44"
	apiEndpointMAC   = "1.44"
)

// supportsAPI reports whether the engine's API is at least of a version.
func (e *Engine) supportsAPI(version string) bool {
	return versions.GreaterThanOrEqualTo(e.endpoint.API, version)
}

// hostConfig translates those settings of a service that concern the container's surroundings: network, mounts, limits.
// joins is the container whose network namespace it shares; "" for its own.
func (e *Engine) hostConfig(s types.ServiceConfig, joins string) (*container.HostConfig, error) {
	_, bindings, err := ports(s)
	if err != nil {
		return nil, err
	}
	policy, err := restartPolicy(s)
	if err != nil {
		return nil, err
	}
	h := &container.HostConfig{
		PortBindings: bindings, Init: s.Init, Privileged: s.Privileged, ReadonlyRootfs: s.ReadOnly, RestartPolicy: policy, Resources: resources(s),
		CapAdd: s.CapAdd, CapDrop: s.CapDrop, SecurityOpt: s.SecurityOpt, GroupAdd: s.GroupAdd, OomScoreAdj: int(s.OomScoreAdj),
		DNS: s.DNS, DNSOptions: s.DNSOpts, DNSSearch: s.DNSSearch, ExtraHosts: s.ExtraHosts.AsList(":"),
		IpcMode: container.IpcMode(s.Ipc), PidMode: container.PidMode(s.Pid), UTSMode: container.UTSMode(s.Uts),
		UsernsMode: container.UsernsMode(s.UserNSMode), CgroupnsMode: container.CgroupnsMode(s.Cgroup), Runtime: s.Runtime,
		ShmSize: int64(s.ShmSize), Sysctls: s.Sysctls, StorageOpt: s.StorageOpt, Tmpfs: tmpfs(s.Tmpfs), VolumesFrom: s.VolumesFrom,
	}
	if s.Logging != nil {
		h.LogConfig = container.LogConfig{Type: s.Logging.Driver, Config: s.Logging.Options}
	}
	if e.supportsAPI(apiAnnotations) {
		h.Annotations = s.Annotations
	}
	switch {
	case joins != "":
		h.NetworkMode = container.NetworkMode("container:" + joins)
	case s.NetworkMode != "":
		h.NetworkMode = container.NetworkMode(s.NetworkMode)
	case len(s.Networks) > 0:
		h.NetworkMode = container.NetworkMode(s.NetworksByPriority()[0])
	}
	for _, v := range s.Volumes {
		if bind, ok := bindWithLabel(v); ok {
			h.Binds = append(h.Binds, bind)
			continue
		}
		h.Mounts = append(h.Mounts, volumeMount(v))
	}
	return h, nil
}

// restartPolicy is the service's own, else that of deploy.
func restartPolicy(s types.ServiceConfig) (container.RestartPolicy, error) {
	var p container.RestartPolicy
	if s.Restart != "" {
		name, count, _ := strings.Cut(s.Restart, ":")
		p.Name = container.RestartPolicyMode(name)
		if _, err := fmt.Sscanf(count, "%d", &p.MaximumRetryCount); count != "" && err != nil {
			return p, fmt.Errorf("service %s: restart %q: %w", s.Name, s.Restart, err)
		}
		return p, nil
	}
	if s.Deploy == nil || s.Deploy.RestartPolicy == nil {
		return p, nil
	}
	switch s.Deploy.RestartPolicy.Condition {
	case "none":
		p.Name = container.RestartPolicyDisabled
	case "on-failure":
		p.Name = container.RestartPolicyOnFailure
		if n := s.Deploy.RestartPolicy.MaxAttempts; n != nil {
			p.MaximumRetryCount = int(min(*n, math.MaxInt32)) // bounded
		}
	default: // "any" and nothing at all mean the same
		p.Name = container.RestartPolicyAlways
	}
	return p, nil
}

// resources translates limits: those of the service and those of deploy.resources, which must not differ.
func resources(s types.ServiceConfig) container.Resources {
	r := container.Resources{
		Memory: int64(s.MemLimit), MemoryReservation: int64(s.MemReservation), MemorySwap: int64(s.MemSwapLimit),
		NanoCPUs: nano(s.CPUS), CPUShares: s.CPUShares, CPUPeriod: s.CPUPeriod, CPUQuota: s.CPUQuota, CPURealtimePeriod: s.CPURTPeriod,
		CPURealtimeRuntime: s.CPURTRuntime, CPUCount: s.CPUCount, CPUPercent: int64(s.CPUPercent), CpusetCpus: s.CPUSet,
		CgroupParent: s.CgroupParent, DeviceCgroupRules: s.DeviceCgroupRules, DeviceRequests: deviceRequests(s.Gpus, "gpu"),
	}
	if s.MemSwappiness != 0 {
		r.MemorySwappiness = pointer(int64(s.MemSwappiness))
	}
	if s.OomKillDisable {
		r.OomKillDisable = pointer(true)
	}
	if s.PidsLimit != 0 {
		r.PidsLimit = pointer(s.PidsLimit)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Ulimits)) {
		u := container.Ulimit{Name: name, Soft: int64(s.Ulimits[name].Single), Hard: int64(s.Ulimits[name].Single)}
		if s.Ulimits[name].Single == 0 {
			u.Soft, u.Hard = int64(s.Ulimits[name].Soft), int64(s.Ulimits[name].Hard)
		}
		r.Ulimits = append(r.Ulimits, &u)
	}
	for _, d := range s.Devices {
		r.Devices = append(r.Devices, container.DeviceMapping{PathOnHost: d.Source, PathInContainer: d.Target, CgroupPermissions: d.Permissions})
	}
	blkio(&r, s.BlkioConfig)
	if s.Deploy != nil {
		applyDeployLimits(&r, s.Deploy.Resources)
	}
	return r
}

func applyDeployLimits(r *container.Resources, requested types.Resources) {
	if l := requested.Limits; l != nil {
		if l.NanoCPUs != 0 {
			r.NanoCPUs = nano(l.NanoCPUs.Value())
		}
		if l.MemoryBytes != 0 {
			r.Memory = int64(l.MemoryBytes)
		}
		if l.Pids != 0 {
			r.PidsLimit = pointer(l.Pids)
		}
	}
	if l := requested.Reservations; l != nil {
		if l.MemoryBytes != 0 {
			r.MemoryReservation = int64(l.MemoryBytes)
		}
		r.DeviceRequests = append(r.DeviceRequests, deviceRequests(l.Devices, "")...)
	}
}

func nano(cpus float32) int64 { return int64(math.Round(float64(cpus)*1000) * 1e6) }

// deviceRequests translates requests for devices. capability is the default for requests without one.
func deviceRequests(list []types.DeviceRequest, capability string) []container.DeviceRequest {
	var out []container.DeviceRequest
	for _, d := range list {
		capabilities := slices.Clone(d.Capabilities)
		if capability != "" && !slices.Contains(capabilities, capability) {
			capabilities = append(capabilities, capability)
		}
		r := container.DeviceRequest{Driver: d.Driver, Count: int(d.Count), DeviceIDs: d.IDs, Options: d.Options, Capabilities: [][]string{capabilities}}
		if r.Count == 0 && len(r.DeviceIDs) == 0 {
			r.Count = -1 // all
		}
		out = append(out, r)
	}
	return out
}

func blkio(r *container.Resources, b *types.BlkioConfig) {
	if b == nil {
		return
	}
	r.BlkioWeight = b.Weight
	for _, d := range b.WeightDevice {
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, &blkiodev.WeightDevice{Path: d.Path, Weight: d.Weight})
	}
	r.BlkioDeviceReadBps, r.BlkioDeviceWriteBps = throttles(b.DeviceReadBps), throttles(b.DeviceWriteBps)
	r.BlkioDeviceReadIOps, r.BlkioDeviceWriteIOps = throttles(b.DeviceReadIOps), throttles(b.DeviceWriteIOps)
}

func throttles(list []types.ThrottleDevice) []*blkiodev.ThrottleDevice {
	var out []*blkiodev.ThrottleDevice
	for _, d := range list {
		out = append(out, &blkiodev.ThrottleDevice{Path: d.Path, Rate: uint64(max(0, d.Rate))}) // not negative
	}
	return out
}

func pointer[T any](v T) *T { return &v }
