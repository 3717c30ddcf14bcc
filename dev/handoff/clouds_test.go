package handoff

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	composecli "github.com/compose-spec/compose-go/v2/cli"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/templates"
)

// shop is what is known of a project that `sdev init shop --yes` made.
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

// valuesOf are the values of a target where somebody has said these and nothing else.
func valuesOf(t testing.TB, target Target, f Facts, set map[string]string) Values {
	t.Helper()
	v, _, err := target.Resolve(f, Inputs{Set: set})
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

// documented is what is known of a project like the one of the tutorial for ECS.
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

// TestClouds_PlaceholdersAndDefaultsAreValues looks whether a parameter takes what stands for it.
func TestClouds_PlaceholdersAndDefaultsAreValues(t *testing.T) {
	for _, target := range clouds() {
		for _, p := range target.Params {
			for _, text := range []string{p.Placeholder, p.Default} {
				if text == "" {
					continue
				}
				if err := p.Accept(text); err != nil {
					t.Errorf("%s %s: %s: %v", target.Name, p.Name, text, err)
				}
			}
			if p.Placeholder == "" && p.Default == "" && !p.Optional {
				t.Errorf("%s %s has nothing to stand for it", target.Name, p.Name)
			}
			if p.About == "" || len(p.Choices) == 0 && p.Check == nil {
				t.Errorf("%s %s takes anything, or does not say what it is", target.Name, p.Name)
			}
		}
	}
}

func TestClouds_ValuesThatPlatformsRefuseAreRefused(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	refused := map[string][]string{
		"cloud-run name": {"", "x", "Shop", "1shop", "shop-", "a-name-of-twenty-four-ch", "shop\"}"}, "cloud-run project-id": {"shop", "Shop-project", "my_project"},
		"cloud-run region": {"europe", "eu-central-1a", "europe-west1-b"}, "cloud-run image": {"shop", "shop:1", "a/shop:latest", "a/shop" + digest + "0", "https://a/shop" + digest},
		"cloud-run domain": {"https://a.example.com", "localhost", "a_b.example.com", "a.example.com/x"}, "cloud-run external-domain": {"NONE", "a b"},
		"cloud-run external-cidrs": {"203.0.113.7", "203.0.113.7/24", "a,b", ","}, "cloud-run login-page": {"http://a.example.com", "https://a b"}, "cloud-run memory": {"1", "1G", "0Gi"},
		"cloud-run members": {"example.com", "@", "a@b", "a@example.com,a@example.com", "group:", "user:a@example.com"}, "cloud-run groups": {"sales", "=a@example.com", "sales=sales"},
		"cloudflare account-id": {"abc", strings.Repeat("A", 32)}, "cloudflare team": {"acme.cloudflareaccess.com", "https://acme"}, "cloudflare path": {"/x", "x/", "a b", "../x$", "a//b"},
		"cloudflare cloudflared-version": {"latest", "1.2.3"}, "cloudflare session-duration": {"24", "1d"}, "cloudflare group-kind": {"saml"}, "cloudflare groups": {"sales="},
		"snowflake database": {"my_db", `A"; DROP`, "A-B", ""}, "snowflake roles": {"viewer", "A;B"}, "snowflake groups": {"sales=sales", "SALES"}, "snowflake sources": {"/etc", "../x", "a/../b", "./a"},
		"snowflake streamlit-version": {"1", ">=1.50", "latest"},
	}
	for which, values := range refused {
		targetName, name, _ := strings.Cut(which, " ")
		target, err := Find(clouds(), targetName)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(target.Params, func(p Param) bool { return p.Name == name })
		for _, text := range values {
			if target.Params[i].Accept(text) == nil {
				t.Errorf("%s takes %q", which, text)
			}
		}
	}
}

// TestClouds_WhatCannotWorkIsFound gives the findings of a project in which much is wrong for a target.
func TestClouds_WhatCannotWorkIsFound(t *testing.T) {
	f := documented()
	f.Policy = []dev.Policy{
		{Path: "/reports/*", Allow: dev.Allow{Groups: []string{"sales"}, Emails: []string{"boss@example.com"}}, Origin: "compose.yaml:14"},
		{Path: "/team-*/budget", Allow: dev.Allow{Anyone: true}, Origin: "compose.yaml:15"},
	}
	f.App.Platform, f.App.Env, f.App.Streamlit.Text, f.App.Python.Text = "linux/arm64", []Variable{{Name: "GREETING", Value: "x"}}, "1.49.1", "3.12"
	f.App.Login = append(f.App.Login, Value{Text: "alb", Source: "code_package/alb.py:3"})
	f.App.Calls = append(f.App.Calls, Call{What: "file:write", File: "code_package/a.py", Line: 4}, Call{What: "subprocess", File: "code_package/a.py", Line: 5}, Call{What: "st.login", File: "code_package/a.py", Line: 6})
	f.Git.Host = "gitlab.com"
	common := []string{
		"block/%s.login.door code_package/alb.py:3", "info/%s.login.twice code_package/streamlit/util/google_oauth.py:12", "warn/%s.verify", "warn/%s.aws code_package/streamlit/util/google_oauth.py:33",
		"warn/%s.writes code_package/a.py:4", "warn/policy.group compose.yaml:14", "warn/policy.websocket compose.yaml:14",
	}
	want := map[string][]string{
		"cloud-run": append([]string{
			"block/cloud-run.platform", "info/cloud-run.login-page", "warn/cloud-run.github", "warn/policy.cloud-run.external", "warn/policy.cloud-run.pattern compose.yaml:15",
		}, common...),
		"cloudflare": append([]string{"info/policy.cloudflare.wider compose.yaml:15"}, common...),
		"snowflake": {
			"block/policy.snowflake.path compose.yaml:14", "warn/policy.snowflake.people compose.yaml:14", "warn/policy.group compose.yaml:14",
			"block/snowflake.call code_package/a.py:6", "block/snowflake.call code_package/streamlit/util/google_oauth.py:33", "block/snowflake.call code_package/util/cloud.py:9",
			"block/snowflake.import code_package/streamlit/util/google_oauth.py:5", "block/snowflake.streamlit environment.yml", "info/snowflake.image Dockerfile",
			"warn/snowflake.call code_package/a.py:4", "warn/snowflake.call code_package/a.py:5", "warn/snowflake.environment", "warn/snowflake.import code_package/util/cloud.py:1",
			"warn/snowflake.packages environment.yml", "warn/snowflake.python",
		},
	}
	for _, target := range clouds() {
		t.Run(target.Name, func(t *testing.T) {
			_, findings := bundle(t, target, f, valuesOf(t, target, f, nil))
			var got []string
			for _, one := range findings {
				at := one.File
				if one.Line > 0 {
					at += ":" + strconv.Itoa(one.Line)
				}
				got = append(got, strings.TrimSpace(string(one.Severity)+"/"+one.ID+" "+at))
				if one.Message == "" || one.Fix == "" || !strings.HasPrefix(one.Docs, "https://") || strings.HasSuffix(one.Message, ".") {
					t.Errorf("%+v", one)
				}
			}
			var wanted []string
			for _, one := range want[target.Name] {
				wanted = append(wanted, strings.ReplaceAll(one, "%s", target.Name))
			}
			slices.Sort(got)
			slices.Sort(wanted)
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("wanted (-) and found (+):\n%s", diff)
			}
		})
	}
}

// TestClouds_ASoundProjectBlocksNowhere renders an app that does what each platform wants.
func TestClouds_ASoundProjectBlocksNowhere(t *testing.T) {
	for name, login := range map[string]string{"cloud-run": "iap", "cloudflare": "cloudflare", "snowflake": "none"} {
		target, err := Find(clouds(), name)
		if err != nil {
			t.Fatal(err)
		}
		f := shop()
		f.AWS, f.App.Calls, f.App.Login = AWS{}, nil, []Value{{Text: login, Source: "app.py:3"}}
		f.App.Imports = []Import{{Module: "pandas", File: "code_package/a.py", Line: 1}, {Module: "jwt", File: "code_package/a.py", Line: 2}}
		_, findings := bundle(t, target, f, valuesOf(t, target, f, nil))
		for _, one := range findings {
			if one.Severity != dev.Informs {
				t.Errorf("%s: %+v", name, one)
			}
		}
	}
}

func TestCloudRun_NeedsNothingOfTheVariantThatItIsNot(t *testing.T) {
	target := cloudRun()
	for set, want := range map[string]int{"variant=light": 4, "external-domain=none": 5, "variant=full": 7} {
		name, text, _ := strings.Cut(set, "=")
		_, open, err := target.Resolve(shop(), Inputs{Set: map[string]string{name: text}})
		if err != nil {
			t.Fatal(err)
		}
		if len(open) != want {
			t.Errorf("%s leaves %d open: %+v", set, len(open), open)
		}
	}
	files, _ := bundle(t, target, shop(), valuesOf(t, target, shop(), map[string]string{"variant": "light"}))
	for name, content := range files {
		if strings.Contains(content, "google_compute_") || strings.Contains(content, "guests.example.com") {
			t.Errorf("%s of the light variant has parts of the full one", name)
		}
	}
}

// TestCloudRun_HasNothingThatIsGoneOrLeaks looks for what the article did and nobody should any more.
func TestCloudRun_HasNothingThatIsGoneOrLeaks(t *testing.T) {
	everyBundle(t, cloudRun(), func(t *testing.T, files map[string]string) {
		for name, content := range files {
			if name == "README.md" {
				continue // which says why
			}
			for _, gone := range []string{"google_iap_client\"", "google_iap_brand", "oauth2_client", "local-exec", "allUsers\"", "allAuthenticatedUsers", "credentials =", "credentials_json", ":latest", "--allow-unauthenticated"} {
				if strings.Contains(content, gone) {
					t.Errorf("%s has %s", name, gone)
				}
			}
		}
		for _, wanted := range []string{`timeout = "3600s"`, "session_affinity                 = true", "max_instance_count = 1", "roles/run.invoker", "google_project_service_identity"} {
			if !strings.Contains(files["app.tf"]+files["iap.tf"], wanted) {
				t.Errorf("nothing says %s", wanted)
			}
		}
	})
}

// TestCloudflare_ComposeIsWhatComposeReads loads compose.yaml with the library of Compose itself, and
// looks at what a container finds.
func TestCloudflare_ComposeIsWhatComposeReads(t *testing.T) {
	everyBundle(t, cloudflare(), func(t *testing.T, files map[string]string) {
		dir := t.TempDir()
		writeTree(t, dir, files)
		options, err := composecli.NewProjectOptions([]string{filepath.Join(dir, "compose.yaml")}, composecli.WithEnv([]string{"CF_TEAM=acme", "CF_AUD=a,b"}))
		if err != nil {
			t.Fatal(err)
		}
		project, err := options.LoadProject(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		app, tunnel := project.Services["app"], project.Services["cloudflared"]
		for name, s := range project.Services {
			if len(s.Ports) > 0 || len(s.Expose) > 0 || s.Privileged || !s.ReadOnly || s.NetworkMode != "" || s.HealthCheck == nil {
				t.Errorf("%s: ports %v, read-only %v, health check %v", name, s.Ports, s.ReadOnly, s.HealthCheck)
			}
			for key := range s.Environment {
				if strings.Contains(key, "TOKEN") && key != "TUNNEL_TOKEN_FILE" {
					t.Errorf("%s has %s in its environment", name, key)
				}
			}
		}
		if len(tunnel.Secrets) != 1 || project.Secrets["tunnel-token"].File == "" || !strings.Contains(tunnel.Image, ":20") {
			t.Errorf("tunnel: %+v", tunnel)
		}
		env := map[string]string{}
		for key, value := range app.Environment {
			env[key] = *value
		}
		if env["CF_TEAM"] != "acme" || env["CF_AUD"] != "a,b" || env["STREAMLIT_SERVER_PORT"] != "8501" {
			t.Errorf("environment %v", env)
		}
		for _, s := range scenarios() {
			if !strings.Contains(t.Name(), strings.ReplaceAll(s.name, " ", "_")) {
				continue
			}
			if !slices.Equal(app.Command, s.facts.App.Args) || !slices.Equal(app.Entrypoint, s.facts.App.Entrypoint) {
				t.Errorf("starts %q %q, not %q %q", app.Entrypoint, app.Command, s.facts.App.Entrypoint, s.facts.App.Args)
			}
			for _, one := range s.facts.App.Env {
				if env[one.Name] != one.Value {
					t.Errorf("%s is %q, not %q", one.Name, env[one.Name], one.Value)
				}
			}
			if base := env["STREAMLIT_SERVER_BASE_URL_PATH"]; !strings.Contains(strings.Join(app.HealthCheck.Test, " "), strings.ReplaceAll("/"+base+"/_stcore/health", "//", "/")) {
				t.Errorf("below %q the health check is %v", base, app.HealthCheck.Test)
			}
		}
	})
}

// TestSnowflake_EveryFileIsWhereTheEntryLooksForIt covers entries at several depths.
func TestSnowflake_EveryFileIsWhereTheEntryLooksForIt(t *testing.T) {
	for entry, want := range map[string]struct{ sources, main, dir string }{
		"app.py":                         {"app.py,pages,util", "app.py", "."},
		"src/app.py":                     {"src,pages,util", "app.py", "src"},
		"code_package/streamlit/Home.py": {"code_package,pages,util", "Home.py", "code_package/streamlit"},
	} {
		f := shop()
		f.App.Entry, f.App.Pages = entry, []Page{{Script: entry}, {Script: "pages/a.py"}}
		f.App.Imports = []Import{{Module: "pandas", File: "util/a.py"}, {Module: "pytest", File: "tests/test_a.py"}}
		got, ok := sources(f)
		d, _ := deriveSnowflake(f, valuesOf(t, snowflake(), f, nil))
		if !ok || got.Text != want.sources || d["main"] != want.main || d["entryDir"] != want.dir {
			t.Errorf("%s: %s, %s, %s", entry, got.Text, d["main"], d["entryDir"])
		}
	}
}

// TestClouds_NextStepsAreThoseOfTheRunbook keeps the commands that are printed and those of README.md
// the same.
func TestClouds_NextStepsAreThoseOfTheRunbook(t *testing.T) {
	for _, target := range clouds() {
		f := shop()
		v := valuesOf(t, target, f, nil)
		files, _ := bundle(t, target, f, v)
		flat := strings.Join(strings.Fields(strings.ReplaceAll(files["README.md"], "\\\n", " ")), " ")
		for _, step := range target.Next(f, v) {
			for command := range strings.SplitSeq(step.Run, " && ") {
				if command = strings.TrimSpace(command); command != "" && !strings.HasPrefix(command, "git push") && !strings.Contains(flat, command) {
					t.Errorf("%s: the runbook does not say %q", target.Name, command)
				}
			}
		}
	}
}

// TestClouds_NamesTheHostsOfTheApp wants them as Streamlit 1.67 splits them, which refuses the WebSocket
// of any other: at blanks, and not at commas.
func TestClouds_NamesTheHostsOfTheApp(t *testing.T) {
	for _, c := range []struct {
		target Target
		set    map[string]string
		want   any
	}{
		{cloudRun(), map[string]string{"domain": "a.example.com", "external-domain": "b.example.com"}, "a.example.com b.example.com"},
		{cloudRun(), map[string]string{"domain": "a.example.com", "external-domain": "none"}, "a.example.com"},
		{cloudRun(), map[string]string{"variant": "light"}, nil},
		{cloudflare(), map[string]string{"domain": "a.example.com"}, "a.example.com"},
	} {
		f := shop()
		files, _ := bundle(t, c.target, f, valuesOf(t, c.target, f, c.set))
		var tfvars struct{ Environment map[string]any }
		var compose struct {
			Services map[string]struct{ Environment map[string]any }
		}
		if err := json.Unmarshal([]byte(files["terraform.tfvars.json"]), &tfvars); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(files["compose.yaml"]), &compose); err != nil {
			t.Fatal(err)
		}
		env := tfvars.Environment
		if c.target.Name == "cloudflare" {
			env = compose.Services["app"].Environment
		}
		if got := env["STREAMLIT_SERVER_ALLOWED_HOSTS"]; got != c.want || len(env) == 0 {
			t.Errorf("%s %v: hosts %v, want %v", c.target.Name, c.set, got, c.want)
		}
	}
}

// TestClouds_GiveTerraformNoNull since a list that is null has no length.
func TestClouds_GiveTerraformNoNull(t *testing.T) {
	for _, target := range []Target{cloudRun(), cloudflare()} {
		for _, s := range scenarios() {
			for _, set := range variants(target) {
				files, _ := bundle(t, target, s.facts, valuesOf(t, target, s.facts, set))
				var tfvars map[string]any
				if err := json.Unmarshal([]byte(files["terraform.tfvars.json"]), &tfvars); err != nil {
					t.Fatal(err)
				}
				for name, value := range tfvars {
					if value == nil {
						t.Errorf("%s, %s, %v: %s is null", target.Name, s.name, set, name)
					}
				}
			}
		}
	}
}
