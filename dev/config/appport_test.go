package config_test

import (
	"fmt"
	"testing"
)

func TestListens_WhoeverSaysItLast(t *testing.T) {
	for name, tc := range map[string]struct{ service, settings, want string }{
		"nobody":                   {"{image: a}", "", "8501 "},
		"settings":                 {"{image: a}", "[server]\nport = 9000 # here\nbaseUrlPath = \"/a/b/\"\n", "9000 a/b"},
		"a published port":         {`{image: a, ports: ["80:8080"]}`, "", "8080 "},
		"the usual one of several": {`{image: a, ports: ["9:9", "80:8501"]}`, "", "8501 "},
		"the environment":          {`{image: a, ports: ["80:8080"], environment: {STREAMLIT_SERVER_PORT: 81, STREAMLIT_SERVER_BASE_URL_PATH: /c}}`, "[server]\nbaseUrlPath = 'b'\n", "81 c"},
		"the command":              {`{image: a, command: streamlit run a.py --server.port=82 --server.baseUrlPath d, environment: {STREAMLIT_SERVER_PORT: 81}}`, "", "82 d"},
		"another section":          {"{image: a}", "[browser]\nport = 9000\n", "8501 "},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := load(t, map[string]string{"docker-compose.yml": "services:\n  streamlit: " + tc.service + "\n", ".streamlit/config.toml": tc.settings})
			if err != nil {
				t.Fatal(err)
			}
			service, _ := p.ReleaseService()
			port, base := p.AppPort(service)
			if got := fmt.Sprint(port, " ", base); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
