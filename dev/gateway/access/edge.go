package access

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// The purposes of sealed values.
const (
	purposeBinding    = "access binding"
	purposeLogin      = "access login"
	purposeAuthorized = "access authorized"
)

const (
	cookieValueSize    = 32
	appSessionLifetime = 24 * time.Hour
	// authorizedLifetime is how long the browser may take from the team's host back to the app's.
	authorizedLifetime = time.Minute
	metaLifetime       = time.Hour
)

func newCookieValue() string { return door.RandomText(door.Hex, cookieValueSize) }

// serveEdge serves the paths of Access on the app's host.
func (d *Door) serveEdge(w http.ResponseWriter, r *http.Request, sub string) {
	switch {
	case sub == "certs":
		d.serveCerts(w, r)
	case sub == "get-identity":
		d.serveIdentity(w, d.visitorOf(r, nil))
	case sub == "authorized":
		d.serveAuthorized(w, r)
	case sub == "logout":
		d.serveEdgeLogout(w, r)
	case sub == "login" || strings.HasPrefix(sub, "login/"):
		d.serveEdgeLogin(w, r)
	default:
		d.refuse(w, http.StatusNotFound, "Not found", "Access has no such page.", "")
	}
}

// serveEdgeLogin begins a sign-in, and leads to the page that redirect_url names.
func (d *Door) serveEdgeLogin(w http.ResponseWriter, r *http.Request) {
	target := door.LocalTarget(r.URL.Query().Get("redirect_url"))
	u, err := url.Parse(target)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	app := dev.AccessApplicationFor(d.apps, u.Path)
	if app == nil {
		redirect(w, d.cfg.Origin+target)
		return
	}
	d.sendToTeam(w, r, app, target)
}

// sendToTeam redirects the browser to the team's host, where people sign in. meta tells it about the request, in a signed
// token. Its content is not documented: this is what samples have that matters here.
func (d *Door) sendToTeam(w http.ResponseWriter, r *http.Request, app *dev.AccessApplication, target string) {
	session := appSessionOf(r)
	if session == "" {
		session = newCookieValue()
		d.setCookie(w, cookieAppSession, session, "/", appSessionLifetime)
	}
	now := d.cfg.Now()
	meta, err := sign(d.keys.Signing(), []door.Member{{Name: "type", Value: typeMeta}, {Name: "aud", Value: app.Audience}, {Name: "iss", Value: d.access.Issuer()},
		{Name: "hostname", Value: d.host}, {Name: "redirect_url", Value: target}, {Name: "app_session_hash", Value: hash(session)},
		{Name: "real_country", Value: d.access.Country}, {Name: "service_token_status", Value: false}, {Name: "is_warp", Value: false},
		{Name: "is_gateway", Value: false}, {Name: "auth_status", Value: "NONE"}, {Name: "nbf", Value: now.Unix()}, {Name: "iat", Value: now.Unix()},
		{Name: "exp", Value: now.Add(metaLifetime).Unix()}})
	if err != nil {
		d.fail(w, err)
		return
	}
	q := "?kid=" + app.Audience + "&meta=" + meta + "&redirect_url=" + url.QueryEscape(target)
	redirect(w, d.cfg.Issuer+prefix+"login/"+d.host+q)
}

// authorized is what the team's host tells the edge about a sign-in.
type authorized struct {
	Nonce      string    `json:"nonce"`    // of the address, valid once
	Identity   string    `json:"identity"` // the sign-in's nonce
	Audience   string    `json:"audience"`
	Target     string    `json:"target"`
	AppSession string    `json:"app_session"` // hash
	At         time.Time `json:"at"`
}

// serveAuthorized answers the browser when it returns from the team's host: it gets the application's token.
func (d *Door) serveAuthorized(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var a authorized
	err := d.keys.Open(purposeAuthorized, q.Get("state"), &a)
	session := appSessionOf(r)
	age := d.cfg.Now().Sub(a.At)
	again := d.cfg.Origin + door.LocalTarget(a.Target)
	switch {
	case err != nil || q.Get("nonce") != a.Nonce:
		d.invalid(w, "the address of the sign-in was changed", d.cfg.Origin+"/")
		return
	case session == "" || hash(session) != a.AppSession:
		d.invalid(w, "the cookie "+cookieAppSession+" is missing, or belongs to another sign-in", again)
		return
	case age < 0 || age > authorizedLifetime || !d.useOnce(a.Nonce):
		d.invalid(w, "the address of the sign-in was used before, or is too old", again)
		return
	}
	i := slices.IndexFunc(d.apps, func(app dev.AccessApplication) bool { return app.Audience == a.Audience })
	id, ok := d.known.find(a.Identity)
	if i < 0 || !ok {
		redirect(w, again) // signed out meanwhile: from the start
		return
	}
	if err := d.issue(w, r, &d.apps[i], id, a.Target); err != nil {
		d.fail(w, err)
		return
	}
	redirect(w, again)
}

// issue sends the browser a token of an application.
func (d *Door) issue(w http.ResponseWriter, r *http.Request, app *dev.AccessApplication, id identity, target string) error {
	who := d.current(id.Person)
	u, err := url.Parse(door.LocalTarget(target))
	if err != nil {
		u = &url.URL{Path: app.Path}
	}
	v := d.access.Decide(d.apps, dev.AccessRequest{Path: u.Path, Person: &who, IP: d.sourceOf(r), Country: d.access.Country})
	lifetime := app.Session
	if v.Session > 0 {
		lifetime = v.Session
	}
	t, err := personToken(d.access, who, id.Nonce, app.Audience, typeApp, d.cfg.Now(), lifetime)
	if err != nil {
		return err
	}
	raw, err := sign(d.keys.Signing(), t.members())
	if err != nil {
		return err
	}
	path := d.cookiePath(app)
	d.setCookie(w, cookieToken, raw, path, lifetime)
	if !d.access.Cookie.Binding {
		return nil
	}
	binding, err := d.keys.Seal(purposeBinding, hash(raw))
	d.setCookie(w, cookieBinding, binding, path, lifetime)
	return err
}

// useOnce reports whether a nonce comes back for the first time.
func (d *Door) useOnce(nonce string) bool {
	now := d.cfg.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for n, until := range d.used {
		if now.After(until) {
			delete(d.used, n)
		}
	}
	_, before := d.used[nonce]
	d.used[nonce] = now.Add(authorizedLifetime)
	return !before
}

// serveEdgeLogout ends the sign-in whose tokens the browser sends, and lets the team's host do the same.
func (d *Door) serveEdgeLogout(w http.ResponseWriter, r *http.Request) {
	if v := d.visitorOf(r, nil); v != nil && v.service == nil {
		d.signOut(v.identity)
	}
	for _, path := range d.cookiePaths() {
		d.setCookie(w, cookieToken, "", path, 0)
		if d.access.Cookie.Binding {
			d.setCookie(w, cookieBinding, "", path, 0)
		}
	}
	d.setCookie(w, cookieAppSession, "", "/", 0)
	q := ""
	if to := r.URL.Query().Get("returnTo"); to != "" {
		q = "?returnTo=" + url.QueryEscape(to)
	}
	redirect(w, d.cfg.Issuer+prefix+"logout"+q)
}

// signOut ends a sign-in.
func (d *Door) signOut(id identity) {
	if _, ok := d.known.find(id.Nonce); !ok {
		return
	}
	d.keep(d.known.remove(id.Nonce))
	d.cfg.Emit(dev.AuthLogout{User: id.Person.Email, Client: d.cfg.Client.ID, Reason: "signed out of Cloudflare Access"})
}

// cookiePath returns the path of an application's cookie: the literal beginning of the application's own.
func (d *Door) cookiePath(app *dev.AccessApplication) string {
	if d.access.Cookie.WholeHost {
		return "/"
	}
	path, _, star := strings.Cut(app.Path, "*")
	if star {
		path = path[:strings.LastIndexByte(path, '/')+1]
	}
	if path = strings.TrimRight(path, "/"); path == "" {
		return "/"
	}
	return path
}

func (d *Door) cookiePaths() []string {
	paths := []string{"/"}
	for i := range d.apps {
		if p := d.cookiePath(&d.apps[i]); !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// setCookie sets a cookie on the app's host; a lifetime of 0 removes it. Access sets them all as Secure, which browsers
// accept over TLS only.
func (d *Door) setCookie(w http.ResponseWriter, name, value, path string, lifetime time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: path, HttpOnly: name != cookieToken || !d.access.Cookie.Readable, SameSite: http.SameSiteLaxMode}
	switch d.access.Cookie.SameSite {
	case dev.AccessNone:
		if d.cfg.Secure() { // browsers refuse None without Secure
			c.SameSite = http.SameSiteNoneMode
		}
	case dev.AccessStrict:
		if name == cookieToken {
			c.SameSite = http.SameSiteStrictMode
		}
	}
	c.Secure = d.cfg.Secure()
	// The browser counts by the real clock, which is not that of the provider, so the cookie has an age and no date.
	if c.MaxAge = int(lifetime / time.Second); lifetime == 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "private, max-age=0, no-store, no-cache, must-revalidate")
	w.WriteHeader(http.StatusFound)
}
