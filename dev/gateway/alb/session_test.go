package alb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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

// withClaims makes the claims of the fake provider n bytes long.
func (f *fakeProvider) withClaims(n int) {
	f.claims = `{"sub":"1","x":"` + strings.Repeat("x", n-len(`{"sub":"1","x":""}`)) + `"}`
}

func TestSession_IsInPartsOfAtMost4K(t *testing.T) {
	f := newFake(t)
	for claims, want := range map[int]int{100: 1, 2600: 1, 4000: 2, 8000: 3, 11 << 10: 4} {
		f.withClaims(claims - len(f.access))
		b := f.browser()
		parts := map[string]string{}
		for _, c := range b.fakeCallback().Cookies() {
			if c.Value != "" {
				parts[c.Name] = c.Value
			}
		}
		if got := slices.Sorted(maps.Keys(parts)); !slices.Equal(got, sessionParts()[:want]) {
			t.Errorf("%d bytes: cookies %q", claims, got)
		}
		for name, value := range parts {
			if n := len(name + "=" + value); n > 4096 || n < 4096 && name != sessionParts()[want-1] {
				t.Errorf("%d bytes: %s has %d", claims, name, n)
			}
		}
		if p := b.get("/").pass(t); p.User != alice {
			t.Errorf("%d bytes: the parts are no session: %+v", claims, p)
		}
	}
}

func TestSession_SmallerOneExpiresTheSurplusParts(t *testing.T) {
	f := newFake(t)
	b := f.browser()
	f.withClaims(8000)
	b.signInFake()
	if b.cookie("AWSELBAuthSessionCookie-2") == "" {
		t.Fatal("the session is not in three parts")
	}
	f.claims = `{"sub":"2"}`
	f.clock(8 * 24 * time.Hour)
	if p := b.signInFake(); only(t, p, headerIdentity) != "2" {
		t.Errorf("%+v", p)
	}
	for _, name := range sessionParts()[1:] {
		if b.cookie(name) != "" {
			t.Errorf("%s of the earlier session is still there", name)
		}
	}
}

func TestSession_ClaimsAndAccessTokenHaveAtMost11K(t *testing.T) {
	f := newFake(t)
	f.withClaims(11<<10 - len(f.access) + 1)
	b := f.browser()
	if a := b.fakeCallback(); a.StatusCode != http.StatusInternalServerError || b.cookie("AWSELBAuthSessionCookie-0") != "" {
		t.Errorf("%s", a.Status)
	}
	if !slices.ContainsFunc(f.told(), func(e dev.Event) bool {
		d, ok := e.(dev.AuthDenied)
		return ok && strings.Contains(d.Reason, "ELBAuthUserClaimsSizeExceeded")
	}) {
		t.Errorf("%+v", f.told())
	}
	// The provider's fault does the same to a real session.
	r := newRig(t)
	r.fault("huge-claims", 0, "bytes", "12000")
	other := r.browser()
	if a := other.get(other.callback("/", alice).String()); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("huge-claims: %s", a.Status)
	}
}

// A person's own claims are in userinfo; the cookie has no room for them twice.
func TestSession_HasRoomForAPersonWithManyClaims(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.provider.People[0].Claims = map[string]any{"about": strings.Repeat("x", 8000)}
	})
	b := r.browser()
	_, claims, _ := readToken(t, only(t, b.signIn("/", alice), headerData))
	if claims["about"] != strings.Repeat("x", 8000) {
		t.Errorf("%.80v", claims["about"])
	}
}

// The load balancer knows nothing of a logout: the app has to expire every part.
func TestSession_EndsWhenTheAppExpiresItsParts(t *testing.T) {
	for name, c := range map[string]struct {
		expired []string
		warns   bool // because what is left looks like the cookie of another project
	}{
		"every part":         {sessionParts(), false},
		"the first of three": {sessionParts()[:1], false},
		"the last of three":  {sessionParts()[2:3], true},
		"only surplus names": {sessionParts()[3:], false},
	} {
		f := newFake(t)
		f.withClaims(8000)
		b := f.browser()
		b.signInFake()
		b.expire(c.expired...)
		a := b.get("/")
		if name == "only surplus names" {
			if a.pass(t).User != alice {
				t.Errorf("%s: %s", name, a.Status)
			}
			continue
		}
		if a.StatusCode != http.StatusFound {
			t.Errorf("%s: %s", name, a.Status)
		}
		if got := slices.ContainsFunc(f.told(), isCookieWarning); got != c.warns {
			t.Errorf("%s: warns %v", name, got)
		}
	}
}

func isCookieWarning(e dev.Event) bool {
	w, ok := e.(dev.Warning)
	return ok && w.Code == dev.CodeAuthCookies
}

func TestSession_OfAnotherKeyIsNone(t *testing.T) {
	r, other := newRig(t), newRig(t)
	theirs := other.browser()
	theirs.signIn("/", alice)
	b := r.browser()
	b.callback("/", alice)
	for name, value := range map[string]string{
		"forged": "eyJlbWFpbCI6ImFsaWNlQGV4YW1wbGUuY29tIn0", "not base64": "&&&", "another project's": theirs.cookie("AWSELBAuthSessionCookie-0"),
		"a state": b.get("/").to(t).Query().Get("state"),
	} {
		b.expire(sessionParts()...)
		u, err := url.Parse(r.door.Origin)
		if err != nil {
			t.Fatal(err)
		}
		b.Jar.SetCookies(u, []*http.Cookie{{Name: "AWSELBAuthSessionCookie-0", Value: value, Path: "/"}})
		if a := b.get("/"); a.StatusCode != http.StatusFound || !strings.HasPrefix(a.Header.Get("Location"), r.door.ALB.Authorization) {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	warnings := slices.DeleteFunc(r.told(), func(e dev.Event) bool { return !isCookieWarning(e) })
	if len(warnings) != 1 || !strings.Contains(warnings[0].(dev.Warning).Hint, "x-sdev.auth.alb.cookie") {
		t.Errorf("%+v", warnings)
	}
}

func TestSession_TimesOutByTheProvidersClock(t *testing.T) {
	r := newRig(t, func(s *setup) { s.door.ALB.Timeout = 30 * time.Minute })
	b := r.browser()
	back := b.get(b.callback("/", alice).String())
	for _, c := range back.Cookies() {
		// Its date says nothing about the timeout, which is inside.
		if left := time.Until(c.Expires); c.Value != "" && (left < 7*24*time.Hour-time.Minute || left > 7*24*time.Hour) {
			t.Errorf("%s expires in %v", c.Name, left)
		}
	}
	r.clock(29 * time.Minute)
	b.get("/").pass(t)
	r.clock(30 * time.Minute)
	if a := b.get("/"); a.StatusCode != http.StatusFound {
		t.Errorf("%s", a.Status)
	}
}

func TestSession_OutlivesTheGateway(t *testing.T) {
	state := t.TempDir()
	r := newRig(t, func(s *setup) { s.door.State = state })
	b := r.browser()
	back := b.callback("/", alice)
	r.lb = r.open() // in the middle of a sign-in
	b.get(b.get(back.String()).to(t).String()).pass(t)
	r.lb = r.open()
	if p := b.get("/").pass(t); p.User != alice || slices.ContainsFunc(r.told(), isCookieWarning) {
		t.Errorf("%+v", p)
	}
	r.door.State = t.TempDir()
	r.lb = r.open()
	if a := b.get("/"); a.StatusCode != http.StatusFound {
		t.Errorf("with other keys: %s", a.Status)
	}
}

func TestCookies_HaveTheAttributesOfTheOrigin(t *testing.T) {
	for origin, want := range map[string]string{
		"http":  "; Path=/; Expires=EXPIRES; HttpOnly; SameSite=Lax",
		"https": "; Path=/; Expires=EXPIRES; HttpOnly; Secure; SameSite=None",
	} {
		f := newFake(t)
		f.lb.cfg.Origin = origin + "://localhost:8501"
		w := httptest.NewRecorder()
		f.lb.Admit(w, httptest.NewRequest(http.MethodGet, "/", nil))
		to, err := w.Result().Location()
		if err != nil {
			t.Fatal(err)
		}
		q := httptest.NewRequest(http.MethodGet, callbackPath+"?code=c&state="+to.Query().Get("state"), nil)
		q.AddCookie(w.Result().Cookies()[0])
		back := httptest.NewRecorder()
		f.lb.Admit(back, q)
		lines := append(w.Header()["Set-Cookie"], back.Header()["Set-Cookie"]...)
		if len(lines) != 6 { // the nonce, four parts, the nonce again
			t.Errorf("%s: %q", origin, lines)
		}
		for _, line := range lines {
			_, attributes, _ := strings.Cut(line, ";")
			expires, _, _ := strings.Cut(attributes[strings.Index(attributes, "Expires=")+len("Expires="):], ";")
			if got := ";" + strings.Replace(attributes, expires, "EXPIRES", 1); got != want {
				t.Errorf("%s: %s", origin, line)
			}
		}
	}
}

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

func TestSession_200AtOnceAreKeptApart(t *testing.T) {
	const sessions, requests = 200, 5
	r := newRig(t)
	var all sync.WaitGroup
	limit := make(chan struct{}, 20) // sign-ins at a time
	for i := range sessions {
		b, email := r.browser(), fmt.Sprintf("p%d@example.com", i)
		all.Go(func() {
			limit <- struct{}{}
			w := r.signInDirectly(b, email)
			<-limit
			var requestsOf sync.WaitGroup
			for range requests {
				requestsOf.Go(func() {
					p, ok := r.lb.Admit(httptest.NewRecorder(), withCookies(httptest.NewRequest(http.MethodGet, "/", nil), w))
					if !ok || p.User != email || value(p, headerIdentity) != r.idp.Subject(dev.Person{Email: email}) {
						t.Errorf("%s: %v %+v", email, ok, p)
					}
				})
			}
			requestsOf.Wait()
		})
	}
	all.Wait()
}

// signInDirectly signs a person in and returns the cookies; it may be called from several goroutines.
func (r *rig) signInDirectly(b browser, email string) []*http.Cookie {
	back := b.get(b.callback("/", email).String())
	if back.StatusCode != http.StatusFound {
		r.t.Errorf("%s: %s", email, back.Status)
	}
	return cookiesOf(b)
}

// What Seal writes into a cookie must not depend on how JSON escapes characters for HTML.
func TestSession_KeepsTheTextOfClaims(t *testing.T) {
	f := newFake(t)
	f.claims = `{"sub":"1","x":"<a&b>\u2028"}`
	if s := f.lb.sessionOf(t, f.browser()); string(s.Claims) != f.claims {
		t.Errorf("%s", s.Claims)
	}
}

func (d *Door) sessionOf(t *testing.T, b browser) *session {
	t.Helper()
	b.signInFake()
	s := d.session(withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookiesOf(b)))
	if s == nil || !json.Valid(s.Claims) {
		t.Fatal("no session")
	}
	return s
}
