package handoff

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/templates"
)

// shop are the facts of a project that `sdev init shop --yes` created.
func shop() Facts {
	const login = "code_package/streamlit/util/google_oauth.py"
	return Facts{
		Name: "shop", Dir: ".", Version: "1.0.0",
		App: App{
			Service: "streamlit", Entry: "code_package/streamlit/Home.py", Port: 8501,
			Pages:  []Page{{Script: "code_package/streamlit/Home.py", Path: "/"}, {Script: "code_package/streamlit/pages/1_First_App.py", Path: "/First_App"}},
			Python: Value{Text: "3.11", Source: "Dockerfile:6"}, Streamlit: Value{Text: "1.67.0", Source: "uv.lock"}, Deps: Value{Text: "pyproject.toml", Source: "pyproject.toml:8"}, Manager: "uv",
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

// valuesOf resolves the values of a target, with only these set.
func valuesOf(t testing.TB, target Target, f Facts, set map[string]string) Values {
	t.Helper()
	v, _, err := target.Resolve(f, Inputs{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bundle renders a target, and returns the files by path and the findings.
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

// writeTree makes dir contain these files and no others.
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

// scenario is a project and values, whose bundles the tests check.
type scenario struct {
	name   string
	facts  Facts
	values map[string]string
}

// scenarios are different projects, some with values that have a meaning in some language. A value that a parameter's
// check refuses never reaches a template, so facts, which have no check, have the nasty ones.
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
	nasty.Name, nasty.Dir = `"}; ${file("/etc/passwd")} %{ if true }`, "apps/it's"
	nasty.App.Entrypoint, nasty.App.Args = []string{"sh", "-c", `exec "$@" ${x} $(id)`, "sh"}, []string{"streamlit", "run", "a b.py", "--x={{ .V }}"}
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

// documented are the facts of a project like the one in the tutorial for ECS.
func documented() Facts {
	f := shop()
	f.App.Service, f.App.Command, f.App.Target, f.App.Dockerfile = "streamlit-app", []string{"code_package/streamlit/start.sh"}, "", "Dockerfile"
	f.App.Args = f.App.Command
	f.App.Streamlit, f.App.Deps, f.App.Manager = Value{}, Value{Text: "environment.yml", Source: "environment.yml"}, "conda"
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

// onAWS are the targets that run the app in an account of AWS.
func onAWS() []Target {
	return slices.DeleteFunc(Targets(), func(t Target) bool { return !slices.Contains(t.ParamNames(), "aws-account") })
}

// elsewhere are the targets that run the app outside AWS.
func elsewhere() []Target {
	return slices.DeleteFunc(Targets(), func(t Target) bool { return slices.Contains(t.ParamNames(), "aws-account") })
}

// inTerraform are the targets with templates in Terraform.
func inTerraform() []Target {
	return slices.DeleteFunc(Targets(), func(t Target) bool {
		files, _ := fs.Glob(templates.Targets(), t.Name+"/*.tf") // the pattern is valid
		return len(files) == 0
	})
}

// variants are values with which a target renders different files: none, each choice that a layer of its templates
// asks for, and further ones that are listed here.
func variants(t *testing.T, target Target) []map[string]string {
	t.Helper()
	const provider = "699d9864-2c56-4d2e-855e-9661899b7252"
	layers, err := fs.ReadDir(templates.Targets(), target.Name)
	if err != nil {
		t.Fatal(err)
	}
	all := []map[string]string{{}}
	for _, layer := range layers {
		name, choice, _ := strings.Cut(layer.Name(), "=")
		if i := slices.IndexFunc(target.Params, func(p Param) bool { return p.Name == name }); i >= 0 && choice != target.Params[i].Default {
			all = append(all, map[string]string{name: choice})
		}
	}
	return append(all, map[string][]map[string]string{
		"cloud-run":  {{"external-domain": "none", "state-bucket": "acme-state"}, {"login-page": "https://login.example.com/?apiKey=x"}},
		"cloudflare": {{"path": "tools/streamlit", "state-bucket": "acme-state"}, {"group-kind": "google", "group-provider": provider, "identity-providers": provider}},
		"snowflake":  {{"runtime": "warehouse", "streamlit-version": "1.50.0"}},
	}[target.Name]...)
}

// everyBundle calls do with each variant of each scenario.
func everyBundle(t *testing.T, target Target, do func(t *testing.T, files map[string]string)) {
	t.Helper()
	for _, s := range scenarios() {
		for i, variant := range variants(t, target) {
			t.Run(target.Name+"/"+s.name+"/"+string(rune('a'+i)), func(t *testing.T) {
				files, _ := bundle(t, target, s.facts, valuesOf(t, target, s.facts, s.set(target, variant)))
				do(t, files)
			})
		}
	}
}

// set are the values of a scenario that the target has a parameter for, and those of a variant. What the platform
// calls a group depends on the target: an e-mail address, or else a name in capital letters.
func (s scenario) set(target Target, variant map[string]string) map[string]string {
	values := maps.Clone(variant)
	for _, p := range target.Params {
		if text, ok := s.values[p.Name]; ok {
			values[p.Name] = text
		}
		if p.Name == "groups" && s.values != nil {
			values[p.Name] = "staff=staff@example.com,sales=sales@example.com"
			if p.Validate(values[p.Name]) != nil {
				values[p.Name] = "staff=STAFF,sales=SALES"
			}
		}
	}
	return values
}
