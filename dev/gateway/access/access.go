package access

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// prefix begins the paths that belong to Access, on every host.
const prefix = "/cdn-cgi/access/"

// Door is Access.
type Door struct {
	cfg    door.Config
	access dev.Access
	apps   []dev.AccessApplication
	host   string // of the app, with its port
	login  door.Login
	keys   *door.Keys
	known  *identities

	unpublished func() (door.Key, error) // a key that no verifier knows, for a fault

	reports door.Reports // of refusals, and of a cookie of another project

	rotating sync.Mutex // held while keys are replaced because of their age

	mu       sync.Mutex // guards the fields below
	services map[serviceKey]issued
	used     map[string]time.Time // nonces of sign-ins that came back, and when they are forgotten
}

// New creates the door of a configuration with Access.
func New(cfg door.Config) (*Door, error) {
	d := &Door{cfg: cfg, access: cfg.Access.WithDefaults(cfg.Project),
		services: map[serviceKey]issued{}, used: map[string]time.Time{}}
	d.access.Base = cfg.Base
	d.apps = d.access.Resolve(cfg.Policies)
	if u, err := url.Parse(cfg.Origin); err == nil {
		d.host = u.Host
	}
	d.login = door.Login{Client: cfg.Client, Redirect: cfg.RedirectURI(cfg.Origin, cfg.Issuer), Authorization: cfg.Issuer + "/authorize",
		Token: cfg.Issuer + "/token", Userinfo: cfg.Issuer + "/userinfo", Scope: []string{"openid", "email", "profile"}}
	kind := door.KeyKind{RSA: true, NewID: func() string { return door.RandomText(door.Hex, 64) }, Certificate: certificate, Spare: true, Overlap: overlap}
	var err error
	if d.keys, err = door.LoadKeys(cfg.State, "access", kind, cfg.Now()); err != nil {
		return nil, err
	}
	d.unpublished = sync.OnceValues(func() (door.Key, error) { return d.keys.Unpublished(cfg.Now()) })
	d.known, err = loadIdentities(cfg.State, cfg.Now())
	return d, err
}

// Rotate replaces the key that signs by the one that was published before. The old one stays published for a week.
func (d *Door) Rotate() error { return d.keys.Rotate(d.cfg.Now()) }

// Admit decides about a request of the app's host.
func (d *Door) Admit(w http.ResponseWriter, r *http.Request) (door.Pass, bool) {
	if sub, ok := strings.CutPrefix(r.URL.Path, prefix); ok {
		d.serveEdge(w, r, sub)
		return door.Pass{}, false
	}
	q := dev.AccessRequest{Path: r.URL.Path, IP: d.sourceOf(r), Country: d.access.Country}
	r.Header.Del(door.SourceHeader)
	service, sent := d.serviceOf(r)
	if sent && service == nil && !d.access.Lenient {
		d.deny("", r.URL.Path, "the service token is unknown, or its secret is wrong")
		d.refuse(w, http.StatusUnauthorized, "Unauthorized", "The service token is not valid.", "")
		return door.Pass{}, false
	}
	v := d.visitorOf(r, dev.AccessApplicationFor(d.apps, r.URL.Path))
	r.Header.Del(headerOwnToken)
	acting := d.cfg.Faults.Take(v.email())
	if acting.Has(dev.DoorDown) {
		d.refuse(w, acting.Number(dev.DoorDown, "code", http.StatusBadGateway), "Error", "Cloudflare cannot reach the app: a fault of sdev.", "")
		return door.Pass{}, false
	}
	if acting.Has(dev.DoorSession) && v != nil {
		d.keep(d.known.remove(v.token.Nonce))
		v = nil
	}
	if service == nil && v != nil && v.service != nil {
		service = v.service
	}
	if service != nil {
		q.Token = service.Name
	}
	q.Person = v.person()
	return d.carryOut(w, r, d.access.Decide(d.apps, q), q, service, v, acting)
}

// carryOut does what was decided about a request.
func (d *Door) carryOut(w http.ResponseWriter, r *http.Request, verdict dev.AccessVerdict, q dev.AccessRequest, service *dev.AccessServiceToken, v *visitor, acting door.Acting) (door.Pass, bool) {
	pass := door.Pass{Header: d.edgeHeaders(q)}
	switch {
	case verdict.Bypass:
		return pass, true
	case verdict.Decision == dev.Denied:
		who := ""
		if q.Person != nil && !verdict.Service {
			who = q.Person.Email
		}
		link := ""
		if who != "" {
			link = d.signOutAddress(r.URL.RequestURI())
		}
		d.deny(who, verdict.Path, verdict.Rule+": "+verdict.Why)
		d.refuse(w, http.StatusForbidden, "Forbidden", "You do not have permission to view this page.", link)
		return door.Pass{}, false
	case verdict.Decision == dev.LoginNeeded && door.IsXHR(r):
		d.refuse(w, http.StatusUnauthorized, "Unauthorized", "Sign in first.", "")
		return door.Pass{}, false
	case verdict.Decision == dev.LoginNeeded:
		d.sendToTeam(w, r, verdict.Application, r.URL.RequestURI())
		return door.Pass{}, false
	}
	var err error
	if verdict.Service {
		err = d.passService(w, &pass, service, verdict, acting)
	} else {
		err = d.passPerson(r, &pass, v, acting)
	}
	if err != nil {
		d.fail(w, err)
		return door.Pass{}, false
	}
	return pass, true
}

// passPerson adds what the app gets about somebody who has signed in.
func (d *Door) passPerson(r *http.Request, pass *door.Pass, v *visitor, acting door.Acting) error {
	raw, err := d.distort(v.raw, v.token, acting)
	if err != nil {
		return err
	}
	pass.User = v.who.Email
	pass.Header.Set(headerEmail, v.who.Email)
	if !acting.Has(dev.DoorHeader) {
		pass.Header.Set(headerToken, raw)
	}
	if v.fromCookie {
		pass.Cookies = append(pass.Cookies, cookieToken+"="+raw)
	}
	if s := appSessionOf(r); s != "" {
		pass.Cookies = append(pass.Cookies, cookieAppSession+"="+s)
	}
	return nil
}

// sourceOf returns the client's IP address.
func (d *Door) sourceOf(r *http.Request) netip.Addr {
	for _, text := range []string{r.Header.Get(door.SourceHeader), d.access.From} {
		if ip, err := netip.ParseAddr(text); err == nil {
			return ip
		}
	}
	return netip.Addr{}
}

// edgeHeaders are the headers that Cloudflare adds to every request. Source: Cloudflare, "HTTP headers".
func (d *Door) edgeHeaders(q dev.AccessRequest) http.Header { return edgeHeaders(d.cfg.Secure(), q) }

func edgeHeaders(secure bool, q dev.AccessRequest) http.Header {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return http.Header{
		"Cf-Connecting-Ip": {q.IP.String()},
		"Cf-Ipcountry":     {q.Country},
		"Cf-Ray":           {door.RandomText(door.Hex, 16) + "-IAD"},
		"Cf-Visitor":       {`{"scheme":"` + scheme + `"}`},
		"Cdn-Loop":         {"cloudflare; loops=1"},
	}
}

// deny reports a refusal, once for each user and path.
func (d *Door) deny(user, path, why string) {
	if d.reports.First(user + "\n" + path) {
		d.cfg.Emit(dev.AuthDenied{User: user, Client: d.cfg.Client.ID, Reason: dev.Sanitize(why)})
	}
}

// keep reports that the list of people who are signed in could not be stored. They stay signed in until the gateway ends.
func (d *Door) keep(err error) {
	if err != nil {
		e := dev.AsError(err)
		d.cfg.Emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
	}
}
