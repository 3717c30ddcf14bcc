package handoff

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// placeholderDigest stands for the digest of an image that is not pushed yet.
const placeholderDigest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000"

// cloudRun is Google Cloud Run behind Identity-Aware Proxy.
func cloudRun() Target {
	return Target{
		Name:       "cloud-run",
		About:      "Google Cloud Run behind Identity-Aware Proxy, by Terraform and a GitHub workflow",
		Params:     cloudRunParams(),
		NeedsImage: true,
		Derive:     deriveCloudRun,
		NextSteps:  nextCloudRun,

		Hosting:  dev.Hosting{OwnHost: true},
		Provides: proxiedProvides,
	}
}

func cloudRunParams() []Param {
	isLight := func(v Values) bool { return v.Text("variant") == "light" }
	withoutGuests := func(v Values) bool { return isLight(v) || v.Text("external-domain") == "none" }
	params := []Param{
		{
			Name: "variant", About: "full: load balancer, your own domains, guests; light: IAP on the service itself, only for people of an organisation",
			Choices: []string{"full", "light"}, Default: "full",
		},
		{
			Name: "name", About: "name of every resource: 2 to 23 lower-case letters, digits and dashes",
			Check: matches(pattern.New(`^[a-z][a-z0-9-]{0,21}[a-z0-9]$`), "2 to 23 lower-case letters, digits and dashes, starting with a letter"), FromFacts: appName(23), Placeholder: "streamlit-app",
		},
		{
			Name: "project-id", About: "ID of the Google Cloud project; look it up with: gcloud projects list",
			Check: matches(pattern.New(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`), "the ID of a project: 6 to 30 lower-case letters, digits and dashes"), Placeholder: "example-project",
		},
		{Name: "region", About: "Google Cloud region that the app runs in", Check: matches(pattern.New(`^[a-z]+-[a-z]+[0-9]{1,2}$`), "a region such as europe-west1"), Placeholder: "europe-west1"},
		{
			Name: "image", About: "first image, with its digest, in the registry that the bundle creates (README.md, step 3)",
			Check: checkDigest, FromFacts: namedImage, Placeholder: "europe-west1-docker.pkg.dev/example-project/streamlit-app/app" + placeholderDigest,
		},
		{Name: "domain", About: "full: host name for colleagues, without https://", Check: checkHostName, Placeholder: "app.example.com", NotApplicable: isLight},
		{
			Name: "external-domain", About: "full: host name for guests, who sign in with e-mail and password; none if there are no guests",
			Check: func(s string) error {
				if s == "none" {
					return nil
				}
				return checkHostName(s)
			}, Placeholder: "guests.example.com", NotApplicable: isLight,
		},
		{Name: "external-cidrs", About: "full: networks that guests connect from, separated by commas", Check: listOf(1, checkCIDR), Placeholder: "203.0.113.0/24", NotApplicable: withoutGuests},
		{
			Name: "login-page", About: "full: URL of the page on which guests sign in (README.md, step 6); until it is set, no guest can sign in", Optional: true,
			Check: matches(pattern.New(`^https://[^\s"'<>\\]+$`), "a URL that begins with https://"),
		},
		{Name: "cpu", About: "CPUs of an instance", Choices: []string{"1", "2", "4", "8"}, Default: "1"},
		{Name: "memory", About: "memory of an instance, including its files in /tmp", Check: matches(pattern.New(`^[1-9][0-9]{0,4}(Mi|Gi)$`), "a size such as 512Mi or 2Gi"), Default: "1Gi"},
		{
			Name: "state-bucket", About: "bucket for Terraform's state; empty for the bundle's directory", Optional: true,
			Check: matches(pattern.New(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`), "the name of a bucket, without gs://"),
		},
	}
	params = append(params, accessParams("somebody@example.com", func(s string) error {
		if !emailPattern.MatchString(s) {
			return fmt.Errorf("%q is not the e-mail address of a Google group", s)
		}
		return nil
	})...)
	return append(params, paramsNamed(githubParams(), "github-owner", "github-repo", "github-branch", "github-environment", "github-repo-id")...)
}

// deriveCloudRun computes what else the templates of cloud-run need.
func deriveCloudRun(f Facts, v Values) (map[string]any, []dev.Finding) {
	full, external := v.Text("variant") != "light", "no"
	if v.Text("external-domain") != "none" {
		external = "yes"
	}
	address := ""
	if full {
		address = "https://" + strings.TrimSuffix(v.Text("domain")+path.Join("/", f.App.BasePath), "/")
	} else {
		external = "" // the light variant has no second domain
	}
	allowed, findings := accessOf(f, v)
	grants, inexpressible := conditions(f, allowed)
	findings = slices.Concat(findings, inexpressible, pathFindings(f), cloudRunFindings(f, v, external == "yes"))

	env := appEnvironment(f, address)
	delete(env, "STREAMLIT_SERVER_PORT")
	// The light variant has no domain: Google assigns its host name during the first deployment.
	if full {
		env["STREAMLIT_SERVER_ALLOWED_HOSTS"] = v.Text("domain")
	}
	if external == "yes" { // Streamlit separates hosts by spaces
		env["STREAMLIT_SERVER_ALLOWED_HOSTS"] += " " + v.Text("external-domain")
	}
	entrypoint, arguments := f.App.startCommand()
	tfvars := map[string]any{
		"project_id":           v.Text("project-id"),
		"region":               v.Text("region"),
		"name":                 v.Text("name"),
		"image":                v.Text("image"),
		"port":                 f.App.port(),
		"health_path":          f.App.healthPath(),
		"cpu":                  v.Text("cpu"),
		"memory":               v.Text("memory"),
		"environment":          env,
		"entrypoint":           append([]string{}, entrypoint...), // null is no list
		"arguments":            append([]string{}, arguments...),
		"github_repository":    v.Text("github-owner") + "/" + v.Text("github-repo"),
		"github_repository_id": v.Text("github-repo-id"),
		"github_branch":        v.Text("github-branch"),
		"access":               bindings(grants),
	}
	if full {
		tfvars["domain"] = v.Text("domain")
	}
	if external == "yes" {
		tfvars["external_domain"] = v.Text("external-domain")
		tfvars["external_cidrs"] = splitList(v.Text("external-cidrs"))
		tfvars["login_page"] = v.Text("login-page")
	}
	dir, dockerfile, platform := imageBuild(f)
	return map[string]any{
		"tfvars": tfvars, "grants": grants, "external": external,
		"context": dir, "dockerfile": dockerfile, "platform": platform,
	}, findings
}

// binding is a grant in the terms of IAM.
type binding struct {
	Title      string
	Members    string // separated by commas
	Expression string // condition; "" is every path
	members    []string
}

func newBinding(b dev.IAMBinding) binding {
	names := dev.IAMNames(b.Members)
	return binding{Title: b.Title, Members: strings.Join(names, ", "), Expression: b.Condition.Expression(), members: names}
}

// bindings are the value of the Terraform variable "access". A binding without members is left out.
func bindings(all []binding) map[string]any {
	out := map[string]any{}
	for _, b := range all {
		if len(b.members) > 0 {
			out[b.Title] = map[string]any{"members": b.members, "expression": b.Expression}
		}
	}
	return out
}

// maxOperators is how many logical operators a condition of IAM may have. Source: Google Cloud
// documentation, "IAM quotas and limits", logical operators in a role binding's condition expression.
const maxOperators = 12

const pathDocs = "https://docs.cloud.google.com/chrome-enterprise-premium/docs/hostname-and-path-conditions"

// conditions turns grants into bindings of IAM, and finds what no condition can express.
func conditions(f Facts, allowed dev.Granted) ([]binding, []dev.Finding) {
	var all []binding
	var findings []dev.Finding
	for _, g := range allowed.Grants {
		place := dev.Finding{Docs: pathDocs}
		if i := slices.IndexFunc(f.Policy, func(p dev.Policy) bool { return p.Path == g.Path }); i >= 0 {
			place.File, place.Line = splitOrigin(f.Policy[i].Origin)
		}
		grant, ok := allowed.IAM(g)
		if !ok {
			prefix, _, _ := dev.LiteralPrefix(g.Path)
			place.ID, place.Severity = "policy.cloud-run.pattern", dev.Warns
			place.Message = fmt.Sprintf("conditions of IAM only compare the beginning of a path, so they cannot express %s: every path that begins with %s is closed to everybody", g.Path, prefix)
			place.Fix = "list the paths one by one, or check in the page who the person is"
			findings = append(findings, place)
			continue
		}
		b := newBinding(grant)
		if n := operators(b.Expression); n > maxOperators {
			place.ID, place.Severity = "policy.cloud-run.size", dev.Blocks
			place.Message = fmt.Sprintf("the condition of %s has %d logical operators, but IAM allows %d", g.Title, n, maxOperators)
			place.Fix = "move pages for the same people below one path, or check in some pages who the person is"
			findings = append(findings, place)
		}
		all = append(all, b)
	}
	if shared, ok := allowed.IAMShared(f.App.BasePath); ok {
		all = append(all, newBinding(shared))
	}
	return all, findings
}

func operators(expression string) int {
	return strings.Count(expression, " || ") + strings.Count(expression, " && ") + strings.Count(expression, "!(")
}

// cloudRunFindings report values that contradict one another, and what this target cannot do.
func cloudRunFindings(f Facts, v Values, external bool) []dev.Finding {
	findings := proxyFindings(f, "cloud-run", dev.ProxyIAP, "iap_identity.py")
	findings = append(findings, portabilityFindings(f, "cloud-run",
		"pass the value in an environment variable from Secret Manager, or let the service account assume an AWS role (web identity)",
		"files are in the instance's memory, and disappear with it")...)
	add := func(id string, severity dev.Severity, message, fix, docs string) {
		findings = append(findings, dev.Finding{ID: id, Severity: severity, Message: message, Fix: fix, Docs: docs})
	}
	if external && v.Text("external-domain") == v.Text("domain") {
		add("cloud-run.domains", dev.Blocks,
			"colleagues and guests have the same domain, but only the domain distinguishes them",
			"set external-domain to another host name, or to none",
			"https://docs.cloud.google.com/load-balancing/docs/https/url-map-concepts")
	}
	if external && v.Text("login-page") == "" {
		add("cloud-run.login-page", dev.Informs,
			"no guest can sign in yet, because their sign-in page exists only after the first apply",
			"follow README.md, step 6, then: sdev deploy cloud-run --set login-page=URL",
			"https://docs.cloud.google.com/iap/docs/cloud-run-sign-in")
	}
	if external && len(f.Policy) > 0 {
		add("policy.cloud-run.external", dev.Warns,
			"for guests, IAP only checks the sign-in and ignores IAM, so every guest with an account reaches every page, whatever the policies say",
			"check in the page who the person is (iap_identity.py), or set external-domain to none",
			"https://docs.cloud.google.com/iap/docs/external-identities")
	}
	if !external && v.Text("login-page") != "" {
		add("cloud-run.login-page", dev.Warns,
			"login-page is for guests, but external-domain says that there are none",
			"set external-domain, or remove login-page",
			"https://docs.cloud.google.com/iap/docs/external-identities")
	}
	if f.Git.Host != "" && f.Git.Host != "github.com" {
		add("cloud-run.github", dev.Warns,
			"the workflow is for GitHub, but origin is at "+f.Git.Host,
			"translate its steps for that service, and trust its OIDC provider in build.tf",
			"https://docs.cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines")
	}
	if p := f.App.Platform; p != "" && p != "linux/amd64" {
		add("cloud-run.platform", dev.Blocks,
			"the service is built for "+p+", but Cloud Run only runs linux/amd64",
			"build for linux/amd64, as the workflow does",
			"https://docs.cloud.google.com/run/docs/container-contract")
	}
	return findings
}

// nextCloudRun are the steps of README.md, in short.
func nextCloudRun(_ Facts, v Values) []Step {
	steps := []Step{
		{About: "In the bundle's directory, create the registry and GitHub's access", Once: true, Run: "terraform init && " +
			"terraform apply -target google_artifact_registry_repository_iam_member.deploy" +
			" -target google_service_account_iam_member.github -target google_iam_workload_identity_pool_provider.github"},
		{About: "Set the repository's variables: the account that deploys", Once: true, Run: `gh variable set GCP_WORKLOAD_IDENTITY_PROVIDER` +
			` --body "$(terraform output -raw workload_identity_provider)" && ` +
			`gh variable set GCP_DEPLOY_ACCOUNT --body "$(terraform output -raw deploy_account)"`},
		{About: "Push the first image, and set image to it", Once: true, Run: "gh workflow run cloud-run-" + v.Text("name") + ".yml --ref " + v.Text("github-branch")},
		{About: "Create everything else", Once: true, Run: "terraform apply"},
	}
	if v.Text("variant") != "light" {
		steps = append(steps,
			Step{About: "Point the domains to this address", Once: true, Run: "terraform output -raw address"},
			Step{About: "Give the app the audiences of IAP's tokens", Once: true, Run: "terraform output -json iap_audiences | jq '{iap_audiences: .}' >iap.auto.tfvars.json && terraform apply"},
		)
	}
	return append(steps, Step{About: "From then on, the workflow deploys each commit", Run: "git push origin " + v.Text("github-branch")})
}
