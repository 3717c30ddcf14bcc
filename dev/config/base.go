package config

import (
	"path/filepath"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

var baseFlag = pattern.New(`--server\.baseUrlPath(?:=|\s+)(\S+)`)

// baseVariable overrides Streamlit's settings file.
const baseVariable = "STREAMLIT_SERVER_BASE_URL_PATH"

// basePath is the app's base path, with a leading slash; "" is the root. A flag of its command overrides the
// environment, which overrides its settings file (docs.streamlit.io,
// "Configuration").
func (o *overlay) basePath() string {
	path := o.p.settingsBase
	if v, ok := o.parts.Image.Env[baseVariable]; ok {
		path = v
	}
	if v := o.p.Model.Services[o.p.App].Environment[baseVariable]; v != nil {
		path = *v
	}
	if m := baseFlag.FindStringSubmatch(strings.Join(o.p.command(o.parts.Image), " ")); m != nil {
		path = m[1]
	}
	if path = strings.Trim(path, `/"'`); path == "" {
		return ""
	}
	return "/" + path
}

var (
	tomlSection = pattern.New(`^\s*\[\s*([^\]]+?)\s*\]`)
	tomlText    = pattern.New(`^\s*(?:"?([\w.]+)"?)\s*=\s*["']([^"']*)["']`)
)

// readBase reads server.baseUrlPath from the project's Streamlit settings. It ignores a missing or invalid file,
// which Streamlit itself reports.
func readBase(dir string) string {
	b, err := dev.ReadFile(filepath.Join(dir, ".streamlit", "config.toml"))
	if err != nil {
		return ""
	}
	section := ""
	for line := range strings.Lines(string(b)) {
		if m := tomlSection.FindStringSubmatch(line); m != nil {
			section = m[1] + "."
		} else if m := tomlText.FindStringSubmatch(line); m != nil && section+m[1] == "server.baseUrlPath" {
			return m[2]
		}
	}
	return ""
}

// BasePath is the app's path prefix, as far as the project's files say; "" is the root.
func (p *Project) BasePath() string {
	o := overlay{p: p}
	return o.basePath()
}
