package oidc

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sdev/dev"
)

// crowd is many people who do something, fifty at a time.
func crowd(r *rig, n int, do func(r *rig, i int)) {
	const atOnce = 50
	var (
		next  atomic.Int64
		group sync.WaitGroup
	)
	for range atOnce {
		mine := &rig{t: r.t, p: r.p, server: r.server, browser: r.newBrowser()}
		group.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				do(mine, i)
			}
		})
	}
	group.Wait()
}

// approved is a login as far as the code, without the pages before it.
func (r *rig) approved(i int, scope string) string {
	rc := &requestContext{p: r.p, now: r.p.now()}
	who := dev.Person{Email: fmt.Sprintf("user-%d@example.com", i)}
	c, err := rc.issueCode(authRequest{Client: r.p.cfg.Clients[0], Redirect: appURL, Challenge: challenge, Method: "S256", Scope: strings.Fields(scope)},
		session{ID: randomToken()[:22], Person: who, At: rc.now, Expires: rc.now.Add(sessionLifetime)})
	if err != nil {
		r.t.Errorf("login %d: %v", i, err)
	}
	return c
}

// Each of 2,000 people who sign in at once gets tokens, and can refresh them when all have.
func TestLoad_NoLoginIsLost(t *testing.T) {
	const people = 2000
	r := newRig(t, func(c *Config) { c.Alg = algES }) // which signs ten times as fast
	codes, tokens := make([]string, people+1), make([]string, people+1)
	crowd(r, people, func(r *rig, i int) { codes[i] = r.approved(i, "openid offline_access") })
	var lost atomic.Int64
	crowd(r, people, func(r *rig, i int) {
		res := r.redeem(codes[i])
		if res.StatusCode != http.StatusOK {
			lost.Add(1)
			return
		}
		tokens[i] = r.read(res).RefreshToken
		// Those who came before keep the provider busy too.
		if i%2 == 0 {
			res := r.token("grant_type", "refresh_token", "refresh_token", tokens[i])
			if res.StatusCode != http.StatusOK {
				lost.Add(1)
				return
			}
			tokens[i] = r.read(res).RefreshToken
		}
	})
	if n := lost.Load(); n != 0 {
		t.Fatalf("%d of %d logins were lost", n, people)
	}
	crowd(r, people, func(r *rig, i int) {
		if res := r.token("grant_type", "refresh_token", "refresh_token", tokens[i]); res.StatusCode != http.StatusOK {
			lost.Add(1)
		}
	})
	if n := lost.Load(); n != 0 {
		t.Errorf("%d of %d refresh tokens were lost", n, people)
	}
}

// A login waits for its code to be traded while thousands that began later are done with.
func TestLoad_WhatIsUnderWayOutlivesWhatIsDone(t *testing.T) {
	now := time.Now()
	d := data{}
	d.fill()
	open := map[string]func(){
		"code":      func() { d.Codes["open"] = ticket{Grant: "open", Expires: now.Add(time.Second)} },
		"grant":     func() { d.Grants["open"] = grant{Open: true, Client: "mine", Expires: now.Add(time.Second)} },
		"device":    func() { d.Devices["open"] = device{Person: &dev.Person{}, Expires: now.Add(time.Second)} },
		"pushed":    func() { d.Pushed["open"] = pushedRequest{Expires: now.Add(time.Second)} },
		"revoked":   func() { d.Revoked["open"] = now.Add(time.Second) },
		"spent":     func() { d.UsedOnce["open"] = now.Add(time.Second) },
		"self-made": func() { d.Registered["mine"] = registeredClient{Expires: now.Add(time.Second)} },
	}
	for _, add := range open {
		add()
	}
	for i := range 3 * maxKept {
		id, later := fmt.Sprint(i), now.Add(time.Hour+time.Duration(i))
		d.Codes[id] = ticket{Used: true, Expires: later}
		d.Grants[id] = grant{Touched: now.Add(time.Duration(i)), Expires: later}
		d.Devices[id] = device{Error: "access_denied", Expires: later}
		d.Pushed[id] = pushedRequest{Expires: later}
		d.Revoked[id] = later
		d.UsedOnce[id] = later
		d.Registered[id] = registeredClient{Expires: later}
		d.Sessions[id] = session{At: now.Add(time.Duration(i)), Expires: later}
		d.Refresh[id] = ticket{Used: i >= maxKept, Expires: later}
	}
	d.prune(now)
	_, codes := d.Codes["open"]
	_, grants := d.Grants["open"]
	_, devices := d.Devices["open"]
	_, pushes := d.Pushed["open"]
	_, revoked := d.Revoked["open"]
	_, spent := d.UsedOnce["open"]
	_, clients := d.Registered["mine"]
	if !codes || !grants || !devices || !pushes || !revoked || !spent || !clients {
		t.Errorf("dropped before its time: code %t grant %t device %t pushed %t revoked %t spent %t client %t", codes, grants, devices, pushes, revoked, spent, clients)
	}
	for kind, n := range map[string]int{"codes": len(d.Codes), "grants": len(d.Grants), "devices": len(d.Devices), "clients": len(d.Registered), "sessions": len(d.Sessions), "refresh": len(d.Refresh)} {
		if n > maxKept/2+1 {
			t.Errorf("%d %s are kept", n, kind)
		}
	}
	newest := fmt.Sprint(3*maxKept - 1)
	if _, ok := d.Sessions[newest]; !ok {
		t.Error("the newest session was dropped before older ones")
	}
	for id, r := range d.Refresh {
		if r.Used {
			t.Fatalf("refresh token %s is kept though it is used up, and good ones were dropped", id)
		}
	}
	d.prune(now.Add(3 * time.Hour))
	if n := len(d.Codes) + len(d.Grants) + len(d.Devices) + len(d.Pushed) + len(d.Revoked) + len(d.UsedOnce) + len(d.Registered) + len(d.Refresh) + len(d.Sessions); n != 0 {
		t.Errorf("%d have run out and are kept", n)
	}
}

// Where as much is under way as can be kept, whoever comes is told to come again, and nobody is dropped.
func TestLoad_ANewcomerIsRefusedRatherThanAnOlderOneDropped(t *testing.T) {
	r := newRig(t)
	until := r.p.now().Add(time.Hour)
	full := func(change func(id string)) {
		r.p.mu.Lock()
		defer r.p.mu.Unlock()
		for i := range maxKept + maxOpen {
			change(fmt.Sprint("x", i))
		}
	}
	kept := r.tokens("alice@example.com", "scope", "openid offline_access")
	full(func(id string) {
		r.p.data.Grants[id] = grant{Open: true, Expires: until}
	})
	r.browser = r.newBrowser()
	back := r.sentBack(r.pick(r.authorize(asked()), "pick", "bob@example.com"))
	if back.Get("error") != "temporarily_unavailable" || back.Get("state") != "the-state" {
		t.Errorf("a login: %v", back)
	}
	r.refused(r.token("grant_type", "client_credentials"), http.StatusServiceUnavailable, "temporarily_unavailable", "in progress")
	if got := r.read(r.token("grant_type", "refresh_token", "refresh_token", kept.RefreshToken)); got.AccessToken == "" {
		t.Error("who had signed in before is signed out")
	}
	full(func(id string) {
		r.p.data.Devices[id] = device{Expires: until}
		r.p.data.Pushed[id] = pushedRequest{Expires: until}
		r.p.data.Revoked[id] = until
	})
	as := func(path string, pairs ...string) reply {
		req := r.request(http.MethodPost, path, with(url.Values{}, pairs...))
		req.SetBasicAuth(url.QueryEscape("app"), url.QueryEscape(appSecret))
		return r.send(req)
	}
	for path, pairs := range map[string][]string{
		"/device_authorization": {"scope", "openid"},
		"/par":                  {"redirect_uri", appURL, "response_type", "code", "scope", "openid"},
		"/revoke":               {"token", kept.AccessToken},
	} {
		if res := as(path, pairs...); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(res.body, "temporarily_unavailable") {
			t.Errorf("%s: %s %s", path, res.Status, res.body)
		}
	}
	r.later(2 * time.Hour) // all of it has run out
	r.browser = r.newBrowser()
	r.tokens("bob@example.com")
}
