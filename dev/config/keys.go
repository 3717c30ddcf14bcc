package config

import (
	"fmt"
	"slices"
	"strings"

	"sdev/dev"
)

// appliedKeys lists the keys of a service that sdev applies. A key that is not here is refused:
// running a service without something its file asks for would be a silent lie.
func appliedKeys() []string {
	return []string{
		"build", "cap_add", "cap_drop", "command", "configs", "container_name", "depends_on", "develop", "dns", "entrypoint",
		"env_file", "environment", "expose", "extra_hosts", "group_add", "healthcheck", "hostname", "image", "init", "labels",
		"mem_limit", "networks", "platform", "ports", "profiles", "read_only", "restart", "security_opt", "shm_size",
		"stop_grace_period", "stop_signal", "tmpfs", "user", "volumes", "working_dir",
	}
}

func appliedBuildKeys() []string {
	return []string{"args", "context", "dockerfile", "dockerfile_inline", "labels", "no_cache", "secrets", "target"}
}

// checkKeys refuses what would not be applied, in the services that will run.
func checkKeys(p *Project) error {
	for _, src := range p.sources {
		for _, name := range p.Model.ServiceNames() {
			if err := checkMapping(src, appliedKeys(), "services", name); err != nil {
				return err
			}
			if err := checkMapping(src, appliedBuildKeys(), "services", name, "build"); err != nil {
				return err
			}
		}
	}
	for _, name := range p.Model.ServiceNames() {
		for dep, d := range p.Model.Services[name].DependsOn {
			if d.Condition != "service_started" {
				file, line := p.sources.locate("services", name, "depends_on", dep, "condition")
				return bad(dev.CodeComposeKey, file, line, fmt.Sprintf("services.%s.depends_on.%s: condition %s is not applied by sdev", name, dep, d.Condition),
					"use condition: service_started")
			}
		}
	}
	return nil
}

func checkMapping(src source, applied []string, path ...string) error {
	at, ok := src.find(path...)
	if !ok {
		return nil
	}
	for i := 0; i+1 < len(at.value.Content); i += 2 {
		key := at.value.Content[i]
		if key.Value == "<<" || strings.HasPrefix(key.Value, "x-") || slices.Contains(applied, key.Value) {
			continue
		}
		return bad(dev.CodeComposeKey, src.path, key.Line,
			fmt.Sprintf("%s.%s is not applied by sdev", strings.Join(path, "."), key.Value),
			"remove it, or move the service behind a profile that is not active")
	}
	return nil
}
