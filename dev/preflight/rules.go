package preflight

import "sdev/dev"

// Rule is a kind of finding.
type Rule struct {
	ID       string // stable and dotted; what stands before the first dot is its family
	Severity dev.Severity
	About    string // when it is found, as the end of "is found when …"
	Fix      string // the edit or command that helps, unless the finding knows a better one
	Docs     string // a page that explains it
}

// family is rules about one subject. Its rules and what looks for them are in files of one name.
type family struct {
	rules []Rule
	check func(*checker) // nil where nothing is left to look for once everything is read, or all is said
}

// families are all of them, in the order in which they are checked and shown. Help, reports and suppressions
// take the rules from here. Secrets and what is wrong in layers are found while files, history and layers are
// read; suppressions are judged last.
func families() []family {
	return []family{
		{bypassRules(), (*checker).bypass},
		{mockRules(), (*checker).mocks},
		{secretRules(), (*checker).context},
		{imageRules(), (*checker).steps},
		{streamlitRules(), (*checker).streamlit},
		{serverRules(), (*checker).server},
		{codeRules(), (*checker).code},
		{platformRules(), (*checker).platform},
		{gitRules(), (*checker).git},
		{suppressRules(), nil},
	}
}

// Rules are all of them, family by family.
func Rules() []Rule {
	var all []Rule
	for _, f := range families() {
		all = append(all, f.rules...)
	}
	return all
}

const (
	docsOAuth      = "https://docs.streamlit.io/develop/concepts/connections/authentication"
	docsConfig     = "https://docs.streamlit.io/develop/api-reference/configuration/config.toml"
	docsSecrets    = "https://docs.streamlit.io/develop/concepts/connections/secrets-management"
	docsDockerfile = "https://docs.docker.com/reference/dockerfile/"
	docsIgnore     = "https://docs.docker.com/build/concepts/context/#dockerignore-files"
	docsBuildKeys  = "https://docs.docker.com/build/building/secrets/"
)
