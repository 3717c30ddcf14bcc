package preflight

import "sdev/dev"

// Rule is a kind of finding.
type Rule struct {
	ID       string // stable and dotted; the part before the first dot is the family
	Severity dev.Severity
	About    string // what is wrong, as a sentence without a full stop
	Fix      string // the edit or command that helps; a finding may have a better one
	Docs     string // a page that explains it
}

// family is the rules about one subject. Its rules and its check are in the file named after it. layer_file.go checks
// files in an image, for all families.
type family struct {
	rules []Rule
	check func(*checker) // nil if reading files or applying suppressions finds everything
}

// families returns all of them in the order in which they run and are shown. Credentials are found earlier, while
// files, history and layers are read; suppressions are applied last.
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

// Rules returns the rules of all families, family by family.
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
