package config

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/pattern"
)

// AppPort is the port in the container on which a service serves the app, and the base path without slashes
// around it, as its command, environment, published ports and Streamlit's settings say, in this order.
func (p *Project) AppPort(s types.ServiceConfig) (port int, base string) {
	command := strings.Join(append(slices.Clone([]string(s.Entrypoint)), s.Command...), " ")
	port = defaultPort
	if n, err := strconv.Atoi(readSetting(p.Dir, "server.port")); err == nil {
		port = n
	}
	if len(s.Ports) > 0 && !slices.ContainsFunc(s.Ports, func(c types.ServicePortConfig) bool { return int(c.Target) == port }) {
		port = int(s.Ports[0].Target)
	}
	if v := s.Environment["STREAMLIT_SERVER_PORT"]; v != nil {
		if n, err := strconv.Atoi(*v); err == nil {
			port = n
		}
	}
	if m := portFlag.FindStringSubmatch(command); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			port = n
		}
	}
	base = p.settingsBase
	if v := s.Environment[baseVariable]; v != nil {
		base = *v
	}
	if m := baseFlag.FindStringSubmatch(command); m != nil {
		base = m[1]
	}
	return port, strings.Trim(base, `/"'`)
}

// tomlNumber matches a line of a settings file that sets a number.
var tomlNumber = pattern.New(`^\s*"?([\w.]+)"?\s*=\s*(\d+)\s*(?:#.*)?$`)

// readSetting reads a number from the project's Streamlit settings; "" if it is not set.
func readSetting(dir, name string) string {
	b, err := dev.ReadFile(filepath.Join(dir, ".streamlit", "config.toml"))
	if err != nil {
		return ""
	}
	section := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if m := tomlSection.FindStringSubmatch(line); m != nil {
			section = m[1] + "."
		} else if m := tomlNumber.FindStringSubmatch(line); m != nil && section+m[1] == name {
			return m[2]
		}
	}
	return ""
}
