package preflight_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"sdev/dev"
	"sdev/dev/preflight"
)

// example is a subject in which a rule must find something, and a similar one in which it must not.
type example struct {
	fails, passes func(*subject)
	also          []string // other rules that find the same
}

// shim is the start-up shim of this version.
func shim() string {
	b, err := os.ReadFile("../streamlit/sitecustomize.py")
	if err != nil {
		panic(err) // impossible: the file is in the repository
	}
	return string(b)
}

func examples() map[string]example {
	set := func(name, value string) func(*subject) { return func(s *subject) { s.imageEnv(name + "=" + value) } }
	file := func(name, body string) func(*subject) { return func(s *subject) { s.file(name, body) } }
	inImage := func(name, body string) func(*subject) { return func(s *subject) { s.inImage(name, body) } }
	bundle := func(name, body string) func(*subject) { return func(s *subject) { s.bundle("deploy/ecs/"+name, body) } }
	service := func(name, value string) func(*subject) { return func(s *subject) { s.env(name, value) } }
	streamlit := func(version string) func(*subject) {
		return func(s *subject) { s.App.Streamlit.Value, s.noImage = version, true }
	}
	defect := func(id string) example {
		return example{fails: func(s *subject) {
			s.App.Defects = []preflight.Defect{{ID: id, File: "app.py", Line: 1, What: "it is wrong", Fix: "fix it"}}
		},
			passes: func(s *subject) { s.App.Defects = []preflight.Defect{{ID: "make.prune", File: "Makefile", Line: 1}} }}
	}
	decide := func(d dev.Suppression) func(*subject) { return func(s *subject) { s.Suppress = append(s.Suppress, d) } }
	const day = 24 * time.Hour
	now := sound().Now
	all := map[string]example{
		"bypass.image": {fails: set("LOCAL_STREAMLIT", "0"), passes: set("LOCAL_STREAMLIT", "")},
		"bypass.command": {fails: func(s *subject) { s.config.Config.Cmd = []string{"sh", "-c", "LOCAL_STREAMLIT=1 streamlit run app.py"} }, passes: func(s *subject) {
			s.config.Config.Cmd = []string{"sh", "-c", `test -z "$LOCAL_STREAMLIT" && streamlit run app.py`}
		}},
		"bypass.layer":      {fails: inImage("home/app/.bashrc", "export LOCAL_STREAMLIT=1\n"), passes: inImage("app/README.md", "run it with LOCAL_STREAMLIT=1\n")},
		"bypass.history":    {fails: func(s *subject) { s.layer("RUN /bin/sh -c LOCAL_STREAMLIT=1 pytest # buildkit") }, passes: func(s *subject) { s.layer("RUN /bin/sh -c unset LOCAL_STREAMLIT; pytest # buildkit") }},
		"bypass.compose":    {fails: service("LOCAL_STREAMLIT", "1"), passes: service("LOCAL_STREAMLIT", "")},
		"bypass.dockerfile": {fails: file("Dockerfile", "FROM python:3.12\nENV LOCAL_STREAMLIT=1\n"), passes: file("Dockerfile", "FROM python:3.12\n# ENV LOCAL_STREAMLIT=1 is for sdev alone\nRUN test -z \"${LOCAL_STREAMLIT:-}\"\n")},
		"bypass.workflow":   {fails: file(".github/workflows/deploy.yml", "jobs:\n  push:\n    env:\n      LOCAL_STREAMLIT: \"1\"\n    steps:\n      - run: docker push x\n"), passes: file(".github/workflows/test.yml", "jobs:\n  test:\n    env:\n      LOCAL_STREAMLIT: \"1\"\n")},
		"bypass.task":       {fails: file("task.json", `{"containerDefinitions": [{"environment": [{"name": "LOCAL_STREAMLIT", "value": "1"}]}]}`), passes: file("tests/cases.json", `{"name": "LOCAL_STREAMLIT"}`)},
		"bypass.bundle":     {fails: bundle("main.tf", "env {\n  name  = \"LOCAL_STREAMLIT\"\n  value = \"1\"\n}\n"), passes: bundle("main.tf", "# LOCAL_STREAMLIT = \"1\" is never set here\n")},
		"bypass.code": {fails: func(s *subject) {
			s.App.Bypassed = []preflight.Setting{{Value: "LOCAL_STREAMLIT", File: "app.py", Line: 3}}
		}, passes: file("app.py", "import os\nif os.environ.get('LOCAL_STREAMLIT') == '1': pass\n")},
		"bypass.start":    {fails: file("Procfile", "web: LOCAL_STREAMLIT=1 streamlit run app.py\n"), passes: file("Procfile", "web: streamlit run app.py\n# LOCAL_STREAMLIT=1\n")},
		"bypass.optional": {fails: func(s *subject) { s.App.Optional = []preflight.Setting{{File: "app.py", Line: 3}} }, passes: func(s *subject) { s.App.Optional = nil }},

		"mock.issuer":   {fails: service("OIDC_ISSUER", "http://localhost:8601"), passes: service("OIDC_ISSUER", "https://login.example.com")},
		"mock.redirect": {fails: bundle("app.tf", "  redirect_uri = \"http://127.0.0.1:8501/oauth2callback\"\n"), passes: bundle("app.tf", "  redirect_uri = \"https://shop.example.com/oauth2callback\"\n  health       = \"http://localhost:8501/_stcore/health\"\n")},
		"mock.variable": {fails: set("SDEV_OAUTH_ENDPOINTS", "{}"), passes: set("SDEVELOPMENT", "x")},
		"mock.shim":     {fails: inImage("app/sitecustomize.py", shim()), passes: inImage("usr/lib/python3.12/sitecustomize.py", "import apport_python_hook\n")},
		"mock.layer":    {fails: inImage("app/.sdev/auth/client.json", "{}"), passes: inImage("app/sdev/notes.txt", "x")},
		"mock.cookie":   {fails: set("STREAMLIT_SERVER_COOKIE_SECRET", "dev"), passes: bundle("task.json", `{"secrets": [{"name": "STREAMLIT_SERVER_COOKIE_SECRET", "valueFrom": "arn:aws:ssm:eu:1:parameter/c"}]}`), also: []string{"secret.variable"}},
		"mock.ca":       {fails: set("SSL_CERT_FILE", "/opt/sdev/ca.pem"), passes: set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")},

		"secret.layer": {fails: inImage("app/notes.txt", "key: "+awsKey+"\n"), passes: inImage("app/notes.txt", "key: AKIAIOSFODNN7EXAMPLE\n-----BEGIN PUBLIC KEY-----\n")},
		"secret.image": {fails: func(s *subject) { s.layer("RUN |1 PIP_TOKEN=q8w7e6r5t4 /bin/sh -c pip install x # buildkit") }, passes: func(s *subject) {
			s.layer("RUN |1 PIP_INDEX=https://pypi.org/simple /bin/sh -c pip install x # buildkit")
		}},
		"secret.variable": {fails: set("DATABASE_PASSWORD", "hunter2"), passes: set("DATABASE_PASSWORD_FILE", "/run/secrets/database")},
		"secret.aws":      {fails: inImage("root/.aws/config", "[default]\n"), passes: inImage("usr/local/lib/python3.12/site-packages/botocore/data/.aws/config", "[default]\n")},
		"secret.toml":     {fails: inImage("app/.streamlit/secrets.toml", "a = 1\n"), passes: inImage("app/.streamlit/secrets.toml.example", "a = 1\n")},
		"secret.dotenv":   {fails: inImage("app/.env", "A=1\n"), passes: inImage("app/.env.example", "A=1\n")},
		"secret.login":    {fails: inImage("root/.netrc", "machine x login y password z\n"), passes: inImage("root/.npmrc.md", "x\n")},
		"secret.context": {fails: func(s *subject) {
			s.file(".env", "A=1\n")
			s.file(".dockerignore", "tests\n")
			s.App.Copies = []preflight.Copy{{From: ".", File: "Dockerfile", Line: 2}}
		}, passes: func(s *subject) {
			s.file(".env", "A=1\n")
			s.file(".dockerignore", "tests\n.env\n")
			s.App.Copies = []preflight.Copy{{From: ".", File: "Dockerfile", Line: 2}}
		}},
		"secret.source": {fails: file("app.py", "TOKEN = '"+githubKey+"'\n"), passes: file("app.py", "TOKEN = 'ghp_"+strings.Repeat("x", 36)+"'\n")},
		"secret.tracked": {fails: func(s *subject) { s.Repository.Tracked = append(s.Repository.Tracked, ".streamlit/secrets.toml") }, passes: func(s *subject) {
			s.Repository.Tracked = append(s.Repository.Tracked, ".env.example", ".env.examples-cache", ".env.sample.local", "secrets.toml.md")
		}},
		"secret.history": {fails: func(s *subject) { s.blobs = []testBlob{{"old/cloud.py", awsSecret + "\n"}} }, passes: func(s *subject) { s.blobs = []testBlob{{"old/cloud.py", "aws_secret_access_key = os.environ['X']\n"}} }},
		"secret.compose": {fails: service("API_KEY", "q8w7e6r5"), passes: service("API_KEY", "${API_KEY}")},
		"secret.bundle":  {fails: bundle("x.tf", "token = \""+githubKey+"\"\n"), passes: bundle("x.tf", "token = var.token\n")},

		"image.arch": {fails: func(s *subject) { s.config.Architecture = "arm64" }, passes: func(s *subject) { s.config.Architecture, s.Platform = "arm64", "linux/arm64/v8" }},
		"image.command": {fails: func(s *subject) { s.config.Config.Cmd = nil }, passes: func(s *subject) {
			s.config.Config.Cmd, s.App.Command = nil, []string{"streamlit", "run", "app.py"}
		}},
		"image.port":   {fails: func(s *subject) { s.config.Config.Cmd = append(s.config.Config.Cmd, "--server.port=80") }, passes: func(s *subject) { s.config.Config.Cmd = append(s.config.Config.Cmd, "--server.port=8501") }},
		"image.expose": {fails: func(s *subject) { s.config.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}} }, passes: func(s *subject) { s.config.Config.ExposedPorts = nil }},
		"image.user":   {fails: func(s *subject) { s.config.Config.User = "0:0" }, passes: func(s *subject) { s.config.Config.User = "10001:10001" }},
		"image.health": {fails: func(s *subject) { s.config.Config.Healthcheck = &v1.HealthConfig{Test: []string{"NONE"}} }, passes: func(s *subject) { s.config.Config.Healthcheck.Interval = time.Second }},
		"image.git":    {fails: inImage("app/.git/HEAD", "ref: refs/heads/main\n"), passes: inImage("app/.gitignore", "x\n")},
		"image.ca":     {fails: inImage("usr/local/share/ca-certificates/corp.crt", "-----BEGIN CERTIFICATE-----\n"), passes: inImage("usr/share/ca-certificates/mozilla/x.crt", "-----BEGIN CERTIFICATE-----\n")},
		"image.writable": {fails: func(s *subject) {
			s.layer("COPY --chown=app . . # buildkit", testFile{name: "app/page.py", body: "x", uid: 10001})
		},
			passes: func(s *subject) {
				s.layer("COPY --chown=app . . # buildkit", testFile{name: "app/page.py", body: "x", uid: 10001})
				s.layer("RUN chown -R root . # buildkit", testFile{name: "app/page.py", body: "x"})
			}},

		"streamlit.vulnerable": {fails: streamlit("1.53.1"), passes: streamlit("1.58.0")},
		"streamlit.old":        {fails: streamlit("1.57.0"), passes: streamlit("2.0.0")},
		"streamlit.unpinned":   {fails: func(s *subject) { s.App.Streamlit.Value, s.noImage = "any", true }, passes: func(s *subject) { s.App.Streamlit.Value, s.noImage = "any", true; s.file("uv.lock", "version = 1\n") }},
		"streamlit.python":     {fails: func(s *subject) { s.noImage = true; s.App.Streamlit.Value, s.App.Python.Value = "1.67.0", "3.10" }, passes: func(s *subject) { s.noImage = true; s.App.Streamlit.Value, s.App.Python.Value = "1.65.0", "3.10" }},
		"deps.lock":            {fails: file("requirements.txt", "streamlit==1.60.0\npandas>=2\n"), passes: func(s *subject) { s.file("requirements.txt", "streamlit==1.60.0\npandas>=2\n"); s.file("uv.lock", "") }},
		"deps.hashes":          {fails: file("requirements.txt", "streamlit==1.60.0\n"), passes: file("requirements.txt", "# streamlit==1\nstreamlit==1.60.0 \\\n    --hash=sha256:"+strings.Repeat("ab", 32)+"\n")},

		"server.xsrf": {fails: file("start.sh", "exec streamlit run app.py --server.enableXsrfProtection=false\n"), passes: file("start.sh", "exec streamlit run app.py --server.enableXsrfProtection=true\n")},
		"server.cors": {fails: service("STREAMLIT_SERVER_ENABLE_CORS", "false"), passes: service("STREAMLIT_SERVER_ENABLE_CORS", "true")},
		"server.hosts": {fails: func(s *subject) { streamlit("1.61.0")(s); s.Bundle[0].Data = []byte("{}") }, passes: func(s *subject) {
			streamlit("1.61.0")(s)
			s.Bundle[0].Data = []byte("{}")
			s.file(".streamlit/config.toml", "[server]\nallowedHosts = [\"a.example.com\"]\n")
		}},
		"server.health-script": {fails: bundle("task.json", `{"name": "STREAMLIT_SERVER_SCRIPT_HEALTH_CHECK_ENABLED", "value": "true"}`), passes: bundle("task.json", `{"name": "STREAMLIT_SERVER_SCRIPT_HEALTH_CHECK_ENABLED", "value": "false"}`)},
		"server.agent":         {fails: file(".streamlit/config.toml", "[server]\nenableAgentApi = true\n"), passes: file(".streamlit/config.toml", "[server]\nenableAgentApi = false\n")},
		"server.headers":       {fails: file(".streamlit/config.toml", "[server]\ntrustedUserHeaders = {X-Email = \"email\"}\n"), passes: file(".streamlit/config.toml", "[server]\ntrustedUserHeaders = {}\n")},

		"code.unverified":      {fails: file("app.py", "import json\npart = id_token.split('.')[1]\nclaims = json.loads(base64.urlsafe_b64decode(part))\n"), passes: file("app.py", "import jwt\nclaims = jwt.decode(id_token, key, algorithms=['RS256'])\npart = base64.b64decode(picture)\n")},
		"code.header":          {fails: file("app.py", "email = st.context.headers[\"X-Goog-Authenticated-User-Email\"]\n"), passes: file("app.py", "token = st.context.headers.get(\"x-amzn-oidc-data\")\nclaims = jwt.decode(token, key, algorithms=['ES256'])\n")},
		"code.component-local": {fails: file("app.py", "c = components.declare_component(\"x\", url=\"http://localhost:3001\")\n"), passes: file("app.py", "c = components.declare_component(\"x\", path=\"frontend/build\")\n")},
		"code.component":       {fails: file("app.py", "import streamlit.components.v1 as components\ncomponents.html('<script src=\"https://cdn.example.com/x.js\"></script>')\n"), passes: file("app.py", "import streamlit.components.v1 as components\ncomponents.html('<b>plain</b>')\nst.link_button('docs', 'https://example.com')\n")},

		"platform.idle": {fails: bundle("stack.ts", "idleTimeout: cdk.Duration.seconds(30),\n"), passes: bundle("stack.ts", "idleTimeout: cdk.Duration.seconds(120),\n")},
		"platform.timeout": {fails: func(s *subject) {
			s.Target = "cloud-run"
			bundle("main.tf", "resource \"google_cloud_run_v2_service\" \"app\" {\n  timeout = \"900s\"\n}\n")(s)
		}, passes: func(s *subject) {
			s.Target = "cloud-run"
			bundle("main.tf", "resource \"google_cloud_run_v2_service\" \"app\" {\n  timeout = \"3600s\"\n}\n")(s)
		}},
		"platform.affinity": {fails: func(s *subject) { s.Bundle[1].Data = []byte("DesiredCount: 2\n") }, passes: func(s *subject) { s.Bundle[1].Data = []byte("DesiredCount: 1\n") }},
		"platform.base": {fails: bundle("tunnel.tf", "# cloudflared\ningress = [{\n  hostname = \"a.example.com\"\n  path     = \"streamlit\"\n}]\n"), passes: func(s *subject) {
			bundle("tunnel.tf", "# cloudflared\ningress = [{\n  hostname = \"a.example.com\"\n  path     = \"streamlit\"\n}]\n")(s)
			s.imageEnv("STREAMLIT_SERVER_BASE_URL_PATH=streamlit")
		}},
		"platform.open": {fails: func(s *subject) {
			s.Target, s.Hosting.Tunnel = "cloudflare", true
			bundle("compose.yaml", "services:\n  app:\n    ports: [\"8501:8501\"]\n")(s)
		}, passes: bundle("main.tf", "# never \"allUsers\"\nmember = \"serviceAccount:x\"\n")},
		"platform.health": {fails: bundle("x.yml", "HealthCheckPath: '/'\n"), passes: bundle("x.yml", "HealthCheckPath: '/shop/_stcore/health'\n")},
		"platform.grace":  {fails: bundle("x.ts", "healthCheckGracePeriod: Duration.seconds(5),\n"), passes: bundle("x.ts", "healthCheckGracePeriod: Duration.seconds(90),\n")},

		"git.missing":    {fails: func(s *subject) { s.Repository = preflight.Repository{} }, passes: func(s *subject) { s.Repository.Branch = "x" }},
		"git.unreadable": {fails: func(s *subject) { s.Repository = preflight.Repository{Unreadable: "bad object HEAD"} }, passes: func(s *subject) { s.Repository.Branch = "x" }},
		"git.commit":     {fails: func(s *subject) { s.Repository.Commit = "" }, passes: func(s *subject) { s.Repository.Commit = "1a2b" }},
		"git.dirty":      {fails: func(s *subject) { s.Built = true; s.Repository.Modified = []string{"app.py"} }, passes: func(s *subject) { s.Built = true; s.Repository.Modified = []string{"deploy/", "deploy/ecs/README.md"} }},
		"git.shallow":    {fails: func(s *subject) { s.Repository.Shallow = true }, passes: func(s *subject) { s.Repository.Dir = "apps/shop" }},
		"git.detached":   {fails: func(s *subject) { s.Repository.Branch = "" }, passes: func(s *subject) { s.Repository.Branch = "feature/x" }},

		"suppress.reason": {fails: decide(dev.Suppression{ID: "image.user", Until: now.Add(day), Reason: " "}), passes: func(*subject) {}},
		"suppress.date":   {fails: decide(dev.Suppression{ID: "image.user", Reason: "because"}), passes: func(*subject) {}},
		"suppress.expired": {fails: decide(dev.Suppression{ID: "image.user", Reason: "because", Until: now.Add(-2 * day)}), passes: func(s *subject) {
			s.config.Config.User = "root"
			s.Suppress = []dev.Suppression{{ID: "image.user", Reason: "because", Until: now.Truncate(day)}}
		}},
		"suppress.unknown": {fails: decide(dev.Suppression{ID: "image.usr", Reason: "because", Until: now.Add(day)}), passes: func(s *subject) {
			s.Suppress = []dev.Suppression{{ID: "policy.websocket", Reason: "because", Until: now.Add(day)}}
		}},
		"suppress.unused": {fails: decide(dev.Suppression{ID: "image.user", Reason: "because", Until: now.Add(day)}), passes: func(*subject) {}},
	}
	for _, id := range []string{"oauth.last-redirect", "start.installs", "start.no-exec", "pythonpath.empty-entry", "import.shadow", "docker.latest"} {
		all[id] = defect(id)
	}
	return all
}

// largeImage has a test of its own: its layers are never in memory as a whole.
const largeImage = "image.size"

func TestRules_EachFindsItsExampleAndNothingElse(t *testing.T) {
	for id, e := range examples() {
		t.Run(id, func(t *testing.T) {
			s := sound()
			e.fails(s)
			found := s.run(t)
			if got := idsOf(found); !slices.Contains(got, id) || slices.ContainsFunc(got, func(other string) bool { return other != id && !slices.Contains(e.also, other) }) {
				t.Errorf("found %q, want %s and %q: %+v", got, id, e.also, found)
			}
			for _, f := range found {
				if f.Fix == "" || f.Message == "" || f.ID == id && f.File == "" && f.Where == "" && id != "git.missing" && id != "git.commit" && !strings.HasPrefix(id, "suppress.") {
					t.Errorf("a finding lacks its place or what helps: %+v", f)
				}
			}
			for _, secret := range []string{awsKey, awsSecret[26:], githubKey, "MIIEpAIBAAK", "hunter2", "q8w7e6r5"} {
				if text := fmt.Sprint(found); strings.Contains(text, secret) {
					t.Errorf("a finding shows the secret: %s", text)
				}
			}
			near := sound()
			e.passes(near)
			if found := near.run(t); slices.ContainsFunc(found, func(f dev.Finding) bool { return f.ID == id && f.Suppressed == nil }) {
				t.Errorf("found where it must not be: %+v", found)
			}
		})
	}
}

// Neither sdev nor a build from the repository puts sdev's own state into an image, so it blocks no hand-off.
func TestRules_WhatSdevKeepsDoesNotBlock(t *testing.T) {
	s := sound()
	s.file(".sdev/auth/client.json", "{}")
	s.file(".dockerignore", "tests\n")
	s.App.Copies = []preflight.Copy{{From: ".", File: "Dockerfile", Line: 2}}
	found := s.run(t)
	i := slices.IndexFunc(found, func(f dev.Finding) bool { return f.ID == "secret.context" })
	if i < 0 || found[i].Severity != dev.Warns || found[i].File != "Dockerfile" || found[i].Line != 2 {
		t.Errorf("%+v", found)
	}
	if slices.ContainsFunc(found, func(f dev.Finding) bool { return f.Severity == dev.Blocks }) {
		t.Errorf("something blocks: %+v", found)
	}
}

func TestRules_AComponentsDevelopmentServerCountsUnlessItIsSwitchedOff(t *testing.T) {
	const call = "if not _RELEASE:\n    c = components.declare_component(\n        \"x\",\n        url=\"http://localhost:3001\",\n    )\nelse:\n    pass\n"
	for code, want := range map[string]bool{
		"_RELEASE = True\n" + call:                       false,
		"_RELEASE = False\n\n_RELEASE = True\n\n" + call: false,
		"_RELEASE = False\n" + call:                      true,
		"_RELEASE = True\n_RELEASE = x\n" + call:         true,
		"OTHER = True\n" + call:                          true,
		"_RELEASE = True\nif not _RELEASE:\n    pass\nc = components.declare_component(\"x\", url=\"http://localhost:3001\")\n": true,
	} {
		s := sound()
		s.file("app.py", code)
		if got := slices.Contains(idsOf(s.run(t)), "code.component-local"); got != want {
			t.Errorf("found: %v\n%s", got, code)
		}
	}
}

func TestRules_EachHasAnExample(t *testing.T) {
	have := examples()
	seen := map[string]bool{}
	for _, r := range preflight.Rules() {
		if _, ok := have[r.ID]; !ok && r.ID != largeImage {
			t.Errorf("no example of %s", r.ID)
		}
		if seen[r.ID] || r.About == "" || r.Fix == "" || r.Severity != dev.Blocks && r.Severity != dev.Warns && r.Severity != dev.Informs || r.Docs != "" && !strings.HasPrefix(r.Docs, "https://") {
			t.Errorf("a row that is there twice, or lacks something: %+v", r)
		}
		seen[r.ID] = true
		delete(have, r.ID)
	}
	for id := range have {
		t.Errorf("an example of %s, which is no rule", id)
	}
}

func TestRun_FindsNothingInASoundProject(t *testing.T) {
	if found := sound().run(t); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}
