package alb

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// loginWindow is how long a person may take to sign in. AWS documents it as fixed ("client login timeout").
const loginWindow = 15 * time.Minute

// Door is the load balancer.
type Door struct {
	cfg   door.Config
	alb   dev.ALB
	login door.Login
	keys  *door.Keys
	rules []rule

	refreshing door.Refresher[*session] // by the hash of the old session's access token
	reports    door.Reports             // of closed paths, and of a cookie that cannot be read
}

// New creates the load balancer of a configuration with ALB.
func New(cfg door.Config) (*Door, error) {
	d := &Door{cfg: cfg, alb: *cfg.ALB}
	d.login = door.Login{Client: cfg.Client, Redirect: cfg.RedirectURI(cfg.Origin, cfg.Issuer), Authorization: d.alb.Authorization,
		Token: d.alb.Token, Userinfo: d.alb.Userinfo, Scope: strings.Fields(d.alb.Scope)}
	d.rules = rulesOf(d.alb, cfg.Policies)
	var err error
	d.keys, err = door.LoadKeys(cfg.State, dev.ProxyALB, door.KeyKind{NewID: newKeyID}, cfg.Now())
	return d, err
}

// newKeyID returns a random UUID (RFC 9562, version 4), which is what the load balancer's keys have as ids.
func newKeyID() string {
	h := []byte(door.RandomText(door.Hex, 32))
	h[12], h[16] = '4', "89ab"[h[16]%4]
	s := string(h)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Rotate replaces the key that signs. The old ones stay available.
func (d *Door) Rotate() error { return d.keys.Rotate(d.cfg.Now()) }

// ServeSignIn serves nothing: the load balancer has no pages of its own.
func (d *Door) ServeSignIn(http.ResponseWriter, *http.Request) bool { return false }

// Admit decides about a request.
func (d *Door) Admit(w http.ResponseWriter, r *http.Request) (door.Pass, bool) {
	if r.URL.Path == dev.ALBCallback {
		d.serveCallback(w, r)
		return door.Pass{}, false
	}
	s, who := d.session(r), ""
	if s != nil {
		who = s.Email
	}
	acting := d.cfg.Faults.Take(who)
	if acting.Has(dev.DoorDown) {
		d.serveError(w, acting.Number(dev.DoorDown, "code", http.StatusBadGateway))
		return door.Pass{}, false
	}
	rule := d.ruleOf(r.URL.Path)
	switch {
	case rule.closed || rule.unauthenticated == dev.ALBForward: // no authenticate action, so nothing looks at the session
		s = nil
	case acting.Has(dev.DoorSession):
		s = nil
	default:
		s = d.freshen(w, r, s)
	}
	switch decision, _ := rule.decide(s != nil); {
	case decision == dev.Allowed && s != nil:
		return d.pass(w, r, s, acting)
	case decision == dev.Allowed:
		return door.Pass{Header: trace(r, d.cfg.Now())}, true
	case decision == dev.LoginNeeded:
		d.sendToProvider(w, r)
	case rule.closed:
		d.reportClosed(who, rule)
		ownAnswer(w)
		door.Refuse(w, http.StatusForbidden, "text/plain", "Closed") // the fixed response of the bundle of sdev deploy
	default:
		d.serveError(w, http.StatusUnauthorized)
	}
	return door.Pass{}, false
}

// pass returns what the app gets with a request of somebody who has signed in.
func (d *Door) pass(w http.ResponseWriter, r *http.Request, s *session, acting door.Acting) (door.Pass, bool) {
	data, err := d.token(s, acting)
	if err != nil {
		d.fail(w, err)
		return door.Pass{}, false
	}
	h := trace(r, d.cfg.Now())
	h[headerAccess], h[headerIdentity] = []string{s.Access}, []string{s.Subject}
	if !acting.Has(dev.DoorHeader) {
		h[headerData] = []string{data}
	}
	return door.Pass{User: s.Email, Header: h}, true
}

// reportClosed sends an event about a closed path, once for each user and rule.
func (d *Door) reportClosed(who string, rule rule) {
	if d.reports.First(who + " " + rule.name) {
		d.cfg.Emit(dev.AuthDenied{User: who, Client: d.cfg.Client.ID, Reason: "the listener rule for " + rule.name + " closes the path to everybody"})
	}
}

// sendToProvider redirects the browser to the provider's authorization endpoint. The load balancer does the same for a
// request of a script.
func (d *Door) sendToProvider(w http.ResponseWriter, r *http.Request) {
	nonce := d.nonce(r)
	state, err := d.keys.Seal(purposeState, state{Nonce: nonce, Target: r.URL.RequestURI(), At: d.cfg.Now()})
	if err != nil {
		d.fail(w, err)
		return
	}
	extra := url.Values{}
	for name, value := range d.alb.Params {
		extra.Set(name, value)
	}
	d.setCookie(w, nonceCookie, nonce, time.Now().Add(loginWindow))
	ownAnswer(w)
	w.Header().Set("Location", d.login.Address(state, extra))
	w.WriteHeader(http.StatusFound)
}

// serveCallback answers the browser when it returns from the provider.
func (d *Door) serveCallback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var st state
	if err := d.keys.Open(purposeState, q.Get("state"), &st); err != nil {
		d.deny(w, "the state parameter is missing or was changed")
		return
	}
	age := d.cfg.Now().Sub(st.At)
	nonce, err := r.Cookie(nonceCookie)
	switch {
	case age < 0 || age > loginWindow:
		d.deny(w, "the sign-in took longer than 15 minutes")
	case err != nil || nonce.Value != st.Nonce:
		d.deny(w, "the cookie "+nonceCookie+" is missing, or belongs to another sign-in")
	case q.Get("error") != "":
		d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: "the provider answered " + dev.Sanitize(q.Get("error"))})
		d.serveError(w, statusProviderError)
	case q.Get("code") == "":
		d.deny(w, "the provider sent no code")
	default:
		d.signIn(w, r, q.Get("code"), st.Target)
	}
}

// signIn redeems a code, and starts a session.
func (d *Door) signIn(w http.ResponseWriter, r *http.Request, code, target string) {
	tokens, err := d.login.Exchange(r.Context(), code)
	if err == nil && tokens.ID == "" {
		// Source: AWS, "Troubleshoot your Application Load Balancers", HTTP 401.
		d.deny(w, "the provider returned no ID token: the scope must include openid")
		return
	}
	if err == nil {
		var s *session
		if s, err = d.newSession(r.Context(), tokens); err == nil {
			err = d.setSession(w, s)
		}
	}
	if refused, ok := errors.AsType[*door.Refusal](err); ok {
		d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: refused.Error()})
		d.serveError(w, statusProviderError)
		return
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	d.setCookie(w, nonceCookie, "", time.Unix(0, 0))
	ownAnswer(w)
	w.Header().Set("Location", d.cfg.Origin+localTarget(target))
	w.WriteHeader(http.StatusFound)
}

// localTarget returns a target that begins with a slash, so that behind an origin it stays on the app's host: the target
// of a request may also be "*", or a name with a port.
func localTarget(target string) string {
	if !strings.HasPrefix(target, "/") {
		return "/" + target
	}
	return target
}

// statusProviderError is the status of AWS for an error that the provider returned.
const statusProviderError = 561

// deny refuses a sign-in.
func (d *Door) deny(w http.ResponseWriter, why string) {
	d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: why})
	d.serveError(w, http.StatusUnauthorized)
}

// fail answers a request that the load balancer could not handle, and reports why.
func (d *Door) fail(w http.ResponseWriter, err error) {
	d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: err.Error()})
	d.serveError(w, http.StatusInternalServerError)
}

// ownAnswer marks an answer as the load balancer's own, as opposed to the app's.
func ownAnswer(w http.ResponseWriter) { w.Header().Set("Server", "awselb/2.0") }

// serveError writes an error page as short as those of AWS.
func (d *Door) serveError(w http.ResponseWriter, status int) {
	text := http.StatusText(status)
	switch status {
	case http.StatusUnauthorized:
		text = "Authorization Required"
	case statusProviderError:
		text = "Unauthorized"
	}
	ownAnswer(w)
	title := strconv.Itoa(status) + " " + text
	door.Refuse(w, status, "text/html", "<html>\r\n<head><title>"+title+"</title></head>\r\n<body>\r\n<center><h1>"+title+"</h1></center>\r\n</body>\r\n</html>\r\n")
}

// ServeHost serves the public keys, each at the path that ends in its id, in PEM.
func (d *Door) ServeHost(w http.ResponseWriter, r *http.Request) {
	at, err := url.Parse(d.alb.KeyAddress())
	if err != nil {
		http.NotFound(w, r)
		return
	}
	id, ok := strings.CutPrefix(r.URL.Path, at.Path)
	keys := d.keys.Published(d.cfg.Now())
	i := slices.IndexFunc(keys, func(k door.Key) bool { return k.ID == id })
	if !ok || i < 0 {
		door.Refuse(w, http.StatusNotFound, "text/plain", fmt.Sprintf("the load balancer has no key at %.80q\n", r.URL.Path))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(publicPEM(keys[i])) // the client may have gone
}
