//go:build docker

package main

import (
	"fmt"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// streamlits are the oldest version that sdev supports, versions on both sides of what changed between them, and
// the newest; each with what its requirements leave open and no longer works with it.
var streamlits = []struct{ version, with string }{
	{"1.12.0", `"altair<5" "pyarrow<15" "numpy<2" setuptools`}, // endpoints without /_stcore, up to 1.17
	{"1.28.0", `"pyarrow<15" "numpy<2"`},
	{"1.36.0", ""},
	{"1.40.0", ""}, // client.showErrorDetails is true or false, up to here
	{"1.41.0", ""},
	{"1.67.0", ""},
}

// streamlitsFile is a Dockerfile for an image that has all of them.
func streamlitsFile() string {
	var b strings.Builder
	b.WriteString(`FROM python:3.11-slim
RUN --mount=type=cache,target=/root/.cache pip install --disable-pip-version-check --break-system-packages uv
`)
	for _, s := range streamlits {
		fmt.Fprintf(&b, "RUN --mount=type=cache,target=/root/.cache UV_LINK_MODE=copy; export UV_LINK_MODE; uv venv -q /opt/%[1]s && uv pip install -q --python /opt/%[1]s/bin/python streamlit==%[1]s %s\n", s.version, s.with)
	}
	return b.String() + "WORKDIR /app\nCOPY app /app\n"
}

func TestBrowserVersions_EachRunsAndReportsItsSaves(t *testing.T) {
	p := adopted(t, devtest.Project(t, map[string]string{
		"Dockerfile":           streamlitsFile(),
		"app/pages/1_Other.py": "import streamlit as st\n\nst.title(\"other page\")\n",
	}))
	for _, s := range streamlits {
		t.Run(s.version, func(t *testing.T) {
			p.within(t)
			p.write("app/app.py", "import streamlit as st\n\nst.write(\"on \" + st.__version__)\n")
			p.write("compose.yaml", fmt.Sprintf("services:\n  streamlit:\n    build: .\n    command: /opt/%s/bin/streamlit run app.py\n    ports: ['8501:8501']\n    volumes: ['./app:/app']\n", s.version))
			up := p.attend()
			page := openTab(t, awaitEvent[dev.Ready](t, up).URL)
			page.shows("on " + s.version)
			p.saves(t, page, up, "app/app.py", "import streamlit as st\n\nst.title(%q)\n")
			p.write("app/app.py", "import streamlit as st\n\nst.title('raises')\nprint(1 / 0)\n")
			if e := awaitEvent[dev.AppException](t, up); e.Exception != "ZeroDivisionError" || e.File != "app/app.py" || e.Line != 4 {
				t.Errorf("app.exception = %+v", e)
			}
			page.shows("ZeroDivisionError")
			p.run(0, "down")
		})
	}
}
