package config

import (
	"bytes"
	"maps"
	"path/filepath"
	"strings"

	dockerconfig "github.com/docker/cli/cli/config"

	"sdev/dev"
)

// proxies returns the proxy variables of this machine: those of the environment in the spelling in
// which they are set, and for what it does not set those that docker's own configuration has for
// builds and containers, in both spellings.
func proxies(getenv func(string) string) map[string]string {
	found := dockerProxies(getenv)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"} {
		lower := strings.ToLower(name)
		set := map[string]string{}
		for _, n := range []string{name, lower} {
			if v := getenv(n); v != "" {
				set[n] = v
			}
		}
		if len(set) > 0 {
			delete(found, name)
			delete(found, lower)
			maps.Copy(found, set)
		}
	}
	return found
}

// dockerProxies reads "proxies" of ~/.docker/config.json. It ignores an unreadable file.
func dockerProxies(getenv func(string) string) map[string]string {
	found := map[string]string{}
	dir := getenv(dockerconfig.EnvOverrideConfigDir)
	if dir == "" && dev.Home(getenv) != "" {
		dir = filepath.Join(dev.Home(getenv), ".docker")
	}
	if dir == "" {
		return found
	}
	b, err := dev.ReadFile(filepath.Join(dir, dockerconfig.ConfigFileName))
	if err != nil {
		return found
	}
	file, err := dockerconfig.LoadFromReader(bytes.NewReader(b))
	if err != nil {
		return found
	}
	p := file.Proxies["default"]
	for name, value := range map[string]string{"HTTP_PROXY": p.HTTPProxy, "HTTPS_PROXY": p.HTTPSProxy, "NO_PROXY": p.NoProxy, "ALL_PROXY": p.AllProxy} {
		if value != "" {
			found[name], found[strings.ToLower(name)] = value, value
		}
	}
	return found
}
