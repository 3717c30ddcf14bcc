package handoff

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// cloudflare is a machine of your own behind Cloudflare Tunnel and Access.
func cloudflare() Target {
	return Target{
		Name:       "cloudflare",
		About:      "a machine of your own behind Cloudflare Tunnel and Access, by Terraform and Compose",
		Params:     cloudflareParams(),
		NeedsImage: true,
		Derive:     deriveCloudflare,
		NextSteps:  nextCloudflare,

		Hosting:  dev.Hosting{OwnHost: true, Tunnel: true},
		Provides: proxiedProvides,
	}
}

func cloudflareParams() []Param {
	id := matches(pattern.New(`^[0-9a-f]{32}$`), "32 hexadecimal digits")
	uuid := matches(pattern.New(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "an id such as 699d9864-2c56-4d2e-855e-9661899b7252")
	params := []Param{
		{
			Name: "name", About: "name of every resource: 2 to 24 lower-case letters, digits and dashes",
			Check: matches(pattern.New(`^[a-z][a-z0-9-]{0,22}[a-z0-9]$`), "2 to 24 lower-case letters, digits and dashes, starting with a letter"), FromFacts: appName(24), Placeholder: "streamlit-app",
		},
		{Name: "account-id", About: "ID of the Cloudflare account; the zone's overview shows it", Check: id, Placeholder: "00000000000000000000000000000000"},
		{Name: "zone-id", About: "ID of the domain's zone; its overview shows it", Check: id, Placeholder: "00000000000000000000000000000001"},
		{
			Name: "team", About: "name of the Zero Trust organisation: the part before .cloudflareaccess.com",
			Check: matches(pattern.New(`^[a-z0-9][a-z0-9-]{0,62}$`), "only the name, without .cloudflareaccess.com"), Placeholder: "example-team",
		},
		{Name: "domain", About: "host name of the app, without https://", Check: checkHostName, Placeholder: "app.example.com"},
		{
			Name: "path", About: "path below which the app is served, without slashes around it; empty for the whole domain", Optional: true,
			Check: matches(pattern.New(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`), "a path such as streamlit, without slashes around it"),
			FromFacts: func(f Facts) (Value, bool) {
				return Value{Text: f.App.BasePath, Source: "server.baseUrlPath"}, f.App.BasePath != ""
			},
		},
		{Name: "image", About: "image, with its digest, in a registry that the machine can pull from", Check: checkDigest, FromFacts: namedImage, Placeholder: "registry.example.com/streamlit-app/app" + placeholderDigest},
		{
			Name: "cloudflared-version", About: "version of cloudflared, from github.com/cloudflare/cloudflared/releases",
			Check: matches(pattern.New(`^20\d\d\.\d{1,2}\.\d{1,3}$`), "a version such as 2026.8.2"), Default: "2026.8.2",
		},
		{Name: "session-duration", About: "how long a sign-in lasts", Check: matches(pattern.New(`^[1-9][0-9]{0,3}(m|h)$`), "a time such as 30m or 12h"), Default: "12h"},
		{Name: "memory-limit", About: "memory that the app may use", Check: matches(pattern.New(`^[1-9][0-9]{0,5}(m|g)$`), "a size such as 512m or 2g"), Default: "1g"},
		{
			Name: "state-bucket", About: "R2 bucket for Terraform's state; empty for the bundle's directory", Optional: true,
			Check: matches(pattern.New(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`), "the name of a bucket"),
		},
		{Name: "identity-providers", About: "IDs of the identity providers that people may choose from, separated by commas; empty for all", Optional: true, Check: listOf(1, uuid)},
		{
			Name: "group-kind", About: "what the groups are: access (groups of Access, by ID), google (by e-mail address), entra (by ID), okta (by name), oidc (values of the claim groups)",
			Choices: []string{"access", "google", "entra", "okta", "oidc"}, Default: "access",
		},
		{Name: "group-provider", About: "ID of the groups' identity provider, unless group-kind is access", Optional: true, Check: uuid},
	}
	return append(params, accessParams("GROUP, in the form of group-kind", func(s string) error {
		if s == "" {
			return errors.New("the platform's name of the group is missing")
		}
		return nil
	})...)
}

// application is an application of Access: some paths, and who may open them.
type application struct {
	Name    string
	Covers  string
	Members string
	paths   []string
	scoped  bool
	people  []map[string]string
}

// deriveCloudflare computes what else the templates of cloudflare need.
func deriveCloudflare(f Facts, v Values) (map[string]any, []dev.Finding) {
	base := ""
	if v.Text("path") != "" {
		base = "/" + v.Text("path")
	}
	f.App.BasePath = v.Text("path") // which the parameter may have changed
	address := "https://" + v.Text("domain") + base
	allowed, findings := accessOf(f, v)
	applications, inexpressible := applications(f, v, allowed, base)
	findings = slices.Concat(findings, inexpressible, pathFindings(f), cloudflareFindings(f, v))

	env := appEnvironment(f, address)
	env["STREAMLIT_SERVER_PORT"] = fmt.Sprint(f.App.port())
	env["STREAMLIT_SERVER_BASE_URL_PATH"] = v.Text("path")
	env["STREAMLIT_SERVER_ALLOWED_HOSTS"] = v.Text("domain")
	env["HOME"] = "/tmp"
	if base == "" {
		delete(env, "STREAMLIT_SERVER_BASE_URL_PATH")
	}
	entrypoint, command := f.App.startCommand()
	return map[string]any{
		"address":      address,
		"entrypoint":   entrypoint,
		"command":      command,
		"applications": applications,
		"scoped":       slices.ContainsFunc(applications, func(a application) bool { return a.scoped && len(applications) > 1 }),
		"environment":  sortedVariables(env),
		"probe":        fmt.Sprintf("import urllib.request as u; u.urlopen('http://127.0.0.1:%d%s', timeout=4)", f.App.port(), f.App.healthPath()),
		"tfvars": map[string]any{
			"account_id":         v.Text("account-id"),
			"zone_id":            v.Text("zone-id"),
			"team":               v.Text("team"),
			"name":               v.Text("name"),
			"domain":             v.Text("domain"),
			"base_path":          base,
			"port":               f.App.port(),
			"session_duration":   v.Text("session-duration"),
			"identity_providers": splitList(v.Text("identity-providers")),
			"group_provider":     v.Text("group-provider"),
			"access":             accessVariable(applications),
		},
	}, findings
}

// sortedVariables sorts an environment by name.
func sortedVariables(env map[string]string) []Variable {
	var all []Variable
	for name, value := range env {
		all = append(all, Variable{Name: name, Value: value})
	}
	slices.SortFunc(all, func(a, b Variable) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// accessVariable is the value of the Terraform variable "access".
func accessVariable(all []application) map[string]any {
	out := map[string]any{}
	for _, a := range all {
		out[a.Name] = map[string]any{"paths": a.paths, "scope": a.scoped, "people": a.people}
	}
	return out
}

const accessDocs = "https://developers.cloudflare.com/cloudflare-one/access-controls/policies/app-paths/"

// applications turns grants into applications of Access. An application covers everything below its path; the one with
// the longest path decides.
func applications(f Facts, v Values, allowed dev.Granted, base string) ([]application, []dev.Finding) {
	var all []application
	var findings []dev.Finding
	for _, g := range allowed.Grants {
		a := application{Name: g.Title, people: []map[string]string{}}
		var names []string
		for _, m := range g.Members {
			kind := m.Kind
			if kind == "group" {
				kind = v.Text("group-kind")
			}
			a.people = append(a.people, map[string]string{"kind": kind, "text": m.Text})
			names = append(names, m.Kind+" "+m.Text)
		}
		a.Members = strings.Join(names, ", ")
		scope := dev.AccessScopeOf(g.Path)
		if scope.Path == "" {
			a.paths, a.scoped = []string{base}, base != ""
			a.Covers = v.Text("domain") + base
			all = append(all, a)
			continue
		}
		place := dev.Finding{Severity: dev.Informs, Docs: accessDocs, ID: "policy.cloudflare.wider"}
		if i := slices.IndexFunc(f.Policy, func(p dev.Policy) bool { return p.Path == g.Path }); i >= 0 {
			place.File, place.Line = splitOrigin(f.Policy[i].Origin)
		}
		switch {
		case scope.Wider:
			place.Message = fmt.Sprintf("Access cannot express %s exactly, so the policy covers all of %s", g.Path, scope.Path)
			place.Fix = "none needed if that is fine: people whom the policy excludes cannot open the other paths either; otherwise list the paths one by one"
			findings = append(findings, place)
		case !scope.Below:
			place.Message = fmt.Sprintf("an application of Access covers everything below its path, so the policy for %s also covers %s/*", g.Path, g.Path)
			place.Fix = "none needed if that is fine; otherwise add a policy for " + g.Path + "/*"
			findings = append(findings, place)
		}
		a.paths, a.scoped, a.Covers = []string{scope.Path}, true, v.Text("domain")+scope.Path
		all = append(all, a)
	}
	if allowed.RestrictsRoot() {
		findings = append(findings, dev.Finding{
			ID: "policy.cloudflare.base", Severity: dev.Warns, Docs: accessDocs,
			Message: "the policy for /* excludes people who may open other paths; it also covers what every page loads (/_stcore, /static), so they see an empty page",
			Fix:     "allow in /* everybody who may open any page, and restrict single pages with policies and in the page",
		})
	}
	return all, findings
}

// cloudflareFindings report values that contradict one another, and what this target cannot do.
func cloudflareFindings(f Facts, v Values) []dev.Finding {
	findings := proxyFindings(f, "cloudflare", dev.ProxyCloudflare, "access_identity.py")
	findings = append(findings, portabilityFindings(f, "cloudflare", "give the machine its own credentials, such as IAM Roles Anywhere, or take the value from a secret in compose.yaml", "only /tmp is writable, and it disappears with the container")...)
	if i := slices.IndexFunc(f.Policy, func(p dev.Policy) bool { return dev.AccessScopeOf(p.Path).Path != "" }); i >= 0 {
		link := dev.Finding{
			ID: "policy.cloudflare.link", Severity: dev.Warns, Docs: accessDocs,
			Message: fmt.Sprintf("a link straight to %s signs in to the application of that path only; the page also loads /_stcore and /static, which belong to the application of the whole app, so the first visit may show an empty page", f.Policy[i].Path),
			Fix:     "send people to the app's first page, and let them open this one from there",
		}
		link.File, link.Line = splitOrigin(f.Policy[i].Origin)
		findings = append(findings, link)
	}
	named := slices.ContainsFunc(f.Policy, func(p dev.Policy) bool { return len(p.Allow.Groups) > 0 }) || strings.Contains(v.Text("members"), "group:")
	if v.Text("group-kind") != "access" && v.Text("group-provider") == "" && named {
		findings = append(findings, dev.Finding{
			ID: "cloudflare.group-provider", Severity: dev.Blocks, Docs: "https://developers.cloudflare.com/cloudflare-one/access-controls/policies/groups/",
			Message: "group-kind is " + v.Text("group-kind") + ", but group-provider does not say which identity provider has the groups",
			Fix:     "set it: sdev deploy cloudflare --set group-provider=ID; the ID is in the URL of Zero Trust, Settings, Authentication",
		})
	}
	return findings
}

// nextCloudflare are the steps of README.md, in short.
func nextCloudflare(_ Facts, _ Values) []Step {
	return []Step{
		{About: "In the bundle's directory, with CLOUDFLARE_API_TOKEN set, create the tunnel, the applications and the DNS record", Run: "terraform init && terraform apply", Once: true},
		{About: "Write the variables that compose.yaml needs", Run: "terraform output -raw environment >access.env"},
		{About: "Store the tunnel's token in the file tunnel-token (README.md, step 2)", Once: true},
		{About: "Start the containers on the machine", Run: "docker compose --env-file access.env up --detach --wait"},
	}
}
