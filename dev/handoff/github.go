package handoff

import "sdev/dev/pattern"

// This file holds what targets with a GitHub workflow share.

// githubParams are the parameters of the workflow and its roles.
func githubParams() []Param {
	name := matches(pattern.New(`^[A-Za-z0-9_.-]{1,100}$`), "a name of letters, digits, dashes, dots and underscores")
	id := matches(pattern.New(`^[1-9]\d{0,18}$`), "a number")
	origin := func(get func(Git) string) func(Facts) (Value, bool) {
		return func(f Facts) (Value, bool) {
			text := get(f.Git)
			return Value{Text: text, Source: "git remote origin"}, f.Git.Host == "github.com" && text != ""
		}
	}
	return []Param{
		{Name: "github-owner", About: "organisation or user that owns the repository", Check: name, FromFacts: origin(func(g Git) string { return g.Owner }), Placeholder: "example-owner"},
		{Name: "github-repo", About: "name of the repository", Check: name, FromFacts: origin(func(g Git) string { return g.Repo }), Placeholder: "example-repo"},
		{Name: "github-branch", About: "branch that the workflow deploys", Check: matches(pattern.New(`^[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}$`), "the name of a branch, without wildcards"), Default: "main"},
		{Name: "github-environment", About: "GitHub environment of the deployment, whose reviewers approve it", Check: matches(pattern.New(`^[A-Za-z0-9_.-]{1,100}$`), "letters, digits, dashes, dots and underscores"), Default: "production"},
		{
			Name: "github-subject", About: "sub claim of GitHub's tokens: names, or ids if the repository is newer than 15 July 2026 or has opted in (gh api repos/OWNER/REPO/actions/oidc/customization/sub)",
			Choices: []string{"names", "ids"}, Placeholder: "names",
		},
		{Name: "github-owner-id", About: "if github-subject is ids, the owner's ID: gh api repos/OWNER/REPO --jq .owner.id", Check: id, Optional: true},
		{Name: "github-repo-id", About: "the repository's ID, needed if github-subject is ids: gh api repos/OWNER/REPO --jq .id", Check: id, Optional: true},
		{Name: "github-oidc-provider", About: "existing if the account already has GitHub's OIDC provider (aws iam list-open-id-connect-providers), else create", Choices: []string{"create", "existing"}, Default: "create"},
	}
}

// paramsNamed selects the parameters with these names, in this order.
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
