package handoff

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
)

// ecs is a Fargate service behind a load balancer, deployed by a GitHub workflow.
func ecs() Target {
	return Target{
		Name:       "ecs",
		About:      "AWS ECS on Fargate behind a load balancer, deployed by a GitHub workflow; the app signs people in",
		Params:     append(awsParams(), githubParams()...),
		NeedsImage: true,
		Derive:     deriveECS,
		NextSteps:  nextECS,

		Hosting:         dev.Hosting{OwnHost: true},
		Platform:        awsPlatform,
		SecretVariables: awsSecretVariables,
		Provides:        ecsProvides,
	}
}

// deriveECS computes what else the templates of ecs need.
func deriveECS(f Facts, v Values) (map[string]any, []dev.Finding) {
	findings := awsFindings(f, v)
	known, unreadable := parameters(f)
	closed, inexpressible := albPolicies(f, "ecs", "check in the page who the person is, or use ecs-cognito")
	findings = slices.Concat(findings, unreadable, inexpressible, ecsFindings(f, v))

	role := func(name string) string {
		return fmt.Sprintf("arn:%s:iam::%s:role/%s-%s", partition(v.Text("region")), v.Text("aws-account"), v.Text("name"), name)
	}
	d := map[string]any{
		"partition":    partition(v.Text("region")),
		"port":         f.App.port(),
		"cidrs":        parseNetworks(v.Text("allowed-cidrs")),
		"logDays":      parseNumber(v.Text("log-days")),
		"egress":       parseNumbers(v.Text("egress-ports")),
		"parameters":   known,
		"kms":          v.Text("kms-key"),
		"policies":     policyRows(f),
		"closed":       closed,
		"environment":  nameValuePairs(awsEnvironment(f, v)),
		"address":      address(f, v),
		"health":       f.App.healthPath(),
		"slug":         v.Text("github-owner") + "/" + v.Text("github-repo"),
		"workflow":     "deploy-" + v.Text("name"),
		"workflowFile": ".github/workflows/deploy-" + v.Text("name") + ".yml",
		"buildRole":    role("build"),
		"deployRole":   role("deploy"),
		"repository":   registry(v) + "/" + v.Text("name"),
		"context":      cmp.Or(f.App.Context, "."),
		"dockerfile":   path.Join(cmp.Or(f.App.Context, "."), cmp.Or(f.App.Dockerfile, "Dockerfile")),
		"definition":   path.Join(f.Bundle, "task-definition.json"),
		"bundle":       cmp.Or(f.Bundle, "."),
		"oauth":        f.App.signsInWith("streamlit-oauth"),
		"native":       f.App.signsInWith("native"),
		"paths":        []string(nil),
		"platform":     awsPlatform(v),
		"runner":       "ubuntu-24.04",
		"stack":        ecsStack(f, v),
	}
	if v.Text("architecture") == "ARM64" {
		d["runner"] = "ubuntu-24.04-arm"
	}
	if f.Dir != "" && f.Dir != "." {
		d["paths"] = []string{f.Dir + "/**", f.Bundle + "/task-definition.json", ".github/workflows/deploy-" + v.Text("name") + ".yml"}
	}
	addSecrets(d, f, v)
	return d, findings
}

// ecsSecrets are the variables that ECS sets from SSM. For st.login, one holds a whole secrets.toml.
func ecsSecrets(f Facts, v Values) map[string]parameter {
	all := secrets(v)
	if f.App.signsInWith("native") {
		all["STREAMLIT_SECRETS_TOML"] = parameter{Name: "/" + v.Text("name") + "/secrets.toml", Path: v.Text("name") + "/secrets.toml"}
	}
	return all
}

// ecsProvides is awsProvides with the secrets.toml of st.login.
func ecsProvides(f Facts, v Values) Provided {
	p := awsProvides(f, v)
	if f.App.signsInWith("native") {
		p.SecretsFile = "the parameter " + ecsSecrets(f, v)["STREAMLIT_SECRETS_TOML"].Name
	}
	return p
}

// addSecrets adds the variables that ECS sets from SSM. The container writes a secrets.toml to a file before the app
// starts, because Streamlit reads it only from a file.
func addSecrets(d map[string]any, f Facts, v Values) {
	all := ecsSecrets(f, v)
	d["entrypoint"], d["command"] = f.App.startCommand()
	if f.App.signsInWith("native") {
		d["command"] = f.App.Command
		d["entrypoint"] = []string{
			"sh", "-c",
			`umask 077; printf '%s' "$STREAMLIT_SECRETS_TOML" >/tmp/secrets.toml; unset STREAMLIT_SECRETS_TOML; exec "$@"`, "sh",
		}
		env := awsEnvironment(f, v)
		env["STREAMLIT_SECRETS_FILES"] = "/tmp/secrets.toml"
		d["environment"] = nameValuePairs(env)
	}
	taskSecrets := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		taskSecrets = append(taskSecrets, map[string]string{"name": name, "valueFrom": all[name].Name})
	}
	d["toml"] = "/" + v.Text("name") + "/secrets.toml"
	d["taskSecrets"], d["secrets"] = taskSecrets, distinctByName(slices.Collect(maps.Values(all)))
}

// ecsStack are the parameters of the CloudFormation stack. CloudFormation wants all of them as strings.
func ecsStack(f Facts, v Values) map[string]string {
	subnets, public := splitList(v.Text("app-subnets")), "DISABLED"
	if len(subnets) == 0 {
		subnets, public = splitList(v.Text("public-subnets")), "ENABLED"
	}
	return map[string]string{
		"Name":           v.Text("name"),
		"Domain":         v.Text("domain"),
		"HostedZone":     v.Text("hosted-zone"),
		"Certificate":    v.Text("certificate"),
		"Vpc":            v.Text("vpc"),
		"PublicSubnets":  strings.Join(splitList(v.Text("public-subnets")), ","),
		"AppSubnets":     strings.Join(subnets, ","),
		"AssignPublicIp": public,
		"Port":           strconv.Itoa(f.App.port()),
		"HealthPath":     f.App.healthPath(),
		"GitHubProvider": v.Text("github-oidc-provider"),
		"BuildSubject":   subjectClaim(v, "ref:refs/heads/"+v.Text("github-branch")),
		"DeploySubject":  subjectClaim(v, "environment:"+v.Text("github-environment")),
	}
}

// subjectClaim is the complete sub claim of a job, which AWS compares exactly. Source: GitHub documentation, "OpenID
// Connect reference", example subject claims and immutable subject claims.
func subjectClaim(v Values, context string) string {
	owner, repo := v.Text("github-owner"), v.Text("github-repo")
	if v.Text("github-subject") == "ids" {
		owner, repo = owner+"@"+v.Text("github-owner-id"), repo+"@"+v.Text("github-repo-id")
	}
	return "repo:" + owner + "/" + repo + ":" + context
}

// ecsFindings report values that contradict one another, and what this target cannot do.
func ecsFindings(f Facts, v Values) []dev.Finding {
	var findings []dev.Finding
	add := func(id string, severity dev.Severity, message, fix, docs string) {
		findings = append(findings, dev.Finding{ID: id, Severity: severity, Message: message, Fix: fix, Docs: docs})
	}
	const oidc = "https://docs.github.com/en/actions/reference/security/oidc"
	if v.Text("github-subject") == "ids" && (v.Text("github-owner-id") == "" || v.Text("github-repo-id") == "") {
		add("ecs.github.ids", dev.Blocks, "github-subject is ids, but github-owner-id or github-repo-id is not set, so no job could assume its role",
			fmt.Sprintf("look both up and set them: gh api repos/%s/%s --jq '.owner.id, .id'", v.Text("github-owner"), v.Text("github-repo")), oidc)
	}
	if f.Git.Host != "" && f.Git.Host != "github.com" {
		add("ecs.github.host", dev.Warns, "the workflow is for GitHub, but origin is at "+f.Git.Host, "translate its steps for that service, and trust its OIDC provider in infrastructure.yml", oidc)
	}
	everybody := slices.ContainsFunc(splitList(v.Text("allowed-cidrs")), func(s string) bool { return strings.HasSuffix(s, "/0") })
	if everybody && f.App.hasNoLogin() {
		add("ecs.open", dev.Blocks, "everybody on the internet can open the app, because it has no login", "set allowed-cidrs to your networks, add a login, or use ecs-cognito",
			"https://docs.streamlit.io/develop/concepts/connections/authentication")
	}
	for _, proxy := range dev.IdentityProxies() {
		if i := slices.IndexFunc(f.App.Login, func(l Value) bool { return l.Text == proxy.Name }); i >= 0 {
			add("ecs.login.door", dev.Blocks, fmt.Sprintf("the app (%s) trusts headers of an identity proxy that this target does not have, so anybody could forge them", f.App.Login[i].Source),
				"use ecs-cognito, where the load balancer signs people in, or add a login to the app", "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html")
		}
	}
	if f.App.signsInWith("native") && len(f.App.Command) == 0 {
		add("ecs.command", dev.Blocks, "the task has to write a secrets.toml for st.login before it starts the app, but neither the compose file nor the Dockerfile has the command that starts it",
			"give the service a command in the compose file, or the image a CMD", "https://docs.streamlit.io/develop/api-reference/configuration/config.toml#secrets")
	}
	if f.App.Dockerfile == "" && f.App.Context == "" {
		add("ecs.build", dev.Warns, "the app's image is not built from this repository, so the workflow would build a Dockerfile that may not exist",
			"add a build section to the service, or the build to the workflow", "https://docs.docker.com/reference/compose-file/build/")
	}
	return findings
}

// registry is the host name of the account's registry.
func registry(v Values) string {
	domain := "amazonaws.com"
	if partition(v.Text("region")) == "aws-cn" {
		domain += ".cn"
	}
	return v.Text("aws-account") + ".dkr.ecr." + v.Text("region") + "." + domain
}

// network is a network that may reach the app.
type network struct {
	Text string
	V6   bool
}

func parseNetworks(s string) []network {
	var all []network
	for _, one := range splitList(s) {
		all = append(all, network{Text: one, V6: strings.Contains(one, ":")})
	}
	return all
}

// parseNumbers parses a comma-separated list of ports.
func parseNumbers(s string) []int {
	var all []int
	for _, one := range splitList(s) {
		all = append(all, parseNumber(one))
	}
	return all
}

// parseNumber parses a value that its check has accepted as a number.
func parseNumber(s string) int {
	n, _ := strconv.Atoi(s) // 0 for anything else, which every platform refuses
	return n
}

// nameValuePairs is an environment in the form of a task definition, sorted.
func nameValuePairs(env map[string]string) []map[string]string {
	all := []map[string]string{}
	for name, value := range env {
		all = append(all, map[string]string{"name": name, "value": value})
	}
	slices.SortFunc(all, func(a, b map[string]string) int { return cmp.Compare(a["name"], b["name"]) })
	return all
}

// nextECS are the steps of README.md, in short.
func nextECS(f Facts, v Values) []Step {
	stack := "aws cloudformation deploy --region " + v.Text("region") + " --stack-name " + v.Text("name") +
		" --template-file infrastructure.yml --capabilities CAPABILITY_NAMED_IAM"
	steps := []Step{
		{About: "In the bundle's directory, create everything except the service", Run: stack + " --parameter-overrides file://parameters.json", Once: true},
	}
	steps = append(steps, storeSteps(f, v, ecsSecrets(f, v))...)
	return append(steps,
		Step{About: "Commit and push; the workflow builds the image and registers the task definition", Run: "git push origin " + v.Text("github-branch")},
		Step{About: "Create the service", Run: stack + " --parameter-overrides CreateService=yes", Once: true},
		Step{About: "From one of the allowed networks, check that the app answers", Run: "curl -fsS " + shText("https://"+v.Text("domain")+f.App.healthPath())},
	)
}
