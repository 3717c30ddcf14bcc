package docker

import (
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/plan"
)

// service reads the service "db" from a compose file.
func service(t *testing.T, text string) types.ServiceConfig {
	t.Helper()
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: "/shop", Environment: types.Mapping{},
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yml", Content: []byte("name: shop\n" + text)}}},
		func(o *loader.Options) { o.SetProjectName("shop", true) })
	if err != nil {
		t.Fatal(err)
	}
	return p.Services["db"]
}

// fullService sets everything that becomes part of a container's host configuration.
const fullService = `services:
  db:
    image: postgres
    privileged: true
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    cgroup: private
    cgroup_parent: shop
    device_cgroup_rules: ["c 1:3 mr"]
    devices: ["/dev/fuse:/dev/fuse:rwm"]
    dns: [10.0.0.1]
    dns_opt: [ndots:1]
    dns_search: [example.com]
    extra_hosts: ["far:10.0.0.2"]
    group_add: [audio]
    init: true
    ipc: host
    logging: {driver: local, options: {max-size: 1m}}
    oom_score_adj: 7
    oom_kill_disable: true
    pid: host
    read_only: true
    restart: on-failure:3
    runtime: runc
    security_opt: [no-new-privileges]
    shm_size: 64m
    storage_opt: {size: 1G}
    sysctls: {net.core.somaxconn: 1024}
    tmpfs: ["/tmp:size=1m", /run]
    userns_mode: host
    uts: host
    blkio_config:
      weight: 300
      weight_device: [{path: /dev/sda, weight: 400}]
      device_read_bps: [{path: /dev/sda, rate: 1mb}]
    cpus: 0.3
    cpu_shares: 73
    cpu_period: 50000
    cpu_quota: 20000
    cpu_rt_period: 10000
    cpu_rt_runtime: 9000
    cpuset: 0,1
    mem_limit: 100m
    mem_reservation: 50m
    mem_swappiness: 10
    memswap_limit: 200m
    pids_limit: 99
    ulimits: {nofile: {soft: 1000, hard: 2000}, nproc: 65535}
    gpus: [{driver: nvidia, count: 2}]
    volumes:
      - {type: bind, source: /a, target: /a, read_only: true, bind: {propagation: rslave}}
      - {type: bind, source: /b, target: /b, bind: {selinux: z}}
      - {type: volume, source: data, target: /data, volume: {nocopy: true}}
      - {type: tmpfs, target: /scratch, tmpfs: {size: 1m, mode: 448}}
volumes: {data: {}}
`

func TestHostConfig_HasEverySettingOfAService(t *testing.T) {
	e := &Engine{endpoint: Endpoint{API: MinAPI}}
	got, err := e.hostConfig(service(t, fullService), "")
	if err != nil {
		t.Fatal(err)
	}
	yes, swappiness, pids := true, int64(10), int64(99)
	want := &container.HostConfig{
		Privileged: true, CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"ALL"}, CgroupnsMode: "private",
		DNS: []string{"10.0.0.1"}, DNSOptions: []string{"ndots:1"}, DNSSearch: []string{"example.com"}, ExtraHosts: []string{"far:10.0.0.2"},
		GroupAdd: []string{"audio"}, Init: &yes, IpcMode: "host", PidMode: "host", UTSMode: "host", UsernsMode: "host", NetworkMode: "default",
		LogConfig: container.LogConfig{Type: "local", Config: map[string]string{"max-size": "1m"}}, OomScoreAdj: 7, ReadonlyRootfs: true,
		RestartPolicy: container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 3}, Runtime: "runc", SecurityOpt: []string{"no-new-privileges"},
		ShmSize: 64 << 20, StorageOpt: map[string]string{"size": "1G"}, Sysctls: map[string]string{"net.core.somaxconn": "1024"},
		Tmpfs: map[string]string{"/tmp": "size=1m", "/run": ""}, Binds: []string{"/b:/b:z"},
		Mounts: []mount.Mount{
			{Type: "bind", Source: "/a", Target: "/a", ReadOnly: true, BindOptions: &mount.BindOptions{Propagation: "rslave"}},
			{Type: "volume", Source: "data", Target: "/data", VolumeOptions: &mount.VolumeOptions{NoCopy: true}},
			{Type: "tmpfs", Target: "/scratch", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 1 << 20, Mode: 0o700}},
		},
		Resources: container.Resources{
			CgroupParent: "shop", DeviceCgroupRules: []string{"c 1:3 mr"}, OomKillDisable: &yes, NanoCPUs: 3e8, CPUShares: 73, CPUPeriod: 50000, CPUQuota: 20000,
			CPURealtimePeriod: 10000, CPURealtimeRuntime: 9000, CpusetCpus: "0,1", Memory: 100 << 20, MemoryReservation: 50 << 20, MemorySwap: 200 << 20,
			MemorySwappiness: &swappiness, PidsLimit: &pids, BlkioWeight: 300,
			Devices:            []container.DeviceMapping{{PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm"}},
			BlkioWeightDevice:  []*blkiodev.WeightDevice{{Path: "/dev/sda", Weight: 400}},
			BlkioDeviceReadBps: []*blkiodev.ThrottleDevice{{Path: "/dev/sda", Rate: 1 << 20}},
			Ulimits:            []*container.Ulimit{{Name: "nofile", Soft: 1000, Hard: 2000}, {Name: "nproc", Soft: 65535, Hard: 65535}},
			DeviceRequests:     []container.DeviceRequest{{Driver: "nvidia", Count: 2, Capabilities: [][]string{{"gpu"}}}},
		},
		PortBindings: got.PortBindings,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHostConfig_AppliesTheDeploySection(t *testing.T) {
	e := &Engine{endpoint: Endpoint{API: MinAPI}}
	got, err := e.hostConfig(service(t, `services:
  db:
    image: postgres
    deploy:
      resources:
        limits: {cpus: "0.25", memory: 64m, pids: 50}
        reservations: {memory: 32m, devices: [{capabilities: [gpu], device_ids: ["1"]}]}
      restart_policy: {condition: on-failure, max_attempts: 2}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	if r := got.Resources; r.NanoCPUs != 25e7 || r.Memory != 64<<20 || *r.PidsLimit != 50 || r.MemoryReservation != 32<<20 || r.DeviceRequests[0].DeviceIDs[0] != "1" || r.DeviceRequests[0].Count != 0 {
		t.Errorf("%+v", r)
	}
	if p := got.RestartPolicy; p.Name != "on-failure" || p.MaximumRetryCount != 2 {
		t.Errorf("%+v", p)
	}
}

func TestEndpoints_HaveNamesAndAddresses(t *testing.T) {
	s := service(t, `services:
  db:
    image: postgres
    mac_address: 02:42:ac:11:00:01
    external_links: ["legacy:old"]
    networks:
      back: {aliases: [store], ipv4_address: 10.1.0.5, ipv6_address: "fd00::5", link_local_ips: [169.254.1.2], driver_opts: {a: b}}
      front: {priority: 10, use_service_name_alias: false}
networks: {back: {}, front: {}}
`)
	back := &network.EndpointSettings{Aliases: []string{"db", "store"}, Links: []string{"legacy:old"}, DriverOpts: map[string]string{"a": "b"},
		IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: "10.1.0.5", IPv6Address: "fd00::5", LinkLocalIPs: []string{"169.254.1.2"}}}
	for version, mac := range map[string]string{"1.41": "", "1.44": "02:42:ac:11:00:01"} {
		e := &Engine{endpoint: Endpoint{API: version}}
		first, others := e.splitFirst(s)
		want := map[string]*network.EndpointSettings{"front": {Links: []string{"legacy:old"}, MacAddress: mac}}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("API %s: -want +got:\n%s", version, diff)
		}
		if len(others) != 1 || others[0].network != "back" || !cmp.Equal(others[0].settings, back) {
			t.Errorf("API %s: others %+v", version, others)
		}
		config, err := e.containerConfig(s)
		if err != nil {
			t.Fatal(err)
		}
		if of := config.MacAddress; (of == "") != (mac != "") { //nolint:staticcheck // the only way before API 1.44
			t.Errorf("API %s: the container's address is %q", version, of)
		}
	}
}

func TestHealthcheck_HasNoStartIntervalForOldEngines(t *testing.T) {
	s := service(t, "services:\n  db:\n    image: postgres\n    healthcheck: {test: pg_isready, interval: 5s, timeout: 4s, start_period: 3s, start_interval: 2s, retries: 6}\n")
	want := &container.HealthConfig{Test: []string{"CMD-SHELL", "pg_isready"}, Interval: 5 * time.Second, Timeout: 4 * time.Second, StartPeriod: 3 * time.Second, Retries: 6}
	if diff := cmp.Diff(want, healthcheck(s.HealthCheck, false)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want.StartInterval = 2 * time.Second
	if diff := cmp.Diff(want, healthcheck(s.HealthCheck, true)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := healthcheck(&types.HealthCheckConfig{Disable: true}, true); got.Test[0] != "NONE" {
		t.Errorf("%+v", got)
	}
}

func TestHealthCommand_IsWhatTheEngineRuns(t *testing.T) {
	for _, c := range []struct {
		config container.Config
		want   []string
	}{
		{container.Config{}, nil},
		{container.Config{Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}, nil},
		{container.Config{Healthcheck: &container.HealthConfig{Test: []string{"CMD", "pg_isready", "-q"}}}, []string{"pg_isready", "-q"}},
		{container.Config{Healthcheck: &container.HealthConfig{Test: []string{"CMD-SHELL", "pg_isready || exit 1"}}}, []string{"/bin/sh", "-c", "pg_isready || exit 1"}},
		{container.Config{Shell: []string{"bash", "-c"}, Healthcheck: &container.HealthConfig{Test: []string{"CMD-SHELL", "x"}}}, []string{"bash", "-c", "x"}},
	} {
		if diff := cmp.Diff(c.want, healthCommand(&c.config)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestCheckVersion_RefusesWhatTheEngineIsTooOldFor(t *testing.T) {
	for key, text := range map[string]string{
		"volumes.volume.subpath":       "volumes: [{type: volume, source: data, target: /data, volume: {subpath: x}}]",
		"volumes of type image":        "volumes: [{type: image, source: busybox, target: /data}]",
		"volumes.bind.recursive":       "volumes: [{type: bind, source: /a, target: /a, bind: {recursive: readonly}}]",
		"networks.default.gw_priority": "networks: {default: {gw_priority: 1}}",
		"networks.default.mac_address": "networks: {default: {mac_address: '02:42:ac:11:00:01'}}",
		"annotations":                  "annotations: {a: b}",
	} {
		s := service(t, "services:\n  db:\n    image: postgres\n    "+text+"\nvolumes: {data: {}}\n")
		err := (&Engine{endpoint: Endpoint{API: MinAPI}}).checkVersion(s)
		if err == nil {
			t.Errorf("%s: no error", key)
			continue
		}
		if got := dev.AsError(err); got.Code != dev.CodeEngineTooOld || got.Exit != dev.ExitProject || got.Message[:len("services.db."+key)] != "services.db."+key {
			t.Errorf("%s: %+v", key, got)
		}
		if err := (&Engine{endpoint: Endpoint{API: "1.50"}}).checkVersion(s); err != nil {
			t.Errorf("%s on a new engine: %v", key, err)
		}
	}
}

// Compose finds the objects of a project by labels with exactly these names.
func TestContainerLabels_AreThoseOfCompose(t *testing.T) {
	s := plan.Service{Config: types.ServiceConfig{Name: "gateway"}, Hash: "abc"}
	got := containerLabels(s, plan.Labels{Project: "shop", App: "web", Gateway: "gateway", Dir: "/shop", ConfigFiles: []string{"a.yml", "b.yml"}})
	want := map[string]string{
		"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "com.docker.compose.container-number": "2",
		"com.docker.compose.oneoff": "False", "com.docker.compose.config-hash": "abc", "com.docker.compose.version": composeVersion,
		"com.docker.compose.project.working_dir": "/shop", "com.docker.compose.project.config_files": "a.yml,b.yml", "com.docker.compose.depends_on": "",
		"dev.sdev.service": "gateway", "dev.sdev.hash": "abc", "dev.sdev.parts": "null",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
