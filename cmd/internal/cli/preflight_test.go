package cli

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/rogpeppe/go-internal/txtar"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
)

// committed makes a repository of a directory.
func committed(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "first"}} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
}

// checked runs the checks and gives what they print as JSON.
func checked(t *testing.T, dir string, args ...string) (code int, r preflightReport) {
	t.Helper()
	code, out, errs := runLine(t, dir, append([]string{"preflight", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	return code, r
}

func foundIDs(found []dev.Finding) []string {
	var ids []string
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	return ids
}

func TestPreflight_FindsNothingInSoundProjects(t *testing.T) {
	files, err := filepath.Glob("testdata/sound/*.txtar")
	if err != nil || len(files) < 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree := map[string]string{}
			for _, f := range a.Files {
				tree[f.Name] = string(f.Data)
			}
			dir := devtest.Project(t, tree)
			if start := filepath.Join(dir, "code_package/streamlit/start.sh"); exists(dir, "code_package/streamlit/start.sh") && os.Chmod(start, 0o755) != nil {
				t.Fatal("cannot make it executable")
			}
			committed(t, dir)
			if code, r := checked(t, dir); code != dev.ExitOK || len(r.Findings) > 0 {
				t.Errorf("exit %d: %+v", code, r.Findings)
			}
		})
	}
}

func TestPreflight_FindsNothingInAScaffoldedProject(t *testing.T) {
	for _, c := range []struct{ deps, auth string }{
		{"uv", "streamlit-oauth"}, {"pip", "streamlit-oauth"}, {"uv", "none"}, {"pip", "none"}, {"uv", "native"}, {"pip", "native"},
		{"uv", "alb"}, {"pip", "alb"}, {"uv", "iap"}, {"pip", "iap"}, {"uv", "cloudflare"}, {"pip", "cloudflare"},
	} {
		t.Run(c.deps+" "+c.auth, func(t *testing.T) {
			dir := t.TempDir()
			if code, _, errs := runLine(t, dir, "init", "shop", "--yes", "--no-git", "--deps", c.deps, "--auth", c.auth); code != dev.ExitOK {
				t.Fatal(errs)
			}
			dir = filepath.Join(dir, "shop")
			committed(t, dir)
			code, r := checked(t, dir)
			// That its login can be left out in development is said, and is no fault.
			r.Findings = slices.DeleteFunc(r.Findings, func(f dev.Finding) bool { return f.ID == "bypass.optional" })
			if code != dev.ExitOK || len(r.Findings) > 0 {
				t.Errorf("exit %d: %+v", code, r.Findings)
			}
		})
	}
}

// articlesProject is a directory with the project of document 000, part two.
func articlesProject(t *testing.T) (dir string) {
	t.Helper()
	a, err := txtar.ParseFile("../../../dev/detect/testdata/trees/document000.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tree := map[string]string{}
	for _, f := range a.Files {
		tree[f.Name] = string(f.Data)
	}
	dir = devtest.Project(t, tree)
	if err := os.Chmod(filepath.Join(dir, "code_package/streamlit/start.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPreflight_TellsWhatIsWrongWithTheArticlesProject(t *testing.T) {
	dir := articlesProject(t)
	committed(t, dir)
	code, r := checked(t, dir)
	want := []string{"bypass.compose", "code.unverified", "image.user", "streamlit.unpinned", "deps.lock", "oauth.last-redirect", "start.installs", "start.no-exec", "pythonpath.empty-entry"}
	if got := foundIDs(r.Findings); code != dev.ExitFailed || !slices.Equal(got, want) || r.V != 1 || r.Rules != len(preflight.Rules()) || r.Blocks != 2 {
		t.Errorf("exit %d, %q, want %q: %+v", code, got, want, r)
	}
	if f := r.Findings[0]; f.File != "docker-compose.yml" || f.Line != 14 {
		t.Errorf("the bypass is at %s:%d", f.File, f.Line)
	}
}

// leakyKey opens nothing; it is put together here, so that no scanner finds it in this repository.
var leakyKey = "AKIA" + "QYLPMN5HHHFPZAM2"

// leakyImage is an archive of an image with a key in a layer that is deleted later.
func leakyImage(t *testing.T, dir string) {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{User: "app", Cmd: []string{"streamlit", "run", "app.py"}, Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []struct{ name, body, step string }{{"app/key.txt", leakyKey, "COPY . . # buildkit"}, {"app/.wh.key.txt", "", "RUN /bin/sh -c rm key.txt # buildkit"}} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: l.name, Typeflag: tar.TypeReg, Size: int64(len(l.body)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, l.body); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: l.step}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tarball.WriteToFile(filepath.Join(dir, "shop.tar"), nil, img); err != nil {
		t.Fatal(err)
	}
}

func leakyProject(t *testing.T) string {
	t.Helper()
	dir := devtest.Project(t, map[string]string{".gitignore": "shop.tar\n*.sarif\n", "app.py": script, "requirements.txt": "streamlit==1.60.0 --hash=sha256:" + strings.Repeat("ab12", 16) + "\n", "Dockerfile": "FROM python:3.12-slim\nCOPY app.py ./\nCMD [\"streamlit\", \"run\", \"app.py\"]\n",
		"compose.yaml": "services:\n  app:\n    build: .\n    ports: [\"8501:8501\"]\n    environment: {LOCAL_STREAMLIT: 1}\nx-sdev:\n  deploy:\n    suppress:\n      - {id: bypass.compose, reason: nobody but us has it, until: 2099-01-31}\n"})
	committed(t, dir)
	leakyImage(t, dir)
	return dir
}

func TestPreflight_FindsASecretInADeletedFileOfAnArchive(t *testing.T) {
	dir := leakyProject(t)
	code, out, errs := runLine(t, dir, "preflight", "--image", "shop.tar")
	if code != dev.ExitFailed || errs != "" {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	wantLines(t, out, "Blocks the hand-off:\n  secret.layer  layer 1 (COPY . .); layer 2 deletes or replaces it", "an AWS access key id is in /app/key.txt:1",
		"Suppressed:\n  bypass.compose  compose.yaml:5", "reason: nobody but us has it (until 2099-01-31, compose.yaml:9)", "rules: 1 blocks, 1 suppressed\n")
	for line := range strings.Lines(out) {
		if len([]rune(line)) > 81 && !strings.Contains(line, "https://") {
			t.Errorf("a line of %d columns: %s", len([]rune(line)), line)
		}
	}
}

func TestPreflight_WritesSARIFThatFollowsItsSchema(t *testing.T) {
	dir := leakyProject(t)
	if code, out, errs := runLine(t, dir, "preflight", "--image", "shop.tar", "--sarif", "shop.sarif"); code != dev.ExitFailed || !strings.Contains(out, "secret.layer") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	b, err := os.ReadFile(filepath.Join(dir, "shop.sarif"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := sarif.FromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil { // against the schema of OASIS, which the library holds
		t.Error(err)
	}
	results := r.Runs[0].Results
	if len(results) != 2 || len(r.Runs[0].Tool.Driver.Rules) != len(preflight.Rules()) || bytes.Contains(b, []byte(leakyKey)) {
		t.Fatalf("%d results, %d rules: %s", len(results), len(r.Runs[0].Tool.Driver.Rules), b)
	}
	for _, result := range results {
		suppressed := len(result.Suppressions) > 0
		if suppressed != (*result.RuleID == "bypass.compose") || result.Level != "error" || *r.Runs[0].Tool.Driver.Rules[result.RuleIndex].ID != *result.RuleID {
			t.Errorf("result %+v", result)
		}
	}
	code, out, _ := runLine(t, dir, "preflight", "--image", "shop.tar", "--sarif", "-")
	if _, err := sarif.FromString(out); code != dev.ExitFailed || err != nil {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}

func TestPreflight_FindsWhatWasCommittedAndRemoved(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": script, "requirements.txt": "streamlit==1.60.0\n", "old/cloud.py": "KEY = '" + leakyKey + "'\n", ".env": "A=1\n"})
	committed(t, dir)
	for _, args := range [][]string{{"rm", "-q", "old/cloud.py"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "second"}} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		if cmd.Dir = dir; cmd.Run() != nil {
			t.Fatal(args)
		}
	}
	code, r := checked(t, dir)
	ids := foundIDs(r.Findings)
	i := slices.Index(ids, "secret.history")
	if code != dev.ExitFailed || i < 0 || !slices.Contains(ids, "secret.tracked") || r.Findings[i].File != "old/cloud.py" || !strings.HasPrefix(r.Findings[i].Where, "commit ") {
		t.Errorf("exit %d: %+v", code, r.Findings)
	}
}

func TestPreflight_ChecksAnImageByItself(t *testing.T) {
	dir := t.TempDir()
	leakyImage(t, dir)
	t.Chdir(dir)
	s, out, errs := console.Buffers(nil)
	if code := Main(t.Context(), t.Context(), s, []string{"preflight", "--image", "shop.tar"}); code != dev.ExitFailed || !strings.Contains(out.String(), "secret.layer") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestHelp_ListsEveryRule(t *testing.T) {
	text := preflightHelp()
	for _, r := range preflight.Rules() {
		if !strings.Contains(text, "\n  "+r.ID+" ") {
			t.Errorf("help does not list %s", r.ID)
		}
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > helpWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// edit is what somebody does to a file of a bundle, and the rule that finds it.
type edit struct{ rule, file, old, text string }

// What is rendered is right: no rule finds anything in it. What somebody edits in it is found, in the
// files as they really are.
func TestPreflight_FindsEditsOfABundleThatBreakTheApp(t *testing.T) {
	edits := map[string][]edit{
		"ecs": {
			{"platform.idle", "infrastructure.yml", `idle_timeout.timeout_seconds, Value: "300"`, `idle_timeout.timeout_seconds, Value: "30"`},
			{"platform.grace", "infrastructure.yml", "HealthCheckGracePeriodSeconds: 120", "HealthCheckGracePeriodSeconds: 5\n      DesiredCount: 2"},
			{"platform.affinity", "infrastructure.yml", `stickiness.enabled, Value: "true"`, `stickiness.enabled, Value: "false"`},
			{"platform.health", "parameters.json", "/_stcore/health", "/"},
			{"server.xsrf", "task-definition.json", `"name": "STREAMLIT_SERVER_ALLOWED_HOSTS",`, `"name": "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "value": "false"}, {"name": "STREAMLIT_SERVER_ALLOWED_HOSTS",`},
			{"bypass.bundle", "task-definition.json", `"STREAMLIT_SERVER_ALLOWED_HOSTS"`, `"LOCAL_STREAMLIT"`},
		},
		"ecs-cognito": {
			{"platform.idle", "lib/app-stack.ts", "idleTimeout: cdk.Duration.seconds(300)", "idleTimeout: cdk.Duration.seconds(30)"},
			{"platform.grace", "lib/app-stack.ts", "healthCheckGracePeriod: cdk.Duration.seconds(120)", "healthCheckGracePeriod: cdk.Duration.seconds(5)"},
			{"mock.redirect", "config.json", `"STREAMLIT_SERVER_ALLOWED_HOSTS":`, `"OAUTH_REDIRECT_URI": "http://localhost:8501", "STREAMLIT_SERVER_ALLOWED_HOSTS":`},
		},
		"cloud-run": {
			{"platform.timeout", "app.tf", `"3600s"`, `"900s"`},
			{"platform.affinity", "app.tf", "max_instance_count = 1", "max_instance_count = 4"},
			{"", "app.tf", "session_affinity                 = true", "session_affinity                 = false"},
		},
		"cloudflare": {
			{"platform.open", "compose.yaml", "    init: true\n", "    init: true\n    ports: [\"8501:8501\"]\n"},
			{"bypass.bundle", "compose.yaml", `"STREAMLIT_SERVER_PORT": "8501"`, `"LOCAL_STREAMLIT": "1"`},
		},
	}
	for _, target := range handoff.Targets() {
		t.Run(target.Name, func(t *testing.T) {
			dir := t.TempDir()
			if code, _, errs := runLine(t, dir, "init", "shop", "--yes", "--no-git"); code != dev.ExitOK {
				t.Fatal(errs)
			}
			dir = filepath.Join(dir, "shop")
			committed(t, dir)
			runLine(t, dir, "deploy", target.Name, "--yes")
			_, r := checked(t, dir, target.Name)
			for _, f := range r.Findings {
				own := slices.ContainsFunc(preflight.Rules(), func(r preflight.Rule) bool { return r.ID == f.ID }) // not what the target says of the app
				if own && f.ID != "bypass.optional" && f.ID != "server.hosts" {
					t.Errorf("found in what was rendered: %+v", f)
				}
			}
			for _, e := range edits[target.Name] {
				e.apply(t, filepath.Join(dir, "deploy", target.Name))
			}
			_, r = checked(t, dir, target.Name)
			for _, e := range edits[target.Name] {
				found := func(f dev.Finding) bool {
					return f.ID == e.rule && f.Line > 0 && strings.HasPrefix(f.File, "deploy/"+target.Name+"/")
				}
				if e.rule != "" && !slices.ContainsFunc(r.Findings, found) {
					t.Errorf("%s: not found, or without its line: %+v", e.rule, r.Findings)
				}
			}
		})
	}
}

func (e edit) apply(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(e.file))
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), e.old) {
		t.Fatalf("%s does not hold %q any more: %v", e.file, e.old, err)
	}
	devtest.Write(t, file, strings.Replace(string(b), e.old, e.text, 1))
}

func TestPreflight_OverwritesNothingWithAReport(t *testing.T) {
	dir := plainApp(t, map[string]string{"report.sarif": "{\"version\": \"2.1.0\", \"runs\": []}\n", "empty.sarif": "", "notes.json": "{}\n"})
	must(t, os.Symlink("app.py", dir+"/led.sarif"), os.MkdirAll(dir+"/.sdev", 0o700))
	run := func(file string) (code int, errs string) {
		s, _, e := console.Buffers(map[string]string{"PATH": os.Getenv("PATH")})
		return Main(t.Context(), t.Context(), s, []string{"-C", dir, "preflight", "--sarif", file}), e.String()
	}
	for _, file := range []string{"app.py", "led.sarif", "notes.json", ".git/report.sarif", ".sdev/report.sarif", "/etc/report.sarif", "/usr/lib/report.sarif"} {
		before, _ := os.ReadFile(filepath.Join(dir, file))
		code, errs := run(file)
		after, _ := os.ReadFile(filepath.Join(dir, file))
		if code != dev.ExitFailed || !strings.Contains(errs, "the report is not written to ") || string(after) != string(before) {
			t.Errorf("--sarif %s: exit %d, %s", file, code, errs)
		}
	}
	for _, file := range []string{"new.sarif", "report.sarif", "empty.sarif", "/dev/null"} {
		if _, errs := run(file); strings.Contains(errs, "report") {
			t.Errorf("--sarif %s: %s", file, errs)
		}
	}
}

// TestPreflight_ChecksTheScriptThatRuns covers two scripts of which the second trusts a forged token: what blocks is
// the one that "sdev up" starts.
func TestPreflight_ChecksTheScriptThatRuns(t *testing.T) {
	files := map[string]string{
		"one.py":           "import streamlit as st\n\nst.title(\"one\")\n",
		"two.py":           "import jwt\nimport streamlit as st\n\nst.write(jwt.decode(st.context.headers[\"x\"], options={\"verify_signature\": False}))\n",
		"requirements.txt": "streamlit==1.58.0\npyjwt==2.10.1\n",
	}
	const compose = "services:\n  app:\n    image: python:3.12\n    command: streamlit run one.py\n    ports: [\"8501:8501\"]\n"
	for name, c := range map[string]struct {
		compose, chosen string
		blocks          bool
	}{
		"nobody chose":               {"", "", false},
		"the second was chosen":      {"", "two.py\n", true},
		"the compose file starts it": {strings.Replace(compose, "one", "two", 1), "", true},
		"the compose file starts the other, whatever was chosen before": {compose, "two.py\n", false},
		"the compose file leaves it open, and the second was chosen":    {strings.Replace(compose, "streamlit run one.py", "./start", 1), "two.py\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := devtest.Project(t, files)
			if c.compose != "" {
				must(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(c.compose), 0o600))
			}
			if c.chosen != "" {
				must(t, os.Mkdir(filepath.Join(dir, dev.StateDir), 0o700), os.WriteFile(filepath.Join(dir, dev.StateDir, "entry"), []byte(c.chosen), 0o600))
			}
			for _, target := range [][]string{nil, {"ecs"}} {
				if len(target) > 0 && c.chosen == "" && c.compose == "" {
					continue // a hand-off asks which script is the app
				}
				_, r := checked(t, dir, target...)
				if got := slices.Contains(foundIDs(r.Findings), "code.unverified"); got != c.blocks {
					t.Errorf("preflight %s: the second script blocks: %t, want %t\n%v", target, got, c.blocks, foundIDs(r.Findings))
				}
			}
		})
	}
}
