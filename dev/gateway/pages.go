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
)

// pages knows the pages that may talk to the app: its own, and those that x-sdev.origins lists.
//
// The app is not asked. A setting of Streamlit's (server.enableCORS) opens it to every page there is,
// and without it every page of this machine is let in, whatever its port.
type pages struct {
	own      string   // the app's one origin
	listed   []string // x-sdev.origins
	issuer   func() string
	frames   string // who may show the app in a frame, as a policy
	warnings *onceEmitter
}

func newPages(cfg Config, own string, issuer func() string, emit func(dev.Event)) *pages {
	// The browser of an editor is a frame as well, of a scheme that no page of the web has.
	frames := append([]string{"frame-ancestors", "'self'", "vscode-webview:", "vscode-file:"}, cfg.Origins...)
	return &pages{own: own, listed: cfg.Origins, issuer: issuer, frames: strings.Join(frames, " "), warnings: newOnceEmitter(emit)}
}

// intrusion is a request that a page made which may not.
type intrusion struct {
	origin string // of the page as the browser names it; "" where it does not
	what   string // what it wanted, in words
	signIn bool   // it may be a page of the app, but this is no way to sign somebody in or out
}

// admit judges where a request comes from. It gives the origin of a listed page, and "" where the app
// itself asks or a program that is no browser.
//
// Browsers name the page that opens a WebSocket, sends a form or reads an answer (Origin; RFC 6454),
// and say of everything else whether it is of the same origin (Sec-Fetch-Site; Fetch Metadata). A
// script can set neither. "null" is the origin of sandboxed frames and of files: nobody's.
func (p *pages) admit(r *http.Request) (string, *intrusion) {
	if where, ok := authPath(r.URL.Path); ok && (isSubresource(r) || where != pathCallback && isCross(r)) {
		return "", &intrusion{what: where, signIn: true}
	}
	if isTopLevelNavigation(r) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return "", nil // a link, an address, the way back from the provider: nobody but the person sees it
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
	return "", &intrusion{origin: from, what: describeRequest(r)}
}

// admitWithoutOrigin judges a request that names no page: what no browser sent, what a browser gets for the
// app's own page, and what others show or run without being able to read it.
func (p *pages) admitWithoutOrigin(r *http.Request) (string, *intrusion) {
	if !isCross(r) {
		return "", nil
	}
	from := referrer(r)
	switch {
	case slices.Contains(p.listed, from):
		return from, nil
	case isFrame(r) && (from == "" || p.isOwn(from, r)):
		return "", nil // the browser itself compares, by the policy for frames
	}
	return "", &intrusion{origin: from, what: describeRequest(r)}
}

// isOwn reports whether an origin is the app's: its one origin, or the very name, judged before, under
// which this request came.
func (p *pages) isOwn(origin string, r *http.Request) bool {
	return origin == p.own || origin == "http://"+strings.ToLower(r.Host)
}

// referrer is the origin of the page that a browser names as the one that led here; "" where it does
// not. No page can name another than itself.
func referrer(r *http.Request) string {
	u, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// isTopLevelNavigation reports whether a person is led to a page that takes up the whole tab.
func isTopLevelNavigation(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Header.Get("Upgrade") == ""
}

// isFrame reports whether a page is to be shown within another.
func isFrame(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") != "document" &&
		r.Method == http.MethodGet && r.Header.Get("Upgrade") == ""
}

// isCross reports whether a browser says that a page of another origin asks. Other ports of this machine
// are other origins, though the browser calls them the same site.
func isCross(r *http.Request) bool {
	switch strings.Join(r.Header.Values("Sec-Fetch-Site"), ", ") {
	case "", "same-origin", "none": // no browser that tells, the app's own page, an address that somebody typed
		return false
	}
	return true
}

// The paths by which Streamlit signs people in and out, with whatever base path before them. Asking for
// them changes who is signed in. People come back to the last one from the provider, which is elsewhere;
// to the others only the app leads.
const (
	pathLogin    = "/auth/login"
	pathLogout   = "/auth/logout"
	pathCallback = "/oauth2callback"
)

func authPath(asked string) (string, bool) {
	asked = path.Clean("/" + asked)
	for _, p := range []string{pathLogin, pathLogout, pathCallback} {
		if strings.HasSuffix(asked, p) {
			return p, true
		}
	}
	return "", false
}

// isSubresource reports whether a browser asks without leading anybody anywhere: for an image, a frame, a
// script of a page, or for what somebody might want to see next. An old browser says only what it would
// take.
func isSubresource(r *http.Request) bool {
	if ahead := r.Header.Get("Sec-Purpose") + r.Header.Get("Purpose") + r.Header.Get("X-Moz"); ahead != "" {
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
	case strings.HasSuffix(r.URL.Path, pathStream):
		return "the app's stream"
	case strings.Contains(r.URL.Path, pathUpload):
		return "uploads"
	case isFrame(r):
		return "the app in a frame"
	}
	return "the app"
}

// refuse answers a page that may not ask, and tells the developer once.
func (p *pages) refuse(w http.ResponseWriter, in *intrusion) {
	who, fix := in.words()
	p.warnings.emitOnce(who+"\x00"+in.what, dev.Warning{
		Code: dev.CodeOrigin, Message: fmt.Sprintf("%s asked for %s and was refused", who, in.what), Hint: fix,
	})
	plainText(w, http.StatusForbidden, fmt.Sprintf("Refused: %s asked for %s.\n\n%s.\n", who, in.what, upperFirst(fix)))
}

// words are who asked, and what to do about it.
func (in *intrusion) words() (who, fix string) {
	switch {
	case in.signIn:
		return "a page elsewhere, or an image, frame or script", "only the app's own page signs people in and out, by a link or by st.login and st.logout"
	case in.origin == "":
		return "a page of another origin", "if that page is yours, list its origin in the compose file, under x-sdev.origins"
	case in.origin == "null":
		return "a page without an origin (a sandboxed frame, or a file)", "it cannot be let in, because every such page has the same name: serve it from an address, and list that under x-sdev.origins"
	case dev.CheckOrigin(in.origin) != nil:
		name := []rune(dev.Printable(in.origin))
		return fmt.Sprintf("a page of %q", string(name[:min(len(name), 100)])), "only pages of http and https addresses can be let in, under x-sdev.origins"
	}
	return "a page of " + in.origin, "if that page is yours, let it in by the compose file: x-sdev: {origins: [\"" + in.origin + "\"]}"
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// setPolicy has the browser hold other pages off where no request shows them: from showing the app in a
// frame, and from what it keeps of the app. A listed page may read the answer.
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

// preflight answers the question that a browser asks before a listed page may send what is more than
// a form, and reports whether that is what was asked.
func preflight(w http.ResponseWriter, r *http.Request) bool {
	method := r.Header.Get("Access-Control-Request-Method")
	if r.Method != http.MethodOptions || method == "" {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", method)
	if wants := r.Header.Get("Access-Control-Request-Headers"); wants != "" {
		h.Set("Access-Control-Allow-Headers", wants)
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true") // a page of the internet, listed all the same
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// fromKey is where the context of a request holds the origin of the listed page that it comes from.
type fromKey struct{}

func withPage(ctx context.Context, from string) context.Context {
	return context.WithValue(ctx, fromKey{}, from)
}

func pageOf(ctx context.Context) string {
	from, _ := ctx.Value(fromKey{}).(string)
	return from
}
