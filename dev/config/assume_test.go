package config_test

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

func assuming(a *config.Assumption) func(*config.Options) {
	return func(o *config.Options) {
		o.Assume = func(string) (*config.Assumption, error) { return a, nil }
	}
}

// flat is what is assumed of a script without anything.
func flat() *config.Assumption {
	return &config.Assumption{Service: "streamlit", Entry: "app.py", Context: ".", Inline: "FROM python:3.11-slim\nENV PATH=/opt/venv/bin:$PATH\n", Workdir: "/app",
		Command: []string{"streamlit", "run", "app.py"}, PythonPath: "/app", Mounts: []dev.Mount{{Project: ".", Container: "/app"}}, Hidden: []string{"/app/.venv"},
		Why: map[string]string{"build": "assumed: pip", "command": "assumed: its name"}, Warnings: []dev.Warning{{Code: dev.CodeAssumed, Message: "no compose file"}}}
}

func TestLoad_TakesAnAssumptionForAComposeFile(t *testing.T) {
	p, err := load(t, map[string]string{"app.py": "", ".env": "X=1\n"}, assuming(flat()))
	if err != nil {
		t.Fatal(err)
	}
	s := p.Model.Services["streamlit"]
	if p.App != "streamlit" || p.Settings.Entry != "app.py" || len(p.Files) != 0 || p.WantedPort() != 8501 || len(p.Warnings) != 1 {
		t.Errorf("project: %+v", p)
	}
	// A dollar sign of the Dockerfile is the builder's, not Compose's.
	if s.Build.DockerfileInline != flat().Inline || s.Build.Context != p.Dir || !slices.Equal([]string(s.Command), flat().Command) {
		t.Errorf("service: %+v, build: %+v", s, s.Build)
	}
	if len(s.Volumes) != 2 || s.Volumes[0].Source != p.Dir || s.Volumes[0].Target != "/app" || s.Volumes[1].Type != "volume" || s.Volumes[1].Source != "" {
		t.Errorf("volumes: %+v", s.Volumes)
	}
	for _, file := range []string{"compose.yaml", "docker-compose.yml", "Dockerfile", ".env"} { // each would change what is assumed
		if !slices.Contains(p.RelativeFiles(), file) {
			t.Errorf("%s is not among %q", file, p.RelativeFiles())
		}
	}
	e, err := config.Overlay(p, config.Parts{Port: 8501, Env: func(int) map[string]string { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# assumed: pip\n    build:", "# assumed: its name\n    command:", "bin:$$PATH"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the printed model lacks %q:\n%s", want, text)
		}
	}
}

func TestLoad_AssumesOnlyWhereNoComposeFileIsMeant(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		options func(*config.Options)
		want    string // part of the error; "" for none
	}{
		"a compose file wins":        {map[string]string{"compose.yaml": "services:\n  web:\n    image: other\n"}, func(*config.Options) {}, ""},
		"one that is asked for":      {nil, func(o *config.Options) { o.Files = []string{"gone.yml"} }, "gone.yml"},
		"one that the machine names": {nil, func(o *config.Options) { o.Env = []string{"COMPOSE_FILE=gone.yml"} }, "no compose file in"},
		"nothing to assume":          {nil, func(o *config.Options) { o.Assume = func(string) (*config.Assumption, error) { return nil, nil } }, "no Streamlit app in"},
		"a .env that cannot be read": {map[string]string{".env": "A='\n"}, func(*config.Options) {}, ".env"},
	} {
		p, err := load(t, c.files, assuming(flat()), c.options)
		switch {
		case c.want == "" && (err != nil || p.App != "web"):
			t.Errorf("%s: %+v, %v", name, p, err)
		case c.want != "" && (err == nil || dev.AsError(err).Exit != dev.ExitProject || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestLoad_NamesAProjectWithoutAComposeFile(t *testing.T) {
	for name, want := range map[string]string{"My App": "myapp", "日本": "streamlit", "_x.1": "x1"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		o := config.Options{Dir: dir}
		assuming(flat())(&o)
		if p, err := config.Load(t.Context(), o); err != nil || p.Name != want {
			t.Errorf("%s: %v, want the name %s", name, err, want)
		}
	}
}

// messages are the assumptions among the warnings.
func messages(p *config.Project) string {
	var out []string
	for _, w := range p.Warnings {
		if w.Code == dev.CodeAssumed {
			out = append(out, w.Message)
		}
	}
	return strings.Join(out, "\n")
}

func TestLoad_AssumesABuildBesideALocalImage(t *testing.T) {
	for name, c := range map[string]struct {
		service    string
		dockerfile string
		built      bool
	}{
		"a local name":            {"image: img_name:latest", "Dockerfile", true},
		"with a directory":        {"image: team/img", "Dockerfile", true},
		"of a registry":           {"image: 123.dkr.ecr.us-east-1.amazonaws.com/img:latest", "Dockerfile", false},
		"of a local registry":     {"image: localhost:5000/img", "Dockerfile", false},
		"of the usual registry":   {"image: docker.io/team/img", "Dockerfile", false},
		"a lower-case name":       {"image: img", "dockerfile", true},
		"no Dockerfile":           {"image: img_name:latest", "", false},
		"always to be pulled":     {"image: img\n    pull_policy: always", "Dockerfile", false},
		"with a build of its own": {"image: img\n    build: {context: ., target: x}", "Dockerfile", false},
	} {
		files := map[string]string{"compose.yaml": "services:\n  streamlit:\n    " + c.service + "\n"}
		if c.dockerfile != "" {
			files[c.dockerfile] = "FROM scratch\n"
		}
		p, err := load(t, files)
		if err != nil {
			if strings.Contains(c.service, "pull_policy") && dev.AsError(err).Code == dev.CodeComposeKey {
				continue // refused before it matters
			}
			t.Fatalf("%s: %v", name, err)
		}
		if p.BuildAssumed != c.built || strings.Contains(messages(p), "is built from ./"+cmp.Or(c.dockerfile, "?")) != c.built {
			t.Errorf("%s: assumed %v, want %v; %q", name, p.BuildAssumed, c.built, messages(p))
		}
	}
}

func TestLoad_LeavesRivalsOut(t *testing.T) {
	const two = "services:\n  streamlit:\n    image: a\n    ports: ['8501:8501']\n  streamlit-local:\n    image: b\n    ports: ['8501:8501']\n"
	p := loaded(t, two+"  db:\n    image: c\n    ports: ['5432:5432']\n")
	if got := strings.Join(p.Model.ServiceNames(), " "); p.App != "streamlit-local" || got != "db streamlit-local" || !strings.Contains(messages(p), "streamlit is not started") {
		t.Errorf("app %s of %s; %q", p.App, got, messages(p))
	}
	p = loaded(t, "services:\n  web:\n    image: a.example/x\n    command: streamlit run a.py\n    ports: ['80:8501']\n  streamlit-local:\n    image: b\n    command: streamlit run a.py\n    ports: ['8501:8501']\n")
	if got := strings.Join(p.Model.ServiceNames(), " "); got != "streamlit-local" || !strings.Contains(messages(p), "web is not started: it runs the same command") {
		t.Errorf("services %s; %q", got, messages(p))
	}
	// One that something needs is started, and the port decides between the two.
	p = loaded(t, two+"  job:\n    image: c\n    depends_on: [streamlit]\n")
	if got := strings.Join(p.Model.ServiceNames(), " "); got != "job streamlit streamlit-local" {
		t.Errorf("services: %s", got)
	}
}

func TestLoad_AsksForTheAppAndItsSource(t *testing.T) {
	const compose = "services:\n  db:\n    image: postgres\n  web:\n    build: .\n"
	guess := func(o *config.Options) {
		o.Candidates = func(_ string, services []config.Start) []config.Candidate {
			return []config.Candidate{{Service: services[1].Service, Why: "guessed", Sure: 1}}
		}
		o.Source = func(_ string, app config.Start, _ string) config.Placed {
			return config.Placed{Mounts: []dev.Mount{{Project: app.Context, Container: "/srv/" + app.Dockerfile}}, Hidden: []string{"/srv/.venv"}}
		}
	}
	p, err := load(t, map[string]string{"compose.yaml": compose, "Dockerfile": ""}, guess)
	if err != nil {
		t.Fatal(err)
	}
	volumes := p.Model.Services["web"].Volumes
	if p.App != "web" || p.AppWhy != "guessed" || len(volumes) != 2 || volumes[0].Source != p.Dir || volumes[0].Target != "/srv/Dockerfile" || volumes[1].Target != "/srv/.venv" {
		t.Errorf("app %s (%s): %+v", p.App, p.AppWhy, volumes)
	}
	// What brings the source itself is left alone.
	for _, brings := range []string{"volumes: ['./ui:/ui']", "develop: {watch: [{action: rebuild, path: .}]}"} {
		p, err := load(t, map[string]string{"compose.yaml": compose + "    " + brings + "\n", "Dockerfile": "", "ui/pages/a.py": ""}, guess)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(messages(p), "is mounted") {
			t.Errorf("%s: %q", brings, messages(p))
		}
	}
	// Settings and data are no source, and a place that is taken stays so.
	p, err = load(t, map[string]string{"compose.yaml": compose + "    volumes: ['./.env:/srv/.env:ro', './data:/srv/data', 'env:/srv/.venv']\nvolumes: {env: }\n", "Dockerfile": "", "data/a.csv": ""}, guess)
	if err != nil {
		t.Fatal(err)
	}
	if volumes := p.Model.Services["web"].Volumes; len(volumes) != 4 || volumes[3].Target != "/srv/Dockerfile" || !strings.Contains(messages(p), "is mounted") {
		t.Errorf("%+v; %q", volumes, messages(p))
	}
}

func TestLoad_AMountWithoutTheScriptIsNoSource(t *testing.T) {
	files := func(volumes string) map[string]string {
		return map[string]string{"compose.yaml": "services:\n  web:\n    build: .\n    volumes: " + volumes + "\n", "Dockerfile": "", "app/app.py": "", "lib/rates.py": ""}
	}
	for volumes, c := range map[string]struct{ script, entry, want string }{
		"['./lib:/app/lib']":                         {"app/app.py", "", "lib, app"},
		"['./lib:/app/lib'] # the script is unknown": {"", "", "lib"},
		"['./lib:/app/lib'] # --entry names another": {"app/app.py", "lib/rates.py", "lib"},
		"['./lib:/app/lib', './app:/app']":           {"app/app.py", "", "lib, app"},
		"['./app/app.py:/app/app.py']":               {"app/app.py", "", "app/app.py"},
		"['.:/src']":                                 {"app/app.py", "", "."},
	} {
		p, err := load(t, files(volumes), func(o *config.Options) {
			o.Entry = c.entry
			o.Candidates = func(string, []config.Start) []config.Candidate {
				return []config.Candidate{{Service: "web", Script: c.script, Sure: 1}}
			}
			o.Source = func(string, config.Start, string) config.Placed {
				return config.Placed{Mounts: []dev.Mount{{Project: "app", Container: "/app"}}}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range p.Model.Services["web"].Volumes {
			rel, err := filepath.Rel(p.Dir, v.Source)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%s, script %q: mounts %s, want %s", volumes, c.script, got, c.want)
		}
	}
}

func TestLoad_WarnsIfSavesCannotBeLive(t *testing.T) {
	for name, c := range map[string]struct{ service, script, want string }{
		"an image of its own":       {"image: r.example/shop:1", "app.py", "the compose file has no build for it"},
		"a build from a repository": {"build: https://git.example/shop.git", "app.py", "its image is not built from a directory"},
		"a Dockerfile inside":       {"build: {context: ., dockerfile_inline: FROM shop}", "app.py", "its Dockerfile is no file of the build context"},
		"no copy":                   {"build: .", "app.py", "its Dockerfile does not say where it copies the script to"},
		"a place that is taken":     {"build: {context: ., dockerfile: copies}\n    volumes: ['data:/app']", "app.py", "other mounts cover"},
		"a mount":                   {"image: shop\n    volumes: ['.:/app']", "app.py", ""},
		"develop.watch":             {"build: .\n    develop: {watch: [{action: rebuild, path: .}]}", "app.py", ""},
		"a mount that is derived":   {"build: {context: ., dockerfile: copies}", "app.py", ""},
		"no code in the project":    {"image: r.example/shop:1", "notes.txt", ""},
	} {
		p, err := load(t, map[string]string{"compose.yaml": "services:\n  streamlit:\n    " + c.service + "\nvolumes: {data: }\n", "Dockerfile": "FROM x", "copies": "", c.script: ""}, func(o *config.Options) {
			o.Source = func(_ string, app config.Start, _ string) config.Placed {
				if app.Dockerfile == "copies" {
					return config.Placed{Mounts: []dev.Mount{{Project: ".", Container: "/app"}}}
				}
				return config.Placed{}
			}
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, w := range p.Warnings {
			if w.Code == dev.CodeReloadUnmounted {
				got = append(got, w.Message+" hint: "+w.Hint)
			}
		}
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want) || !strings.Contains(got[0], "streamlit has no mount of the app's source (compose.yaml:2)")) {
			t.Errorf("%s: warnings %q, want %q", name, got, c.want)
		}
	}
}

func TestLoad_SaysWhyAScriptCannotBeStarted(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		mode   os.FileMode
		want   string // part of the error; "" for none
	}{
		"fine":           {"#!/bin/sh\n", 0o755, ""},
		"not executable": {"#!/bin/sh\n", 0o644, "compose.yaml:4: service streamlit starts bin/start.sh, which is not executable"},
		"for Windows":    {"#!/bin/sh\r\n", 0o755, "Windows line endings"},
		"no interpreter": {"streamlit run app.py\n", 0o755, "has no #! line"},
		"empty":          {"", 0o755, "has no #! line"},
	} {
		dir := devtest.Project(t, map[string]string{"compose.yaml": "services:\n  streamlit:\n    image: x\n    command: bin/start.sh --fast\n", "bin/start.sh": c.script})
		if err := os.Chmod(filepath.Join(dir, "bin/start.sh"), c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(t.Context(), config.Options{Dir: dir})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || dev.AsError(err).Hint == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestOverlay_KeepsRootWhereItIsExpected(t *testing.T) {
	for name, c := range map[string]struct {
		service, user string // of the service, of the image
		want, home    string // home "" is the image's own
	}{
		"nobody says":      {"", "", "1000:1001", "/home/sdev"},
		"another user":     {"", "app", "1000:1001", "/home/sdev"},
		"the image":        {"", "root", "0:0", ""},
		"by number":        {"", "0:0", "0:0", ""},
		"a mount":          {"    volumes: ['./x:/root/x']\n", "", "0:0", ""},
		"the compose file": {"    user: app\n", "root", "app", "/home/sdev"},
	} {
		p := loaded(t, "services:\n  streamlit:\n    image: x\n"+c.service)
		e, err := config.Overlay(p, config.Parts{Port: 8501, Machine: config.Machine{UID: 1000, GID: 1001, AWS: config.AWS{Dir: "/h/.aws"}}, Image: config.ImageFacts{User: c.user}, Env: func(int) map[string]string { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		s := e.Project.Services["streamlit"]
		home := ""
		if v := s.Environment["HOME"]; v != nil {
			home = *v
		}
		if s.User != c.want || home != c.home {
			t.Errorf("%s: user %s at home in %q, want %s in %q", name, s.User, home, c.want, c.home)
		}
		aws := c.home
		if aws == "" {
			aws = "/root"
		}
		if v := s.Volumes[len(s.Volumes)-1]; v.Target != aws+"/.aws" || !v.ReadOnly {
			t.Errorf("%s: credentials at %+v", name, v)
		}
	}
}

func TestOverlay_MountsCredentialsReadOnlyWhoeverAsks(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := loaded(t, "services:\n  streamlit:\n    image: x\n    volumes: ['"+home+"/.aws/:/root/.aws/']\n")
	e, err := config.Overlay(p, config.Parts{Port: 8501, StateDir: "/s", Machine: config.Machine{AWS: config.AWS{Dir: filepath.Join(home, ".aws"), Caches: []string{"sso/cache"}}}, Env: func(int) map[string]string { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	v := e.Project.Services["streamlit"].Volumes
	if len(v) != 2 || !v[0].ReadOnly || v[1].Source != "/s/aws/sso/cache" || v[1].Target != "/root/.aws/sso/cache" || v[1].ReadOnly {
		t.Errorf("volumes: %+v", v)
	}
	// One that is not there is not made.
	p = loaded(t, "services:\n  streamlit:\n    image: x\n    volumes: ['"+home+"/gone/.aws:/root/.aws']\n")
	if v := p.Model.Services["streamlit"].Volumes; len(v) != 0 {
		t.Errorf("volumes: %+v", v)
	}
}

func TestBuildInput_OfAMountedProjectIsWhatIsInstalled(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": "", "requirements.txt": "streamlit\n", "sub/requirements.txt": "", ".venv/requirements.txt": ""})
	input := func() string {
		t.Helper()
		o := config.Options{Dir: dir}
		assuming(flat())(&o)
		p, err := config.Load(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		in, err := config.BuildInput(t.Context(), p, p.Model.Services["streamlit"])
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	before := input()
	for file, counts := range map[string]bool{"app.py": false, "new.py": false, ".venv/requirements.txt": false, "requirements.txt": true, "sub/requirements.txt": true, ".dockerignore": true} {
		devtest.Write(t, filepath.Join(dir, file), "# edited "+file+"\n")
		after := input()
		if (after != before) != counts {
			t.Errorf("after an edit of %s the input differs: %v, want %v", file, after != before, counts)
		}
		before = after
	}
}

func TestLoad_AnAppOfTheMachinesNetworkRunsBehindTheGateway(t *testing.T) {
	for mode, want := range map[string]string{
		"host":   "docker-compose.yml:4: network_mode: host is not applied to streamlit, which runs in the network of the gateway; there, this machine is not localhost but host.docker.internal",
		"bridge": "docker-compose.yml:4: network_mode: bridge is not applied to streamlit, which runs in the network of the gateway",
	} {
		p := loaded(t, "services:\n  streamlit:\n    image: registry.example/shop\n    network_mode: "+mode+"\n")
		if got := messages(p); got != want {
			t.Errorf("%s: %s", mode, got)
		}
		e, err := config.Overlay(p, parts(p))
		if err != nil {
			t.Fatal(err)
		}
		if gateway := e.Project.Services[config.GatewayService]; len(gateway.Networks) != 1 || !slices.Contains(gateway.NetworksByPriority(), "default") {
			t.Errorf("%s: networks %v", mode, gateway.Networks)
		}
	}
}

func TestLoad_AnAppAtTheRootOfItsImageStartsInTheMount(t *testing.T) {
	for name, c := range map[string]struct{ service, workdir, warning string }{
		"as the image has it":        {"build: .", "/app", ""},
		"the root":                   {"build: .\n    working_dir: /", "/app", ""},
		"a directory of the service": {"build: .\n    working_dir: /srv", "/srv", "working_dir is another directory"},
	} {
		p, err := load(t, map[string]string{"compose.yaml": "services:\n  streamlit:\n    " + c.service + "\n", "Dockerfile": "FROM x", "app.py": ""}, func(o *config.Options) {
			o.Source = func(string, config.Start, string) config.Placed {
				return config.Placed{Mounts: []dev.Mount{{Project: ".", Container: "/app"}}, Workdir: "/app"}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		s := p.Model.Services["streamlit"]
		if s.WorkingDir != c.workdir || (len(s.Volumes) == 1) != (c.warning == "") || !slices.ContainsFunc(p.Warnings, func(w dev.Warning) bool { return strings.Contains(w.Message, c.warning) }) {
			t.Errorf("%s: starts in %q with %v; %+v", name, s.WorkingDir, s.Volumes, p.Warnings)
		}
	}
}
