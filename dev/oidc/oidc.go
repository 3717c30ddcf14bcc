// Package oidc is an OpenID provider for local development: its sign-in page offers the project's people,
// and faults can be injected. It is an [http.Handler] that works alone in a test as well as in sdev's
// gateway.
//
// It follows OpenID Connect Core and Discovery 1.0, RP-Initiated Logout and Back-Channel Logout 1.0,
// and RFC 6749, 6750, 7009, 7523, 7591, 7636, 7662, 8414, 8628, 8693, 9068, 9126 and 9207; where the
// profile of a well-known provider ([dev.Profiles]) differs, the profile wins. It is for development only: it
// does not authenticate anybody.
//
// It promises:
//   - The issuer is a fixed string and never derived from a request. The provider refuses a foreign Host,
//     and redirects only to addresses that a client has registered.
//   - All handlers share one list of faults and one clock, so a fault or a clock change takes effect at
//     once and everywhere.
//   - With a State directory, keys, sessions, pending codes, refresh tokens, faults and the clock outlive
//     the process. Codes, tokens and cookies are stored only as hashes.
//   - No cookie that another page sets can block a sign-in, and forms need no cookie. No image, script or
//     frame can sign anybody out; without an ID token of the user, a logout asks for confirmation.
//   - No event, error or page holds a secret, a code, a token or a cookie.
//
// A Provider is safe for concurrent use. Only one Provider at a time may use a State directory.
//
// Goroutines: only a logout starts some, to notify clients; it waits for them before it answers.
//
// The path of a request: ServeHTTP (Host, size) → the endpoint's row in the table of endpoints → its handler, which calls
// injectFaults with client and user, where faults delay or refuse → claims and signing, where faults change tokens →
// reply.
package oidc

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/pattern"
)

// Config holds the settings of a provider.
type Config struct {
	Issuer  string       // "http://localhost:8601", no trailing slash; a path is allowed
	Project string       // shown on the pages; its hash is in the names of the cookies
	Profile string       // one of [dev.Profiles]; "" is plain
	People  []dev.Person // the people on the sign-in page
	Clients []dev.Client
	Current string          // e-mail of the person who is signed in without a page; "" shows the page
	State   string          // directory for keys and sessions; "" keeps them in memory
	Emit    func(dev.Event) // receives events, from several goroutines; may be nil

	// Mapped makes the provider answer for other providers below [dev.AtPath]; nil if it does not.
	Mapped *dev.MappedLogin

	// PlainPKCE allows the code challenge method "plain", which protects nothing.
	PlainPKCE bool
	// Alg signs tokens: RS256 (also "") or ES256.
	Alg string
	// Refresh is what happens to a used refresh token: "rotate" replaces it and treats reuse of the old one
	// as theft, "keep" leaves it valid, "" is as the profile does.
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
	reported map[string]bool // errors with reportOnce that were reported
	unmapped []Unmapped      // in the order of the first request
	next     *save           // the next write, not begun yet; nil if none is needed
}

// New creates a provider. With the same State it continues where the last one stopped. The error is a
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

// noReferrer keeps addresses, which hold codes and hints, out of the Referer header.
const noReferrer = "no-referrer"

// ServeHTTP answers every path of the provider. It is safe for concurrent use.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", noReferrer)
	h.Set("Cache-Control", "no-store")
	if !p.isOwnHost(r.Host) {
		http.Error(w, "this sign-in page answers under another host: use "+p.cfg.Issuer, http.StatusMisdirectedRequest)
		return
	}
	if under, ok := strings.CutPrefix(r.URL.Path, p.base.Path+dev.AtPath); ok && p.cfg.Mapped != nil {
		p.serveMapped(under, w, r)
		return
	}
	e := p.routes[r.URL.Path]
	if e == nil {
		http.NotFound(w, r)
		return
	}
	p.serve(e, w, r, mappedAddress{})
}

// isOwnHost reports whether a Host header names the provider: its own host, or the same port on a loopback
// address. Any other name may be DNS rebinding.
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

// now is the provider's time: the real time plus the offset of [DoClock].
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

// cookie is the name of one of this project's cookies. The project is part of the name, because cookies ignore
// ports and all servers on localhost share one jar.
func (p *Provider) cookie(what string) string {
	sum := sha256.Sum256([]byte(p.cfg.Project))
	return "sdev_" + hex.EncodeToString(sum[:4]) + "_" + what
}

var cookieShape = pattern.New(`^sdev_[0-9a-f]{8}_`)

// IsCookie reports whether a cookie name, in lower case, belongs to the provider of any project. The gateway
// keeps such cookies from the apps that share the browser's jar.
func IsCookie(name string) bool { return cookieShape.MatchString(name) }
