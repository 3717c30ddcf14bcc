//go:build foreign

package handoff

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/scaffold"
	"sdev/templates"
)

// python runs a script of testdata with the interpreter that the Snowflake CLI is installed for.
func python(t *testing.T, script string, args ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "foreign", "python", script))
	if err != nil {
		t.Fatal(err)
	}
	interpreter := filepath.Join(filepath.Dir(program(t, "SDEV_FOREIGN_SNOW")), "python")
	return mustRun(t, t.TempDir(), []string{"PYTHONDONTWRITEBYTECODE=1"}, interpreter, slices.Concat([]string{path}, args)...)
}

// read is what the Snowflake CLI makes of a project.
type read struct {
	Model struct {
		Identifier struct{ Name, Database string }
		Title      string
		Main_file  string
		Grants     []privilege
	}
	Files []string
}

type privilege struct{ Privilege, Role string }

// readProjects reads all of them at once: the CLI takes seconds to start.
func readProjects(t *testing.T, dirs ...string) []read {
	t.Helper()
	out := python(t, "snowflake_bundle.py", dirs...)
	var all []read
	if err := json.Unmarshal([]byte(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]), &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return all
}

// TestForeignSnowflake_ParserTakesTheProject has the CLI's own parser read every snowflake.yml.
func TestForeignSnowflake_ParserTakesTheProject(t *testing.T) {
	t.Parallel()
	target, root := snowflake(), t.TempDir()
	var dirs []string
	var want []read
	for _, s := range scenarios() {
		for _, variant := range variants(target) {
			values := valuesOf(t, target, s.facts, variant)
			files, _ := bundle(t, target, s.facts, values)
			dir := filepath.Join(root, strconv.Itoa(len(dirs)))
			writeTree(t, dir, files)
			dirs = append(dirs, dir)
			var r read
			r.Model.Title, r.Model.Main_file = s.facts.Name, filepath.Base(s.facts.App.Entry)
			r.Model.Identifier.Name, r.Model.Identifier.Database = values.Text("name"), values.Text("database")
			roles, _ := rolesOf(s.facts, values)
			for _, role := range roles {
				r.Model.Grants = append(r.Model.Grants, privilege{"USAGE", role})
			}
			r.Files = []string{}
			want = append(want, r)
		}
	}
	if diff := cmp.Diff(want, readProjects(t, dirs...)); diff != "" {
		t.Errorf("meant (-) and read (+):\n%s", diff)
	}
}

// TestForeignSnowflake_AssemblesWhatIsUploaded makes a project, hands it over, and looks at the files
// that the CLI would upload.
func TestForeignSnowflake_AssemblesWhatIsUploaded(t *testing.T) {
	t.Parallel()
	var dirs []string
	for _, deps := range []string{"uv", "pip", "conda"} {
		root := t.TempDir()
		t.Run(deps, func(t *testing.T) {
			f := shop()
			f.App.Manager = deps
			f.App.Deps.Text = map[string]string{"uv": "pyproject.toml", "pip": "requirements.txt", "conda": "environment.yml"}[deps]
			repo := filepath.Join(root, "it's a shop")
			f.Folder = "apps/shop"
			project := filepath.Join(repo, filepath.FromSlash(f.Folder))
			plan, err := scaffold.NewPlan(scaffold.Source{
				Tree: templates.Project(), Name: "project", Version: templates.ProjectVersion,
				Answers: map[string]string{"name": "shop", "auth": "streamlit-oauth", "deps": deps},
			}, project, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := plan.Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			secret := filepath.Join(project, ".streamlit", "secrets.toml")
			if err := os.WriteFile(secret, []byte("a = 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			target := snowflake()
			files, _ := bundle(t, target, f, valuesOf(t, target, f, nil))
			dir := filepath.Join(project, "deploy", "snowflake")
			writeTree(t, dir, files)
			for _, args := range [][]string{{"init", "--quiet"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "a"}} {
				mustRun(t, repo, nil, "git", args...)
			}
			bin := filepath.Join(filepath.Dir(program(t, "SDEV_FOREIGN_SNOW")), "..", "..", "uv", "bin")
			env := []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
			for range 2 { // a second time changes nothing
				mustRun(t, dir, env, "./assemble.sh")
			}
			if out := mustRun(t, repo, nil, "git", "status", "--porcelain"); out != "" {
				t.Errorf("what is uploaded is not ignored by git:\n%s", out)
			}
			dirs = append(dirs, dir)
		})
	}
	for i, r := range readProjects(t, dirs...) {
		checkUpload(t, dirs[i], r.Files)
	}
}

// checkUpload looks for what has to be uploaded, and for what must not be.
func checkUpload(t *testing.T, dir string, got []string) {
	t.Helper()
	for _, want := range []string{"Home.py", "pages/1_First_App.py", "util/google_oauth.py", "code_package/util/cloud.py", "code_package/streamlit/util/page.py", ".streamlit/config.toml", "requirements.txt"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not uploaded: %v", want, got)
		}
	}
	for _, name := range got {
		if strings.Contains(name, "secrets") || strings.HasPrefix(name, "tests/") || strings.Contains(name, "Dockerfile") {
			t.Errorf("%s is uploaded", name)
		}
	}
	packages, err := os.ReadFile(filepath.Join(dir, "output", "upload", "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(packages), "streamlit==1.") || strings.Contains(string(packages), "sha256") || strings.Contains(string(packages), "\\\n") {
		t.Errorf("requirements.txt:\n%.2000s", packages)
	}
}

// TestForeignIdentity_OnlyWhatThePlatformSignedHolds puts the modules that are copied into apps to the
// test, with PyJWT as they need it.
func TestForeignIdentity_OnlyWhatThePlatformSignedHolds(t *testing.T) {
	t.Parallel()
	modules := map[string]string{"iap": "cloud-run/iap_identity.py", "access": "cloudflare/access_identity.py"}
	for _, kind := range slices.Sorted(maps.Keys(modules)) {
		t.Run(kind, func(t *testing.T) {
			module, err := filepath.Abs(filepath.Join("..", "..", "templates", "targets", modules[kind]))
			if err != nil {
				t.Fatal(err)
			}
			if out := strings.TrimSpace(python(t, "identity_check.py", kind, module)); out != "23" {
				t.Errorf("judged %s tokens", out)
			}
		})
	}
}
