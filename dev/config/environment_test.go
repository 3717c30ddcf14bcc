package config_test

import (
	"testing"

	"sdev/dev/config"
)

func TestOverlay_KeepsTheHomeInWhichAnImageHasPackages(t *testing.T) {
	for name, c := range map[string]struct {
		image   config.ImageFacts
		command string
		home    string
		root    bool
	}{
		"Hugging Face's layout":        {config.ImageFacts{User: "user", Env: map[string]string{"HOME": "/home/user", "PATH": "/home/user/.local/bin:/usr/bin"}}, "", "/home/user", false},
		"pip install --user":           {config.ImageFacts{User: "1000", Env: map[string]string{"PATH": "/home/me/.local/bin:/usr/bin"}}, "", "/home/me", false},
		"pip install --user, as root":  {config.ImageFacts{Env: map[string]string{"PATH": "/root/.local/bin:/usr/bin"}}, "", "", true},
		"poetry's environment":         {config.ImageFacts{User: "app"}, "poetry run streamlit run app.py", "/home/app", false},
		"pipenv's environment of root": {config.ImageFacts{}, "pipenv run streamlit run app.py", "", true},
		"packages of the system":       {config.ImageFacts{User: "app", Env: map[string]string{"PATH": "/usr/bin"}}, "streamlit run app.py", "/home/sdev", false},
		"HOME is root's":               {config.ImageFacts{User: "app", Env: map[string]string{"HOME": "/root"}}, "streamlit run app.py", "/home/sdev", false},
	} {
		compose := "services:\n  streamlit:\n    image: shop\n"
		if c.command != "" {
			compose += "    command: " + c.command + "\n"
		}
		p := loaded(t, compose)
		with := parts(p)
		with.Machine.UID, with.Machine.GID, with.Image = 1234, 1234, c.image
		e, err := config.Overlay(p, with)
		if err != nil {
			t.Fatal(err)
		}
		app := e.Project.Services["streamlit"]
		home := ""
		if v := app.Environment["HOME"]; v != nil {
			home = *v
		}
		if home != c.home || (app.User == "0:0") != c.root {
			t.Errorf("%s: HOME %q, user %q", name, home, app.User)
		}
	}
}
