package config_test

import (
	"testing"

	"sdev/dev/config"
)

func TestOverlay_FindsThePathBelowWhichTheAppServes(t *testing.T) {
	const toml = "[browser]\nbaseUrlPath = \"no\"\n[ server ]  # here\nport = 1\nbaseUrlPath = \"file/\"\n"
	for name, c := range map[string]struct {
		toml, service string
		image         config.ImageFacts
		want          string
	}{
		"nothing says":     {"", "", config.ImageFacts{}, ""},
		"the settings":     {toml, "", config.ImageFacts{}, "/file"},
		"dotted":           {"server.baseUrlPath = 'x/y'\n", "", config.ImageFacts{}, "/x/y"},
		"no TOML":          {"[server\nbaseUrlPath\n", "", config.ImageFacts{}, ""},
		"the image":        {toml, "", config.ImageFacts{Env: map[string]string{"STREAMLIT_SERVER_BASE_URL_PATH": "image"}}, "/image"},
		"the compose file": {toml, "    environment: {STREAMLIT_SERVER_BASE_URL_PATH: /compose}\n", config.ImageFacts{}, "/compose"},
		"switched off":     {toml, "    environment: {STREAMLIT_SERVER_BASE_URL_PATH: ''}\n", config.ImageFacts{}, ""},
		"the command":      {toml, "    command: streamlit run a.py --server.baseUrlPath=flag\n", config.ImageFacts{}, "/flag"},
		"the image's":      {toml, "", config.ImageFacts{Command: []string{"streamlit", "run", "a.py", "--server.baseUrlPath", "flag"}}, "/flag"},
	} {
		p, err := load(t, map[string]string{"compose.yaml": "services:\n  streamlit:\n    image: x\n" + c.service, ".streamlit/config.toml": c.toml})
		if err != nil {
			t.Fatal(err)
		}
		e, err := config.Overlay(p, config.Parts{Port: 8501, Image: c.image, Env: func(int) map[string]string { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if want := "http://localhost:8501" + c.want; e.URL != want || e.GatewayConfig.Base != c.want {
			t.Errorf("%s: %s and %q, want %s", name, e.URL, e.GatewayConfig.Base, want)
		}
	}
}
