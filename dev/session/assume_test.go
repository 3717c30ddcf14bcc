package session

import (
	"strings"
	"testing"

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
