package config

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Use says what sdev does with a key of the Compose Specification.
type Use string

// The uses of a key. No key is ignored silently: help lists those without effect, and a refused one is an error
// with file and line.
const (
	Applied Use = "applied"
	Idle    Use = "without effect"
	Refused Use = "refused"
)

// Key is a row of the table of keys. It covers every key below its path that has no row of its own.
type Key struct {
	Path  string // with "*" for a name and "[]" for an item of a list
	Use   Use
	About string // how it is applied, why it has no effect, or what to do instead
	// App says what sdev does with the key on the app itself, if that differs because the gateway owns the
	// app's network.
	App string
}

const toGateway = "applied to the gateway, which owns the app's network"

// Keys is the table that the check of compose files and the help share. A test compares it with the Compose
// Specification, so that no new key is missing.
func Keys() []Key {
	return slices.Concat(topKeys(), serviceKeys(), resourceKeys(), buildKeys())
}

func topKeys() []Key {
	return []Key{
		{Path: "name", Use: Applied, About: "the project's name"},
		{Path: "version", Use: Idle, About: "obsolete since 2020"},
		{Path: "include", Use: Applied, About: "included files are read"},
		{Path: "jobs", Use: Refused, About: "run it with: docker compose"},
		{Path: "models", Use: Refused, About: "sdev does not run models"},
		{Path: "networks.*", Use: Applied, About: "created for the project; recreated, with its containers, when its settings change"},
		{Path: "networks.*.external", Use: Applied, About: "used, but neither created nor removed"},
		{Path: "volumes.*", Use: Applied, About: "created for the project; a change of its settings is an error, because its data would be lost"},
		{Path: "volumes.*.external", Use: Applied, About: "used, but neither created nor removed"},
		{Path: "configs.*", Use: Applied, About: "written into the containers from file, environment or content"},
		{Path: "configs.*.external", Use: Refused, About: "only for Swarm; use file instead"},
		{Path: "configs.*.template_driver", Use: Refused, About: "only for Swarm"},
		{Path: "secrets.*", Use: Applied, About: "written into the containers, by default at /run/secrets, from file or environment"},
		{Path: "secrets.*.external", Use: Refused, About: "only for Swarm; use file instead"},
		{Path: "secrets.*.driver", Use: Refused, About: "only for Swarm; use file instead"},
		{Path: "secrets.*.driver_opts", Use: Refused, About: "only for Swarm"},
		{Path: "secrets.*.template_driver", Use: Refused, About: "only for Swarm"},
	}
}

// services makes rows for keys of a service that are applied unchanged.
func services(about string, names ...string) []Key {
	var out []Key
	for _, name := range names {
		out = append(out, Key{Path: "services.*." + name, Use: Applied, About: about})
	}
	return out
}

func serviceKeys() []Key {
	const asGiven = "as given"
	return slices.Concat(
		services(asGiven, "annotations", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "command", "container_name",
			"device_cgroup_rules", "devices", "entrypoint", "environment", "gpus", "group_add", "image", "init", "ipc", "labels", "logging", "pid", "privileged",
			"read_only", "restart", "runtime", "security_opt", "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls",
			"tmpfs", "tty", "user", "userns_mode", "uts", "working_dir", "volumes_from"),
		services("read into the environment, with required and format", "env_file"),
		services("read into the labels", "label_file"),
		services("files in the container, with uid, gid and mode, mounted over any volume there; a change recreates the container", "configs", "secrets"),
		services("all conditions, required and restart; see the plan that sdev up prints", "depends_on"),
		services("run after each start; a failing command is an error", "post_start"),
		services("bind, volume, tmpfs and image mounts with their options, as far as the engine supports them; missing mount points are created empty, and removed with the container", "volumes"),
		services("the platform of the image; an image for another platform than the engine's is refused unless this names it", "platform"),
		services("missing, always, never, build, daily, weekly, every_…", "pull_policy"),
		services("merged, across files", "extends"),
		services("select the active services", "profiles"),
		services("while others wait for the service, sdev runs the check itself instead of waiting for its interval; start_interval needs API 1.44", "healthcheck"),
		services("the rules for saves; those of other services take effect while sdev up runs", "develop"),
		services("0 or 1", "scale"),
		[]Key{
			{Path: "services.*.attach", Use: Idle, About: "to choose services: sdev logs SERVICE"},
			{Path: "services.*.dns", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.dns_opt", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.dns_search", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.domainname", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.expose", Use: Applied, About: asGiven, App: "other services reach every port of the app"},
			{Path: "services.*.external_links", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.extra_hosts", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.hostname", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.links", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.mac_address", Use: Applied, About: asGiven, App: toGateway},
			{Path: "services.*.networks", Use: Applied, About: "with aliases, addresses, priority and driver_opts", App: toGateway},
			{Path: "services.*.networks.*.interface_name", Use: Refused, About: "needs engine API 1.49"},
			{Path: "services.*.network_mode", Use: Applied, About: "host, none, service:NAME, container:NAME", App: "refused: remove it; host and bridge: ignored"},
			{Path: "services.*.ports", Use: Applied, About: "published at 127.0.0.1, so not reachable from other machines", App: toGateway + "; the app's own port leads to the gateway"},
			{Path: "services.*.cpu_count", Use: Refused, About: "only for Windows; use cpus"},
			{Path: "services.*.cpu_percent", Use: Refused, About: "only for Windows; use cpus"},
			{Path: "services.*.credential_spec", Use: Refused, About: "only for Windows"},
			{Path: "services.*.isolation", Use: Refused, About: "only for Windows"},
			{Path: "services.*.models", Use: Refused, About: "sdev does not run models"},
			{Path: "services.*.pre_start", Use: Refused, About: "use a separate service and condition: service_completed_successfully"},
			{Path: "services.*.pre_stop", Use: Refused, About: "let the process handle its stop_signal"},
			{Path: "services.*.provider", Use: Refused, About: "run it with: docker compose"},
			{Path: "services.*.pull_refresh_after", Use: Refused, About: "use pull_policy: every_…"},
			{Path: "services.*.umask", Use: Refused, About: "the engine's API does not support it"},
			{Path: "services.*.use_api_socket", Use: Refused, About: "mount the engine's socket as a volume"},
		})
}

func resourceKeys() []Key {
	return slices.Concat(
		services("limits of the container", "blkio_config", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset",
			"mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "oom_kill_disable", "oom_score_adj", "pids_limit", "shm_size", "ulimits"),
		[]Key{
			{Path: "services.*.deploy.mode", Use: Idle, About: "one container per service, except in job modes"},
			{Path: "services.*.deploy.replicas", Use: Applied, About: "0 or 1"},
			{Path: "services.*.deploy.resources", Use: Applied, About: "limits of cpus, memory and pids; reservations of memory and devices"},
			{Path: "services.*.deploy.resources.reservations.cpus", Use: Idle, About: "one machine needs no placement"},
			{Path: "services.*.deploy.resources.reservations.generic_resources", Use: Idle, About: "one machine needs no placement"},
			{Path: "services.*.deploy.restart_policy", Use: Applied, About: "condition and max_attempts, unless restart is set"},
			{Path: "services.*.deploy.restart_policy.delay", Use: Idle, About: "the engine waits 0.1 s, doubled each time"},
			{Path: "services.*.deploy.restart_policy.window", Use: Idle, About: "the engine uses 10 s"},
			{Path: "services.*.deploy.labels", Use: Idle, About: "only for Swarm"},
			{Path: "services.*.deploy.placement", Use: Idle, About: "one machine needs no placement"},
			{Path: "services.*.deploy.update_config", Use: Idle, About: "one container is replaced at once"},
			{Path: "services.*.deploy.rollback_config", Use: Idle, About: "one container is replaced at once"},
			{Path: "services.*.deploy.endpoint_mode", Use: Idle, About: "only for Swarm"},
		})
}

func buildKeys() []Key {
	var out []Key
	for _, name := range []string{"additional_contexts", "args", "cache_from", "context", "dockerfile", "dockerfile_inline", "extra_hosts", "labels",
		"network", "no_cache", "pull", "secrets", "ssh", "tags", "target"} {
		out = append(out, Key{Path: "services.*.build." + name, Use: Applied, About: "when the image is built"})
	}
	return append(out,
		Key{Path: "services.*.build.platforms", Use: Idle, About: "one image is built, for platform or else for the engine's machine"},
		Key{Path: "services.*.build.provenance", Use: Idle, About: "the engine's own images have no attestations"},
		Key{Path: "services.*.build.sbom", Use: Idle, About: "the engine's own images have no attestations"},
		Key{Path: "services.*.build.cache_to", Use: Idle, About: "the engine keeps its own cache"},
		Key{Path: "services.*.build.entitlements", Use: Refused, About: "the engine's builder grants none"},
		Key{Path: "services.*.build.privileged", Use: Refused, About: "the engine's builder grants no privileges"},
		Key{Path: "services.*.build.isolation", Use: Refused, About: "only for Windows"},
		Key{Path: "services.*.build.no_cache_filter", Use: Refused, About: "use no_cache"},
		Key{Path: "services.*.build.shm_size", Use: Refused, About: "mount a tmpfs in the step that needs it"},
		Key{Path: "services.*.build.ulimits", Use: Refused, About: "set them in the step that needs them"},
	)
}

// collectUnsupported makes compose-go collect the keys in the merged files that the table refuses. Keys that the
// table does not have are not in compose-go's specification either, and cause an error before.
func collectUnsupported(found *[]loader.UnsupportedAttribute) func(*loader.Options) {
	var refused []loader.UnsupportedAttributePattern
	for _, k := range Keys() {
		if k.Use == Refused {
			refused = append(refused, loader.UnsupportedAttributePattern{Path: tree.Path(k.Path), Detect: func(value any) bool { return value != false }})
		}
	}
	return loader.WithUnsupportedAttributesCheck(refused, func(all []loader.UnsupportedAttribute) { *found = all })
}

// checkKeys refuses unsupported keys in the services that will run and in what they use: a service must not run
// silently without something that its file requires.
func checkKeys(p *Project, found []loader.UnsupportedAttribute) error {
	for _, f := range found {
		if path := f.Path.Parts(); p.isActive(path) {
			return p.sources.refuse(path, aboutRefused(f.Path))
		}
	}
	path := []string{"services", p.App, "network_mode"}
	if file, _ := p.sources.locateExactly(path...); file != "" && p.Model.Services[p.App].NetworkMode != "" {
		return p.sources.refuse(path, "the app uses the gateway's network: remove this key") // a mode that replaceNetworkMode leaves alone
	}
	return checkValues(p)
}

func aboutRefused(path tree.Path) string {
	for _, k := range Keys() {
		if k.Use == Refused && path.Matches(tree.Path(k.Path)) {
			return k.About
		}
	}
	return ""
}

// isActive reports whether the element at a path is used by a service that will run.
func (p *Project) isActive(path []string) bool {
	if len(path) < 2 {
		return true
	}
	name := path[1]
	for _, s := range p.Model.Services {
		switch path[0] {
		case "services":
			if s.Name == name {
				return true
			}
		case "networks":
			if _, ok := s.Networks[name]; ok {
				return true
			}
		case "volumes":
			if slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Source == name }) {
				return true
			}
		case "configs":
			if slices.ContainsFunc(s.Configs, func(c types.ServiceConfigObjConfig) bool { return c.Source == name }) {
				return true
			}
		case "secrets":
			uses := func(c types.ServiceSecretConfig) bool { return c.Source == name }
			if slices.ContainsFunc(s.Secrets, uses) || s.Build != nil && slices.ContainsFunc(s.Build.Secrets, uses) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// refuse is the error for an unsupported element.
func (all sources) refuse(path []string, about string) *dev.Error {
	file, line := all.locate(path...)
	message := strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]") + " is not supported by sdev"
	if about != "" {
		message += ": " + about
	}
	return bad(dev.CodeComposeKey, file, line, message, "remove it, or move the service behind a profile that is not active (see: sdev help compose)")
}
