package config

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"sdev/dev"
	"sdev/dev/pattern"
)

const trustedVariable = "STREAMLIT_SERVER_TRUSTED_USER_HEADERS"

var trustedFlag = pattern.New(`--server\.trustedUserHeaders(?:=|\s+)(\{[^}]*\})`)

// trustedHeaders are the headers from which the app's settings take the user (server.trustedUserHeaders: a mapping
// of headers to keys of st.user). They are collected from all places that may set them, because dropping one too
// many from a browser's request does no harm.
func (o *overlay) trustedHeaders() []string {
	all := map[string]bool{}
	add := func(headers map[string]any) {
		for name := range headers {
			all[name] = true
		}
	}
	add(o.p.settingsTrusted)
	add(fromJSON(o.parts.Image.Env[trustedVariable]))
	if v := o.p.Model.Services[o.p.App].Environment[trustedVariable]; v != nil {
		add(fromJSON(*v))
	}
	if m := trustedFlag.FindStringSubmatch(strings.Join(o.p.command(o.parts.Image), " ")); m != nil {
		add(fromJSON(m[1]))
	}
	return slices.Sorted(maps.Keys(all))
}

// fromJSON parses a mapping. It ignores invalid text, which Streamlit itself reports.
func fromJSON(text string) (headers map[string]any) {
	if json.Unmarshal([]byte(text), &headers) != nil {
		return nil
	}
	return headers
}

// readTrusted reads the same from the project's Streamlit settings.
func readTrusted(dir string) map[string]any {
	b, err := dev.ReadFile(filepath.Join(dir, ".streamlit", "config.toml"))
	if err != nil {
		return nil
	}
	var settings struct {
		Server struct {
			Trusted map[string]any `toml:"trustedUserHeaders"`
		} `toml:"server"`
	}
	if toml.Unmarshal(b, &settings) != nil {
		return nil
	}
	return settings.Server.Trusted
}
