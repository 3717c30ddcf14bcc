package door

import (
	"net/http"
	"slices"
	"strings"

	"sdev/dev/streamlit"
)

// SourceHeader is a header for development: the address from which a request is to seem to come. The app does not get it.
const SourceHeader = "X-Sdev-Source-Ip"

// IsXHR reports whether a script of a page made a request with the mark of XMLHttpRequest libraries. Front doors answer
// such a request with an error instead of a redirect, which a script cannot follow to another origin.
func IsXHR(r *http.Request) bool { return r.Header.Get("X-Requested-With") == "XMLHttpRequest" }

// IsHealthCheck reports whether a request is a health check of a program, such as a load balancer's own or sdev's, which
// reach the app past the door in a deployment. base is the path prefix of the app. A browser's request for the same path
// is none.
func IsHealthCheck(r *http.Request, base string) bool {
	path, below := strings.CutPrefix(r.URL.Path, base)
	if !below || !slices.Contains(streamlit.HealthPaths(), path) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	isSent := func(name string) bool { return r.Header.Get(name) != "" }
	return !slices.ContainsFunc([]string{"Sec-Fetch-Mode", "Origin", "Cookie", "X-Requested-With"}, isSent)
}

// LocalTarget returns a target that begins with exactly one slash, so that behind an origin it stays on the app's host.
func LocalTarget(target string) string { return "/" + strings.TrimLeft(target, "/\\") }

// Nonce returns the first of the browser's nonces that has the right form, so that requests of one page can begin a sign-in
// side by side; or else a new one of this length.
func Nonce(sent []string, length int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, nonce := range sent {
		if len(nonce) == length && strings.Trim(nonce, alphabet) == "" {
			return nonce
		}
	}
	return RandomText(alphabet, length)
}
