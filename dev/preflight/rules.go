package preflight

import (
	"slices"

	"sdev/dev"
)

// Rule is a kind of finding.
type Rule struct {
	ID       string // stable and dotted; what stands before the first dot is its family
	Severity dev.Severity
	About    string // when it is found, as the end of "is found when …"
	Fix      string // the edit or command that helps, unless the finding knows a better one
	Docs     string // a page that explains it
}

// Rules are all of them, family by family, in the order in which they are checked.
func Rules() []Rule {
	return slices.Concat(bypassRules(), mockRules(), secretRules(), imageRules(), streamlitRules(), serverRules(),
		codeRules(), platformRules(), gitRules(), suppressRules())
}

const (
	docsOAuth      = "https://docs.streamlit.io/develop/concepts/connections/authentication"
	docsConfig     = "https://docs.streamlit.io/develop/api-reference/configuration/config.toml"
	docsSecrets    = "https://docs.streamlit.io/develop/concepts/connections/secrets-management"
	docsDockerfile = "https://docs.docker.com/reference/dockerfile/"
	docsIgnore     = "https://docs.docker.com/build/concepts/context/#dockerignore-files"
	docsBuildKeys  = "https://docs.docker.com/build/building/secrets/"
)
