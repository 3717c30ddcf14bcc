//go:build docker

package main

import (
	"slices"
	"testing"

	"sdev/dev/devtest"
)

// uncompiled is the Dockerfile of an image without bytecode, as uv builds it.
const uncompiled = `FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
RUN --mount=type=cache,target=/root/.cache/pip python -m venv --without-pip /opt/venv && pip --python /opt/venv install --no-compile --disable-pip-version-check --cache-dir=/root/.cache/pip streamlit==1.58.0
WORKDIR /app
`

// compiles counts, in the app's container, the modules that Python compiles for an import of Streamlit, and those that
// it imports at all.
const compiles = `import sys
import _frozen_importlib_external as e
compiled = 0
translate = e.SourceFileLoader.source_to_code
def source_to_code(self, data, path, *args, **kwargs):
    global compiled
    compiled += 1
    return translate(self, data, path, *args, **kwargs)
e.SourceFileLoader.source_to_code = source_to_code
import streamlit.web.bootstrap
print(compiled, len(sys.modules) > 300)`

// Each of these apps runs with another user and file system, from the same image. The bytecode survives the containers,
// goes with the volumes, and never is in the project.
func TestDockerBytecode_OfPackagesIsThereAtTheSecondStart(t *testing.T) {
	for name, c := range map[string]struct{ settings, flag string }{
		"my user":                     {},
		"a user of the image":         {settings: "user: www-data"},
		"a read-only file system":     {settings: "read_only: true\n    tmpfs: [/tmp]"},
		"root, the project is copied": {settings: "user: '0:0'", flag: "--sync"},
	} {
		t.Run(name, func(t *testing.T) {
			p := adopted(t, devtest.Project(t, map[string]string{
				"Dockerfile":   uncompiled,
				"compose.yaml": "services:\n  streamlit:\n    build: .\n    command: streamlit run app.py\n    ports: ['8501:8501']\n    volumes: ['.:/app']\n    " + c.settings + "\n",
				"app.py":       "import streamlit as st\nimport helper\n\nst.title(helper.title)\n",
				"helper.py":    "title = 'hello'\n",
			}))
			up := slices.DeleteFunc([]string{"up", "-d", c.flag}, func(arg string) bool { return arg == "" })
			if name == "my user" {
				p.asUser(1234, 1234)
			}
			p.run(0, up...)
			p.run(0, "down")
			if left := docker(t, "volume", "ls", "-q", "--filter", "name="+p.bytecode()); left != p.bytecode() {
				t.Errorf("volumes after down: %q", left)
			}
			p.run(0, up...)
			if got := p.inside("python -c '" + compiles + "'"); got != "0 True" {
				t.Errorf("modules compiled at the second start: %s", got)
			}
			if got := p.inside("python -c 'import helper'; find /opt/sdev /app -name 'helper.*.pyc' 2>/dev/null; true"); got != "" {
				t.Errorf("bytecode of the project: %s", got)
			}
			p.run(0, "down", "--volumes")
			if left := docker(t, "volume", "ls", "-q", "--filter", "name="+p.bytecode()); left != "" {
				t.Errorf("volumes after down --volumes: %q", left)
			}
		})
	}
}
