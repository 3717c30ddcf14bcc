//go:build docker

package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// frontConf is an nginx configuration as people write it: one server passes on the host name alone, the other one the
// Host header as it came.
const frontConf = `events {}
http {
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  proxy_http_version 1.1;
  server { listen 8080; location / { proxy_pass http://streamlit:8501; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header X-Real-IP $remote_addr; proxy_set_header Host $host; } }
  server { listen 8081; location / { proxy_pass http://streamlit:8501; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $http_host; } }
}
`

func TestBrowserFront_AnNginxOfTheProjectServesTheApp(t *testing.T) {
	ports := []int{freePort(t), freePort(t)}
	p := adopted(t, devtest.Project(t, map[string]string{
		"Dockerfile": `FROM python:3.11-slim
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends nginx-light > /dev/null
RUN --mount=type=cache,target=/root/.cache pip install --disable-pip-version-check --break-system-packages streamlit==1.58.0
WORKDIR /app
CMD ["streamlit", "run", "app.py"]
`,
		"front.conf": frontConf,
		"app.py":     "import streamlit as st\n\nst.title('behind nginx')\n",
		"compose.yaml": fmt.Sprintf(`services:
  streamlit:
    build: .
    ports: ['8501:8501']
    volumes: ['.:/app']
  front:
    build: .
    command: nginx -c /front.conf -g 'daemon off;'
    volumes: ['./front.conf:/front.conf:ro']
    ports: ['127.0.0.1:%d:8080', '127.0.0.1:%d:8081']
    depends_on: [streamlit]
`, ports[0], ports[1]),
	}))
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", p.name+"-front").Run() }) // it may never have been built
	p.run(0, "up", "-d")                                                                   // with the build, which may take long
	up := p.attend()
	ready := awaitEvent[dev.Ready](t, up)
	for i, port := range ports {
		page := openTab(t, fmt.Sprintf("http://localhost:%d", port))
		page.shows("behind nginx")
		text := fmt.Sprintf("saved behind nginx %d", i)
		p.write("app.py", fmt.Sprintf("import streamlit as st\n\nst.title('behind nginx')\nst.write(%q)\n", text))
		page.shows(text)
		awaitEvent[dev.AppReloaded](t, up)
	}
	for _, s := range up.seen {
		if w, ok := s.Event.(dev.Warning); ok && (w.Code == dev.CodeForged || w.Code == dev.CodeOrigin) {
			t.Errorf("warned of %+v", w)
		}
	}
	for _, c := range []struct{ through, host string }{
		{fmt.Sprintf("http://127.0.0.1:%d", ports[0]), "evil.example"}, // a rebound name, through the proxy
		{fmt.Sprintf("http://127.0.0.1:%d", ports[1]), fmt.Sprintf("evil.example:%d", ports[1])},
		{ready.URL, fmt.Sprintf("localhost:%d", ports[0])}, // the proxy's name, but through the app's own port
		{ready.URL, "localhost"},
		{ready.URL, "front"},
		{ready.URL, "evil.example" + ready.URL[strings.LastIndexByte(ready.URL, ':'):]},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.through+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s under %s: %s", c.through, c.host, resp.Status)
		}
	}
}
