package session

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/devtest"
)

func TestLoad_NamesComposeFilesThatAreNotUsed(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"app.py": "import streamlit as st\nst.title('x')\n", "requirements.txt": "streamlit\n", "docker/docker-compose.yml": "services: {}\n",
	})
	p, err := Load(t.Context(), Host{Dir: dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range p.Warnings {
		if strings.HasPrefix(w.Message, "docker/docker-compose.yml is not used") && w.Hint == "to use it: sdev up --file docker/docker-compose.yml" {
			return
		}
	}
	t.Errorf("warnings %+v", p.Warnings)
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
