// Package oidc is an OpenID provider for the machine of a developer: people to choose from on one
// page, and faults to inject. It is an [http.Handler] that works alone in a test as well as in
// sdev's gateway.
//
// It follows OpenID Connect Core and Discovery 1.0, RP-Initiated Logout and Back-Channel Logout 1.0,
// and RFC 6749, 6750, 7009, 7523, 7591, 7636, 7662, 8414, 8628, 8693, 9068, 9126 and 9207; where the
// profile of a well-known provider ([Profiles]) differs from them, the profile wins. It is for development only: nobody proves who they are.
//
// What it promises:
//   - The issuer is one fixed string and never taken from a request. Requests for a foreign Host
//     are refused, and nobody is sent anywhere but to what a client has registered.
//   - Every handler passes through one plan of faults and reads one clock, so a fault or a shift of
//     time acts at once and everywhere.
//   - With a State directory, keys, sessions, codes in flight, refresh tokens, faults and clock outlive
//     the process. Codes, tokens and cookies are kept as hashes alone.
//   - No cookie that another page sets keeps anybody from signing in, and none is needed to send a form.
//     An image, a script or a frame of a page signs nobody out; a page without a token of the person's asks.
//   - No event, error or page holds a secret, a code, a token or a cookie.
//
// A Provider is safe for concurrent use and owns no goroutine. One at a time may use a State directory.
//
// A request goes: ServeHTTP (Host, size) → the endpoint's row in the table of endpoints → its
// handler, which names who is concerned by admit, where faults that delay or refuse act → claims and
// mint, where those that spoil tokens act → reply.
package oidc

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/dev"
)

// Config is what a provider is told at its start.
type Config struct {
	Issuer  string       // "http://localhost:8601", no trailing slash; a path is allowed
	Project string       // shown on the pages; its hash is in the names of the cookies
	Profile string       // one of [Profiles]; "" is plain
	People  []dev.Person // who is offered on the sign-in page
	Clients []dev.Client
	Current string          // e-mail of who signs in without being asked; "" asks
	State   string          // directory for keys and sessions; "" keeps them in memory
	Emit    func(dev.Event) // may be called by several goroutines; nil: nobody listens

	// PlainPKCE allows the code challenge method "plain", which protects nothing.
	PlainPKCE bool
	// Alg signs ID tokens where the client has not registered another: RS256 ("" as well) or ES256.
	Alg string
	// Refresh is what happens to a refresh token that is used: "rotate" replaces it and takes the use
	// of an old one for theft, "keep" leaves it, "" is as the profile does.
	Refresh string
}

// Provider is an OpenID provider.
type Provider struct {
	cfg       Config
	base      *url.URL // the issuer
	profile   profile
	endpoints []endpoint
	routes    map[string]*endpoint // by path, the issuer's included
	grants    map[string]grantFunc // by grant_type
	kinds     map[string]faultKind
	pages     *pages
	clock     func() time.Time // the real time

	store   store
	writing sync.Mutex // held while the state is written

	mu       sync.Mutex // guards all below
	data     data
	keys     keyRing
	reported map[string]bool // refusals that were told of, of those that are once
	next     *save           // the write that is still to begin; nil where nobody asked for one
}

// New makes a provider. A New on the same State goes on where the last one was. The error is a
// [*dev.Error] that says which setting is wrong.
func New(cfg Config) (*Provider, error) {
	cfg.People, cfg.Clients = slices.Clone(cfg.People), slices.Clone(cfg.Clients)
	base, err := cfg.check()
	if err != nil {
		return nil, err
	}
	p := &Provider{cfg: cfg, base: base, profile: profileNamed(cfg.Profile), clock: time.Now, store: store{dir: cfg.State}, reported: make(map[string]bool)}
	p.kinds = faultTable()
	p.grants = p.grantTable()
	p.endpoints = p.endpointTable()
	p.routes = p.routeTable()
	if p.pages, err = newPages(); err != nil {
		return nil, err
	}
	return p, p.load()
}

// noReferrer keeps the addresses of requests, which hold codes and hints, from those who are linked to.
const noReferrer = "no-referrer"

// ServeHTTP answers every path of the provider. It is safe for concurrent use.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", noReferrer)
	h.Set("Cache-Control", "no-store")
	if !p.isOwnHost(r.Host) {
		http.Error(w, "this is the sign-in of another host: use "+p.cfg.Issuer, http.StatusMisdirectedRequest)
		return
	}
	e := p.routes[r.URL.Path]
	if e == nil {
		http.NotFound(w, r)
		return
	}
	p.serve(e, w, r)
}

// isOwnHost reports whether a Host header names the provider: its own host, or the same port of this
// machine by number. Anything else may be a page of the internet whose name was made to point here.
func (p *Provider) isOwnHost(host string) bool {
	if strings.EqualFold(host, p.base.Host) {
		return true
	}
	name, ok := strings.CutSuffix(host, ":"+p.port())
	return ok && slices.Contains([]string{"localhost", "127.0.0.1", "[::1]"}, name)
}

func (p *Provider) port() string {
	switch {
	case p.base.Port() != "":
		return p.base.Port()
	case p.base.Scheme == "https":
		return "443"
	}
	return "80"
}

// now is the provider's time: the real one and what it was shifted by.
func (p *Provider) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nowLocked()
}

func (p *Provider) nowLocked() time.Time { return p.clock().Add(p.data.Clock) }

func (p *Provider) emit(e dev.Event) {
	if p.cfg.Emit != nil {
		p.cfg.Emit(e)
	}
}

// cookie is the name of a cookie of this project's. Cookies ignore ports, so that everything on
// localhost shares one jar.
func (p *Provider) cookie(what string) string {
	sum := sha256.Sum256([]byte(p.cfg.Project))
	return "sdev_" + hex.EncodeToString(sum[:4]) + "_" + what
}

var cookieShape = regexp.MustCompile(`^sdev_[0-9a-f]{8}_`)

// IsCookie reports whether a cookie, by its name in lower case, is one of a provider's, of whichever
// project. It is no business of the apps that share a browser's cookies with it.
func IsCookie(name string) bool { return cookieShape.MatchString(name) }
