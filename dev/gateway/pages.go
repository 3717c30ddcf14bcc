package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// pages decides which pages may talk to the app: its own, and those that x-sdev.origins lists.
//
// It does not rely on Streamlit's own check: with server.enableCORS=false Streamlit admits every page, and with true
// every page of this machine, on any port.
type pages struct {
	own      string                                    // the app's one origin
	listed   []string                                  // x-sdev.origins
	ofFront  func(origin string, r *http.Request) bool // whether it is that of the project's proxy that passed the request on
	issuer   func() string
	frames   string // the frame-ancestors policy
	warnings *onceEmitter
}

func newPages(cfg Config, own string, ofFront func(string, *http.Request) bool, issuer func() string, emit func(dev.Event)) *pages {
	// An editor's built-in browser shows the app in a frame too, under a scheme that no web page has.
	frames := append([]string{"frame-ancestors", "'self'", "vscode-webview:", "vscode-file:"}, cfg.Origins...)
	return &pages{own: own, listed: cfg.Origins, ofFront: ofFront, issuer: issuer, frames: strings.Join(frames, " "), warnings: newOnceEmitter(emit)}
}

// foreignRequest is a request from a page that is not allowed to make it.
type foreignRequest struct {
	origin string // of the page, as the browser names it; "" if the browser does not
	what   string // what the page requested, in words
	signIn bool   // the request would sign somebody in or out, which needs a click on the app's own page
	// isolated says that the app's components are pages without an origin too.
	isolated bool
}

// admit checks which page makes a request. It returns the origin of a listed page, and "" for the app's own page or a
// program that is not a browser.
//
// A browser names the page that opens a WebSocket, sends a form or reads an answer (Origin; RFC 6454). For
// any other request it says whether the origin is the same (Sec-Fetch-Site; Fetch Metadata). No script can
// set either. "null" is the origin of sandboxed frames and of files.
func (p *pages) admit(r *http.Request) (string, *foreignRequest) {
	if where, ok := authPath(r.URL.Path); ok && (isSubresource(r) || where != pathCallback && isCross(r)) {
		return "", &foreignRequest{what: where, signIn: true}
	}
	if isTopLevelNavigation(r) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return "", nil // a link, a typed address, the redirect from the provider: only the user sees the answer
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return p.admitWithoutOrigin(r)
	}
	from := strings.Join(origins, ", ")
	switch {
	case p.isOwn(from, r):
		return "", nil
	case slices.Contains(p.listed, from):
		return from, nil
	case from != "" && from == p.issuer() && r.Method == http.MethodPost && isTopLevelNavigation(r):
		return "", nil // the provider's answer, in a form (OAuth 2.0 Form Post Response Mode)
	}
	return "", &foreignRequest{origin: from, what: describeRequest(r)}
}

// admitWithoutOrigin checks a request without an Origin: from a program, from the app's own page, or from
// another page that may show or run the answer but cannot read it.
func (p *pages) admitWithoutOrigin(r *http.Request) (string, *foreignRequest) {
	if !isCross(r) {
		return "", nil
	}
	from := referrer(r)
	switch {
	case slices.Contains(p.listed, from):
		return from, nil
	case isFrame(r) && (from == "" || p.isOwn(from, r)):
		return "", nil // the browser enforces the frame-ancestors policy
	}
	return "", &foreignRequest{origin: from, what: describeRequest(r)}
}

// isOwn reports whether an origin is the app's: its one origin, or the host of this request, which was checked
// before.
func (p *pages) isOwn(origin string, r *http.Request) bool {
	scheme, _, _ := strings.Cut(p.own, "//")
	return origin == p.own || origin == scheme+"//"+strings.ToLower(r.Host) || isFront(r.Context()) && p.ofFront(origin, r)
}

// referrer is the origin in the Referer header, or "". A page cannot name any origin but its own.
func referrer(r *http.Request) string {
	u, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// isTopLevelNavigation reports whether the browser loads a page into the whole tab.
func isTopLevelNavigation(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Header.Get("Upgrade") == ""
}

// isFrame reports whether the browser loads a page into a frame.
func isFrame(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") != "document" &&
		r.Method == http.MethodGet && r.Header.Get("Upgrade") == ""
}

// isCross reports whether the browser says that the request comes from another origin. Other ports of this
// machine are other origins, although the browser calls them the same site.
func isCross(r *http.Request) bool {
	switch strings.Join(r.Header.Values("Sec-Fetch-Site"), ", ") {
	case "", "same-origin", "none": // no browser or an old one, the app's own page, a typed address
		return false
	}
	return true
}

// The paths by which Streamlit signs people in and out, after any base path. A request for them changes
// who is signed in. The provider, which has another origin, redirects to the last one; only the app links
// to the others.
const (
	pathLogin    = "/auth/login"
	pathLogout   = "/auth/logout"
	pathCallback = "/oauth2callback"
)

// authPath returns which of these paths a request is for.
func authPath(requested string) (string, bool) {
	requested = path.Clean("/" + requested)
	for _, p := range []string{pathLogin, pathLogout, pathCallback} {
		if strings.HasSuffix(requested, p) {
			return p, true
		}
	}
	return "", false
}

// isSubresource reports whether a browser requests something other than a page for the tab: an image, a frame,
// a script, or a prefetch. With an old browser only the Accept header shows that.
func isSubresource(r *http.Request) bool {
	if prefetch := r.Header.Get("Sec-Purpose") + r.Header.Get("Purpose") + r.Header.Get("X-Moz"); prefetch != "" {
		return true
	}
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" {
		return dest != "document"
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "image/") && !strings.Contains(accept, "text/html")
}

// describeRequest says in words what a request is for.
func describeRequest(r *http.Request) string {
	switch {
	case streamlit.IsStream(r.URL.Path) && (r.Header.Get("Upgrade") != "" || strings.Contains(r.URL.Path, "/_stcore/")): // "/stream" alone may be a page
		return "the app's stream"
	case streamlit.IsUpload(r.URL.Path):
		return "uploads"
	case isFrame(r):
		return "the app in a frame"
	}
	return "the app"
}

// refuse answers a forbidden request, and warns the developer once.
func (p *pages) refuse(w http.ResponseWriter, f *foreignRequest) {
	who, fix := f.describe()
	p.warnings.emitOnce(who+"\x00"+f.what, dev.Warning{
		Code: dev.CodeOrigin, Message: fmt.Sprintf("%s requested %s; the gateway refused it", who, f.what), Hint: fix,
	})
	plainText(w, http.StatusForbidden, fmt.Sprintf("Refused: %s requested %s.\n\n%s.\n", who, f.what, upperFirst(fix)))
}

// describe says who made the request, and what the developer can do about it.
func (f *foreignRequest) describe() (who, fix string) {
	switch {
	case f.signIn:
		return "a foreign page, image, frame or script", "only the app's own page may sign people in and out, by a link or by st.login and st.logout"
	case f.isolated && (f.origin == "" || f.origin == "null"):
		return "a page of another origin, or an isolated component,", "a component gets no answer because of x-sdev.components; if it is a page of yours, serve it over http and add its origin to x-sdev.origins"
	case f.origin == "":
		return "a page of another origin", "if the page is yours, add its origin to x-sdev.origins in the compose file"
	case f.origin == "null":
		return "a page without an origin (a sandboxed frame, or a file)", "such a page cannot be allowed, because it has no origin of its own: serve it over http and add that origin to x-sdev.origins"
	case dev.CheckOrigin(f.origin) != nil:
		name := []rune(dev.Sanitize(f.origin))
		return fmt.Sprintf("a page of %q", string(name[:min(len(name), 100)])), "only http and https pages can be allowed in x-sdev.origins"
	}
	return "a page of " + f.origin, "if the page is yours, allow it in the compose file: x-sdev: {origins: [\"" + f.origin + "\"]}"
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// setPolicy sets the headers by which the browser itself keeps foreign pages from showing the app in a frame
// and from using its cached answers. A listed page may read the answer.
func (p *pages) setPolicy(h http.Header, from string) {
	h.Set("Content-Security-Policy", p.frames)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if len(p.listed) > 0 {
		h.Add("Vary", "Origin")
	}
	if from != "" {
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Access-Control-Allow-Origin", from)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight answers a CORS preflight request of a listed page, and reports whether the request was one.
func preflight(w http.ResponseWriter, r *http.Request) bool {
	method := r.Header.Get("Access-Control-Request-Method")
	if r.Method != http.MethodOptions || method == "" {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", method)
	if headers := r.Header.Get("Access-Control-Request-Headers"); headers != "" {
		h.Set("Access-Control-Allow-Headers", headers)
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true") // the listed page may be on the internet
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// fromKey is the context key for the origin of the listed page that a request comes from.
type fromKey struct{}

func withPage(ctx context.Context, from string) context.Context {
	return context.WithValue(ctx, fromKey{}, from)
}

func pageOf(ctx context.Context) string {
	from, _ := ctx.Value(fromKey{}).(string)
	return from
}
