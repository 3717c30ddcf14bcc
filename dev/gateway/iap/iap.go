package iap

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// Door is the proxy.
type Door struct {
	cfg       door.Config
	iap       dev.IAP
	resources []*resource // the main host first
	origins   map[*resource]string
	login     door.Login
	keys      *door.Keys
	pages     *pages
	from      netip.Addr   // of the settings; invalid if requests come from where they come from
	bridges   []netip.Addr // from which requests of this machine seem to come

	refreshing door.Refresher[*session]
	reports    door.Reports
	mu         sync.Mutex           // guards checked
	checked    map[string]time.Time // when a session was last compared with the provider's, by its id
}

// New creates the proxy of a configuration with IAP, whose settings have their defaults.
func New(cfg door.Config) (*Door, error) {
	d := &Door{cfg: cfg, iap: *cfg.IAP, resources: resources(*cfg.IAP, cfg.Policies, cfg.Base), bridges: bridges(),
		origins: map[*resource]string{}, checked: map[string]time.Time{}}
	for _, s := range d.resources {
		d.origins[s] = originOf(cfg.Origin, s.host)
	}
	if cfg.IAP.From != "" {
		from, err := netip.ParseAddr(cfg.IAP.From)
		if err != nil {
			return nil, &dev.Error{Code: dev.CodeAuthInvalid, Exit: dev.ExitProject, Message: "x-sdev.auth.iap.from is not an IP address", Hint: "for example: from: 203.0.113.7"}
		}
		d.from = from.Unmap()
	}
	at := cfg.Issuer + dev.AtPath
	d.login = door.Login{Client: cfg.Client, Redirect: cfg.RedirectURI(cfg.Origin, cfg.Issuer), Authorization: at + "accounts.google.com/o/oauth2/v2/auth",
		Token: at + "oauth2.googleapis.com/token", Userinfo: at + "openidconnect.googleapis.com/v1/userinfo", Scope: []string{"openid", "email"}}
	var err error
	if d.pages, err = newPages(cfg.Project); err != nil {
		return nil, err
	}
	d.keys, err = door.LoadKeys(cfg.State, dev.ProxyIAP, door.KeyKind{NewID: newKeyID, Spare: true, Overlap: overlap}, cfg.Now())
	return d, err
}

// originOf replaces the host name of an origin; "" keeps it.
func originOf(origin, host string) string {
	u, err := url.Parse(origin)
	if err != nil || host == "" {
		return origin
	}
	u.Host = strings.Replace(u.Host, u.Hostname(), host, 1)
	return u.String()
}

// Rotate replaces the key that signs by one that is already published. The old one stays published for a day.
func (d *Door) Rotate() error { return d.keys.Rotate(d.cfg.Now()) }

// resourceOf returns the resource of a request's host.
func (d *Door) resourceOf(r *http.Request) *resource {
	name, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		name = r.Host
	}
	for _, s := range d.resources[1:] {
		if strings.EqualFold(s.host, name) {
			return s
		}
	}
	return d.resources[0]
}

// Admit decides about a request.
func (d *Door) Admit(w http.ResponseWriter, r *http.Request) (door.Pass, bool) {
	if door.IsHealthCheck(r, d.cfg.Base) {
		return door.Pass{}, true
	}
	s := d.resourceOf(r)
	from, ok := d.source(w, r)
	if !ok || !d.armor(w, s, from) {
		return door.Pass{}, false
	}
	in := d.session(w, r, s)
	var who *dev.Person
	email := ""
	if in != nil {
		who, email = &in.Person, in.Person.Email
	}
	acting := d.cfg.Faults.Take(email)
	if acting.Has(dev.DoorDown) {
		d.serveDown(w, acting.Number(dev.DoorDown, "code", http.StatusBadGateway))
		return door.Pass{}, false
	}
	if acting.Has(dev.DoorSession) {
		in, who = nil, nil
	}
	mode := modeOf(r)
	if d.serveMode(w, r, s, in, mode) {
		return door.Pass{}, false
	}
	switch e := s.decide(who, r.URL.Path, from); e.Decision {
	case dev.LoginNeeded:
		d.signIn(w, r, s, r.URL.RequestURI(), "")
		return door.Pass{}, false
	case dev.Denied:
		d.deny(w, r, s, email, e)
		return door.Pass{}, false
	case dev.Allowed:
	}
	f := faultyBy(acting)
	if mode == modeTokenTest {
		f = faultyTest(r.URL.Query().Get("iap-secure-token-test-type"))
	}
	return d.pass(w, s, in, f, acting.Has(dev.DoorHeader))
}

// pass returns what the app gets with a request of somebody who may open it.
func (d *Door) pass(w http.ResponseWriter, s *resource, in *session, f faulty, unsigned bool) (door.Pass, bool) {
	h := http.Header{}
	for name, value := range s.plainHeaders(in.Person) {
		h[name] = []string{value}
	}
	if !unsigned {
		token, err := d.token(s, in, f)
		if err != nil {
			d.fail(w, err)
			return door.Pass{}, false
		}
		h[headerAssertion] = []string{token}
	}
	return door.Pass{User: in.Person.Email, Header: h}, true
}

// source returns the address that a request comes from. ok is false if it has answered the request. The app does not get
// the header for development.
func (d *Door) source(w http.ResponseWriter, r *http.Request) (from netip.Addr, ok bool) {
	pretended := r.Header.Get(door.SourceHeader)
	r.Header.Del(door.SourceHeader)
	if pretended != "" {
		from, err := netip.ParseAddr(pretended)
		if err != nil {
			door.Refuse(w, http.StatusBadRequest, "text/plain; charset=utf-8", "The header "+door.SourceHeader+" is not an IP address. For example: 203.0.113.7\n")
			return netip.Addr{}, false
		}
		return from.Unmap(), true
	}
	if d.from.IsValid() {
		return d.from, true
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	from = remote.Addr().Unmap()
	if err != nil || from.IsLoopback() || slices.Contains(d.bridges, from) {
		return thisMachine, true
	}
	return from, true
}

// bridges returns the addresses of the container engine's bridges: the first address of each network that this container
// is connected to. Requests to a published port come from there.
func bridges() []netip.Addr {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil // every request then keeps the address that it comes from
	}
	var all []netip.Addr
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			all = append(all, p.Masked().Addr().Next())
		}
	}
	return all
}

// armor lets Cloud Armor decide about an address. Its refusals are bare: the proxy has not seen the request yet.
func (d *Door) armor(w http.ResponseWriter, s *resource, from netip.Addr) bool {
	rule := dev.DecideArmor(s.armor, from)
	status := dev.ArmorStatus(rule.Action)
	if status == 0 {
		return true
	}
	if d.reports.First("armor " + from.String() + " " + s.host) {
		d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: rule.String() + " refuses the address " + from.String()})
	}
	door.Refuse(w, status, "text/html; charset=UTF-8", "<!doctype html><meta charset=\"utf-8\"><title>"+strconv.Itoa(status)+"</title>"+strconv.Itoa(status)+" "+http.StatusText(status))
	return false
}

// headerGenerated marks every answer that the proxy itself gives. Source: Google Cloud documentation, "Using query
// parameters and headers".
const headerGenerated = "x-goog-iap-generated-response"

func generated(w http.ResponseWriter) { w.Header()[headerGenerated] = []string{"true"} }

// deny answers a request that the person may not make.
func (d *Door) deny(w http.ResponseWriter, r *http.Request, s *resource, email string, e Explanation) {
	why := e.Why
	if rule := s.rule(r.URL.Path); rule != "" {
		why += "; policy " + rule
	}
	if d.reports.First(email + " " + r.URL.Path) {
		d.cfg.Emit(dev.AuthDenied{User: email, Client: d.cfg.Client.ID, Reason: dev.Sanitize(r.URL.Path) + ": " + why})
	}
	generated(w)
	d.pages.serve(w, http.StatusForbidden, page{Title: "You have no access", Email: email, Text: "This account is signed in, but has no access to this page.", Why: why,
		Link: d.origins[s] + r.URL.EscapedPath() + "?" + modeParameter + "=" + modeForce, LinkText: "Sign in with another account"})
}

// fail answers a request that the proxy could not handle, and reports why.
func (d *Door) fail(w http.ResponseWriter, err error) {
	d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: err.Error()})
	generated(w)
	d.pages.serve(w, http.StatusInternalServerError, page{Title: "Something went wrong", Text: "The proxy could not handle the request."})
}

// serveDown answers as a load balancer whose proxy does not respond.
func (d *Door) serveDown(w http.ResponseWriter, status int) {
	door.Refuse(w, status, "text/html; charset=UTF-8", "<!doctype html><meta charset=\"utf-8\"><title>"+strconv.Itoa(status)+"</title>Error: "+http.StatusText(status))
}
