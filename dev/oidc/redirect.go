package oidc

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
)

// checkRedirect compares a redirect_uri character by character with the registered ones (RFC 9700 2.1). The
// error shows both and what differs, because a small difference is hard to spot.
func checkRedirect(c dev.Client, uri string) error {
	if registered(c.RedirectURIs, c.Loopback, uri) || leadsToPage(c, uri) {
		return nil
	}
	return mismatch("redirect_uri", uri, c.RedirectURIs, c.Loopback)
}

// checkPostLogout does the same for post_logout_redirect_uri.
func checkPostLogout(c dev.Client, uri string) error {
	if registered(c.PostLogout, c.Loopback, uri) || leadsToPage(c, uri) {
		return nil
	}
	return mismatch("post_logout_redirect_uri", uri, c.PostLogout, c.Loopback)
}

func registered(list []string, loopback bool, uri string) bool {
	return uri != "" && (slices.Contains(list, uri) || loopback && isLoopback(uri))
}

// isLoopback reports whether an address is a plain http address of loopback, with nothing in it that parsers
// might read differently.
func isLoopback(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "http" && u.User == nil && u.Opaque == "" && !strings.ContainsAny(s, "#\\") &&
		slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

func mismatch(what, sent string, list []string, loopback bool) *protocolError {
	e := &protocolError{Code: "invalid_request", Description: "the " + what + " is not registered for this client", Detail: []detail{{"sent", bare(sent)}}}
	for _, uri := range list {
		e.Detail = append(e.Detail, detail{"registered", uri})
	}
	if loopback {
		e.Detail = append(e.Detail, detail{"registered", "any address below http://localhost, http://127.0.0.1 or http://[::1]"})
	}
	switch {
	case sent == "":
		e.Description = "the app sent no " + what
		e.Fix = "have the app send a registered one."
		return e
	case len(list) == 0 && !loopback:
		e.Fix = "register it for this client, which has none."
		return e
	}
	e.Fix = "have the app send exactly what is registered, or register what it sends."
	if near, ok := nearest(sent, list); ok {
		for _, d := range differences(sent, near) {
			e.Detail = append(e.Detail, detail{"differs", d})
		}
	}
	return e
}

// bare is an address without its query, which may hold secrets.
func bare(s string) string {
	s, query, found := strings.Cut(printable(s), "?")
	if found && query != "" {
		return s + "?…"
	}
	return s
}

// nearest is the registered address with the fewest differences.
func nearest(sent string, list []string) (string, bool) {
	best, least := "", -1
	for _, uri := range list {
		if n := len(differences(sent, uri)); least < 0 || n < least {
			best, least = uri, n
		}
	}
	return best, least > 0
}

// differences describes how two addresses differ.
func differences(sent, want string) []string {
	a, errA := url.Parse(sent)
	b, errB := url.Parse(want)
	if errA != nil || errB != nil {
		return []string{"the app sent no valid address"}
	}
	var out []string
	differ := func(what, x, y string) {
		if x != y {
			out = append(out, fmt.Sprintf("%s: %s was sent, %s is registered", what, named(x), named(y)))
		}
	}
	differ("scheme", a.Scheme, b.Scheme)
	differ("host", printable(a.Hostname()), b.Hostname())
	if a.Hostname() != b.Hostname() && isLoopback(sent) && isLoopback(want) {
		out = append(out, "localhost and 127.0.0.1 are the same machine, but different origins with different cookies")
	}
	differ("port", a.Port(), b.Port())
	x, y := a.EscapedPath(), b.EscapedPath()
	if x != y && strings.TrimSuffix(x, "/") == strings.TrimSuffix(y, "/") {
		out = append(out, "the slash at the end")
	} else {
		differ("path", printable(x), y)
	}
	if a.RawQuery != b.RawQuery || a.ForceQuery != b.ForceQuery {
		out = append(out, "the query, after the question mark")
	}
	if strings.Contains(sent, "#") {
		out = append(out, "the #, which is not allowed")
	}
	if len(out) == 0 && sent != want {
		out = append(out, "the spelling: upper and lower case, or characters written as %XX")
	}
	return out
}

func named(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
