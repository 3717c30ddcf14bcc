package config_test

import (
	"maps"
	"slices"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
)

// A settings file may be written while the app runs, in any of the directories where the app may have it.
func TestRules_WatchForSettingsThatAreNotThereYet(t *testing.T) {
	files := map[string]string{"compose.yaml": "x-sdev: {entry: web/src/app.py}\nservices:\n  streamlit:\n    build: web\n    command: streamlit run src/app.py\n    volumes: ['./web:/app']\n", "web/Dockerfile": "FROM python\n", "web/src/app.py": ""}
	for name, c := range map[string]struct {
		settings string
		want     []string
	}{
		"none yet":                {"", []string{"web/src/.streamlit", "web/.streamlit", ".streamlit"}},
		"beside what is built":    {"web/.streamlit/config.toml", []string{"web/.streamlit"}},
		"in the project's own":    {".streamlit/config.toml", []string{".streamlit"}},
		"another file of its own": {"web/.streamlit/secrets.toml", []string{"web/src/.streamlit", "web/.streamlit", ".streamlit"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := maps.Clone(files)
			if c.settings != "" {
				all[c.settings] = ""
			}
			p, err := load(t, all)
			if err != nil {
				t.Fatal(err)
			}
			e, err := config.Overlay(p, parts(p))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range e.GatewayConfig.Rules {
				if r.Origin == "derived: Streamlit's settings" && r.Action == dev.Restart {
					got = append(got, r.Path)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
