package handoff

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"sdev/dev"
	"sdev/templates"
)

// shop is what is known of a project that `sdev init shop --yes` made.
func shop() Facts {
	const login = "code_package/streamlit/util/google_oauth.py"
	return Facts{
		Name: "shop", Folder: ".", Version: "1.0.0",
		App: App{
			Service: "streamlit", Entry: "code_package/streamlit/Home.py", Port: 8501,
			Pages:  []Page{{Script: "code_package/streamlit/Home.py", Path: "/"}, {Script: "code_package/streamlit/pages/1_First_App.py", Path: "/First_App"}},
			Python: Value{Text: "3.11", Source: "Dockerfile:6"}, Streamlit: Value{Text: "1.67.0", Source: "uv.lock"}, Deps: Value{Text: "uv.lock", Source: "uv.lock"},
			Login: []Value{{Text: "streamlit-oauth", Source: login + ":28"}}, Command: []string{"streamlit", "run", "code_package/streamlit/Home.py"},
			Context: ".", Dockerfile: "Dockerfile", Target: "release", Platform: "linux/amd64",
			Imports: []Import{
				{Module: "boto3", File: "code_package/util/cloud.py", Line: 3},
				{Module: "botocore", File: "code_package/util/cloud.py", Line: 4},
				{Module: "httpx_oauth", File: login, Line: 27},
				{Module: "jwt", File: login, Line: 25},
				{Module: "pandas", File: "code_package/streamlit/pages/1_First_App.py", Line: 3},
				{Module: "streamlit", File: "code_package/streamlit/Home.py", Line: 3},
				{Module: "streamlit_oauth", File: login, Line: 28},
			},
			Calls: []Call{{What: "aws:ssm", Text: `ssm = boto3.session.Session().client("ssm", config=_CONFIG)`, File: "code_package/util/cloud.py", Line: 22}},
		},
		Git: Git{Found: true, Remote: "https://github.com/acme/shop.git", Host: "github.com", Owner: "acme", Repo: "shop", Branch: "main", Commit: "0123456789abcdef0123456789abcdef01234567"},
		AWS: AWS{Parameters: []Call{{What: "aws:ssm", Text: "/streamlit/oauth", File: login, Line: 33}}},
	}
}

// valuesOf are the values of a target where somebody has said these and nothing else.
func valuesOf(t testing.TB, target Target, f Facts, set map[string]string) Values {
	t.Helper()
	v, _, err := target.Resolve(f, Said{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// clouds are the targets that this file is about.
func clouds() []Target { return []Target{cloudRun(), cloudflare(), snowflake()} }

// bundle renders a target and gives the files by path, and the findings.
func bundle(t testing.TB, target Target, f Facts, v Values) (map[string]string, []dev.Finding) {
	t.Helper()
	f.Bundle = "deploy/" + target.Name
	rendered, findings, err := target.Render(templates.Targets(), f, v)
	if err != nil {
		t.Fatalf("%s: %v", target.Name, err)
	}
	files := map[string]string{}
	for _, file := range rendered {
		files[file.Path] = string(file.Content)
	}
	return files, findings
}

// TestTargets_RenderAsOnRecord shows every change of what users get for the scaffolded project. Renew
// the record with SDEV_GOLDEN=write, and templates.TargetsVersion with it.
func TestTargets_RenderAsOnRecord(t *testing.T) {
	for _, target := range Targets() {
		t.Run(target.Name, func(t *testing.T) {
			f := shop()
			got, _ := bundle(t, target, f, valuesOf(t, target, f, nil))
			golden := filepath.Join("testdata", "golden", target.Name)
			if os.Getenv("SDEV_GOLDEN") == "write" {
				writeTree(t, golden, got)
			}
			want := map[string]string{}
			err := fs.WalkDir(os.DirFS(golden), ".", func(name string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				content, err := os.ReadFile(filepath.Join(golden, name))
				want[name] = string(content)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("on record (-) and rendered (+):\n%s", diff)
			}
		})
	}
}

// writeTree makes dir hold these files and nothing else.
func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// scenario is a bundle that the checks are run on.
type scenario struct {
	name   string
	facts  Facts
	values map[string]string
}

// scenarios are projects that differ, and values that mean something in some language. A value that a
// parameter's check refuses never reaches a template, so those that are free carry the nasty ones.
func scenarios() []scenario {
	policies := shop()
	policies.Policy = []dev.Policy{
		{Path: "/reports/*", Allow: dev.Allow{Groups: []string{"sales"}, Emails: []string{"boss@example.com"}}, Origin: "compose.yaml:14"},
		{Path: "/reports/open", Allow: dev.Allow{Anyone: true}, Origin: "compose.yaml:15"},
		{Path: "/team-*/budget", Allow: dev.Allow{Domains: []string{"example.org"}}, Origin: "compose.yaml:16"},
		{Path: "/admin", Allow: dev.Allow{}, Origin: "compose.yaml:17"},
	}
	closed := shop()
	closed.Policy = []dev.Policy{
		{Path: "/*", Allow: dev.Allow{Groups: []string{"staff"}}, Origin: "compose.yaml:14"},
		{Path: "/guests/*", Allow: dev.Allow{Anyone: true}, Origin: "compose.yaml:15"},
	}
	closed.App.BasePath = "streamlit"
	nasty := shop()
	nasty.Name, nasty.Folder = `"}; ${file("/etc/passwd")} %{ if true }`, "apps/it's"
	nasty.App.Dockerfile = `Docker "file" $(id)`
	nasty.App.Entry = "code_package/$(id)/Home page.py"
	for i, value := range []string{"${x}", "%{ if true }", "$(id)", "`id`", "${{ secrets.TOKEN }}", "{{ .V }}", "'", `"`, "a\nb: c", "# x", "---", "null", "012", "\u2028", "é😀"} {
		nasty.App.Env = append(nasty.App.Env, Variable{Name: "NASTY_" + string(rune('A'+i)), Value: value})
	}
	nasty.Policy = []dev.Policy{{Path: `/a"b${x}/*`, Allow: dev.Allow{Emails: []string{`o'neil+${x}@example.com`}}, Origin: "compose.yaml:14"}}
	groups := map[string]string{"members": "@example.com,group:staff,boss@example.com"}
	return []scenario{
		{"scaffolded", shop(), nil},
		{"document 000", documented(), nil},
		{"policies", policies, groups},
		{"closed", closed, groups},
		{"nasty", nasty, nil},
	}
}

// documented is what is known of a project like the one of the tutorial for ECS.
func documented() Facts {
	f := shop()
	f.App.Service, f.App.Command, f.App.Target, f.App.Dockerfile = "streamlit-app", []string{"sh", "start.sh"}, "", "Dockerfile"
	f.App.Streamlit, f.App.Deps = Value{}, Value{Text: "environment.yml", Source: "environment.yml"}
	f.App.Login = []Value{{Text: "streamlit-oauth", Source: "code_package/streamlit/util/google_oauth.py:12"}}
	f.App.Pages = []Page{{Script: "code_package/streamlit/pages/1_first_app.py", Path: "/first_app"}}
	f.App.Imports = []Import{
		{Module: "boto3", File: "code_package/util/cloud.py", Line: 1},
		{Module: "pandas", File: "code_package/streamlit/pages/1_first_app.py", Line: 2},
		{Module: "streamlit", File: "code_package/streamlit/Home.py", Line: 1},
		{Module: "streamlit_oauth", File: "code_package/streamlit/util/google_oauth.py", Line: 5},
	}
	f.App.Calls = []Call{{What: "aws:ssm", Text: "ssm.get_parameter(", File: "code_package/util/cloud.py", Line: 9}}
	return f
}

// variants are the ways to render a target that give different files.
func variants(target Target) []map[string]string {
	switch target.Name {
	case "cloud-run":
		return []map[string]string{{}, {"variant": "light"}, {"external-domain": "none", "state-bucket": "acme-state"}, {"login-page": "https://login.example.com/?apiKey=x"}}
	case "snowflake":
		return []map[string]string{{}, {"runtime": "warehouse", "streamlit-version": "1.50.0"}}
	case "cloudflare":
		provider := "699d9864-2c56-4d2e-855e-9661899b7252"
		return []map[string]string{{}, {"path": "tools/streamlit", "state-bucket": "acme-state"}, {"group-kind": "google", "group-provider": provider, "identity-providers": provider}}
	}
	return []map[string]string{{}}
}

// everyBundle calls do with each variant of each scenario.
func everyBundle(t *testing.T, target Target, do func(t *testing.T, files map[string]string)) {
	t.Helper()
	for _, s := range scenarios() {
		for i, variant := range variants(target) {
			t.Run(target.Name+"/"+s.name+"/"+string(rune('a'+i)), func(t *testing.T) {
				values := maps.Clone(variant)
				maps.Copy(values, s.values)
				if s.values != nil && target.Name == "snowflake" {
					values = map[string]string{"groups": "staff=STAFF,sales=SALES"}
					maps.Copy(values, variant)
				}
				if s.values != nil && target.Name != "snowflake" {
					values["groups"] = "staff=staff@example.com,sales=sales@example.com"
				}
				files, _ := bundle(t, target, s.facts, valuesOf(t, target, s.facts, values))
				do(t, files)
			})
		}
	}
}

// TestClouds_TerraformParsesAndIsFormatted reads every file as Terraform does, and looks whether all
// that is referred to is there.
func TestClouds_TerraformParsesAndIsFormatted(t *testing.T) {
	for _, target := range clouds() {
		everyBundle(t, target, func(t *testing.T, files map[string]string) {
			parser := hclparse.NewParser()
			var bodies []hcl.Body
			for _, name := range slices.Sorted(maps.Keys(files)) {
				switch {
				case strings.HasSuffix(name, ".tf"):
					file, diags := parser.ParseHCL([]byte(files[name]), name)
					if diags.HasErrors() {
						t.Fatal(diags)
					}
					if got := string(hclwrite.Format([]byte(files[name]))); got != files[name] {
						t.Errorf("%s is not formatted: %s", name, cmp.Diff(got, files[name]))
					}
					bodies = append(bodies, file.Body)
				case strings.HasSuffix(name, ".tfvars.json"):
					if _, diags := parser.ParseJSON([]byte(files[name]), name); diags.HasErrors() {
						t.Fatal(diags)
					}
				}
			}
			if target.Name != "snowflake" && len(bodies) == 0 {
				t.Fatal("no Terraform was rendered")
			}
		})
	}
}
