package handoff

// This file holds what the targets share that GitHub deploys.

// githubParams are what the workflow and its roles need.
func githubParams() []Param {
	name := matches(`^[A-Za-z0-9_.-]{1,100}$`, "a name as GitHub shows it: letters, digits, dash, dot, underscore")
	id := matches(`^[1-9]\d{0,18}$`, "a number")
	origin := func(get func(Git) string) func(Facts) (Value, bool) {
		return func(f Facts) (Value, bool) {
			text := get(f.Git)
			return Value{Text: text, Source: "git remote origin"}, f.Git.Host == "github.com" && text != ""
		}
	}
	return []Param{
		{Name: "github-owner", About: "organisation or user that the repository belongs to", Check: name, FromFacts: origin(func(g Git) string { return g.Owner }), Placeholder: "example-owner"},
		{Name: "github-repo", About: "name of the repository", Check: name, FromFacts: origin(func(g Git) string { return g.Repo }), Placeholder: "example-repo"},
		{Name: "github-branch", About: "branch that is deployed", Check: matches(`^[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}$`, "the name of a branch, without stars"), Default: "main"},
		{Name: "github-environment", About: "environment of GitHub that a deployment waits for, with its reviewers", Check: matches(`^[A-Za-z0-9_.-]{1,100}$`, "letters, digits, dash, dot, underscore"), Default: "production"},
		{
			Name: "github-subject", About: "sub claim: names, or ids where the repository was made after 15 July 2026 or opted in (gh api repos/OWNER/REPO/actions/oidc/customization/sub)",
			Choices: []string{"names", "ids"}, Placeholder: "names",
		},
		{Name: "github-owner-id", About: "with ids: gh api repos/OWNER/REPO --jq .owner.id", Check: id, Optional: true},
		{Name: "github-repo-id", About: "with ids: gh api repos/OWNER/REPO --jq .id", Check: id, Optional: true},
		{Name: "github-oidc-provider", About: "existing where the account knows GitHub already: aws iam list-open-id-connect-providers", Choices: []string{"create", "existing"}, Default: "create"},
	}
}

// only are the parameters of these names, in this order.
func paramsNamed(params []Param, names ...string) []Param {
	var out []Param
	for _, name := range names {
		for _, p := range params {
			if p.Name == name {
				out = append(out, p)
			}
		}
	}
	return out
}
