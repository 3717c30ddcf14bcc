package detect

import (
	"net/url"
	"slices"
	"strings"
)

// Login is what the code says of how people sign in. It is read from the scripts that the app
// consists of, in their order.
type Login struct {
	// Providers are the names that st.login is called with; "" is the default one.
	Providers []Fact `json:"providers"`
	// Endpoints are addresses of an OAuth provider that are written in the code.
	Endpoints []Fact `json:"endpoints"`
	// Parameters are the names that something with "parameter" in its own name is called with or set
	// to: what the app asks the parameter store for.
	Parameters []Fact `json:"parameters"`
	// Required are constants that ask for the login even where it is to be bypassed.
	Required []Fact `json:"required"`
	// Optional are constants that let the login be bypassed.
	Optional []Fact `json:"-"`
	// Bypassed are statements that switch the bypass on, whatever is set outside.
	Bypassed []Fact `json:"bypassed"`
}

// Uses reports whether one of the kinds of login that the code has is that.
func (f *Findings) Uses(kind string) (Fact, bool) {
	i := slices.IndexFunc(f.Auth, func(a Fact) bool { return a.Value == kind })
	if i < 0 {
		return Fact{}, false
	}
	return f.Auth[i], true
}

func login(p *program) Login {
	var l Login
	for _, m := range p.modules {
		for i, tok := range m.tokens {
			switch tok.kind {
			case text:
				l.readText(m, i)
			case word:
				l.readWord(m, i)
			default: // says nothing by itself
			}
		}
	}
	return l
}

// readText takes in what the text at i says.
func (l *Login) readText(m *module, i int) {
	tok, rest := m.tokens[i], m.tokens[i+1:]
	if tok.s == "LOCAL_STREAMLIT" && setsVariable(m.tokens[:i], rest) {
		l.Bypassed = add(l.Bypassed, Fact{Value: tok.s, Why: "the code sets it", File: m.path, Line: tok.line})
	}
	if isOAuthEndpoint(tok.s) {
		l.Endpoints = add(l.Endpoints, Fact{Value: tok.s, Why: "the code names it", File: m.path, Line: tok.line})
	}
}

// readWord takes in what the name at i, with what follows it, says.
func (l *Login) readWord(m *module, i int) {
	tok, rest := m.tokens[i], m.tokens[i+1:]
	switch {
	case tok.s == "login" && m.uses["login"] > 0 && isMemberOf(m.tokens[:i], "st", "streamlit"):
		name, ok := firstText(rest)
		if n := i - 2; n > 1 && m.tokens[n-1].is("=") && m.tokens[n-2].is("on_click") {
			name, ok = callbackText(m.tokens, i)
			ok = ok || name == "" // without arguments, or with what only the program knows, the default one
		}
		if ok {
			l.Providers = add(l.Providers, Fact{Value: name, Why: "st.login asks for it", File: m.path, Line: tok.line})
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
			l.Parameters = add(l.Parameters, Fact{Value: name, Why: tok.s + " asks for it", File: m.path, Line: tok.line})
		}
	}
}

func add(list []Fact, f Fact) []Fact {
	if slices.ContainsFunc(list, func(have Fact) bool { return have.Value == f.Value }) {
		return list
	}
	return append(list, f)
}

// isOf reports whether what precedes a name is one of these and a dot.
func isMemberOf(before []token, owners ...string) bool {
	n := len(before)
	return n > 1 && before[n-1].is(".") && before[n-2].kind == word && slices.Contains(owners, before[n-2].s)
}

// isSet reports whether a variable of the environment is given a value here: environ["NAME"] = …,
// environ.setdefault("NAME", …) or putenv("NAME", …).
func setsVariable(before, rest []token) bool {
	n := len(before)
	if n < 2 || len(rest) < 3 {
		return false
	}
	if before[n-1].is("[") && before[n-2].is("environ") {
		empty := rest[2].kind == text && rest[2].s == "" // which switches it off
		return rest[0].is("]") && rest[1].is("=") && !rest[2].is("=") && !empty
	}
	return before[n-1].is("(") && (before[n-2].is("setdefault") || before[n-2].is("putenv"))
}

// callbackText is the first of args in the call that the token at i is an argument of: what a callback
// is called with, as in st.button("in", on_click=st.login, args=["x"]).
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

// opening is where the bracket opens that the token at i is in.
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

// firstText is the first argument of the call that starts here, where that is a text: ("x"), or
// (Name="x"). Of a call without arguments it is "".
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

// isOAuthEndpoint tells whether a text is an address where people sign in, or tokens are handed out:
// one of a provider that everybody knows, or a path that says so.
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
