//go:build docker

package main

import (
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// These projects are like those of other people in one respect each, and no file of theirs is for sdev.

func TestDockerWild_ADeviceThatTheMachineLacksIsNamed(t *testing.T) {
	for name, service := range map[string]string{
		"a GPU":     "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}",
		"a runtime": "runtime: nvidia",
		"a device":  "devices: ['/dev/no-such-device:/dev/x']",
	} {
		p := adopted(t, devtest.Project(t, map[string]string{
			"compose.yaml": "services:\n  streamlit:\n    image: python:3.11-slim\n    command: sleep 100\n    " + service + "\n",
		}))
		f := p.failure("up", "-d")
		if f.Code != dev.CodeEngine || !strings.Contains(f.Message, "this machine lacks") || !strings.Contains(f.Hint, "compose.override.yaml") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestDockerWild_PackagesInTheImagesHomeAreFound(t *testing.T) {
	p := adopted(t, devtest.Project(t, map[string]string{
		"Dockerfile": `FROM python:3.11-slim
RUN useradd --create-home --uid 1000 user
USER user
ENV HOME=/home/user PATH=/home/user/.local/bin:$PATH
WORKDIR $HOME/app
RUN --mount=type=cache,target=/home/user/.cache,uid=1000 pip install --user --break-system-packages --disable-pip-version-check streamlit==1.58.0
COPY --chown=user . $HOME/app
CMD ["streamlit", "run", "app.py"]
`,
		"app.py": "import streamlit as st\n\nst.title('at home')\n",
	}))
	p.asUser(1234, 1234) // not the image's
	p.run(0, "up", "-d")
	if out := p.inside("echo $HOME; id -u; python3 -c 'import streamlit; print(streamlit.__file__)'"); !strings.Contains(out, "/home/user\n1234\n/home/user/.local/") {
		t.Errorf("inside:\n%s", out)
	}
}
