package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

type verdict int

const (
	refuse verdict = iota
	redirect
	serve
)

// hosts knows the host names under which the app answers.
type hosts struct {
	origin  string // "http://localhost:8501"
	name    string // canonical host name
	tls     bool   // the origin is https
	ports   []string
	aliases []string
}

func newHosts(cfg Config) hosts {
	h := hosts{name: strings.ToLower(cfg.Host), ports: []string{strconv.Itoa(cfg.Port)}}
	h.tls = cfg.TLS
	h.origin = h.scheme() + h.name
	if cfg.Port != h.defaultPort() {
		h.origin = h.scheme() + net.JoinHostPort(h.name, h.ports[0])
	}
	if _, inside, err := net.SplitHostPort(cfg.Listen); err == nil && inside != h.ports[0] {
		h.ports = append(h.ports, inside)
	}
	for _, a := range cfg.Aliases {
		h.aliases = append(h.aliases, strings.ToLower(a))
	}
	return h
}

// scheme is the beginning of the origin.
func (h hosts) scheme() string {
	if h.tls {
		return "https://"
	}
	return "http://"
}

func (h hosts) defaultPort() int {
	if h.tls {
		return 443
	}
	return 80
}

// wantsTLS reports whether a plain request has to come over TLS instead. Health checks in the container do not.
func (h hosts) wantsTLS(r *http.Request) bool {
	return h.tls && !isSecure(r) && (isNavigation(r) || !fromLoopback(r))
}

// check decides what to do with a request, and where a redirect leads.
//
// DNS rebinding uses a foreign name that resolves to this machine, so only listed names are allowed. The
// loopback addresses and localhost cannot be rebound; a page requested under them is redirected to the
// canonical origin, because sign-ins and cookies belong to its name. The port inside the network namespace
// is allowed as well, but only from loopback: a health check in the app's container uses it.
func (h hosts) check(r *http.Request) (verdict, string) {
	name, port := splitHost(r.Host)
	if h.isAlias(name) {
		return serve, ""
	}
	if port != h.ports[0] && (!slices.Contains(h.ports, port) || !fromLoopback(r)) {
		return refuse, ""
	}
	switch {
	case (name == h.name || name == "localhost" || isLoopback(name)) && h.wantsTLS(r):
		return redirect, h.origin + targetOf(r)
	case name == h.name:
		return serve, ""
	case name != "localhost" && !isLoopback(name):
		return refuse, ""
	case isNavigation(r):
		return redirect, h.origin + targetOf(r)
	}
	return serve, ""
}

// isAlias reports whether a host name is one under which other containers reach the app.
func (h hosts) isAlias(name string) bool { return slices.Contains(h.aliases, name) }

// targetOf returns the path and query of a request, beginning with a slash. Appended to an origin, a target that is not
// a path ("*", or a name with a colon) would become part of the host.
func targetOf(r *http.Request) string {
	target := r.URL.RequestURI()
	if !strings.HasPrefix(target, "/") {
		return "/"
	}
	return target
}

// writeRefusal answers a request under a foreign host name.
func (h hosts) writeRefusal(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusMisdirectedRequest)
	fmt.Fprintf(w, "This app is at %s.\n\nThe request asked for the host %q, which is none of the app's names, so the gateway refused it.\n"+
		"Otherwise any web page could reach the app through DNS rebinding.\n\n"+
		"If a proxy of the project serves the app under that name, add its origin to x-sdev.origins in the compose file.\n", h.origin, r.Host)
}

// splitHost splits a Host header into lower-case name and port; the default port is 80.
func splitHost(host string) (name, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), "80"
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")), port
}

func isLoopback(name string) bool {
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}

func fromLoopback(r *http.Request) bool {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// isNavigation reports whether a browser loads a page, as opposed to a script making a request.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
