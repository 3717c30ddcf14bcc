package iap

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

func TestIAP_SignsInAndBackToThePage(t *testing.T) {
	r := newRig(t)
	first := r.get("/sales/year?q=a%20b&q=c")
	isGenerated(t, first, http.StatusFound)
	to := first.location()
	if got := to.Scheme + "://" + to.Host + to.Path; got != r.issuer+"/at/accounts.google.com/o/oauth2/v2/auth" {
		t.Errorf("sent to %s", got)
	}
	q := to.Query()
	if q.Get("client_id") != doorClient || q.Get("response_type") != "code" || q.Get("scope") != "openid email" || q.Get("redirect_uri") != r.issuer+dev.IAPCallback(doorClient) {
		t.Errorf("asked for %v", q)
	}
	nonce := first.cookie(cookieNonce)
	if nonce == nil || nonce.Value != "1" || len(nonce.Name) != len(cookieNonce)+22 || !nonce.HttpOnly || nonce.Path != "/" || time.Until(nonce.Expires) > 10*time.Minute {
		t.Errorf("nonce cookie %+v", nonce)
	}
	back := r.pick(r.browser, r.follow(r.browser, first), alice)
	back = r.send(r.browser, http.MethodGet, back.location().String(), nil) // at iap.googleapis.com
	if q := back.location().Query(); back.location().Path != "/sales/year" || q.Get("gcp-iap-mode") != "AUTHENTICATING" || q.Get("redirect_token_v2") == "" || q.Get("code") != "" {
		t.Fatalf("led back to %s", back.location())
	}
	set := r.send(r.browser, http.MethodGet, back.location().String(), nil)
	isGenerated(t, set, http.StatusFound)
	c, uid := set.cookie(cookieSession), set.cookie(cookieUID)
	if c == nil || !regexp.MustCompile(`^GCP_IAP_AUTH_TOKEN_[0-9A-F]{16}$`).MatchString(c.Name) || !c.HttpOnly || !c.Expires.IsZero() {
		t.Errorf("session cookie %+v", c)
	}
	if uid == nil || uid.Value != dev.GoogleSubject(alice) || uid.HttpOnly {
		t.Errorf("cookie with the id %+v", uid)
	}
	if to := set.location().String(); to != r.main("/sales/year?q=a%20b&q=c") {
		t.Errorf("at last led to %s", to)
	}
	isApp(t, r.follow(r.browser, set))
}

func TestIAP_HeadersAndClaimsAreGoogles(t *testing.T) {
	r := newRig(t)
	p := r.signInAs(r.browser, alice, "/")
	isApp(t, p)
	r.mu.Lock()
	for name := range r.last.Header {
		if name != strings.ToLower(name) {
			t.Errorf("header %s", name)
		}
	}
	r.mu.Unlock()
	if got := p.seen(headerEmail); got != "accounts.google.com:"+alice {
		t.Errorf("e-mail %q", got)
	}
	if got := p.seen(headerID); !regexp.MustCompile(`^accounts\.google\.com:1\d{20}$`).MatchString(got) {
		t.Errorf("id %q", got)
	}
	token := p.seen(headerAssertion)
	head := string(rawPart(t, token, 0))
	if !regexp.MustCompile(`^\{"alg":"ES256","typ":"JWT","kid":"[A-Za-z0-9_-]{6}"\}$`).MatchString(head) {
		t.Errorf("token header %s", head)
	}
	c := p.claims(t)
	if c["iss"] != "https://cloud.google.com/iap" || c["aud"] != r.d.iap.Audience || c["azp"] != c["aud"] || c["sub"] != p.seen(headerID) || c["email"] != alice ||
		c["hd"] != "example.com" || c["identity_source"] != "GOOGLE" || c["exp"].(float64)-c["iat"].(float64) != 600 {
		t.Errorf("claims %v", c)
	}
	if got, want := memberNames(t, rawPart(t, token, 1)), []string{"aud", "azp", "email", "exp", "hd", "iat", "identity_source", "iss", "sub"}; !slices.Equal(got, want) {
		t.Errorf("claims in the order %v, want %v", got, want)
	}
	if again := r.get("/"); again.seen(headerAssertion) == token || again.seen(headerEmail) != p.seen(headerEmail) {
		t.Error("the second request has the token of the first, or another person")
	}
	if p := r.signInAs(r.newBrowser(), bob, "/"); text(p.claims(t)["google"]) != "map[access_levels:[accessPolicies/1/accessLevels/office]]" {
		t.Errorf("access levels %v", p.claims(t))
	}
}

// memberNames are the names of an object's members, in their order.
func memberNames(t testing.TB, object []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(object))
	var names []string
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var skipped json.RawMessage
		if err := dec.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestIAP_AScriptGets401(t *testing.T) {
	r := newRig(t)
	p := r.get("/data", "X-Requested-With", "XMLHttpRequest")
	isGenerated(t, p, http.StatusUnauthorized)
	if p.Header.Get("Location") != "" || p.cookie(cookieNonce) != nil {
		t.Errorf("a script is led somewhere: %v", p.Header)
	}
	isGenerated(t, r.get("/data"), http.StatusFound) // fetch without the header
}

func TestIAP_WithoutTheRoleThereIsAPage(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, bob, "/"))
	p := r.get("/sales/year")
	isGenerated(t, p, http.StatusForbidden)
	if !strings.Contains(p.body, bob) || !strings.Contains(p.body, "gcp-iap-mode=FORCE_LOGIN") || !strings.Contains(p.body, "compose.yaml:9") || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		t.Errorf("page %s", p.body)
	}
	r.get("/sales/year")
	if denied := told[dev.AuthDenied](r); len(denied) != 1 || denied[0].User != bob || !strings.Contains(denied[0].Reason, "/sales/year") || !strings.Contains(denied[0].Reason, "compose.yaml:9") {
		t.Errorf("events %+v", denied)
	}
}

// TestIAP_IAMIsAskedAgainForEveryRequest changes the groups of somebody who has signed in.
func TestIAP_IAMIsAskedAgainForEveryRequest(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/sales/year"))
	all := people()
	all[0].Groups = nil
	r.do(oidc.Command{Do: oidc.DoPeople, People: all})
	isGenerated(t, r.get("/sales/year"), http.StatusForbidden)
	isApp(t, r.get("/"))
	r.do(oidc.Command{Do: oidc.DoPeople, People: people()})
	isApp(t, r.get("/sales/year"))
}

// TestIAP_AWebSocketIsCheckedWhenItOpens sends the request of an upgrade, which is a GET like any other.
func TestIAP_AWebSocketIsCheckedWhenItOpens(t *testing.T) {
	r := newRig(t)
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	isGenerated(t, r.get("/_stcore/stream", upgrade...), http.StatusFound)
	r.signInAs(r.browser, alice, "/")
	p := r.get("/_stcore/stream", upgrade...)
	isApp(t, p)
	if p.seen(headerAssertion) == "" {
		t.Error("the upgrade has no token")
	}
}

// TestIAP_HealthChecksPass: those of Google go past the proxy. A page that requests the same path does not.
func TestIAP_HealthChecksPass(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/_stcore/health", "/healthz"} {
		p := r.get(path)
		isApp(t, p)
		if p.seen(headerAssertion) != "" || p.seen(headerEmail) != "" {
			t.Errorf("%s has identity headers", path)
		}
	}
	isGenerated(t, r.get("/_stcore/health", "Sec-Fetch-Mode", "cors"), http.StatusFound)
	isGenerated(t, r.get("/_stcore/health", "Cookie", "a=b"), http.StatusFound)
	isGenerated(t, r.get("/_stcore/health/x"), http.StatusFound)
	isApp(t, r.send(r.browser, http.MethodGet, r.guests("/_stcore/health"), nil)) // nor does Cloud Armor see them
}

func TestIAP_SessionsOfAnotherProjectCountAsNone(t *testing.T) {
	r := newRig(t)
	name := r.d.cookieName(r.d.resources[0])
	for range 2 {
		isGenerated(t, r.get("/", "Cookie", name+"=foreign"), http.StatusFound)
	}
	isApp(t, r.signInAs(r.browser, alice, "/"))
	isApp(t, r.get("/", "Cookie", name+"=foreign")) // beside its own
	if w := told[dev.Warning](r); len(w) != 1 || w[0].Code != dev.CodeAuthCookies || !strings.Contains(w[0].Message, name) {
		t.Errorf("warnings %+v", w)
	}
}

// TestIAP_SessionsEndWithTheSignIn: a session lasts as long as that of the provider, whatever the lifetime of a token is.
func TestIAP_SessionsEndWithTheSignIn(t *testing.T) {
	r := newRig(t)
	r.signInAs(r.browser, alice, "/")
	r.later(2 * time.Hour) // the access token has expired
	p := r.get("/")
	isApp(t, p)
	if p.cookie(cookieSession) == nil {
		t.Error("the session was not refreshed")
	}
	isApp(t, r.get("/"))
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: "revoked-refresh"}})
	r.later(4 * time.Hour)
	isGenerated(t, r.get("/"), http.StatusFound)
	isGenerated(t, r.get("/", "X-Requested-With", "XMLHttpRequest"), http.StatusUnauthorized)
}

func TestIAP_ASignOutAtTheProviderEndsTheSession(t *testing.T) {
	r := newRig(t)
	r.signInAs(r.browser, alice, "/")
	page := r.send(r.browser, http.MethodGet, r.issuer+"/end_session", nil)
	if p := r.fill(r.browser, page, "/signout"); p.StatusCode != http.StatusOK && p.StatusCode != http.StatusSeeOther {
		t.Fatalf("not signed out: %s", p.Status)
	}
	r.later(2 * checkEvery)
	isGenerated(t, r.get("/"), http.StatusFound)
}

// TestIAP_SomebodyElseKeepsWhatTheyTyped signs in a person who is not of the project.
func TestIAP_SomebodyElseKeepsWhatTheyTyped(t *testing.T) {
	r := newRig(t)
	page := r.follow(r.browser, r.get("/sales/x"))
	p := r.follow(r.browser, r.fill(r.browser, page, "/signin", "email", "eve@example.net", "name", "Eve", "groups", "sales"))
	isApp(t, p)
	if p.seen(headerEmail) != "accounts.google.com:eve@example.net" {
		t.Errorf("%s", p.seen(headerEmail))
	}
	isApp(t, r.get("/sales/x"))
}

func TestIAP_HostsAreAskedForTheirKeysOnly(t *testing.T) {
	r := newRig(t)
	if got := r.d.cfg.Hosts(); !slices.Contains(got, "www.gstatic.com") {
		t.Errorf("hosts %v", got)
	}
	if got := r.d.cfg.Names(); !slices.Equal(got, []string{"guests.localhost"}) {
		t.Errorf("names %v", got)
	}
}
