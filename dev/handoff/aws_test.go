package handoff

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/templates"
)

func TestAWS_ValuesThatPlatformsRefuseAreRefused(t *testing.T) {
	bad := map[string][]string{
		"name":                  {"", "a", "Shop", "1shop", "shop-", "a-name-that-is-much-too-long", "sh op", `s"x`},
		"aws-account":           {"123", "12345678901a", "1234567890123"},
		"region":                {"Frankfurt", "eu-central", "eu central-1"},
		"domain":                {"https://app.example.com", "app", "App.example.com", "app.example.com/", "*.example.com", "a..b"},
		"hosted-zone":           {"example.com", "z123", "/hostedzone/Z123"},
		"certificate":           {"arn:aws:iam::123456789012:server-certificate/x", "new"},
		"vpc":                   {"default", "vpc-xyz"},
		"public-subnets":        {"subnet-00000000", "subnet-00000000,subnet-00000000", "subnet-0000000g,subnet-00000001"},
		"app-subnets":           {"subnet-00000000", "private"},
		"allowed-cidrs":         {"", "20.21.22.23/24", "10.0.0.1", "10.0.0.0/33", "everybody"},
		"egress-ports":          {"0", "65536", "443,https", "0443"},
		"memory":                {"1GB", "0", "-1"},
		"secrets":               {"A", "A=", "=/a", "A B=/a", "A=/a/*", "A=/a,A=/a"},
		"kms-key":               {"alias/aws/ssm"},
		"github-owner":          {"a/b", "a*", "a b", ""},
		"github-repo":           {"a:b", "*", "${{ x }}"},
		"github-branch":         {"*", "-x", "a b", ""},
		"github-environment":    {"a:b", "*"},
		"github-owner-id":       {"*", "0", "12a"},
		"github-repo-id":        {"*", ""},
		"cognito-domain-prefix": {"my-aws-app", "Shop", "-a", "cognito"},
		"session-hours":         {"0", "169", "1.5"},
		"image-digest":          {"latest", "sha256:abc"},
	}
	for _, target := range onAWS() {
		for _, p := range target.Params {
			for _, text := range bad[p.Name] {
				if p.Check(text) == nil {
					t.Errorf("%s: %s takes %q", target.Name, p.Name, text)
				}
			}
			if p.Check != nil && len(bad[p.Name]) == 0 {
				t.Errorf("%s: nothing is known that %s refuses", target.Name, p.Name)
			}
		}
	}
}

// TestAWS_CIDRWithHostBitsSaysTheNetwork takes the value from the tutorial.
func TestAWS_CIDRWithHostBitsSaysTheNetwork(t *testing.T) {
	if err := checkCIDR("20.21.22.23/24"); err == nil || !strings.Contains(err.Error(), "20.21.22.0/24") {
		t.Errorf("got %v", err)
	}
}

func TestAWS_NamesOfProjectsBecomeNames(t *testing.T) {
	check := awsParams()[0].Check
	for name, want := range map[string]string{
		"shop": "shop", "My Shop": "my-shop", "2024_sales": "sales", "Größe": "gr-e", "x": "", "日本": "",
		"a-very-long-name-of-a-project": "a-very-long-name-of-a-pr", "a-very-long-name-of-aaa-project": "a-very-long-name-of-aaa",
	} {
		got, ok := appName(24)(Facts{Name: name})
		if ok != (want != "") || ok && (got.Text != want || check(got.Text) != nil) {
			t.Errorf("%q became %q, %v; want %q", name, got.Text, ok, want)
		}
	}
}

// parts returns the parameters of the rendered stack, its task definition and its workflow.
func parts(t *testing.T, files map[string]string) (stack map[string]string, task map[string]any, workflow string) {
	t.Helper()
	var parameters struct{ Parameters map[string]string }
	for name, into := range map[string]any{"parameters.json": &parameters, "task-definition.json": &task} {
		if err := json.Unmarshal([]byte(files[name]), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return parameters.Parameters, task, files["@repository/.github/workflows/deploy-"+parameters.Parameters["Name"]+".yml"]
}

// TestECS_ThePartsAgree checks every name that two files have to share.
func TestECS_ThePartsAgree(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			files, _ := bundle(t, ecs(), s.facts, valuesOf(t, ecs(), s.facts, map[string]string{"aws-account": "123456789012", "name": "shop", "region": "eu-west-1"}))
			stack, task, workflow := parts(t, files)
			template := files["infrastructure.yml"]
			container, _ := task["containerDefinitions"].([]any)[0].(map[string]any)
			logs, _ := container["logConfiguration"].(map[string]any)["options"].(map[string]any)
			port, _ := container["portMappings"].([]any)[0].(map[string]any)["containerPort"].(float64)

			var tree yaml.Node
			if err := yaml.Unmarshal([]byte(template), &tree); err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct{ what, got, want string }{
				{"family", task["family"].(string), "shop"},
				{"execution role", task["executionRoleArn"].(string), "arn:aws:iam::123456789012:role/shop-execution"},
				{"task role", task["taskRoleArn"].(string), "arn:aws:iam::123456789012:role/shop-task"},
				{"log group", logs["awslogs-group"].(string), "/ecs/shop"},
				{"log region", logs["awslogs-region"].(string), "eu-west-1"},
				{"port", stack["Port"], string(mustJSON(t, port))},
				{"container", container["name"].(string), "app"},
			} {
				if c.got != c.want {
					t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
				}
			}
			for _, needed := range []string{
				`RoleName: !Sub "${Name}-execution"`, `RoleName: !Sub "${Name}-task"`, `RoleName: !Sub "${Name}-build"`, `RoleName: !Sub "${Name}-deploy"`,
				`LogGroupName: !Sub "/ecs/${Name}"`, "RepositoryName: !Ref Name", "ClusterName: !Ref Name", "ServiceName: !Ref Name", "TaskDefinition: !Ref Name", "ContainerName: app",
			} {
				if !strings.Contains(template, needed) {
					t.Errorf("infrastructure.yml has no %s", needed)
				}
			}
			for _, needed := range []string{
				`role-to-assume: "arn:aws:iam::123456789012:role/shop-build"`, `role-to-assume: "arn:aws:iam::123456789012:role/shop-deploy"`,
				`REPOSITORY: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"`, "container-name: app", `task-definition: "deploy/ecs/task-definition.json"`,
			} {
				if !strings.Contains(workflow, needed) {
					t.Errorf("the workflow has no %s", needed)
				}
			}
			for name := range stack {
				if !regexp.MustCompile(`(?m)^  ` + name + `:`).MatchString(template) {
					t.Errorf("infrastructure.yml knows no parameter %s", name)
				}
			}
		})
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestECS_ActionsArePinned wants every action pinned to a commit, with its version in a comment.
func TestECS_ActionsArePinned(t *testing.T) {
	f := shop()
	files, _ := bundle(t, ecs(), f, valuesOf(t, ecs(), f, nil))
	_, _, workflow := parts(t, files)
	pinned := regexp.MustCompile(`^- uses: [a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	n := 0
	for line := range strings.Lines(workflow) {
		if line = strings.TrimSpace(line); strings.Contains(line, "uses:") {
			n++
			if !pinned.MatchString(line) {
				t.Errorf("%s", line)
			}
		}
	}
	if n < 8 {
		t.Errorf("found %d actions", n)
	}
}

// TestECS_SubjectIsExact covers both forms that GitHub sends.
func TestECS_SubjectIsExact(t *testing.T) {
	f := shop()
	for _, c := range []struct {
		values        map[string]string
		build, deploy string
	}{
		{map[string]string{"github-subject": "names"}, "repo:acme/shop:ref:refs/heads/main", "repo:acme/shop:environment:production"},
		{
			map[string]string{"github-subject": "ids", "github-owner-id": "123", "github-repo-id": "456", "github-branch": "release/1", "github-environment": "live"},
			"repo:acme@123/shop@456:ref:refs/heads/release/1", "repo:acme@123/shop@456:environment:live",
		},
	} {
		files, _ := bundle(t, ecs(), f, valuesOf(t, ecs(), f, c.values))
		stack, _, _ := parts(t, files)
		if stack["BuildSubject"] != c.build || stack["DeploySubject"] != c.deploy {
			t.Errorf("%v: got %q and %q", c.values, stack["BuildSubject"], stack["DeploySubject"])
		}
		if strings.Contains(files["infrastructure.yml"], "StringLike") {
			t.Error("a pattern is compared where the claim is known whole")
		}
	}
}

// TestAWS_TheTaskStartsAsTheComposeFileSays knows that an image's CMD does not apply if only the entry point is
// replaced, and that platforms treat an empty entry point as unset.
func TestAWS_TheTaskStartsAsTheComposeFileSays(t *testing.T) {
	start := []string{"code_package/streamlit/start.sh"}
	for _, c := range []struct {
		name                string
		facts               Facts
		declared, args      []string
		entrypoint, command []string
	}{
		{"the image has a CMD", shop(), nil, nil, nil, nil},
		{"document 000", documented(), nil, start, nil, start},
		{"an entry point alone", shop(), start, nil, start, nil},
		{"both", shop(), []string{"tini", "--"}, start, []string{"tini", "--"}, start},
		{"without the image's entry point", shop(), []string{}, start, start, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.facts
			f.App.Entrypoint, f.App.Args = c.declared, c.args
			type started struct{ EntryPoint, Command []string }
			var task struct{ ContainerDefinitions []started }
			var config, want started
			files, findings := bundle(t, ecs(), f, valuesOf(t, ecs(), f, nil))
			cognito, more := bundle(t, ecsCognito(), f, valuesOf(t, ecsCognito(), f, nil))
			if slices.ContainsFunc(slices.Concat(findings, more), func(f dev.Finding) bool { return strings.Contains(f.ID, "command") }) {
				t.Errorf("findings %v, %v", findings, more)
			}
			if err := json.Unmarshal([]byte(files["task-definition.json"]), &task); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(cognito["config.json"]), &config); err != nil {
				t.Fatal(err)
			}
			want = started{c.entrypoint, c.command}
			if diff := cmp.Diff(want, task.ContainerDefinitions[0]); diff != "" {
				t.Errorf("ecs: %s", diff)
			}
			want = started{append([]string{}, c.entrypoint...), append([]string{}, c.command...)} // the CDK app wants lists
			if diff := cmp.Diff(want, config); diff != "" {
				t.Errorf("ecs-cognito: %s", diff)
			}
		})
	}
}

// TestECS_NativeLoginGetsItsSecretsFile covers st.login, which reads its settings only from a file.
func TestECS_NativeLoginGetsItsSecretsFile(t *testing.T) {
	f := shop()
	f.App.Login = []Value{{Text: "native"}}
	files, findings := bundle(t, ecs(), f, valuesOf(t, ecs(), f, nil))
	if dev.AnyBlocks(findings) {
		t.Errorf("got %v", findings)
	}
	for name, needed := range map[string][]string{
		"task-definition.json": {`"valueFrom": "/shop/secrets.toml"`, `"STREAMLIT_SECRETS_FILES"`, `"sh"`, `"code_package/streamlit/Home.py"`},
		"infrastructure.yml":   {"ssm:GetParameters", "parameter/shop/secrets.toml"},
		"README.md":            {"--name /shop/secrets.toml", "oauth2callback"},
	} {
		for _, text := range needed {
			if !strings.Contains(files[name], text) {
				t.Errorf("%s has no %s", name, text)
			}
		}
	}
}

// TestCognito_GroupsComeFromPeopleAndPolicies wants each group once.
func TestCognito_GroupsComeFromPeopleAndPolicies(t *testing.T) {
	f := shop()
	f.People = []dev.Person{{Groups: []string{"staff", "a/b"}}, {Groups: []string{"staff"}}}
	f.Policy = []dev.Policy{{Path: "/x", Allow: dev.Allow{Groups: []string{"sales"}}}}
	files, _ := bundle(t, ecsCognito(), f, valuesOf(t, ecsCognito(), f, nil))
	var config struct{ Cognito struct{ Groups []string } }
	if err := json.NewDecoder(bytes.NewBufferString(files["config.json"])).Decode(&config); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/b", "sales", "staff"}, config.Cognito.Groups); diff != "" {
		t.Error(diff)
	}
}

// TestAWS_ECSSetsTheSecrets names a variable that the compose file has as well, and two that share a parameter.
func TestAWS_ECSSetsTheSecrets(t *testing.T) {
	f := shop()
	f.App.Env = []Variable{{Name: "TOKEN", Value: "for development"}, {Name: "PLAIN", Value: "a"}}
	set := map[string]string{"secrets": "TOKEN=/shop/token,URL=shop-url,SAME=/shop/token"}
	files, _ := bundle(t, ecs(), f, valuesOf(t, ecs(), f, set))
	for _, text := range []string{`"valueFrom": "/shop/token"`, `"valueFrom": "shop-url"`, `"name": "PLAIN"`} {
		if !strings.Contains(files["task-definition.json"], text) {
			t.Errorf("task-definition.json has no %s", text)
		}
	}
	for _, text := range []string{":parameter/shop/token", ":parameter/shop-url"} {
		if strings.Count(files["infrastructure.yml"], text) != 1 {
			t.Errorf("infrastructure.yml does not have %s once", text)
		}
	}
	var config struct{ Environment, Secrets map[string]string }
	cognito, _ := bundle(t, ecsCognito(), f, valuesOf(t, ecsCognito(), f, set))
	if err := json.Unmarshal([]byte(cognito["config.json"]), &config); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"TOKEN": "/shop/token", "URL": "shop-url", "SAME": "/shop/token"}
	if diff := cmp.Diff(want, config.Secrets); diff != "" || config.Environment["TOKEN"] != "" || config.Environment["PLAIN"] != "a" {
		t.Errorf("%v: %s", config.Environment, diff)
	}
	for _, text := range []string{files["task-definition.json"], cognito["config.json"]} {
		if strings.Contains(text, "for development") {
			t.Error("the value of a secret stands in the bundle")
		}
	}
}

// TestCognito_IsTestedWithWhatItInstalls compares the bundle's versions with those of the tests.
func TestCognito_IsTestedWithWhatItInstalls(t *testing.T) {
	type manifest struct{ Dependencies, DevDependencies map[string]string }
	read := func(content []byte, err error) manifest {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := json.Unmarshal(content, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	ships := read(fs.ReadFile(templates.Targets(), "ecs-cognito/package.json"))
	tested := read(os.ReadFile("testdata/foreign/npm/package.json"))
	for _, all := range []map[string]string{ships.Dependencies, ships.DevDependencies} {
		for name, version := range all {
			if tested.Dependencies[name] != version {
				t.Errorf("%s %s ships, %s is tested", name, version, tested.Dependencies[name])
			}
		}
	}
}

// TestAWS_NextStepsAreThoseOfTheRunbook wants the printed commands to be those of README.md.
func TestAWS_NextStepsAreThoseOfTheRunbook(t *testing.T) {
	for _, target := range onAWS() {
		f := shop()
		f.App.Login = []Value{{Text: "native"}} // which ecs gives a secret of its own
		v := valuesOf(t, target, f, map[string]string{"secrets": "TOKEN=/shop/token"})
		files, _ := bundle(t, target, f, v)
		if stored := strings.Count(files["README.md"], "put-parameter"); stored != map[string]int{"ecs": 3, "ecs-cognito": 2}[target.Name] {
			t.Errorf("%s: README.md stores %d parameters", target.Name, stored)
		}
		for _, step := range target.NextSteps(f, v) {
			command, _, _ := strings.Cut(strings.NewReplacer("sha256:…", "", "file://FILE", "").Replace(step.Run), " main")
			if !strings.Contains(files["README.md"], strings.TrimSpace(command)) && !strings.HasPrefix(command, "git push") {
				t.Errorf("%s: README.md has no %s", target.Name, command)
			}
		}
	}
}
