//go:build docker

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// choiceImage begins the Dockerfiles of these tests, so that the engine builds its layers once.
const choiceImage = `FROM python:3.11-slim
RUN --mount=type=cache,target=/root/.cache pip install --disable-pip-version-check --break-system-packages streamlit==1.58.0
WORKDIR /app
COPY . .
`

// started is "sdev up -d", whose last event must be ready.
func (p *project) started(flags ...string) dev.Ready {
	p.t.Helper()
	out := strings.Split(strings.TrimSpace(p.run(0, append([]string{"up", "-d", "--json"}, flags...)...)), "\n")
	var last dev.Stamped
	if err := json.Unmarshal([]byte(out[len(out)-1]), &last); err != nil {
		p.t.Fatal(err)
	}
	ready, ok := last.Event.(dev.Ready)
	if !ok {
		p.t.Fatalf("last event of up: %T", last.Event)
	}
	return ready
}

func TestBrowserChoice_OneImageForThreeAppsOfWhichOneIsChosen(t *testing.T) {
	ports := []int{freePort(t), freePort(t), freePort(t)}
	files := map[string]string{
		"Dockerfile": choiceImage,
		"start.sh":   "#!/bin/sh\nexec streamlit run \"${PAGE:-shop.py}\"\n",
		"compose.yaml": fmt.Sprintf(`services:
  shop:
    build: .
    image: three-apps-of-one
    command: sh start.sh
    ports: ["%d:8501"]
  admin:
    image: three-apps-of-one
    command: sh start.sh
    environment: {PAGE: admin.py}
    ports: ["%d:8501"]
    depends_on: [store]
  stats:
    image: three-apps-of-one
    command: streamlit run stats.py
    ports: ["%d:8501"]
  store:
    image: three-apps-of-one
    command: sleep 1000
`, ports[0], ports[1], ports[2]),
	}
	for _, name := range []string{"shop", "admin", "stats"} {
		files[name+".py"] = "import streamlit as st\n\nst.title('" + name + "')\n"
	}
	p := adopted(t, devtest.Project(t, files))

	f := p.failure("up", "-d")
	if f.Code != dev.CodeAppMissing || strings.Contains(f.Message, "store") || !strings.Contains(f.Message, "--app admin: its command starts start.sh, which runs Streamlit (start.sh:2)") {
		t.Errorf("without a choice: %+v", f)
	}
	at := func(port int) string { return fmt.Sprintf("http://localhost:%d", port) }
	shows := func(url, text string) {
		t.Run(text, func(t *testing.T) { openTab(t, url).shows(text) }) // which closes the tab
	}
	ready := p.started("--app", "admin")
	if slices.Sort(ready.Services); !slices.Equal(ready.Services, []string{"admin", "sdev-gateway", "shop", "stats", "store"}) || ready.URL != at(ports[1]) {
		t.Errorf("%s: services %v", ready.URL, ready.Services)
	}
	shows(at(ports[1]), "admin")
	shows(at(ports[0]), "shop")
	shows(at(ports[2]), "stats")
	if url := p.url(); url != ready.URL { // a later command knows the choice
		t.Errorf("status: %s", url)
	}

	// Another choice: the two change places. The source is mounted, so a save is live.
	if other := p.started("--app", "shop"); other.URL != at(ports[0]) {
		t.Errorf("the other app is at %s", other.URL)
	}
	shows(at(ports[1]), "admin")
	up := p.attend()
	page := openTab(t, awaitEvent[dev.Ready](t, up).URL)
	page.shows("shop")
	p.saves(t, page, up, "shop.py", "import streamlit as st\n\nst.title(%q)\n")
}

func TestDockerChoice_EverythingBelongsToTheScriptOfARepositoryWithTwoApps(t *testing.T) {
	p := adopted(t, devtest.Project(t, map[string]string{
		"app.py":                   "import aws_cdk\n",
		"requirements.txt":         "aws-cdk-lib\n",
		"a/Dockerfile":             choiceImage + "RUN false\nCMD [\"streamlit\", \"run\", \"app.py\"]\n",
		"a/app.py":                 "import streamlit as st\n\nst.title('a')\n",
		"b/Dockerfile":             choiceImage + "CMD [\"streamlit\", \"run\", \"app.py\"]\n",
		"b/app.py":                 "import streamlit as st\n\nst.title(open('data.txt').read())\n",
		"b/data.txt":               "of b",
		"b/.streamlit/config.toml": "[server]\nbaseUrlPath = \"beta\"\n",
	}))
	if f := p.failure("up", "-d"); f.Code != dev.CodeAppAmbiguous || !strings.Contains(f.Message, "--entry a/app.py") || !strings.Contains(f.Message, "--entry b/app.py") {
		t.Errorf("without a choice: %+v", f)
	}
	ready := p.started("--entry", "b/app.py")
	if code, body := get(t, ready.URL+"/_stcore/health"); !strings.HasSuffix(ready.URL, "/beta") || code != 200 || body != "ok" {
		t.Errorf("%s: %d %s", ready.URL, code, body)
	}
	if got := p.runsScript("app.py"); got != "of b" {
		t.Errorf("the script shows %q", got)
	}
	// What was chosen is kept: the image of a still fails, and nothing builds it.
	if out := p.run(0, "up", "-d", "--json"); !strings.Contains(out, `"operations":[]`) {
		t.Errorf("second up:\n%s", out)
	}
}
