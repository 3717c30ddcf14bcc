package handoff

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sdev/dev"
	"sdev/dev/pattern"
)

// ecsCognito is a Fargate service behind a load balancer that signs people in with Cognito.
func ecsCognito() Target {
	return Target{
		Name:       "ecs-cognito",
		About:      "AWS ECS on Fargate behind a load balancer that signs people in with Cognito; a CDK app in TypeScript",
		Params:     append(awsParams(), cognitoParams()...),
		NeedsImage: true,
		Derive:     deriveCognito,
		NextSteps:  nextCognito,

		Hosting:         dev.Hosting{OwnHost: true},
		Platform:        awsPlatform,
		SecretVariables: awsSecretVariables,
		Provides:        awsProvides,
	}
}

// cognitoParams are the parameters of the user pool and the image.
func cognitoParams() []Param {
	return []Param{
		{
			Name: "cognito-domain-prefix", About: "beginning of the sign-in page's host name, unique in the region; empty for NAME-ACCOUNT",
			Check: checkDomainPrefix, Optional: true,
		},
		{Name: "cognito-mfa", About: "second factor (an authenticator app) for everybody", Choices: []string{"required", "optional"}, Default: "required"},
		{Name: "cognito-threat-protection", About: "refuse stolen passwords and suspicious sign-ins; needs the Plus plan, which costs per user", Choices: []string{"on", "off"}, Default: "off"},
		{Name: "session-hours", About: "how many hours a sign-in lasts", Check: matches(pattern.New(`^([1-9]|[1-9]\d|1[0-5]\d|16[0-8])$`), "a number of hours, 1 to 168"), Default: "12"},
		{Name: "waf", About: "web application firewall in front of the load balancer, about $10 a month", Choices: []string{"on", "off"}, Default: "on"},
		{
			Name: "image-digest", About: "digest of the pushed image; empty until it is pushed", Optional: true,
			Check: matches(pattern.New(`^sha256:[0-9a-f]{64}$`), "sha256: and 64 hexadecimal digits"),
			FromFacts: func(f Facts) (Value, bool) {
				return Value{Text: f.Image.Digest, Source: "the image"}, f.Image.Digest != ""
			},
		},
	}
}

// checkDomainPrefix accepts what Cognito does. Source: Amazon Cognito API reference, CreateUserPoolDomain.
func checkDomainPrefix(s string) error {
	for _, word := range []string{"aws", "amazon", "cognito"} {
		if strings.Contains(s, word) {
			return fmt.Errorf("a domain prefix of Cognito may not contain %q", word)
		}
	}
	return matches(pattern.New(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`), "lower-case letters, digits and dashes")(s)
}

// domainPrefix is the parameter, or a prefix that is likely to be free.
func domainPrefix(v Values) string {
	return cmp.Or(v.Text("cognito-domain-prefix"), v.Text("name")+"-"+v.Text("aws-account"))
}

// deriveCognito computes the configuration of the CDK app. The app itself has no values of the project in it.
func deriveCognito(f Facts, v Values) (map[string]any, []dev.Finding) {
	known, unreadable := parameters(f)
	// The groups are in the access token; x-amzn-oidc-data has none.
	closed, inexpressible := albPolicies(f, "ecs-cognito", "copy alb_identity.py from the bundle into the app, and call require(GROUP) in the page")
	groups, unnameable := cognitoGroups(f)
	findings := slices.Concat(awsFindings(f, v), unreadable, inexpressible, unnameable, cognitoFindings(f, v))

	paths := []string{}
	for _, p := range known {
		paths = append(paths, p.Path)
	}
	rules := []map[string]any{}
	for _, c := range closed {
		rules = append(rules, map[string]any{"priority": c.Priority, "patterns": c.Patterns})
	}
	taskSecrets, names := secrets(v), map[string]string{}
	for name, from := range taskSecrets {
		names[name] = from.Name
	}
	stack := ecsStack(f, v)
	entrypoint, command := f.App.startCommand()
	d := map[string]any{
		"config": map[string]any{
			"name": v.Text("name"), "account": v.Text("aws-account"), "region": v.Text("region"),
			"domain": v.Text("domain"), "hostedZone": v.Text("hosted-zone"), "certificate": v.Text("certificate"),
			"vpc": v.Text("vpc"), "publicSubnets": splitList(stack["PublicSubnets"]), "appSubnets": splitList(stack["AppSubnets"]),
			"assignPublicIp": stack["AssignPublicIp"] == "ENABLED",
			"allowedCidrs":   splitList(v.Text("allowed-cidrs")), "egressPorts": parseNumbers(v.Text("egress-ports")),
			"cpu": parseNumber(v.Text("cpu")), "memory": parseNumber(v.Text("memory")), "architecture": v.Text("architecture"),
			"port": f.App.port(), "healthPath": f.App.healthPath(), "environment": awsEnvironment(f, v),
			"entryPoint": append([]string{}, entrypoint...), "command": append([]string{}, command...),
			"parameters": paths, "secrets": names, "kmsKey": v.Text("kms-key"), "imageDigest": v.Text("image-digest"), "logDays": parseNumber(v.Text("log-days")),
			"cognito": map[string]any{
				"domainPrefix": domainPrefix(v), "mfa": v.Text("cognito-mfa"), "threatProtection": v.Text("cognito-threat-protection") == "on",
				"sessionHours": parseNumber(v.Text("session-hours")), "groups": groups,
			},
			"closed": rules, "waf": v.Text("waf") == "on",
		},
		"address": address(f, v), "health": f.App.healthPath(), "parameters": known, "secrets": distinctByName(slices.Collect(maps.Values(taskSecrets))), "groups": groups,
		"registry": registry(v), "repository": registry(v) + "/" + v.Text("name"), "signIn": domainPrefix(v),
		"context": cmp.Or(f.App.Context, "."), "platform": awsPlatform(v), "dockerfile": "", "oauth": f.App.signsInWith("streamlit-oauth"),
		"image": f.Image.Ref, "policies": policyRows(f),
	}
	if f.App.Dockerfile != "" && f.App.Dockerfile != "Dockerfile" {
		d["dockerfile"] = path.Join(cmp.Or(f.App.Context, "."), f.App.Dockerfile)
	}
	return d, findings
}

// isGroupName reports whether Cognito accepts a group of this name. Source: Amazon Cognito API
// reference, CreateGroup.
func isGroupName(s string) bool {
	const longest = 128
	disallowed := func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.S, unicode.N, unicode.P)
	}
	return s != "" && utf8.RuneCountInString(s) <= longest && !strings.ContainsFunc(s, disallowed)
}

// cognitoGroups are the groups of the project's people and policies, sorted.
func cognitoGroups(f Facts) (groups []string, findings []dev.Finding) {
	groups = []string{}
	for _, p := range f.People {
		groups = append(groups, p.Groups...)
	}
	for _, p := range f.Policy {
		groups = append(groups, p.Allow.Groups...)
	}
	slices.Sort(groups)
	groups = slices.DeleteFunc(slices.Compact(groups), func(g string) bool {
		if isGroupName(g) {
			return false
		}
		findings = append(findings, dev.Finding{
			ID: "ecs-cognito.group", Severity: dev.Blocks, Message: fmt.Sprintf("Cognito does not accept a group with the name %q", g),
			Fix:  "rename it: 1 to 128 letters, digits, symbols and punctuation marks, without spaces",
			Docs: "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html",
		})
		return true
	})
	return groups, findings
}

// cognitoFindings report values that contradict one another, and what this target cannot do.
func cognitoFindings(f Facts, v Values) []dev.Finding {
	findings := proxyFindings(f, "ecs-cognito", dev.ProxyALB, "alb_identity.py")
	if f.App.signsInWith("native") {
		findings = append(findings, dev.Finding{
			ID: "ecs-cognito.login.native", Severity: dev.Blocks, Docs: "https://docs.streamlit.io/develop/api-reference/user/st.login",
			Message: "st.login needs a secrets.toml, which this target does not provide, because the load balancer signs people in",
			Fix:     "instead of st.login, take the person from x-amzn-oidc-data, as alb_identity.py in the bundle does; or use ecs",
		})
	}
	if err := checkDomainPrefix(domainPrefix(v)); err != nil {
		findings = append(findings, dev.Finding{
			ID: "ecs-cognito.prefix", Severity: dev.Blocks, Message: err.Error(), Fix: "set cognito-domain-prefix",
			Docs: "https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html",
		})
	}
	return findings
}

// nextCognito are the steps of README.md, in short.
func nextCognito(f Facts, v Values) []Step {
	name, region := v.Text("name"), v.Text("region")
	steps := []Step{
		{About: "In the bundle's directory, install the packages of package-lock.json", Run: "npm ci", Once: true},
		{About: "Prepare the account for CDK", Run: "npx cdk bootstrap aws://" + v.Text("aws-account") + "/" + region, Once: true},
		{About: "Create the registry", Run: "npx cdk deploy " + name + "-registry", Once: true},
	}
	steps = append(steps, storeSteps(f, v, secrets(v))...)
	return append(steps,
		Step{About: "Push the image to " + registry(v) + "/" + name + " (README.md has the commands)"},
		Step{About: "Deploy the image by its digest", Run: "npx cdk deploy " + name + " -c imageDigest=sha256:…"},
		Step{About: "Create the people's accounts (README.md has the command)"},
	)
}
