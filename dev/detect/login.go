package detect

import (
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// LoginUse is what the code says about how users sign in, from the app's scripts in their order.
type LoginUse struct {
	// Providers are the arguments of st.login; "" is the default provider.
	Providers []Fact `json:"providers"`
	// Endpoints are addresses of an OAuth provider in the code.
	Endpoints []Fact `json:"endpoints"`
	// Settings are addresses and domains of identity providers in the project's files of settings.
	Settings []Fact `json:"settings"`
	// Pool is the id of a user pool of Cognito in those files or in the code.
	Pool Fact `json:"-"`
	// Reads are places that read LOCAL_STREAMLIT, and so let --local bypass the login.
	Reads []Fact `json:"-"`
	// Parameters are names of parameters in a parameter store: arguments and values of anything with "parameter" in
	// its own name.
	Parameters []Fact `json:"parameters"`
	// Variables are environment variables from which the code has the app's OAuth client: its id, its secret, and the
	// address to which people return. Those that a .env file of the tree sets are left out.
	Variables []Fact `json:"-"`
	// Required are constants that require the login even if LOCAL_STREAMLIT is set.
	Required []Fact `json:"required"`
	// Optional are constants that allow the bypass.
	Optional []Fact `json:"-"`
	// Bypassed are statements that switch the login off.
	Bypassed []Fact `json:"bypassed"`
}

// Uses returns the fact that the code uses a kind of login.
func (f *Findings) Uses(kind string) (Fact, bool) {
	i := slices.IndexFunc(f.Auth, func(a Fact) bool { return a.Value == kind })
	if i < 0 {
		return Fact{}, false
	}
	return f.Auth[i], true
}

func login(p *program) LoginUse {
	var l LoginUse
	l.Settings, l.Pool = settings(p.t)
	for _, m := range p.modules {
		for i, tok := range m.tokens {
			switch tok.kind {
			case text:
				l.readText(m, i)
			case word:
				l.readWord(m, i)
			default: // a symbol
			}
		}
	}
	l.Variables = slices.DeleteFunc(l.Variables, func(f Fact) bool { return dotEnvSets(p.t, f.Value) })
	return l
}

// readText reads the text at i.
func (l *LoginUse) readText(m *module, i int) {
	tok, rest := m.tokens[i], m.tokens[i+1:]
	if tok.s == "LOCAL_STREAMLIT" && setsVariable(m.tokens[:i], rest) {
		l.Bypassed = add(l.Bypassed, Fact{Value: tok.s, Why: "the code sets it", File: m.path, Line: tok.line})
	}
	if tok.s == "LOCAL_STREAMLIT" {
		l.Reads = add(l.Reads, Fact{Value: tok.s, Why: "the code names it", File: m.path, Line: tok.line})
	}
	if clientVariable.MatchString(tok.s) && readsVariable(m.tokens[:i]) {
		l.Variables = add(l.Variables, Fact{Value: tok.s, Why: "the code reads it", File: m.path, Line: tok.line})
	}
	if l.Pool.Value == "" && cognitoPool.MatchString(tok.s) {
		l.Pool = Fact{Value: tok.s, Why: "the code names it", File: m.path, Line: tok.line}
	}
	if isOAuthEndpoint(tok.s) {
		l.Endpoints = add(l.Endpoints, Fact{Value: tok.s, Why: "the code names it", File: m.path, Line: tok.line})
		return
	}
	for _, address := range ProviderAddresses("", tok.s) {
		l.Endpoints = add(l.Endpoints, Fact{Value: address, Why: "the code names it", File: m.path, Line: tok.line})
	}
}

// readWord reads the name at i with what follows it.
func (l *LoginUse) readWord(m *module, i int) {
	tok, rest := m.tokens[i], m.tokens[i+1:]
	switch {
	case tok.s == "login" && m.uses["login"] > 0 && isMemberOf(m.tokens[:i], "st", "streamlit"):
		name, ok := firstText(rest)
		if n := i - 2; n > 1 && m.tokens[n-1].is("=") && m.tokens[n-2].is("on_click") {
			name, ok = callbackText(m.tokens, i)
			ok = ok || name == "" // without arguments, or with unknown ones: the default
		}
		if ok {
			l.Providers = add(l.Providers, Fact{Value: name, Why: "st.login uses it", File: m.path, Line: tok.line})
		}
	case tok.s == "REQUIRE_OAUTH_IN_LOCAL":
		if len(rest) > 1 && rest[0].is("=") && rest[1].is("True") {
			l.Required = add(l.Required, Fact{Value: tok.s, Why: "it is True", File: m.path, Line: tok.line})
		}
		if len(rest) > 1 && rest[0].is("=") && rest[1].is("False") {
			l.Optional = add(l.Optional, Fact{Value: tok.s, Why: "it is False", File: m.path, Line: tok.line})
		}
	case strings.Contains(strings.ToLower(tok.s), "parameter"):
		name, ok := firstText(rest)
		if len(rest) > 1 && rest[0].is("=") && rest[1].kind == text {
			name, ok = rest[1].s, true
		}
		if ok && strings.HasPrefix(name, "/") {
			l.Parameters = add(l.Parameters, Fact{Value: name, Why: tok.s + " reads it", File: m.path, Line: tok.line})
		}
	}
}

func add(list []Fact, f Fact) []Fact {
	if slices.ContainsFunc(list, func(have Fact) bool { return have.Value == f.Value }) {
		return list
	}
	return append(list, f)
}

// isMemberOf reports whether one of these names and a dot precede a name.
func isMemberOf(before []token, owners ...string) bool {
	n := len(before)
	return n > 1 && before[n-1].is(".") && before[n-2].kind == word && slices.Contains(owners, before[n-2].s)
}

// clientVariable matches names of environment variables with a part of an OAuth client.
var clientVariable = pattern.New(`(?i)^\w*(client_?id|client_?secret|redirect_ur[il])$`)

// readsVariable reports whether the tokens before a name read the environment variable of that name: environ["NAME"],
// environ.get("NAME") or getenv("NAME").
func readsVariable(before []token) bool {
	n := len(before)
	switch {
	case n < 2:
		return false
	case before[n-1].is("["):
		return before[n-2].is("environ")
	case before[n-1].is("("):
		return before[n-2].is("getenv") || before[n-2].is("get") && isMemberOf(before[:n-2], "environ")
	}
	return false
}

// dotEnvSets reports whether a .env file of the tree gives a variable a value.
func dotEnvSets(t *tree, name string) bool {
	for _, file := range t.named(func(base string) bool { return base == ".env" }) {
		for _, l := range t.lines(file) {
			key, value, ok := dev.CutAssignment(l.text)
			if ok && key == name && strings.Trim(value, `"'`) != "" {
				return true
			}
		}
	}
	return false
}

// setsVariable reports whether the tokens around a name set the environment variable of that name: environ["NAME"] =
// …, environ.setdefault("NAME", …) or putenv("NAME", …).
func setsVariable(before, rest []token) bool {
	n := len(before)
	if n < 2 || len(rest) < 3 {
		return false
	}
	if before[n-1].is("[") && before[n-2].is("environ") {
		empty := rest[2].kind == text && rest[2].s == "" // which unsets it
		return rest[0].is("]") && rest[1].is("=") && !rest[2].is("=") && !empty
	}
	return before[n-1].is("(") && (before[n-2].is("setdefault") || before[n-2].is("putenv"))
}

// callbackText is the first of args in the call that the token at i is an argument of: that of a callback, as in
// st.button("in", on_click=st.login, args=["x"]).
func callbackText(tokens []token, i int) (string, bool) {
	depth := 0
	for j := opening(tokens, i); j+3 < len(tokens); j++ {
		switch {
		case opens(tokens[j]):
			depth++
		case closes(tokens[j]):
			depth--
		case depth == 1 && tokens[j].is("args") && tokens[j+1].is("=") && opens(tokens[j+2]):
			return tokens[j+3].s, tokens[j+3].kind == text
		}
		if depth == 0 {
			break
		}
	}
	return "", false
}

// opening returns the position of the bracket around the token at i.
func opening(tokens []token, i int) int {
	depth := 0
	for i--; i > 0; i-- {
		switch {
		case closes(tokens[i]):
			depth++
		case opens(tokens[i]) && depth == 0:
			return i
		case opens(tokens[i]):
			depth--
		}
	}
	return 0
}

func opens(t token) bool  { return t.is("(") || t.is("[") || t.is("{") }
func closes(t token) bool { return t.is(")") || t.is("]") || t.is("}") }

// firstText is the first argument of the call that starts here, if it is a text: ("x") or (Name="x"). Without
// arguments it is "".
func firstText(rest []token) (string, bool) {
	if len(rest) < 2 || !rest[0].is("(") {
		return "", false
	}
	rest = rest[1:]
	if rest[0].is(")") {
		return "", true
	}
	if len(rest) > 2 && rest[0].kind == word && rest[1].is("=") {
		rest = rest[2:]
	}
	return rest[0].s, rest[0].kind == text
}

// isOAuthEndpoint reports whether a text is an address for signing in or for tokens: that of a well-known provider,
// or one whose path says so.
func isOAuthEndpoint(s string) bool {
	if !strings.HasPrefix(s, "https://") {
		return false
	}
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	path := strings.TrimRight(u.Path, "/")
	for _, end := range []string{"/o/oauth2/v2/auth", "/o/oauth2/auth", "/authorize", "/protocol/openid-connect/auth", "/token", "/access_token", "/revoke"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}
