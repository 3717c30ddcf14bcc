package alb

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// fakeProvider is a provider that answers with exactly what a test wants.
type fakeProvider struct {
	*rig
	access, claims string         // what it answers
	asked          map[string]int // requests by endpoint
	auth           string         // how the load balancer authenticated
}

// newFake starts a load balancer whose endpoints are at different hosts, the token endpoint and userinfo on two servers.
func newFake(t testing.TB) *fakeProvider {
	t.Helper()
	f := &fakeProvider{access: "opaque", claims: `{"sub":"1"}`, asked: map[string]int{}}
	token := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked["token"]++
		f.auth, _, _ = strings.Cut(r.Header.Get("Authorization"), " ")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": f.access, "id_token": "a.b.c", "token_type": "Bearer", "expires_in": 3600})
	}))
	t.Cleanup(token.Close)
	userinfo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked["userinfo"]++
		if r.Header.Get("Authorization") != "Bearer "+f.access {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(f.claims))
	}))
	t.Cleanup(userinfo.Close)
	f.rig = newRig(t, withOIDC, func(s *setup) {
		s.door.ALB.Issuer, s.door.ALB.Authorization = "https://issuer.example.com", "https://login.example.com/start"
		s.door.ALB.Token, s.door.ALB.Userinfo = token.URL+"/t", userinfo.URL+"/u"
	})
	f.lb.cfg.People = everybody{}
	return f
}

// everybody is a directory in which every access token is alice's.
type everybody struct{}

func (everybody) Holder(string) (dev.Person, bool) { return dev.Person{Email: alice}, true }
func (everybody) Person(string) (dev.Person, bool) { return dev.Person{}, false }

// signInFake does what the browser does while the provider answers at once.
func (b browser) signInFake() door.Pass {
	b.r.t.Helper()
	back := b.fakeCallback()
	return b.get(back.to(b.r.t).String()).pass(b.r.t)
}

// fakeCallback returns the load balancer's answer to the callback.
func (b browser) fakeCallback() answer {
	b.r.t.Helper()
	to := b.get("/").to(b.r.t)
	return b.get(dev.ALBCallback + "?" + url.Values{"code": {"the-code"}, "state": {to.Query().Get("state")}}.Encode())
}
