package alb

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

// accessOf returns the access token that the app gets.
func (b browser) accessOf() string {
	b.r.t.Helper()
	return only(b.r.t, b.get("/").pass(b.r.t), headerAccess)
}

func TestRefresh_GetsNewTokensWhenTheAccessTokenHasExpired(t *testing.T) {
	for _, policy := range []string{"keep", "rotate"} {
		r := newRig(t, func(s *setup) { s.provider.Refresh = policy })
		b := r.browser()
		b.signIn("/", alice)
		seen := []string{b.accessOf()}
		if again := b.accessOf(); again != seen[0] || r.tokens.Load() != 1 {
			t.Errorf("%s: refreshed too early", policy)
		}
		people := []dev.Person{{Email: alice, Name: "Alice Renamed"}}
		r.do(oidc.Command{Do: oidc.DoPeople, People: people})
		for i := range 3 { // each is later than the token of the one before
			r.clock(time.Duration(i+1) * 2 * time.Hour)
			for range 2 {
				if access := b.accessOf(); !slices.Contains(seen, access) {
					seen = append(seen, access)
				}
			}
			if len(seen) != i+2 || r.tokens.Load() != int64(i+2) {
				t.Fatalf("%s: %d access tokens by %d requests after %d hours", policy, len(seen), r.tokens.Load(), 2*(i+1))
			}
		}
		_, claims, _ := readToken(t, only(t, b.get("/").pass(t), headerData))
		if claims["name"] != "Alice Renamed" {
			t.Errorf("%s: the claims are those of the sign-in: %v", policy, claims)
		}
	}
}

// A page makes many requests with the cookie from before the refresh. A provider that rotates refresh tokens would take a
// second use for theft.
func TestRefresh_IsDoneOnceForParallelRequests(t *testing.T) {
	r := newRig(t, func(s *setup) { s.provider.Refresh = "rotate" })
	b := r.browser()
	b.signIn("/", alice)
	before := r.tokens.Load()
	r.clock(2 * time.Hour)
	cookies := cookiesOf(b)
	got := make(chan string, 50)
	var all sync.WaitGroup
	for range cap(got) {
		all.Go(func() {
			w := httptest.NewRecorder()
			p, ok := r.lb.Admit(w, withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookies))
			if !ok || len(w.Result().Cookies()) == 0 {
				got <- fmt.Sprint(w.Code, w.Header())
				return
			}
			got <- value(p, headerAccess)
		})
	}
	all.Wait()
	close(got)
	kinds := map[string]int{}
	for access := range got {
		kinds[access]++
	}
	if n := r.tokens.Load() - before; n != 1 || len(kinds) != 1 {
		t.Errorf("%d requests for tokens, answers %.500v", n, kinds)
	}
	if late, ok := r.lb.Admit(httptest.NewRecorder(), withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookies)); !ok || kinds[value(late, headerAccess)] == 0 {
		t.Error("a request with the old cookie that comes later is not signed in")
	}
}

func cookiesOf(b browser) []*http.Cookie {
	u, err := url.Parse(b.r.door.Origin)
	if err != nil {
		b.r.t.Fatal(err)
	}
	return b.Jar.Cookies(u)
}

func withCookies(q *http.Request, cookies []*http.Cookie) *http.Request {
	for _, c := range cookies {
		q.AddCookie(c)
	}
	return q
}

// The first of several waiting requests asks the provider. If its browser goes away, the others still get the answer.
func TestRefresh_DoesNotDependOnTheBrowserThatCausedIt(t *testing.T) {
	r := newRig(t, func(s *setup) { s.provider.Refresh = "rotate" })
	b := r.browser()
	b.signIn("/", alice)
	r.clock(2 * time.Hour)
	cookies := cookiesOf(b)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r.lb.Admit(httptest.NewRecorder(), withCookies(httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil), cookies))
	if p, ok := r.lb.Admit(httptest.NewRecorder(), withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookies)); !ok || p.User != alice {
		t.Errorf("signed out by a request that was cancelled: %+v", p)
	}
}

func TestRefresh_RefusedMeansToSignInAgain(t *testing.T) {
	for name, refuse := range map[string]func(*rig){
		"by the token endpoint": func(r *rig) { r.fault("revoked-refresh", 1) },
		"no answer":             func(r *rig) { r.fault("drop", 1, "endpoint", "token") },
		"no claims":             func(r *rig) { r.fault("status", 1, "endpoint", "userinfo") },
	} {
		r := newRig(t)
		b := r.browser()
		b.signIn("/", alice)
		r.clock(2 * time.Hour)
		refuse(r)
		to := b.get("/").to(t)
		if !strings.HasPrefix(to.String(), r.door.ALB.Authorization) {
			t.Errorf("%s: to %s", name, to)
		}
		if a := b.get(b.pick(to, alice).String()); a.StatusCode != http.StatusFound || b.get("/").pass(t).User != alice {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
}

func TestRefresh_NeedsARefreshToken(t *testing.T) {
	r := newRig(t, withOIDC)
	b := r.browser()
	b.signIn("/", alice)
	r.clock(3 * time.Hour)
	if p := b.get("/").pass(t); p.User != alice || r.tokens.Load() != 1 {
		t.Errorf("%+v, %d requests for tokens", p, r.tokens.Load())
	}
}

func TestRefresh_DoesNotProlongTheSession(t *testing.T) {
	r := newRig(t, func(s *setup) { s.door.ALB.Timeout = 3 * time.Hour })
	b := r.browser()
	b.signIn("/", alice)
	r.clock(2 * time.Hour)
	b.get("/").pass(t)
	r.clock(3*time.Hour + time.Minute)
	if a := b.get("/"); a.StatusCode != http.StatusFound {
		t.Errorf("%s", a.Status)
	}
}
