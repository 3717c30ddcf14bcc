package session_test

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"sdev/dev/config"
	"sdev/dev/devtest"
	"sdev/dev/session"
)

// Without an image, the app starts as the Dockerfile's command says, in its directory and with its variables.
func TestEnvironmentOf_FollowsTheDockerfile(t *testing.T) {
	const base = "FROM python:3.12 AS source\nENV MODE=none\nCOPY . /srv/app\nFROM python:3.12 AS dev\nARG LEVEL=low\nENV MODE=$LEVEL DIR=/srv\nWORKDIR /srv/app\nCOPY --from=source /srv/app .\n"
	for name, c := range map[string]struct {
		rest string
		args []string // after "streamlit"
		in   bool     // the script's path is that in the image
	}{
		"with options":             {"CMD [\"streamlit\", \"run\", \"Home.py\", \"--server.maxUploadSize=500\"]\n", []string{"run", "Home.py", "--server.maxUploadSize=500"}, false},
		"an entrypoint":            {"ENTRYPOINT [\"tini\", \"--\", \"python\", \"-m\", \"streamlit\", \"run\"]\nCMD [\"/srv/app/Home.py\", \"--theme.base\", \"dark\"]\n", []string{"run", "Home.py", "--theme.base", "dark"}, false},
		"by a shell":               {"CMD streamlit run Home.py --server.maxUploadSize=500\n", []string{"run", "Home.py"}, false},
		"of a stage not built":     {"FROM dev AS release\nENV MODE=high\nCMD [\"streamlit\", \"run\", \"Home.py\", \"--server.headless=true\"]\n", []string{"run", "Home.py"}, true},
		"a command without script": {"CMD [\"streamlit\", \"hello\"]\n", []string{"run", "Home.py"}, true},
		"no command":               {"", []string{"run", "Home.py"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := devtest.Project(t, map[string]string{"Home.py": "import streamlit as st\nst.title('x')\n", "requirements.txt": "streamlit\n", "Dockerfile": base + c.rest,
				"compose.yaml": "services:\n  app:\n    build: {context: ., target: dev}\n    ports: [\"8501:8501\"]\n"})
			p, err := config.Load(t.Context(), config.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			e, err := session.EnvironmentOf(p)
			if err != nil {
				t.Fatal(err)
			}
			want := append([]string{"streamlit"}, c.args...)
			if want[2] = filepath.Join(dir, "Home.py"); c.in {
				want[2] = "/srv/app/Home.py"
			}
			if !slices.Equal(e.Command, want) || e.Workdir != "/srv/app" || e.Mounted != "/srv/app" {
				t.Errorf("%q in %s, or else %s; want %q", e.Command, e.Workdir, e.Mounted, want)
			}
			if !maps.Equal(e.Env, map[string]string{"MODE": "low", "DIR": "/srv"}) {
				t.Errorf("variables %v", e.Env)
			}
		})
	}
}
