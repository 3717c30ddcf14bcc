package handoff

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	composecli "github.com/compose-spec/compose-go/v2/cli"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

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
		target, err := Find(Targets(), targetName)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(target.Params, func(p Param) bool { return p.Name == name })
		for _, text := range values {
			if target.Params[i].Validate(text) == nil {
				t.Errorf("%s takes %q", which, text)
			}
		}
	}
}

// TestClouds_WhatCannotWorkIsFound expects the findings about a project in which much is wrong. A target without a row
// has to find something, too.
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
		"cloudflare": append([]string{"info/policy.cloudflare.wider compose.yaml:15", "warn/policy.cloudflare.link compose.yaml:14"}, common...),
		"snowflake": {
			"block/policy.snowflake.path compose.yaml:14", "warn/policy.snowflake.people compose.yaml:14", "warn/policy.group compose.yaml:14",
			"block/snowflake.call code_package/a.py:6", "block/snowflake.call code_package/streamlit/util/google_oauth.py:33", "block/snowflake.call code_package/util/cloud.py:9",
			"block/snowflake.import code_package/streamlit/util/google_oauth.py:5", "block/snowflake.streamlit environment.yml", "info/snowflake.image Dockerfile",
			"warn/snowflake.call code_package/a.py:4", "warn/snowflake.call code_package/a.py:5", "warn/snowflake.environment", "warn/snowflake.import code_package/util/cloud.py:1",
			"warn/snowflake.packages environment.yml", "warn/snowflake.python",
		},
	}
	for _, target := range elsewhere() {
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
			if want[target.Name] == nil && len(got) > 0 {
				return
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

// TestTargets_ASoundProjectHasNothingToFix renders a sound app with each way to sign in. With at least one of them,
// there is nothing to fix.
func TestTargets_ASoundProjectHasNothingToFix(t *testing.T) {
	logins := []string{"none", "streamlit-oauth", "native"}
	for _, p := range dev.IdentityProxies() {
		logins = append(logins, p.Name)
	}
	want := map[string][]string{
		"ecs": {"none", "streamlit-oauth", "native"}, "ecs-cognito": {dev.ProxyALB}, "cloud-run": {dev.ProxyIAP}, "cloudflare": {dev.ProxyCloudflare}, "snowflake": {"none"},
	}
	for _, target := range Targets() {
		var sound []string
		for _, login := range logins {
			f := shop()
			f.AWS, f.App.Calls, f.App.Login = AWS{}, nil, []Value{{Text: login, Source: "app.py:3"}}
			f.App.Imports = []Import{{Module: "pandas", File: "code_package/a.py", Line: 1}, {Module: "jwt", File: "code_package/a.py", Line: 2}}
			_, findings := bundle(t, target, f, valuesOf(t, target, f, nil))
			if !slices.ContainsFunc(findings, func(f dev.Finding) bool { return f.Severity != dev.Informs }) {
				sound = append(sound, login)
			}
		}
		if expected, listed := want[target.Name]; len(sound) == 0 || listed && !slices.Equal(sound, expected) {
			t.Errorf("%s has nothing to fix with the logins %v, want %v", target.Name, sound, expected)
		}
	}
}

func TestCloudRun_NeedsNothingOfTheVariantThatItIsNot(t *testing.T) {
	target := cloudRun()
	for set, want := range map[string]int{"variant=light": 4, "external-domain=none": 5, "variant=full": 7} {
		name, text, _ := strings.Cut(set, "=")
		_, missing, err := target.Resolve(shop(), Inputs{Set: map[string]string{name: text}})
		if err != nil {
			t.Fatal(err)
		}
		if len(missing) != want {
			t.Errorf("%s leaves %d missing: %+v", set, len(missing), missing)
		}
	}
	files, _ := bundle(t, target, shop(), valuesOf(t, target, shop(), map[string]string{"variant": "light"}))
	for name, content := range files {
		if strings.Contains(content, "google_compute_") || strings.Contains(content, "guests.example.com") {
			t.Errorf("%s of the light variant has parts of the full one", name)
		}
	}
}

// TestCloudRun_HasNothingThatIsGoneOrLeaks looks for what the article did, and what is insecure or removed today.
func TestCloudRun_HasNothingThatIsGoneOrLeaks(t *testing.T) {
	everyBundle(t, cloudRun(), func(t *testing.T, files map[string]string) {
		for name, content := range files {
			if name == "README.md" {
				continue // it explains the differences from the article
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

// TestCloudflare_ComposeIsWhatComposeReads loads compose.yaml with Compose's own library, and checks what the
// containers get.
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

// TestClouds_NextStepsAreThoseOfTheRunbook wants the printed commands to be those of README.md.
func TestClouds_NextStepsAreThoseOfTheRunbook(t *testing.T) {
	for _, target := range elsewhere() {
		f := shop()
		v := valuesOf(t, target, f, nil)
		files, _ := bundle(t, target, f, v)
		flat := strings.Join(strings.Fields(strings.ReplaceAll(files["README.md"], "\\\n", " ")), " ")
		for _, step := range target.NextSteps(f, v) {
			for command := range strings.SplitSeq(step.Run, " && ") {
				if command = strings.TrimSpace(command); command != "" && !strings.HasPrefix(command, "git push") && !strings.Contains(flat, command) {
					t.Errorf("%s: the runbook does not say %q", target.Name, command)
				}
			}
		}
	}
}

// TestClouds_NamesTheHostsOfTheApp wants the hosts separated by spaces, as Streamlit 1.67 splits them. Streamlit
// refuses a WebSocket of any other host.
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
