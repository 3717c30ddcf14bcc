package templates_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions" //nolint:depguard // parses; builds nothing
	"github.com/moby/buildkit/frontend/dockerfile/linter"       //nolint:depguard // parses; builds nothing
	"github.com/moby/buildkit/frontend/dockerfile/parser"       //nolint:depguard // parses; builds nothing
	"go.yaml.in/yaml/v4"

	"sdev/dev/config"
	"sdev/scaffold"
	"sdev/templates"
)

type variant struct{ auth, deps string }

// kinds are the answers to how people sign in.
func kinds() []string {
	return []string{"streamlit-oauth", "native", "alb", "iap", "cloudflare", "none"}
}

func (v variant) String() string { return v.auth + "-" + v.deps }

func variants() []variant {
	var all []variant
	for _, auth := range kinds() {
		for _, deps := range []string{"uv", "pip", "conda"} {
			all = append(all, variant{auth, deps})
		}
	}
	return all
}

// render makes a project of the variant and gives its directory.
func render(t *testing.T, v variant) string {
	t.Helper()
	return renderNamed(t, "shop", v)
}

func renderNamed(t *testing.T, name string, v variant) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	plan, err := scaffold.NewPlan(scaffold.Source{
		Tree: templates.Project(), Name: "project", Version: templates.ProjectVersion,
		Answers: map[string]string{"name": name, "auth": v.auth, "deps": v.deps},
	}, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// files gives the content of every file of fsys, by path.
func files(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(fsys, name)
		all[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestProject_EmbeddedTreeIsTheOneOnDisk(t *testing.T) {
	embedded, disk := files(t, templates.Project()), files(t, os.DirFS("project"))
	for name, content := range disk {
		if got, ok := embedded[name]; !ok || got != content {
			t.Errorf("%s is not embedded as it is on disk", name)
		}
		delete(embedded, name)
	}
	// What is left are the modules that a project takes from a target.
	want := []string{
		"auth=alb/code_package/streamlit/util/alb_identity.py", "auth=cloudflare/code_package/streamlit/util/access_identity.py",
		"auth=iap/code_package/streamlit/util/iap_identity.py",
	}
	if left := slices.Sorted(maps.Keys(embedded)); !slices.Equal(left, want) {
		t.Errorf("embedded, and not on disk: %q", left)
	}
}

// TestProject_RendersAsOnRecord shows every change of what users get. Renew the record with
// SDEV_GOLDEN=write, and ProjectVersion with it.
func TestProject_RendersAsOnRecord(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.String(), func(t *testing.T) {
			var got bytes.Buffer
			fmt.Fprintf(&got, "version %s\n", templates.ProjectVersion)
			rendered := files(t, os.DirFS(render(t, v)))
			delete(rendered, scaffold.RecordName)
			for _, name := range slices.Sorted(maps.Keys(rendered)) {
				sum := sha256.Sum256([]byte(rendered[name]))
				fmt.Fprintf(&got, "%s %6d %s\n", hex.EncodeToString(sum[:6]), len(rendered[name]), name)
			}
			golden := filepath.Join("testdata", v.String()+".txt")
			if os.Getenv("SDEV_GOLDEN") == "write" {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("rendered:\n%s\non record:\n%s", &got, want)
			}
		})
	}
}

func TestProject_ComposeFileIsWhatSdevRuns(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.String(), func(t *testing.T) {
			dir := render(t, v)
			p, err := config.Load(t.Context(), config.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != "shop" || p.App != "streamlit-local" || p.WantedPort() != 8501 || len(p.Warnings) != 0 {
				t.Errorf("project %q, app %q, port %d, warnings %v", p.Name, p.App, p.WantedPort(), p.Warnings)
			}
			app := p.Model.Services["streamlit-local"]
			for _, w := range app.Develop.Watch {
				if _, err := os.Stat(w.Path); err != nil {
					t.Errorf("watched, but not there: %v", err)
				}
			}
			release, err := config.Load(t.Context(), config.Options{Dir: dir, Profiles: []string{"release"}})
			if err != nil {
				t.Fatal(err)
			}
			if len(release.Model.Services) != 2 {
				t.Errorf("services: %v", release.Model.ServiceNames())
			}
			for name, s := range release.Model.Services {
				for _, port := range s.Ports {
					if port.HostIP != "127.0.0.1" {
						t.Errorf("%s publishes %s on %q", name, port.Published, port.HostIP)
					}
				}
				if s.Init == nil || !*s.Init {
					t.Errorf("%s has no init", name)
				}
			}
		})
	}
}

func TestProject_NameMayLookLikeAnotherType(t *testing.T) {
	for _, name := range []string{"123", "0x1f", "1e3", "null", "true", "on", "streamlit", "a-", "a__b"} {
		p, err := config.Load(t.Context(), config.Options{Dir: renderNamed(t, name, variant{"none", "uv"})})
		if err != nil || p.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProject_DockerfileKeepsItsPromises(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.String(), func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(render(t, v), "Dockerfile"))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.ToLower(string(content)), "syntax=") {
				t.Error("a syntax line makes builds fetch a frontend")
			}
			ast, err := parser.Parse(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			lint := linter.New(&linter.Config{Warn: func(rule, _, _, msg string, at []parser.Range) {
				t.Errorf("%s: %s at %v", rule, msg, at)
			}})
			stages, _, err := instructions.Parse(ast.AST, lint)
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range []string{"dev", "release"} {
				if i, ok := instructions.HasStage(stages, target); !ok {
					t.Errorf("no stage %s", target)
				} else if user := lastUser(stages[i]); user != "app" {
					t.Errorf("stage %s runs as %q", target, user)
				}
			}
			checkCommands(t, stages)
		})
	}
}

func lastUser(stage instructions.Stage) string {
	user := ""
	for _, c := range stage.Commands {
		if u, ok := c.(*instructions.UserCommand); ok {
			user = u.User
		}
	}
	return user
}

func checkCommands(t *testing.T, stages []instructions.Stage) {
	t.Helper()
	commands, checks := 0, 0
	for _, s := range stages {
		for _, c := range s.Commands {
			switch c := c.(type) {
			case *instructions.CmdCommand:
				commands++
				if c.PrependShell || !slices.Equal(c.CmdLine, []string{"streamlit", "run", "code_package/streamlit/Home.py"}) {
					t.Errorf("CMD is %q, by a shell: %v", c.CmdLine, c.PrependShell)
				}
			case *instructions.HealthCheckCommand:
				checks++
				if c.Health.Test[0] != "CMD" || c.Health.Test[1] != "python" {
					t.Errorf("HEALTHCHECK is %q", c.Health.Test)
				}
			}
		}
	}
	if commands != 1 || checks != 1 {
		t.Errorf("%d CMD and %d HEALTHCHECK, want one of each", commands, checks)
	}
}

func TestProject_NothingLocalIsInAFileThatShips(t *testing.T) {
	for _, v := range variants() {
		for name, content := range files(t, os.DirFS(render(t, v))) {
			explains := name == "README.md" || strings.HasPrefix(name, "tests/") ||
				slices.Contains([]string{"google_oauth.py", "local.py"}, path.Base(name))
			if strings.Contains(content, "LOCAL_STREAMLIT") && !explains {
				t.Errorf("%v: %s holds LOCAL_STREAMLIT", v, name)
			}
			if strings.Contains(content, ".aws") && name != "code_package/util/cloud.py" {
				t.Errorf("%v: %s names ~/.aws", v, name)
			}
		}
	}
}

func TestProject_FilesAreWellFormed(t *testing.T) {
	for _, v := range variants() {
		for name, content := range files(t, os.DirFS(render(t, v))) {
			if !strings.HasSuffix(content, "\n") || strings.HasSuffix(content, "\n\n") {
				t.Errorf("%v: %s does not end in one newline", v, name)
			}
			if strings.Contains(content, "{{") || strings.Contains(content, "<no value>") || strings.Contains(content, "\r") {
				t.Errorf("%v: %s is not fully rendered", v, name)
			}
			if strings.HasSuffix(name, ".yml") {
				if err := yaml.Unmarshal([]byte(content), new(map[string]any)); err != nil {
					t.Errorf("%v: %s: %v", v, name, err)
				}
			}
		}
	}
}

func TestProject_OnlyTheStreamlitDirectoryIsNoPackage(t *testing.T) {
	for _, v := range variants() {
		rendered := files(t, os.DirFS(render(t, v)))
		for name := range rendered {
			dir := path.Dir(name)
			if path.Ext(name) != ".py" || !strings.HasPrefix(name, "code_package") || path.Base(dir) == "pages" {
				continue
			}
			_, isPackage := rendered[path.Join(dir, "__init__.py")]
			if isPackage == (path.Base(dir) == "streamlit") {
				t.Errorf("%v: %s has an __init__.py: %v", v, dir, isPackage)
			}
		}
	}
}

func TestProject_LocksComeFromPyPIWithHashes(t *testing.T) {
	requirement := regexp.MustCompile(`(?m)^[a-z0-9].*==.*$`)
	for _, auth := range kinds() {
		lock := files(t, os.DirFS(render(t, variant{auth, "uv"})))["uv.lock"]
		for _, m := range regexp.MustCompile(`https?://[^/"]+/`).FindAllString(lock, -1) {
			if m != "https://pypi.org/" && m != "https://files.pythonhosted.org/" {
				t.Errorf("uv.lock names %s", m)
			}
		}
		if strings.Count(lock, "[[package]]") < 40 || !strings.Contains(lock, `name = "code-package"`) {
			t.Error("uv.lock does not hold the project")
		}
		pip := files(t, os.DirFS(render(t, variant{auth, "pip"})))
		for _, name := range []string{"requirements.txt", "requirements-dev.txt"} {
			pins := requirement.FindAllString(pip[name], -1)
			if len(pins) < 5 {
				t.Errorf("%s has %d pins", name, len(pins))
			}
			for _, pin := range pins {
				if !strings.HasSuffix(pin, `\`) {
					t.Errorf("%s: %s has no hash", name, pin)
				}
			}
		}
	}
}
