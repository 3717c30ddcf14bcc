package config_test

import "testing"

func TestShips_FindsTheServiceThatIsNotLocal(t *testing.T) {
	for name, c := range map[string]struct{ content, service, target string }{
		"the scaffold's": {`
x-sdev: {app: web-local}
services:
  web-local: {build: {context: ., target: dev}}
  web: {build: {context: ., target: release}, profiles: [release]}
`, "web", "release"},
		"document 000's": {`
x-sdev: {app: streamlit-local}
services:
  streamlit: {image: registry.example/app:latest, command: start, ports: ["8501:8501"]}
  streamlit-local: {build: {context: ., target: all}, image: app, command: start, ports: ["8501:8501"]}
`, "streamlit", "all"},
		"one service": {"services: {web: {build: {context: ., target: one}, ports: [\"8501:8501\"], command: streamlit run a.py}}\n", "web", "one"},
		"another thing of that name": {`
x-sdev: {app: web-local}
services:
  web-local: {build: {context: ., target: dev}}
  web: {build: {context: ./nginx}}
`, "web-local", "dev"},
	} {
		t.Run(name, func(t *testing.T) {
			s, why := loaded(t, c.content).ReleaseService()
			if s.Name != c.service || s.Build == nil || s.Build.Target != c.target || why == "" {
				t.Errorf("%s (%s), build %+v", s.Name, why, s.Build)
			}
		})
	}
}
