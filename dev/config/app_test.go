package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
)

// threeApps share an image that only one of them builds; each runs a script of its own.
const threeApps = `services:
  admin: {image: shop, command: streamlit run admin.py, ports: ["8502:8501"]}
  db: {image: postgres}
  shop: {build: ., image: shop, command: streamlit run shop.py, ports: ["8501:8501"]}
  stats: {image: shop, command: streamlit run stats.py, ports: ["8503:8501"], profiles: [all]}
`

// choosing are options with candidates as package detect finds them.
func choosing(change func(*config.Options)) func(*config.Options) {
	return func(o *config.Options) {
		o.Candidates = func(_ string, services []config.Start) []config.Candidate {
			var out []config.Candidate
			for _, s := range services {
				if len(s.Command) == 3 {
					out = append(out, config.Candidate{Service: s.Service, Script: s.Command[2], Why: "it runs Streamlit", File: s.File, Line: s.CommandLine, Sure: 5})
				} else {
					out = append(out, config.Candidate{Service: s.Service, Why: "its name", Sure: 1})
				}
			}
			return out
		}
		change(o)
	}
}

func TestLoad_TheAppIsTheChosenService(t *testing.T) {
	files := map[string]string{"admin.py": "", "shop.py": "", "stats.py": "", "other.py": "", "Dockerfile": "FROM python:3.12\n"}
	earlier := func(app, entry string) func(string) (string, string) {
		return func(string) (string, string) { return app, entry }
	}
	for name, c := range map[string]struct {
		settings string
		change   func(*config.Options)
		app, why string
		command  string
	}{
		"a flag":                                {"", func(o *config.Options) { o.App = "admin" }, "admin", "--app", "streamlit run admin.py"},
		"a flag before the setting":             {"x-sdev: {app: shop, entry: other.py}\n", func(o *config.Options) { o.App = "admin" }, "admin", "--app", "streamlit run admin.py"},
		"a flag that names the script":          {"", func(o *config.Options) { o.Entry = "./admin.py" }, "admin", "it runs admin.py, which --entry names", "streamlit run admin.py"},
		"both flags":                            {"", func(o *config.Options) { o.App, o.Entry = "admin", "other.py" }, "admin", "--app", "streamlit run other.py"},
		"an earlier choice":                     {"", func(o *config.Options) { o.Earlier = earlier("shop", "") }, "shop", "it was chosen before", "streamlit run shop.py"},
		"an earlier choice with its script":     {"x-sdev: {app: admin}\n", func(o *config.Options) { o.Earlier = earlier("shop", "other.py") }, "shop", "it was chosen before", "streamlit run other.py"},
		"an earlier choice that is gone":        {"x-sdev: {app: admin}\n", func(o *config.Options) { o.Earlier = earlier("gone", "other.py") }, "admin", "x-sdev.app", "streamlit run admin.py"},
		"a flag before an earlier choice":       {"", func(o *config.Options) { o.App, o.Earlier = "admin", earlier("shop", "other.py") }, "admin", "--app", "streamlit run admin.py"},
		"the setting, with its script":          {"x-sdev: {app: shop, entry: other.py}\n", func(*config.Options) {}, "shop", "x-sdev.app", "streamlit run other.py"},
		"the user's answer":                     {"", func(o *config.Options) { o.Ask = func(from []config.Candidate) string { return from[1].Service } }, "shop", config.UserChose, "streamlit run shop.py"},
		"a service of a profile, with a flag":   {"", func(o *config.Options) { o.App, o.Profiles = "stats", []string{"all"} }, "stats", "--app", "streamlit run stats.py"},
		"an absolute path, as a shell gives it": {"", func(o *config.Options) { o.Entry = o.Dir + "/shop.py" }, "shop", "it runs shop.py, which --entry names", "streamlit run shop.py"},
	} {
		t.Run(name, func(t *testing.T) {
			with := map[string]string{"compose.yaml": c.settings + threeApps}
			for name, content := range files {
				with[name] = content
			}
			p, err := load(t, with, choosing(c.change))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.Model.Services[p.App].Command, " "); p.App != c.app || p.AppWhy != c.why || got != c.command {
				t.Errorf("app %s (%s) runs %q", p.App, p.AppWhy, got)
			}
			if p.Model.Services[p.App].Build == nil {
				t.Error("it is not built as the service that builds its image")
			}
			if beside := p.Model.ServiceNames(); len(beside) < 3 {
				t.Errorf("services: %v", beside)
			}
			if setting := p.Settings.App; setting != "" && setting != p.App && !strings.Contains(messages(p), "the app is service "+p.App+", and not "+setting+", which x-sdev.app names") {
				t.Errorf("nothing says that the setting does not count: %q", messages(p))
			}
		})
	}
}

func TestLoad_AChoiceThatIsNoneIsNamed(t *testing.T) {
	files := func(settings string) map[string]string {
		return map[string]string{"compose.yaml": settings + threeApps, "compose.override.yaml": "services:\n  db: {user: me}\n", "admin.py": "", "shop.py": ""}
	}
	for name, c := range map[string]struct {
		change     func(*config.Options)
		exit       int
		want, hint string
	}{
		"several apps": {func(*config.Options) {}, dev.ExitProject,
			"compose.yaml:1: several services could be the Streamlit app:\n  --app admin: it runs Streamlit (compose.yaml:2)\n  --app shop: it runs Streamlit (compose.yaml:4)", "--app admin"},
		"no service":         {func(o *config.Options) { o.App = "web" }, dev.ExitUsage, `--app is "web", which is not an active service of compose.yaml`, "active services: admin, db, shop"},
		"a sleeping service": {func(o *config.Options) { o.App = "stats" }, dev.ExitUsage, `--app is "stats", which is not an active service of compose.yaml`, "--profile all"},
		"no script":          {func(o *config.Options) { o.App, o.Entry = "shop", "gone.py" }, dev.ExitUsage, `--entry is "gone.py", which is not a file of the project`, "a path relative to"},
		"nobody to be asked": {func(o *config.Options) { o.Ask = func([]config.Candidate) string { return "" } }, dev.ExitProject, "compose.yaml:1: several services", "--app"},
		"an app that sleeps": {func(o *config.Options) { o.Candidates = func(string, []config.Start) []config.Candidate { return nil } }, dev.ExitProject, "compose.yaml:5: service stats looks like the Streamlit app, but its profile all is not active", "--app NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, files(""), choosing(c.change))
			if e := dev.AsError(err); err == nil || e.Exit != c.exit || !strings.HasPrefix(e.Error(), c.want) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("exit %d: %s\nhint: %s", e.Exit, e.Error(), e.Hint)
			}
		})
	}
}

// Services of one image with one command are apps of their own if something else of them differs.
func TestLoad_AnAppBesideTheAppIsNoDuplicate(t *testing.T) {
	for name, c := range map[string]struct {
		other string
		runs  bool
	}{
		"the same in everything":     {"", false},
		"another variable":           {"environment: {PAGE: b.py}", true},
		"another working directory":  {"working_dir: /app/b", true},
		"another published port too": {"environment: {PAGE: b.py}\n    ports: ['8502:8501']", true},
		"the same published port":    {"environment: {PAGE: b.py}\n    ports: ['8501:8501']", false},
	} {
		p, err := load(t, map[string]string{"compose.yaml": "services:\n  one:\n    image: x\n    command: streamlit run app.py\n    ports: ['8501:8501']\n  two:\n    image: x\n    command: streamlit run app.py\n    " + c.other + "\n"},
			func(o *config.Options) { o.App = "one" })
		if err != nil {
			t.Fatal(err)
		}
		if _, runs := p.Model.Services["two"]; runs != c.runs {
			t.Errorf("%s: it runs: %v", name, runs)
		}
	}
}

func TestStart_SaysHowAServiceStarts(t *testing.T) {
	p, err := load(t, map[string]string{"deploy/compose.yaml": `services:
  web:
    build: {context: .., dockerfile: docker/web.Dockerfile, target: ui}
    working_dir: /srv
    volumes: ["./data:/data"]
    environment: {PAGE: a.py}
    ports: ["80:8501"]
    entrypoint: [sh, -c]
    command:
      - streamlit run $$PAGE
`, "deploy/data/x": "", "docker/web.Dockerfile": ""}, func(o *config.Options) { o.Files = []string{o.Dir + "/deploy/compose.yaml"} })
	if err != nil {
		t.Fatal(err)
	}
	want := config.Start{Service: "web", Entrypoint: []string{"sh", "-c"}, Command: []string{"streamlit run $PAGE"}, Workdir: "/srv", Env: map[string]string{"PAGE": "a.py"}, Ports: []int{8501},
		Context: "..", Dockerfile: "docker/web.Dockerfile", Target: "ui", Mounts: []dev.Mount{{Project: "data", Container: "/data"}}, File: "compose.yaml", Line: 2, CommandLine: 9}
	if diff := cmp.Diff(want, p.Start("web")); diff != "" {
		t.Error(diff)
	}
}
