package detect

import (
	"slices"
	"strings"

	"sdev/dev"
)

// proxyHeader is a header by which a proxy in front of the app says who the user is.
type proxyHeader struct {
	kind, title string
	begins      []string // the beginnings of the headers' names, in lower case
}

// doors returns the proxies that have a target of their own in package handoff.
func doors() []proxyHeader {
	var out []proxyHeader
	for _, p := range dev.IdentityProxies() {
		out = append(out, proxyHeader{p.Name, p.Title, p.Begins})
	}
	return out
}

// otherProxies returns the others that sdev knows. Sources: the products' own documentation.
func otherProxies() []proxyHeader {
	return []proxyHeader{
		{"azure", "Azure's EasyAuth", []string{"x-ms-client-principal", "x-ms-token-"}},
		{"oauth2-proxy", "oauth2-proxy or a similar proxy", []string{"x-auth-request-", "x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username"}},
		{"remote-user", "a web server that signs people in", []string{"remote-user", "remote_user"}},
		{"tailscale", "Tailscale", []string{"tailscale-user-"}},
		{"databricks", "Databricks", []string{"x-databricks-"}},
	}
}

// proxyReads finds the proxies whose headers the program reads, each at the line that names the header. A script that
// reads the headers of the browser's request reads those that it names. The names of the doors' headers have no other
// use, so another script may name them: a module of constants, or a helper that gets the headers as an argument. A
// program that never reads the request's headers reads none.
func proxyReads(p *program) []Fact {
	headers := slices.ContainsFunc(p.modules, (*module).readsHeaders)
	context := slices.ContainsFunc(p.modules, func(m *module) bool { return m.uses["context"] > 0 })
	var out []Fact
	for _, m := range p.modules {
		var proxies []proxyHeader
		if headers || context && m.lineOfSequence(".", "headers") > 0 { // it gets st.context as an argument
			proxies = doors()
		}
		if m.readsHeaders() {
			proxies = append(proxies, otherProxies()...)
		}
		for _, proxy := range proxies {
			if line := m.lineOfHeader(proxy.begins); line > 0 {
				out = append(out, Fact{Value: proxy.kind, Why: "it reads the header of " + proxy.title, File: m.path, Line: line})
			}
		}
	}
	return out
}

// readsHeaders reports whether a script reads the headers of the browser's request, in one of the ways that versions of
// Streamlit have.
func (m *module) readsHeaders() bool {
	if m.uses["context.headers"] > 0 {
		return true
	}
	if m.uses["context"] > 0 && (m.lineOfSequence(".", "headers") > 0 || m.lineOfSequence(`"headers"`) > 0) {
		return true // by another name: ctx = st.context, or with getattr
	}
	for _, name := range []string{"_get_websocket_headers", "get_websocket_headers", "websocket_headers", "_websocket_headers"} {
		if m.lineOfText(name) > 0 || m.lineOfSequence(name) > 0 {
			return true
		}
	}
	// Streamlit's server keeps the request of each session: client.request.headers.
	return m.lineOfSequence("request", ".", "headers") > 0
}

// lineOfHeader returns the line of the first text that is the name of a header with one of these beginnings, in upper or
// lower case; 0 if there is none. Left out are sentences about the header, and headers that the script itself sends.
func (m *module) lineOfHeader(begins []string) int {
	for i, tok := range m.tokens {
		name := strings.ToLower(strings.TrimSpace(tok.s))
		isHeader := tok.kind == text && !strings.ContainsAny(name, " \t\n") &&
			slices.ContainsFunc(begins, func(begin string) bool { return strings.HasPrefix(name, begin) })
		if isHeader && !setsHeader(m.tokens, i) {
			return tok.line
		}
	}
	return 0
}

// setsHeader reports whether the text at i names a header of a request that the script sends: headers={"NAME": …},
// headers = {"NAME": …} or headers["NAME"] = ….
func setsHeader(tokens []token, i int) bool {
	next := tokens[i+1:]
	if len(next) > 2 && next[0].is("]") && next[1].is("=") && !next[2].is("=") {
		return true
	}
	at := opening(tokens, i)
	return len(next) > 0 && next[0].is(":") && at > 1 && tokens[at].is("{") && tokens[at-1].is("=") && tokens[at-2].is("headers")
}
