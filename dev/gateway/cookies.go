package gateway

import (
	"net/http"
	"slices"
	"strings"

	"sdev/dev/oidc"
	"sdev/dev/pattern"
)

// identityCookies are prefixes, in lower case, of the session cookies of identity proxies.
var identityCookies = []string{
	"cf_authorization", "cf_appsession", "cf_binding", "cf_clearance", "gcp_iap", "gcp_iaap", "awselbauthsessioncookie", "awsalbauthnonce",
	"appserviceauthsession", "_oauth2_proxy", "_pomerium", "authelia_session", "authentik_", "vouchcookie", "kubeflow",
}

// maxCookieBytes is how many bytes of cookies go to the app. Above it, only Streamlit's own cookies do. When a stream
// opens, the app's server accepts no line above 8192 bytes (websockets 17, http11.py), and a page on another port can
// fill the browser's cookie jar for the whole host.
const maxCookieBytes = 8000

// streamlitCookie matches Streamlit's own cookies, including the parts of large ones.
var streamlitCookie = pattern.New(`^_streamlit_(user|user_tokens)(_+\d{1,2})?$|^_streamlit_(xsrf|session)$|^_xsrf$|^_user$`)

// stripCookies drops the cookies of the provider and of identity proxies from a request. The others stay unchanged,
// unless they exceed what the app's server accepts: then only Streamlit's own stay. It returns how many were
// dropped for that reason.
func stripCookies(h http.Header) (tooMany int) {
	var kept []string
	size := 0
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			if pair = strings.TrimSpace(pair); pair != "" && !isForeignCookie(name) {
				kept = append(kept, pair)
				size += len(pair) + len("; ")
			}
		}
	}
	if size > maxCookieBytes {
		all := len(kept)
		kept = slices.DeleteFunc(kept, func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return !streamlitCookie.MatchString(strings.TrimSpace(name))
		})
		tooMany = all - len(kept)
	}
	h.Del("Cookie")
	if len(kept) > 0 {
		h.Set("Cookie", strings.Join(kept, "; ")) // one line: RFC 6265, 5.4
	}
	return tooMany
}

func isForeignCookie(name string) bool {
	name = cookieName(name)
	return oidc.IsCookie(name) || strings.HasPrefix(name, isolatedCookie) ||
		slices.ContainsFunc(identityCookies, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// cookieName is the name of a cookie as the most lenient parser reads it.
func cookieName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || r == '"' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	for _, prefix := range []string{"__host-http-", "__host-", "__secure-", "__http-"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

// dropProviderCookies drops cookies from the app's response that would overwrite the provider's: cookies ignore
// ports, so both origins share them.
func dropProviderCookies(h http.Header) {
	own := slices.DeleteFunc(h["Set-Cookie"], func(line string) bool {
		pair, _, _ := strings.Cut(line, ";")
		name, _, _ := strings.Cut(pair, "=")
		return oidc.IsCookie(cookieName(name))
	})
	if len(own) == 0 {
		h.Del("Set-Cookie")
		return
	}
	h["Set-Cookie"] = own
}
