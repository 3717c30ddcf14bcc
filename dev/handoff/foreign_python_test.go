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
		for _, variant := range variants(t, target) {
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

// TestForeignSnowflake_AssemblesWhatIsUploaded makes projects with the program itself, hands them over,
// and looks at the files that the CLI would upload.
func TestForeignSnowflake_AssemblesWhatIsUploaded(t *testing.T) {
	t.Parallel()
	sdev := filepath.Join(t.TempDir(), "sdev")
	mustRun(t, ".", nil, "go", "build", "-o", sdev, "sdev/cmd/sdev")
	uv := filepath.Join(filepath.Dir(program(t, "SDEV_FOREIGN_SNOW")), "..", "..", "uv", "bin")
	env := []string{"PATH=" + uv + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	var dirs []string
	for _, deps := range []string{"uv", "pip", "conda"} {
		repo := filepath.Join(t.TempDir(), "it's a shop")
		project := filepath.Join(repo, "apps", "shop")
		dir := filepath.Join(project, "deploy", "snowflake")
		mustRun(t, t.TempDir(), env, sdev, "init", project, "--name", "shop", "--auth", "streamlit-oauth", "--deps", deps, "--yes", "--no-git")
		if err := os.WriteFile(filepath.Join(project, ".streamlit", "secrets.toml"), []byte("a = 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		git := func(args ...string) string {
			return mustRun(t, repo, env, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		}
		git("init", "--quiet")
		git("add", ".")
		git("commit", "--quiet", "-m", "a")
		// It blocks, because the login of this project cannot work there; the bundle is written.
		if out, ok := run(t, project, env, sdev, "deploy", "snowflake", "--yes", "--set", "database=DEMO", "--set", "warehouse=WH", "--set", "roles=ANALYST"); ok || !strings.Contains(out, "snowflake.call") {
			t.Fatalf("%s: nothing blocks\n%s", deps, out)
		}
		git("add", ".")
		git("commit", "--quiet", "-m", "b")
		for range 2 { // a second time changes nothing
			mustRun(t, dir, env, "./assemble.sh")
		}
		if out := git("status", "--porcelain"); out != "" {
			t.Errorf("%s: what is uploaded is not ignored by git:\n%s", deps, out)
		}
		dirs = append(dirs, dir)
	}
	for i, r := range readProjects(t, dirs...) {
		// What conda keeps is no lock, so the code says what is wanted, and a finding that nothing is pinned.
		checkUpload(t, dirs[i], r.Files, []string{"streamlit==1.", "streamlit==1.", "streamlit>=1.50"}[i])
	}
}

// checkUpload looks for what has to be uploaded, and for what must not be.
func checkUpload(t *testing.T, dir string, got []string, streamlit string) {
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
	if !strings.Contains(string(packages), streamlit) || strings.Contains(string(packages), "sha256") || strings.Contains(string(packages), "\\\n") {
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
