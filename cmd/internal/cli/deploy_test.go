package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/handoff"
)

// plainApp is a project without a login, which any target takes.
func plainApp(t *testing.T, more map[string]string) string {
	t.Helper()
	files := map[string]string{
		"docker-compose.yml": "name: shop\nservices:\n  streamlit:\n    build: .\n    ports: [\"127.0.0.1:8501:8501\"]\n    environment:\n      MODE: prod\n      LOCAL_STREAMLIT: \"\"\n      API_TOKEN: hunter2\n      DB: postgres://bob:hunter2@db/shop\n      FROM_HERE:\n",
		"Dockerfile":         "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY app.py .\nUSER 10001\nHEALTHCHECK CMD python -c 0\nCMD [\"streamlit\", \"run\", \"app.py\"]\n",
		"app.py":             "import streamlit as st\nst.write(1)\n",
		"requirements.txt":   "streamlit==1.58.0\n",
	}
	for name, content := range more {
		files[name] = content
	}
	return devtest.Project(t, files)
}

// deployed runs "sdev deploy" for a program and gives the object that it prints.
func deployed(t *testing.T, dir string, args ...string) (code int, r deployReport, out string) {
	t.Helper()
	var o bytes.Buffer
	s, _, _ := console.Buffers(map[string]string{"FROM_HERE": "hunter2", "PATH": os.Getenv("PATH")})
	s.Out = &o
	code = Main(t.Context(), t.Context(), s, append([]string{"-C", dir, "deploy", "--json"}, args...))
	if err := json.NewDecoder(strings.NewReader(o.String())).Decode(&r); err != nil {
		t.Fatalf("%v: %s", err, &o)
	}
	return code, r, o.String()
}

func snowflake() []string {
	return []string{"snowflake", "--set", "database=SALES", "--set", "warehouse=WH", "--set", "roles=VIEWER"}
}

func TestDeploy_AsksForWhatNobodyHasSaid(t *testing.T) {
	dir := plainApp(t, nil)
	_, out := runOnTerminal(t, dir, "SALES\n\nVIEWER\ny\n", "deploy", "snowflake")
	b, err := os.ReadFile(filepath.Join(dir, "deploy/snowflake/.handoff/record.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r handoff.Record
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	got := map[string]handoff.Value{}
	for _, v := range r.Values {
		got[v.Name] = v.Value
	}
	if got["database"] != (handoff.Value{Text: "SALES", Source: "your answer"}) || got["roles"].Text != "VIEWER" || !got["warehouse"].Placeholder {
		t.Errorf("%+v\n%s", got, out)
	}
	// What was answered is not asked again.
	if _, out := runOnTerminal(t, dir, "WH\ny\n", "deploy", "snowflake"); strings.Contains(out, "database (--set") || !strings.Contains(out, "warehouse (--set") {
		t.Error(out)
	}
}

func TestDeploy_NothingIsWrittenByThoseWhoSayNo(t *testing.T) {
	dir := plainApp(t, nil)
	if code, out := runOnTerminal(t, dir, "n\n", append([]string{"deploy"}, snowflake()...)...); code != dev.ExitFailed || exists(dir, "deploy") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestDeploy_TellsNoSecretsAndNothingLocal(t *testing.T) {
	for _, target := range targetNames() {
		dir := plainApp(t, nil)
		_, r, out := deployed(t, dir, target, "--yes")
		if !r.Written || strings.Contains(out, "hunter2") {
			t.Errorf("%s: %s", target, out)
		}
		err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || name == filepath.Join(dir, "docker-compose.yml") {
				return err
			}
			b, err := os.ReadFile(name)
			for _, word := range []string{"hunter2", "LOCAL_STREAMLIT", dir} {
				if bytes.Contains(b, []byte(word)) && !strings.HasSuffix(name, ".md") && !strings.HasSuffix(name, "record.json") {
					t.Errorf("%s: %s holds %s", target, name, word)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestDeploy_TheSameAgainChangesNothing(t *testing.T) {
	for _, target := range targetNames() {
		dir := plainApp(t, nil)
		if _, r, out := deployed(t, dir, target, "--yes"); !r.Written {
			t.Errorf("%s: %s", target, out)
		}
		if _, r, out := deployed(t, dir, target, "--yes"); r.Written || slices.ContainsFunc(r.Files, func(c handoff.Change) bool { return c.Status != handoff.Identical }) {
			t.Errorf("%s: %s", target, out)
		}
	}
}

func TestDeploy_Suppressions(t *testing.T) {
	today := time.Now().UTC().Format(time.DateOnly)
	suppress := func(until string) map[string]string {
		return map[string]string{"docker-compose.yml": "name: shop\nx-sdev:\n  deploy:\n    suppress:\n      - {id: snowflake.import, path: app.py, reason: never called there, until: " + until + "}\nservices:\n  streamlit: {build: .}\n",
			"app.py": "import streamlit as st\nimport streamlit_oauth\n", "requirements.txt": "streamlit==1.58.0\nstreamlit-oauth==0.1.14\n"}
	}
	find := func(until string) dev.Finding {
		_, r, out := deployed(t, plainApp(t, suppress(until)), append(snowflake(), "--yes")...)
		i := slices.IndexFunc(r.Findings, func(f dev.Finding) bool { return f.ID == "snowflake.import" })
		if i < 0 {
			t.Fatal(out)
		}
		if used := !strings.Contains(out, "suppress.unused"); used != (until == today) && until == today {
			t.Error("a decision that is needed is called unused")
		}
		return r.Findings[i]
	}
	if f := find(today); f.Suppressed == nil || f.Suppressed.Reason != "never called there" || f.Suppressed.Origin != "docker-compose.yml:5" {
		t.Errorf("%+v", f)
	}
	if f := find("2026-01-31"); f.Suppressed != nil {
		t.Errorf("%+v", f)
	}
}

func TestDeploy_OfADirectoryWithoutComposeFile(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"src/app.py": "import streamlit as st\nfrom lib import x\n", "src/lib/x.py": "", "requirements.txt": "streamlit==1.58.0\n"})
	_, r, out := deployed(t, dir, "ecs", "--yes")
	if !r.Written || strings.Contains(out, "ship.environment") || !exists(dir, "deploy/ecs/README.md") {
		t.Error(out)
	}
}

func TestDeploy_NamesNoVariableThatThePlatformFillsIn(t *testing.T) {
	left := func(args ...string) string {
		_, r, _ := deployed(t, plainApp(t, nil), args...)
		i := slices.IndexFunc(r.Findings, func(f dev.Finding) bool { return f.ID == "ship.environment" })
		if i < 0 {
			return ""
		}
		_, names, _ := strings.Cut(r.Findings[i].Message, ": ")
		return names
	}
	for set, want := range map[string]string{"": "API_TOKEN, DB, FROM_HERE", "API_TOKEN=/shop/token": "DB, FROM_HERE", "API_TOKEN=/a,DB=/b,FROM_HERE=/c": ""} {
		for _, target := range handoff.Targets() {
			if target.SecretVariables == nil || !slices.Contains(target.ParamNames(), "secrets") {
				continue
			}
			args := []string{target.Name, "--yes", "--set", "secrets=" + set}
			if set == "" {
				args = args[:2]
			}
			if got := left(args...); got != want {
				t.Errorf("%s with secrets %q: %q is not handed over, want %q", target.Name, set, got, want)
			}
		}
	}
	if got := left("cloud-run", "--yes"); got != "API_TOKEN, DB, FROM_HERE" {
		t.Errorf("cloud-run, which fills in nothing: %q", got)
	}
}

// TestDeploy_StartsTheArticlesProject is about an image without a CMD: the compose file says what it runs.
func TestDeploy_StartsTheArticlesProject(t *testing.T) {
	starts := map[string]struct{ file, key string }{
		"ecs":         {"task-definition.json", `"command": `},
		"ecs-cognito": {"config.json", `"command": `},
		"cloud-run":   {"terraform.tfvars.json", `"arguments": `},
		"cloudflare":  {"compose.yaml", `command: `},
	}
	for _, target := range handoff.Targets() {
		if !target.NeedsImage {
			continue
		}
		dir := articlesProject(t)
		_, r, out := deployed(t, dir, target.Name, "--yes")
		pattern := filepath.Join(dir, "deploy", target.Name, cmp.Or(starts[target.Name].file, "*")) // a target without a row says it in any file
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v: %s", pattern, err, out)
		}
		want, all := starts[target.Name].key+`["code_package/streamlit/start.sh"]`, ""
		for _, file := range files {
			content, _ := os.ReadFile(file) // a directory has none
			all += strings.NewReplacer("[ ", "[", " ]", "]").Replace(strings.Join(strings.Fields(string(content)), " "))
		}
		if !strings.Contains(all, want) {
			t.Errorf("%s has no %s:\n%s", pattern, want, all)
		}
		if slices.ContainsFunc(r.Findings, func(f dev.Finding) bool { return strings.HasSuffix(f.ID, ".command") }) {
			t.Errorf("%s: %+v", target.Name, r.Findings)
		}
	}
}

func TestDeploy_AsksWhichScriptIsTheApp(t *testing.T) {
	const script = "import streamlit as st\n"
	dir := devtest.Project(t, map[string]string{"one.py": script, "two.py": script, "requirements.txt": "streamlit==1.58.0\n"})
	code, _, errs := runLine(t, dir, "deploy", "ecs", "--yes")
	if code != dev.ExitProject || !strings.Contains(errs, "several scripts could be the app") || !strings.Contains(errs, "--entry ") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if _, r, out := deployed(t, dir, "ecs", "--yes", "--entry", "two.py"); !r.Written {
		t.Error(out)
	}
	dir = devtest.Project(t, map[string]string{"one.py": script, "two.py": script, "docker-compose.yml": "services: {streamlit: {image: a}}\n"})
	code, _, errs = runLine(t, dir, "deploy", "ecs", "--yes")
	if code != dev.ExitProject || !strings.Contains(errs, "hint: choose one, for example: --entry one.py, or in the compose file: x-sdev: {entry: one.py}") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestDeploy_RefusesDirectoriesThatAreNoBundles(t *testing.T) {
	dir := plainApp(t, map[string]string{"sub/link.txt": ""})
	if err := os.Symlink("..", filepath.Join(dir, "sub/up")); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	must(t, os.MkdirAll(home+"/full/deeper", 0o755), os.MkdirAll(home+"/.config", 0o755), os.WriteFile(home+"/full/notes.txt", []byte("mine"), 0o600), os.Symlink("/etc", home+"/etc"),
		os.MkdirAll(home+"/other/.sdev", 0o700), os.Symlink(".sdev", home+"/other/led"), os.MkdirAll(dir+"/.sdev", 0o700), os.Symlink(".sdev", dir+"/led"), os.MkdirAll(dir+"/lib/deeper", 0o755), os.WriteFile(dir+"/lib/deeper/x.py", nil, 0o600))
	before := listing(t, home)
	for _, out := range []string{
		".", "..", "/", ".git", ".git/x", "sub/up", // where the project lies, and git's
		".sdev", ".sdev/x", "sub/../.sdev", ".SDEV", "led", home + "/other/.sdev", home + "/other/led/x", "deploy/snowflake/.handoff", // sdev's
		"/etc", "/etc/sdev", "/usr/lib/x", "/var/lib/x", "/proc/x", "/tmp", "/home", "/usr", home + "/etc", home + "/etc/x", "lib/../../../../../../../../../../etc/x", // the system's
		home, home + "/", home + "/.config/x", home + "/.ssh", home + "/full", // the user's own
		"lib", "lib/deeper", // the app's
	} {
		s, stdout, _ := console.Buffers(map[string]string{"FROM_HERE": "x", "PATH": os.Getenv("PATH"), "HOME": home})
		code := Main(t.Context(), t.Context(), s, append([]string{"-C", dir, "deploy", "--json", "--yes", "--out", out}, snowflake()...))
		if code != dev.ExitFailed || !strings.Contains(stdout.String(), string(dev.CodeDeployDir)) || exists(dir, "HANDOFF.md") || exists(dir, "../HANDOFF.md") {
			t.Errorf("--out %s: exit %d, %s", out, code, stdout)
		}
	}
	if after := listing(t, home); !slices.Equal(before, after) || len(listing(t, dir+"/.sdev")) != 1 {
		t.Errorf("there is %q, and was %q", after, before)
	}
}

func TestDeploy_TakesDirectoriesForBundles(t *testing.T) {
	dir, home := plainApp(t, nil), t.TempDir()
	must(t, os.MkdirAll(home+"/empty", 0o755), os.MkdirAll(dir+"/docs", 0o755), os.WriteFile(dir+"/docs/notes.md", nil, 0o600))
	for _, out := range []string{"handoff", "docs", "deploy/other", home + "/new/deeper", home + "/empty", home + "/empty/"} { // the last is a bundle by then
		s, stdout, errs := console.Buffers(map[string]string{"FROM_HERE": "x", "PATH": os.Getenv("PATH"), "HOME": home})
		Main(t.Context(), t.Context(), s, append([]string{"-C", dir, "deploy", "--json", "--yes", "--out", out}, snowflake()...))
		if strings.Contains(stdout.String(), string(dev.CodeDeployDir)) || !exists(filepath.Join(map[bool]string{true: "", false: dir}[filepath.IsAbs(out)], out), "HANDOFF.md") {
			t.Errorf("--out %s: %s%s", out, stdout, errs)
		}
	}
}

// listing is every path below a directory.
func listing(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		names = append(names, name)
		return err
	}))
	return names
}
