package iap

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

// TestGuests_SignInWithAPassword goes the way of a guest: Cloud Armor, the page of Identity Platform, and back.
func TestGuests_SignInWithAPassword(t *testing.T) {
	r := newRig(t)
	first := r.getGuest("/sales/year?q=1")
	isGenerated(t, first, http.StatusFound)
	to := first.location()
	q := to.Query()
	if to.Scheme+"://"+to.Host+to.Path != r.issuer+"/at/iap-gcip-hosted-ui.run.app/" || q.Get("mode") != "login" || q.Get("tid") != "guests-1" || q.Get("apiKey") == "" {
		t.Errorf("sent to %s", to)
	}
	page := r.follow(r.browser, first)
	for _, want := range []string{`name="email"`, `type="password"`, dev.DefaultPassword} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page.body, "horse") || page.Header.Get("Cross-Origin-Opener-Policy") != "" {
		t.Error("the page holds a password, or cuts the window off from its opener")
	}
	back := r.submit(r.browser, page, "Greta@Example.org", "correct horse")
	if got := back.location(); got.Hostname() != "guests.localhost" || got.Path != "/sales/year" || got.Query().Get("gcp-iap-mode") != "AUTHENTICATING" {
		t.Fatalf("led back to %s", got)
	}
	p := r.follow(r.browser, back, door.SourceHeader, known)
	isApp(t, p) // whatever the policies say: IAP asks IAM for colleagues only
	if p.Request.URL.String() != r.guests("/sales/year?q=1") {
		t.Errorf("at last at %s", p.Request.URL)
	}
	login := told[dev.AuthLogin](r)
	if len(login) != 1 || login[0].User != greta || login[0].Reason != "password" {
		t.Errorf("events %+v", login)
	}
}

func TestGuests_ClaimsAreThoseOfIdentityPlatform(t *testing.T) {
	r := newRig(t)
	p := r.signInGuest(r.browser, greta, "correct horse", "/")
	isApp(t, p)
	const prefix = "securetoken.google.com/sdev-shop/guests-1:"
	if p.seen(headerEmail) != prefix+greta || !regexp.MustCompile("^"+prefix+"[A-Za-z0-9]{28}$").MatchString(p.seen(headerID)) {
		t.Errorf("headers %s, %s", p.seen(headerEmail), p.seen(headerID))
	}
	token := p.seen(headerAssertion)
	c := p.claims(t)
	if c["email"] != prefix+greta || c["sub"] != p.seen(headerID) || c["aud"] != r.d.iap.External.Audience || c["hd"] != nil || c["google"] != nil {
		t.Errorf("claims %v", c)
	}
	if got, want := memberNames(t, rawPart(t, token, 1)), []string{"aud", "azp", "email", "exp", "gcip", "iat", "iss", "sub"}; !slices.Equal(got, want) {
		t.Errorf("claims in the order %v, want %v", got, want)
	}
	g, ok := c["gcip"].(map[string]any)
	if !ok {
		t.Fatalf("gcip is %T", c["gcip"])
	}
	firebase := g["firebase"].(map[string]any)
	if g["email"] != greta || g["email_verified"] != false || g["customer"] != "acme" || prefix+g["sub"].(string) != c["sub"] || g["auth_time"].(float64) > c["iat"].(float64) ||
		firebase["sign_in_provider"] != "password" || firebase["tenant"] != "guests-1" || text(firebase["identities"]) != "map[email:[greta@example.org]]" {
		t.Errorf("gcip %v", g)
	}
	uid := ""
	at, err := url.Parse(r.guests("/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.browser.Jar.Cookies(at) {
		if c.Name == cookieUID {
			uid = c.Value
		}
	}
	if uid != p.seen(headerID) {
		t.Errorf("cookie with the id %q", uid)
	}
}

func TestGuests_WithoutATenantAndWithTheClaimAsText(t *testing.T) {
	r := newRig(t, func(c *door.Config) {
		e := *c.IAP.External
		e.Tenant, e.ClaimAsText = "", true
		c.IAP.External = &e
	})
	p := r.signInGuest(r.browser, bob, dev.DefaultPassword, "/") // bob has no password of his own
	isApp(t, p)
	if p.seen(headerEmail) != "securetoken.google.com/sdev-shop:"+bob {
		t.Errorf("header %s", p.seen(headerEmail))
	}
	var g map[string]any
	if s, ok := p.claims(t)["gcip"].(string); !ok || json.Unmarshal([]byte(s), &g) != nil || g["email"] != bob {
		t.Errorf("gcip %v", p.claims(t)["gcip"])
	}
}

func TestGuests_AWrongPasswordShowsTheFormAgain(t *testing.T) {
	r := newRig(t)
	page := r.follow(r.browser, r.getGuest("/"))
	for _, c := range [][2]string{{greta, "password"}, {greta, ""}, {greta, "correct hors"}, {alice, "correct horse"}, {"nobody@example.org", "password"}, {"correct horse", "x"}, {"", ""}} {
		p := r.submit(r.browser, page, c[0], c[1])
		if p.StatusCode != http.StatusUnauthorized || !strings.Contains(p.body, "is wrong") || p.cookie("sdev_") != nil {
			t.Errorf("%q: %s", c, p.Status)
		}
	}
	isGenerated(t, r.getGuest("/"), http.StatusFound)
	for _, e := range told[dev.AuthDenied](r) {
		if got := text(e); strings.Contains(got, "horse") || strings.Contains(got, "nobody") {
			t.Errorf("an event holds what was typed: %s", got)
		}
	}
	if len(told[dev.AuthDenied](r)) != 7 {
		t.Errorf("events %+v", told[dev.AuthDenied](r))
	}
}

// TestGuests_SessionsLastAnHour: then the page of Identity Platform, which knows the guest, renews it without a form.
func TestGuests_SessionsLastAnHour(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInGuest(r.browser, greta, "correct horse", "/"))
	r.later(59 * time.Minute)
	isApp(t, r.getGuest("/"))
	r.later(61 * time.Minute)
	isGenerated(t, r.getGuest("/", "X-Requested-With", "XMLHttpRequest"), http.StatusUnauthorized)
	isApp(t, r.follow(r.browser, r.getGuest("/"), door.SourceHeader, known))
	r.do(oidc.Command{Do: oidc.DoPeople, People: people()[:2]}) // the account is removed
	p := r.follow(r.browser, r.getGuest("/"), door.SourceHeader, known)
	if !strings.Contains(p.body, `type="password"`) {
		t.Errorf("no form, but %s: %.300s", p.Status, p.body)
	}
}

func TestGuests_SignOutEndsBothSessions(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInGuest(r.browser, greta, "correct horse", "/"))
	p := r.getGuest("/page?gcp-iap-mode=GCIP_SIGNOUT")
	isGenerated(t, p, http.StatusFound)
	if c := p.cookie(cookieSession); c == nil || c.MaxAge >= 0 {
		t.Errorf("session cookie %+v", c)
	}
	page := r.follow(r.browser, p, door.SourceHeader, known)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "You are signed out") || !strings.Contains(page.body, r.guests("/page")) {
		t.Errorf("%s: %s", page.Status, page.body)
	}
	if p := r.follow(r.browser, r.getGuest("/"), door.SourceHeader, known); !strings.Contains(p.body, `type="password"`) {
		t.Errorf("no form after the sign-out, but %s", p.Status)
	}
	if out := told[dev.AuthLogout](r); len(out) != 1 || out[0].User != greta {
		t.Errorf("events %+v", out)
	}
}

// TestGuests_HostsAreApart: a session at one host is none at the other, even if a browser sends the cookie there.
func TestGuests_HostsAreApart(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	isGenerated(t, r.getGuest("/"), http.StatusFound)
	guest := r.newBrowser()
	isApp(t, r.signInGuest(guest, greta, "correct horse", "/"))
	at, err := url.Parse(r.guests("/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range guest.Jar.Cookies(at) {
		if value, ok := strings.CutPrefix(c.Name, cookieSession); ok {
			forged := r.d.cookieName(r.d.resources[0]) + "=" + c.Value
			isGenerated(t, r.send(r.newBrowser(), http.MethodGet, r.main("/"), nil, "Cookie", forged), http.StatusFound)
			if value == r.d.resources[0].cookie {
				t.Error("both hosts have the same cookie")
			}
		}
	}
}

// TestGuests_ARedirectTokenIsForOneHost takes the way back of a guest to the other host.
func TestGuests_ARedirectTokenIsForOneHost(t *testing.T) {
	r := newRig(t)
	back := r.submit(r.browser, r.follow(r.browser, r.getGuest("/page")), greta, "correct horse").location()
	nonce := r.getGuest("/").cookie(cookieNonce) // the same one again
	p := r.send(r.newBrowser(), http.MethodGet, r.main(back.RequestURI()), nil, "Cookie", nonce.Name+"=1")
	isGenerated(t, p, http.StatusBadRequest)
	if !strings.Contains(p.body, "error code 9") || p.cookie(cookieSession) != nil {
		t.Errorf("%s", p.body)
	}
	isApp(t, r.follow(r.browser, r.send(r.browser, http.MethodGet, back.String(), nil, door.SourceHeader, known), door.SourceHeader, known))
}

func TestGuests_ForceLoginShowsTheForm(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInGuest(r.browser, greta, "correct horse", "/"))
	page := r.follow(r.browser, r.getGuest("/?gcp-iap-mode=FORCE_LOGIN"), door.SourceHeader, known)
	p := r.follow(r.browser, r.submit(r.browser, page, bob, dev.DefaultPassword), door.SourceHeader, known)
	isApp(t, p)
	if !strings.HasSuffix(p.seen(headerEmail), ":"+bob) {
		t.Errorf("%s", p.seen(headerEmail))
	}
}

func TestGuests_AFormOfAnotherSignInIsRefused(t *testing.T) {
	r := newRig(t)
	for name, state := range map[string]string{"none": "", "damaged": "AAAA", "of the other host": r.get("/").location().Query().Get("state")} {
		p := r.send(r.browser, http.MethodPost, r.issuer+signInPath+"?"+url.Values{"mode": {"login"}, "state": {state}}.Encode(), url.Values{"email": {greta}, "password": {"correct horse"}})
		if p.StatusCode != http.StatusBadRequest || p.Header.Get("Location") != "" {
			t.Errorf("%s: %s", name, p.Status)
		}
	}
	state := r.getGuest("/").location()
	r.later(11 * time.Minute)
	if p := r.send(r.browser, http.MethodGet, state.String(), nil); p.StatusCode != http.StatusBadRequest {
		t.Errorf("too old: %s", p.Status)
	}
}
