//go:build foreign

package handoff

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// program is where .ci/foreign has put one of the programs.
func program(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run eval \"$(.ci/foreign)\" first", variable)
	}
	return path
}

// run gives what a program prints, and whether it was content.
func run(t *testing.T, dir string, env []string, name string, args ...string) (out string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v\n%s", name, err, buf.String())
	}
	return buf.String(), err == nil
}

// awsScenarios are the scenarios of all targets, and one with every choice made in the other way.
func awsScenarios() []scenario {
	other := shop()
	other.App.BasePath, other.App.Login = "shop", []Value{{Text: "native"}}
	other.Dir, other.Bundle = "apps/shop", "apps/shop/deploy/ecs"
	other.Policy = []dev.Policy{{Path: "/admin/*", Origin: "compose.yaml:14"}, {Path: "/marketing", Allow: dev.Allow{Groups: []string{"marketing"}}}}
	other.People = []dev.Person{{Email: "a@example.com", Groups: []string{"staff", "a/b", `q"${x}`}}}
	return append(scenarios(), scenario{"other", other, map[string]string{
		"hosted-zone": "none", "certificate": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b", "aws-account": "123456789012", "region": "eu-central-1",
		"app-subnets": "subnet-00000000000000002,subnet-00000000000000003", "allowed-cidrs": "0.0.0.0/0,2001:db8::/32", "egress-ports": "443,5432",
		"architecture": "ARM64", "cpu": "1024", "memory": "4096", "kms-key": "arn:aws:kms:eu-central-1:123456789012:key/0a1b", "log-days": "30", "secrets": "TOKEN=/shop/token,URL=shop-url,SAME=/shop/token",
		"github-subject": "ids", "github-owner-id": "1", "github-repo-id": "2", "github-oidc-provider": "existing",
		"cognito-mfa": "optional", "cognito-threat-protection": "on", "waf": "off", "image-digest": "sha256:" + strings.Repeat("0", 64),
	}})
}

// awsBundles renders a target for each scenario into a directory of its own, and gives their directories.
func awsBundles(t *testing.T, target Target) map[string]string {
	t.Helper()
	root := t.TempDir()
	dirs := map[string]string{}
	for _, s := range awsScenarios() {
		known := slices.Collect(func(yield func(string) bool) {
			for _, p := range target.Params {
				yield(p.Name)
			}
		})
		values := map[string]string{}
		for name, text := range s.values {
			if slices.Contains(known, name) {
				values[name] = text
			}
		}
		files, _ := bundle(t, target, s.facts, valuesOf(t, target, s.facts, values))
		dirs[s.name] = filepath.Join(root, strings.ReplaceAll(s.name, " ", "-"))
		writeTree(t, dirs[s.name], files)
	}
	return dirs
}

// TestForeignActionlint reads the workflows of every scenario as GitHub would.
func TestForeignActionlint(t *testing.T) {
	bin := t.TempDir()
	if out, ok := run(t, ".", []string{"GOBIN=" + bin, "GOFLAGS="}, "go", "install", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"); !ok {
		t.Fatal(out)
	}
	lint := func(files ...string) (string, bool) {
		return run(t, bin, nil, filepath.Join(bin, "actionlint"), append([]string{"-no-color", "-shellcheck=", "-pyflakes="}, files...)...)
	}
	var workflows []string
	for _, dir := range awsBundles(t, ecs()) {
		found, err := filepath.Glob(filepath.Join(dir, "@repository/.github/workflows/*.yml"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s holds %v: %v", dir, found, err)
		}
		workflows = append(workflows, found...)
	}
	if out, ok := lint(workflows...); !ok {
		t.Error(out)
	}

	// That it looks at all: an action whose runner is gone, and an expression that is nothing.
	broken := filepath.Join(bin, "broken.yml")
	content, err := os.ReadFile(workflows[0])
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(content), "steps.known.outputs.digest ==", "steps.unknown.outputs.digest ==", 1)
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := lint(broken); ok || !strings.Contains(out, "unknown") {
		t.Errorf("a broken workflow passes: %s", out)
	}
}

// acceptedRules are the rules of AWS Control Tower that a template does not follow, and why.
func acceptedRules() map[string]string {
	return map[string]string{
		"cloudwatch_log_group_encrypted_check":        "the key of CloudWatch; a key of one's own is a line, and a price",
		"cloudwatch_log_group_retention_period_check": "log-days is the user's to say; the default is a year",
		"ecs_service_assign_public_ip_disabled_check": "without app-subnets there is no NAT gateway to go out by",
		"ecs_task_definition_nonroot_user_check":      "the image says its user, and the preflight blocks root",
		"elbv2_acm_certificate_required_check":        "it is one, by a condition that the rule does not follow, or an ARN",
		"s3_bucket_default_encryption_kms_check":      "load balancers write to buckets with SSE-S3 alone",
		"s3_bucket_logging_enabled_check":             "it holds access logs itself",
		"s3_event_notifications_enabled_check":        "nobody waits for a log file",
		"s3_bucket_object_lock_enabled_check":         "access logs expire after 90 days",
	}
}

// templatesHold puts the templates, so many of them, of a directory to cfn-lint, checkov and the rules of cfn-guard.
func templatesHold(t *testing.T, dir string, want int) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) != want {
		t.Fatalf("%d templates, %v", len(found), err)
	}
	if out, ok := run(t, dir, nil, program(t, "SDEV_FOREIGN_CFN_LINT"), append([]string{"--non-zero-exit-code", "warning", "--"}, found...)...); !ok {
		t.Errorf("cfn-lint: %s", out)
	}
	out, ok := run(t, dir, nil, program(t, "SDEV_FOREIGN_CHECKOV"), "-d", dir, "--framework", "cloudformation", "--skip-download", "--compact", "--quiet")
	if !ok || !strings.Contains(out, "Failed checks: 0") {
		t.Errorf("checkov: %s", out)
	}

	// npm was told to run no scripts, so that nothing is executable that is not a command of npm's.
	guard := filepath.Join(program(t, "SDEV_FOREIGN_CDK"), "@cdklabs/cdk-validator-cfnguard")
	bin := filepath.Join(t.TempDir(), "cfn-guard")
	copyFile(t, filepath.Join(guard, "bin/ubuntu", machine(t), "cfn-guard"), bin)
	out, _ = run(t, dir, nil, bin, "validate", "--data", dir, "--rules", filepath.Join(guard, "rules/control-tower/cfn-guard"),
		"--structured", "--output-format", "json", "--show-summary", "none")
	var reports []struct {
		Name         string
		NotCompliant []struct{ Rule struct{ Name string } } `json:"not_compliant"`
		Compliant    []string
	}
	if err := json.Unmarshal([]byte(out), &reports); err != nil {
		t.Fatalf("cfn-guard: %v\n%.500s", err, out)
	}
	compliant, accepted := 0, acceptedRules()
	used := map[string]bool{}
	for _, report := range reports {
		compliant += len(report.Compliant)
		for _, found := range report.NotCompliant {
			used[found.Rule.Name] = true
			if accepted[found.Rule.Name] == "" {
				t.Errorf("cfn-guard: %s: %s", report.Name, found.Rule.Name)
			}
		}
	}
	for name := range accepted {
		if !used[name] {
			t.Errorf("cfn-guard: %s is accepted, and nothing breaks it", name)
		}
	}
	if compliant < 10*want {
		t.Errorf("cfn-guard: %d rules were followed in %d templates", compliant, len(reports))
	}
}

// machine is the processor as cfn-guard's directories call it.
func machine(t *testing.T) string {
	t.Helper()
	out, ok := run(t, ".", nil, "uname", "-m")
	if !ok {
		t.Fatal(out)
	}
	return strings.TrimSpace(out)
}

// copyFile copies a program, and makes it one that can be started.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestForeignTaskDefinition compares task definitions with what the API of ECS takes, by the model
// that the AWS SDK for Python ships.
func TestForeignTaskDefinition(t *testing.T) {
	const check = `
import json, sys
import botocore.session, botocore.validate

service = botocore.session.get_session().get_service_model("ecs")
shape = service.operation_model("RegisterTaskDefinition").input_shape
for path in sys.argv[1:]:
    with open(path) as file:
        task = json.load(file)
    report = botocore.validate.ParamValidator().validate(task, shape)
    unknown = set(task) - set(shape.members) | set(task["containerDefinitions"][0]) - set(shape.members["containerDefinitions"].member.members)
    if report.has_errors() or unknown:
        sys.exit(f"{path}: {report.generate_report()} unknown: {unknown}")
`
	var tasks []string
	for _, dir := range awsBundles(t, ecs()) {
		tasks = append(tasks, filepath.Join(dir, "task-definition.json"))
	}
	python := program(t, "SDEV_FOREIGN_PYTHON")
	if out, ok := run(t, ".", nil, python, append([]string{"-c", check}, tasks...)...); !ok {
		t.Error(out)
	}
	broken := filepath.Join(t.TempDir(), "task-definition.json")
	content, err := os.ReadFile(tasks[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, bytes.Replace(content, []byte("readonlyRootFilesystem"), []byte("readOnlyRootFilesystem"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := run(t, ".", nil, python, "-c", check, broken); ok || !strings.Contains(out, "readOnlyRootFilesystem") {
		t.Errorf("a task definition with a mistake passes: %s", out)
	}
}

// TestForeignAWS synthesises the CDK app of every scenario that differs in it, offline, looks at what
// comes out, and puts all templates of both targets to those that know such templates.
func TestForeignAWS(t *testing.T) {
	node, modules := program(t, "SDEV_FOREIGN_NODE"), program(t, "SDEV_FOREIGN_CDK")
	// No registry, no cloud: an address that nobody answers at.
	env := []string{"PATH=" + filepath.Dir(node) + ":" + os.Getenv("PATH"), "HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED=true"}
	dirs, out := awsBundles(t, ecsCognito()), t.TempDir()
	for name, dir := range awsBundles(t, ecs()) {
		copyFile(t, filepath.Join(dir, "infrastructure.yml"), filepath.Join(out, strings.ReplaceAll(name, " ", "-")+".yml"))
	}

	t.Run("synthesis", func(t *testing.T) {
		for _, name := range []string{"scaffolded", "document 000", "nasty", "other"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				dir := dirs[name]
				template := filepath.Join(dir, "cdk.out", withDigest(t, filepath.Join(dir, "config.json"))+".template.json")
				if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
					t.Fatal(err)
				}
				var report string
				var ok bool
				if name == "scaffolded" { // as the runbook does it; the others without the program that calls the cloud
					report, ok = run(t, dir, env, filepath.Join(modules, "aws-cdk/bin/cdk"), "synth", "--quiet")
				} else if report, ok = run(t, dir, env, node, filepath.Join(modules, "typescript/bin/tsc")); ok {
					report, ok = run(t, dir, env, node, "build/bin/app.js")
				}
				if !ok || strings.Contains(report, "WARNING") {
					t.Fatalf("%s", report)
				}
				copyFile(t, template, filepath.Join(out, filepath.Base(dir)+".json"))
				cognitoHolds(t, template)
				startsAs(t, template, filepath.Join(dir, "config.json"))
			})
		}
	})
	t.Run("templates", func(t *testing.T) { templatesHold(t, out, len(awsScenarios())+4) })
	// That cdk-nag looks at all: an exception less ends the synthesis.
	t.Run("cdk-nag", func(t *testing.T) {
		dir := dirs["scaffolded"]
		path := filepath.Join(dir, "build/lib/app-stack.js")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Replace(content, []byte("AwsSolutions-S1"), []byte("AwsSolutions-S9"), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if report, ok := run(t, dir, env, node, "build/bin/app.js"); ok || !strings.Contains(report, "AwsSolutions-S1") {
			t.Errorf("a bucket without access logs passes: %s", report)
		}
	})
}

// startsAs compares what the synthesised task starts with with the configuration.
func startsAs(t *testing.T, template, config string) {
	t.Helper()
	type started struct{ EntryPoint, Command []string }
	var got struct {
		Resources map[string]struct {
			Properties struct{ ContainerDefinitions []started }
		}
	}
	var want started
	for path, into := range map[string]any{template: &got, config: &want} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	n := 0
	for _, r := range got.Resources {
		for _, c := range r.Properties.ContainerDefinitions {
			n++
			if !slices.Equal(c.EntryPoint, want.EntryPoint) || !slices.Equal(c.Command, want.Command) {
				t.Errorf("the task starts %q %q, want %q %q", c.EntryPoint, c.Command, want.EntryPoint, want.Command)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d containers", n)
	}
}

// withDigest gives a configuration the digest of an image, and says what the app is called.
func withDigest(t *testing.T, path string) (name string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	config["imageDigest"] = "sha256:" + strings.Repeat("a", 64)
	if err := os.WriteFile(path, mustJSON(t, config), 0o600); err != nil {
		t.Fatal(err)
	}
	name, _ = config["name"].(string)
	return name
}

// cognitoHolds looks for what this target is about in a synthesised template.
func cognitoHolds(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				Protocol           string
				DefaultActions     []struct{ Type string }
				CidrIp             string
				GroupId            any
				DeletionProtection string
			}
		}
	}
	if err := json.Unmarshal(content, &template); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for name, r := range template.Resources {
		seen[r.Type]++
		switch r.Type {
		case "AWS::ElasticLoadBalancingV2::Listener":
			want := map[string]string{"HTTP": "redirect", "HTTPS": "authenticate-cognito"}[r.Properties.Protocol]
			if len(r.Properties.DefaultActions) == 0 || r.Properties.DefaultActions[0].Type != want {
				t.Errorf("%s begins with %v, want %s", name, r.Properties.DefaultActions, want)
			}
		case "AWS::EC2::SecurityGroupIngress":
			if r.Properties.CidrIp != "" {
				t.Errorf("%s lets %s in past the load balancer", name, r.Properties.CidrIp)
			}
		case "AWS::Cognito::UserPool":
			if r.Properties.DeletionProtection != "ACTIVE" {
				t.Errorf("%s can be deleted with everybody in it", name)
			}
		}
	}
	for kind, want := range map[string]int{"AWS::ElasticLoadBalancingV2::Listener": 2, "AWS::Cognito::UserPool": 1, "AWS::ECS::Service": 1, "AWS::Cognito::ManagedLoginBranding": 1} {
		if seen[kind] != want {
			t.Errorf("%d of %s, want %d", seen[kind], kind, want)
		}
	}
}
