package alb

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sdev/dev"
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

// After the app has expired its cookies, it leads the browser to the user pool, which wants logout_uri. Only then does
// somebody else get to sign in.
func TestLogout_AtTheUserPoolComesBackToTheAppsAddress(t *testing.T) {
	r := newRig(t, func(s *setup) { s.door.Client.PostLogout = []string{s.door.Origin + "/bye"} })
	b := r.browser()
	b.signIn("/", alice)
	pool := strings.TrimSuffix(r.door.ALB.Authorization, "/oauth2/authorize")
	b.expire(sessionParts()...)
	if p := b.signIn("/", bob); p.User != alice {
		t.Errorf("without a logout at the provider %s is in, who never signed in there", p.User)
	}
	b.expire(sessionParts()...)
	a := b.get(pool + "/logout?" + url.Values{"client_id": {r.door.Client.ID}, "logout_uri": {r.door.Origin + "/bye"}}.Encode())
	// The local provider asks, because any page could send people there.
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(a.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	action := regexp.MustCompile(`<form[^>]*action="([^"]*)"`).FindStringSubmatch(a.body)
	if action == nil {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.provider.Issuer+html.UnescapeString(action[1]), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a = b.send(q)
	if got := a.Header.Get("Location"); !strings.HasPrefix(got, r.door.Origin+"/bye") {
		t.Errorf("%s to %q: %.300s", a.Status, got, a.body)
	}
	if p := b.signIn("/", bob); p.User != bob {
		t.Errorf("%s is in", p.User)
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

// The browser compares the dates of cookies with its own clock, which nobody has moved.
func TestCookies_HaveDatesOfTheRealClock(t *testing.T) {
	for _, ahead := range []time.Duration{-10 * 24 * time.Hour, 10 * 24 * time.Hour} {
		r := newRig(t)
		r.clock(ahead)
		b := r.browser()
		if p := b.signIn("/", alice); p.User != alice {
			t.Errorf("%v ahead: %+v", ahead, p)
		}
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
		q := httptest.NewRequest(http.MethodGet, dev.ALBCallback+"?code=c&state="+to.Query().Get("state"), nil)
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
