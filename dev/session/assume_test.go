package session

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/devtest"
)

func TestLoad_NamesComposeFilesThatAreNotUsed(t *testing.T) {
	for name, hint := range map[string]string{
		"docker/docker-compose.yml": "to use it: sdev -C docker up", // every other command finds it with -C too
		"docker/Compose.YML":        "to use it: sdev up --file docker/Compose.YML",
		"Docker-Compose.yml":        "to use it: sdev up --file Docker-Compose.yml",
	} {
		dir := devtest.Project(t, map[string]string{
			"app.py": "import streamlit as st\nst.title('x')\n", "requirements.txt": "streamlit\n", name: "services: {}\n",
		})
		p, err := Load(t.Context(), Host{Dir: dir}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(p.Warnings, func(w dev.Warning) bool { return strings.HasPrefix(w.Message, name+" is not used") && w.Hint == hint }) {
			t.Errorf("%s: warnings %+v", name, p.Warnings)
		}
	}
}

func TestLoad_NamesWhatPackagesTxtListsBesidesPackages(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"app.py": "import streamlit as st\nst.title('x')\n", "requirements.txt": "streamlit\n", "packages.txt": "ffmpeg\n# fonts\n--no-install-recommends $(id)\n",
	})
	p, err := Load(t.Context(), Host{Dir: dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range p.Warnings {
		if strings.HasPrefix(w.Message, "apt-get ") {
			got = append(got, w.Message)
		}
	}
	want := []string{
		"apt-get installs ffmpeg, as packages.txt says",
		`apt-get does not install "--no-install-recommends": it is no name of a Debian package (packages.txt:3)`,
		`apt-get does not install "$(id)": it is no name of a Debian package (packages.txt:3)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_SaysWhyAScriptAndItsImageAreAssumed(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"app.py": "import streamlit as st\nst.title('x')\n", "other.py": "import streamlit as st\n", "requirements.txt": "streamlit\n", "Dockerfile": "\n",
	})
	p, err := Load(t.Context(), Host{Dir: dir, Entry: "other.py"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"no compose file: sdev assumes that other.py runs at 127.0.0.1:8501; --entry names it",
		"Dockerfile builds no image: sdev assumes python:3.11-slim ",
	} {
		if !slices.ContainsFunc(p.Warnings, func(w dev.Warning) bool { return strings.HasPrefix(w.Message, want) }) {
			t.Errorf("no warning %q: %+v", want, p.Warnings)
		}
	}
}

func TestLoad_MountsTheSourceBesideAMountOfItsModules(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"compose.yaml":    "services:\n  web:\n    build: .\n    command: streamlit run app/app.py\n    volumes: ['./lib:/app/lib']\n",
		"Dockerfile":      "FROM python:3.11-slim\nWORKDIR /\nCOPY app /app\nCOPY lib /app/lib\n",
		"app/app.py":      "import streamlit as st\nst.title('x')\n",
		"lib/rates.py":    "RATE = 1\n",
		"app/__init__.py": "",
	})
	p, err := Load(t.Context(), Host{Dir: dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range p.Model.Services["web"].Volumes {
		if v.Source == filepath.Join(p.Dir, "app") && v.Target == "/app" {
			return
		}
	}
	t.Errorf("volumes %+v; warnings %+v", p.Model.Services["web"].Volumes, p.Warnings)
}
