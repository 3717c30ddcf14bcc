//go:build docker

package main

import (
	"fmt"
	"strings"
	"testing"

	"sdev/dev/devtest"
)

// personApp shows who st.user is, in versions with either of its names.
const personApp = `import streamlit as st

user = st.user if hasattr(st, "user") else st.experimental_user
if not user.is_logged_in:
    st.button("Log in", on_click=st.login)
    st.stop()
st.title(f"Hello {user.email}")
st.write(f"{user.name}, {user.get('department')}, {user.get('groups')}")
`

// TestBrowserPerson_StUserIsSomebodyWithoutASignIn runs an app with st.login, without its login, on the first version
// that has it and on the newest. Its image begins like that of TestBrowserVersions, so both share the layers.
func TestBrowserPerson_StUserIsSomebodyWithoutASignIn(t *testing.T) {
	const first = "RUN --mount=type=cache,target=/root/.cache UV_LINK_MODE=copy; export UV_LINK_MODE; uv venv -q /opt/1.42.0 && uv pip install -q --python /opt/1.42.0/bin/python streamlit==1.42.0\n"
	p := adopted(t, devtest.Project(t, map[string]string{"Dockerfile": strings.Replace(streamlitsFile(), "WORKDIR", first+"WORKDIR", 1), "app/app.py": personApp}))
	compose := func(version string) {
		p.write("compose.yaml", fmt.Sprintf(`services:
  streamlit:
    build: .
    command: /opt/%s/bin/streamlit run app.py
    ports: ['8501:8501']
    volumes: ['./app:/app']
x-sdev:
  auth:
    users: [{email: zoe@example.com, name: Zoë Müller, groups: [sales], claims: {department: seven}}]
`, version))
	}
	for _, v := range []string{"1.42.0", "1.67.0"} {
		t.Run(v, func(t *testing.T) {
			p.within(t)
			compose(v)
			ready := p.up("--as", "zoe@example.com")
			page := openTab(t, ready.URL)
			page.shows("Hello zoe@example.com")
			page.shows("Zoë Müller, seven, ['sales']")
			other := p.up("--as", "visitor@else.example")
			page.shows("Hello visitor@else.example") // the open tab goes on as somebody else
			if other.URL != ready.URL {
				t.Errorf("the app moved from %s to %s", ready.URL, other.URL)
			}
			p.run(0, "restart") // keeps the person
			page.shows("Hello visitor@else.example")
			out := p.run(0, "up", "--local", "-d")
			if !strings.Contains(out, "st.login has nothing that --local could bypass") || !strings.Contains(out, "sdev up --local --as EMAIL") {
				t.Errorf("nothing says that --local bypasses nothing:\n%s", out)
			}
			page.gone("Hello visitor@else.example")
			p.run(0, "down")
		})
	}
}
