package access

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

func TestIdentity_TellsAllAboutTheHolder(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Access.Claims = []string{"hd"} })
	r.get("/cdn-cgi/access/get-identity").want(t, http.StatusBadRequest, `{"err":"no app token set"}`)
	r.signIn(alice, "/")
	raw := r.last().Header.Get(headerToken)
	_, claims := parts(t, raw)
	sub := read[token](t, claims).Subject
	for at, got := range map[string]answer{
		"app":  r.get("/cdn-cgi/access/get-identity"),
		"team": r.get(r.issuer + "/cdn-cgi/access/get-identity"),
	} {
		got.want(t, http.StatusOK, "")
		about := read[struct {
			Email, Name, IP string
			Groups          []string
			Provider        struct{ ID, Type string } `json:"idp"`
			Geo             struct{ Country string }
			User            string         `json:"user_uuid"`
			Account         string         `json:"account_id"`
			Issued          int64          `json:"iat"`
			Posture         map[string]any `json:"devicePosture"`
			Service         *bool          `json:"service_token_status"`
			Warp            *bool          `json:"is_warp"`
			Version         int
			Fields          map[string]any `json:"oidc_fields"`
		}](t, got.body)
		if about.Email != alice || about.Name != "Alice Müller" || about.IP != "203.0.113.10" || strings.Join(about.Groups, ",") != "marketing" || about.Provider.Type != "oidc" ||
			about.Geo.Country != "US" || about.User != sub || about.Account != r.door.access.Account || about.Issued == 0 || about.Posture == nil ||
			about.Service == nil || about.Warp == nil || about.Version != 2 || about.Fields["hd"] != "example.com" {
			t.Errorf("%s: %s", at, got.body)
		}
	}
	// As the plugin of Cloudflare Pages asks: with the application's token at the team's host, inside the app's namespace.
	r.client = r.browser()
	r.get(r.issuer+"/cdn-cgi/access/get-identity", "Cookie", "CF_Authorization="+raw).want(t, http.StatusOK, alice)
	r.get(r.issuer+"/cdn-cgi/access/get-identity", "Cookie", "CF_Authorization="+door.BreakSignature(raw)).want(t, http.StatusBadRequest, "")
}

func TestIdentity_OfSomebodyElseIsThatOfTheSignIn(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Policies = departments() })
	page := r.visit("/sales")
	r.pick(page, "email", "new@example.net", "groups", "sales, temps").want(t, http.StatusOK, "the app")
	r.restart()
	r.get("/cdn-cgi/access/get-identity", "Cookie", "CF_Authorization="+r.last().Header.Get(headerToken)).want(t, http.StatusOK, `"groups":["sales","temps"]`)
}

func TestLogin_CannotBeFinishedByAnother(t *testing.T) {
	r := newRig(t)
	victim, attacker := r.client, r.browser()
	r.client = attacker
	back := r.submit(r.visit("/"), "pick", alice).Header.Get("Location") // the attacker's way back from the provider, not followed
	r.client = victim
	r.get(back).want(t, http.StatusBadRequest, "CF_Session")
	r.client = attacker
	got := r.get(back)
	got.want(t, http.StatusFound, "")
	authorized := got.Header.Get("Location")
	r.client = victim
	r.get("/").want(t, http.StatusFound, "") // so that the browser has a CF_AppSession of its own
	r.get(authorized).want(t, http.StatusBadRequest, "CF_AppSession")
	r.client = attacker
	r.get(authorized).want(t, http.StatusFound, "")
	r.get(authorized).want(t, http.StatusBadRequest, "used before")
	r.get(strings.Replace(authorized, "nonce=", "nonce=x", 1)).want(t, http.StatusBadRequest, "changed")
	if denied := said[dev.AuthDenied](r); len(denied) != 4 {
		t.Errorf("events %+v", denied)
	}
}

func TestLogin_TakesAnHourAtMost(t *testing.T) {
	r := newRig(t)
	back := r.submit(r.visit("/"), "pick", alice).Header.Get("Location")
	r.clock(61 * time.Minute)
	r.get(back).want(t, http.StatusBadRequest, "longer than an hour")
}

func TestLogin_WithoutMetaStartsAgain(t *testing.T) {
	r := newRig(t)
	host := strings.TrimPrefix(r.origin, "http://")
	got := r.get(r.issuer + "/cdn-cgi/access/login/" + host + "?redirect_url=%2Fpage")
	if to := got.Header.Get("Location"); to != r.origin+"/cdn-cgi/access/login?redirect_url=%2Fpage" {
		t.Errorf("redirected to %q", to)
	}
	// As a library writes the address, which knows nothing of ports and meta.
	r.get(r.issuer+"/cdn-cgi/access/login/localhost?kid=abc&redirect_url=%2Fpage").want(t, http.StatusFound, "")
	r.get(r.issuer+"/cdn-cgi/access/login/other.example").want(t, http.StatusNotFound, "no application")
	r.signIn(alice, "/cdn-cgi/access/login?redirect_url=%2Fpage").want(t, http.StatusOK, "the app")
	if r.last().path != "/page" {
		t.Errorf("led to %s", r.last().path)
	}
	for _, to := range []string{"//evil.example", `/\evil.example`, "https://evil.example"} {
		got := r.visit("/cdn-cgi/access/login?redirect_url=" + url.QueryEscape(to))
		if host := got.Request.URL.Host; !strings.HasPrefix(host, "localhost:") {
			t.Errorf("%s led to %s", to, host)
		}
	}
}

func TestLogin_RefusedAtTheProvider(t *testing.T) {
	r := newRig(t)
	r.pick(r.visit("/"), "deny", "1").want(t, http.StatusForbidden, "access_denied")
	if denied := said[dev.AuthDenied](r); len(denied) != 1 {
		t.Errorf("events %+v", denied)
	}
}

func TestLogin_TwoTabsAtOnce(t *testing.T) {
	r := newRig(t)
	one, two := r.visit("/one"), r.visit("/two")
	r.pick(one, "pick", alice).want(t, http.StatusOK, "the app")
	r.pick(two, "pick", alice).want(t, http.StatusOK, "the app")
	if r.last().path != "/two" {
		t.Errorf("the second tab leads to %s", r.last().path)
	}
}

func TestCookie_HasTheAttributesOfTheSettings(t *testing.T) {
	for name, c := range map[string]struct {
		cookie dev.AccessCookie
		tls    bool
		want   string
	}{
		"default":         {dev.AccessCookie{}, false, "Path=/reports; Max-Age=86400; HttpOnly; SameSite=Lax"},
		"over TLS":        {dev.AccessCookie{}, true, "Path=/reports; Max-Age=86400; HttpOnly; Secure; SameSite=Lax"},
		"none over TLS":   {dev.AccessCookie{SameSite: "none", Readable: true}, true, "Path=/reports; Max-Age=86400; Secure; SameSite=None"},
		"none without":    {dev.AccessCookie{SameSite: "none"}, false, "Path=/reports; Max-Age=86400; HttpOnly; SameSite=Lax"},
		"strict":          {dev.AccessCookie{SameSite: "strict"}, false, "Path=/reports; Max-Age=86400; HttpOnly; SameSite=Strict"},
		"for all of them": {dev.AccessCookie{WholeHost: true}, false, "Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(cfg *door.Config) {
				cfg.Access.Cookie = c.cookie
				cfg.Access.Applications = []dev.AccessApplication{{Path: "/reports", Policies: everybody()}}
			})
			if c.tls {
				r.door.cfg.Origin = strings.Replace(r.origin, "http:", "https:", 1)
			}
			got := cookieLine(r, alice, "/reports/x")
			if _, attributes, _ := strings.Cut(got, "; "); attributes != c.want {
				t.Errorf("%s", attributes)
			}
		})
	}
}

func everybody() []dev.AccessPolicy {
	return []dev.AccessPolicy{{Decision: dev.AccessAllow, Include: []dev.AccessRule{{Kind: dev.RuleEveryone}}}}
}

// cookieLine signs in and returns how the application's cookie is set.
func cookieLine(r *rig, email, target string) string {
	r.t.Helper()
	page := r.visit(target)
	to := r.submit(page, "pick", email).Header.Get("Location")
	for range 6 {
		to = strings.Replace(to, "https://localhost", "http://localhost", 1)
		got := r.get(to)
		for _, line := range got.Header["Set-Cookie"] {
			if strings.HasPrefix(line, "CF_Authorization=") && strings.HasPrefix(to, r.origin) {
				return line
			}
		}
		to = got.Header.Get("Location")
	}
	r.t.Fatal("no cookie was set")
	return ""
}

func TestCookie_BindingIsNeededAndNeverReachesTheApp(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Access.Cookie.Binding = true })
	r.signIn(alice, "/").want(t, http.StatusOK, "the app")
	p := r.last()
	if strings.Contains(strings.Join(p.Cookies, ";"), "CF_Binding") || r.cookie(r.origin, "CF_Binding") == "" {
		t.Errorf("cookies %v", p.Cookies)
	}
	value := r.cookie(r.origin, "CF_Binding")
	stolen := "CF_Authorization=" + p.Header.Get(headerToken)
	r.client = r.browser()
	r.get("/", "Cookie", stolen).want(t, http.StatusFound, "")
	r.get("/", "Cookie", stolen+"; CF_Binding=abc").want(t, http.StatusFound, "")
	r.get("/", "Cookie", stolen+"; CF_Binding="+value).want(t, http.StatusOK, "the app")
}

func TestCookie_OfAnotherProjectCountsAsNone(t *testing.T) {
	r, other := newRig(t), newRig(t, inMemory)
	other.signIn(alice, "/")
	foreign := other.last().Header.Get(headerToken)
	_, claims := parts(t, foreign)
	forged, err := sign(r.door.keys.Signing(), read[token](t, strings.Replace(claims, `"type":"app"`, `"type":"org"`, 1)).members())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"foreign": foreign, "no token": "x", "no parts": "a.b.c", "of another kind": forged} {
		r.get("/", "Cookie", "CF_Authorization="+value).want(t, http.StatusFound, "")
		if r.reached() != 0 {
			t.Fatalf("%s: the request reached the app", name)
		}
	}
	warnings := said[dev.Warning](r)
	if len(warnings) != 1 || warnings[0].Code != dev.CodeAuthCookies || !strings.Contains(warnings[0].Message, "CF_Authorization") {
		t.Errorf("warnings %+v", warnings)
	}
}

func TestSource_IsPretendedBySettingsAndHeader(t *testing.T) {
	r := newRig(t, func(c *door.Config) {
		c.Access.From, c.Access.Country = "192.0.2.7", "DE"
		c.Access.Applications = []dev.AccessApplication{{Policies: []dev.AccessPolicy{
			{Decision: dev.AccessBypass, Include: []dev.AccessRule{{Kind: dev.RuleIP, Text: "198.51.100.0/24"}}},
			{Decision: dev.AccessAllow, Include: []dev.AccessRule{{Kind: dev.RuleEveryone}}, Require: []dev.AccessRule{{Kind: dev.RuleCountry, Text: "DE"}}},
		}}}
	})
	r.get("/open", door.SourceHeader, "198.51.100.9").want(t, http.StatusOK, "the app")
	p := r.last()
	if p.User != "" || p.Header.Get(headerToken) != "" || p.Header.Get(headerEmail) != "" || p.Header.Get("Cf-Connecting-Ip") != "198.51.100.9" || p.header.Get(door.SourceHeader) != "" {
		t.Errorf("by the bypass the app gets %+v", p)
	}
	r.get("/open").want(t, http.StatusFound, "")
	r.signIn(alice, "/").want(t, http.StatusOK, "the app")
	p = r.last()
	_, claims := parts(t, p.Header.Get(headerToken))
	if p.Header.Get("Cf-Connecting-Ip") != "192.0.2.7" || p.Header.Get("Cf-Ipcountry") != "DE" || read[token](t, claims).Country != "DE" {
		t.Errorf("the app gets %+v", p)
	}
}

func TestWebSocket_IsCheckedAtItsUpgrade(t *testing.T) {
	r := newRig(t)
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	r.get("/_stcore/stream", upgrade...).want(t, http.StatusFound, "")
	r.signIn(alice, "/")
	r.get("/_stcore/stream", upgrade...).want(t, http.StatusOK, "the app")
	if p := r.last(); p.User != alice || p.Header.Get(headerToken) == "" {
		t.Errorf("the upgrade carries %+v", p)
	}
	if got := r.cfg.TrustedHeaders(); r.last().Header.Get(headerEmail) != alice || got[strings.ToLower(headerEmail)] != "email" {
		t.Errorf("st.user gets nothing by %v", got)
	}
}

func TestCerts_AreKeysAndCertificates(t *testing.T) {
	r := newRig(t)
	type set struct {
		Keys  []publishedKey
		Cert  publishedCert   `json:"public_cert"`
		Certs []publishedCert `json:"public_certs"`
	}
	get := func(at string) set { return read[set](t, r.get(at+"/cdn-cgi/access/certs").body) }
	first := get(r.origin)
	if same := get(r.issuer); len(first.Keys) != 2 || len(first.Certs) != 2 || len(same.Keys) != 2 || first.Cert.ID != r.door.keys.Signing().ID {
		t.Fatalf("%+v", first)
	}
	for i, c := range first.Certs {
		k := first.Keys[i]
		if modulus := modulusOf(t, c.Cert); c.ID != k.ID || modulus != k.Modulus || k.Type != "RSA" || k.Alg != "RS256" || k.Use != "sig" || k.Exponent != "AQAB" || len(k.ID) != 64 {
			t.Errorf("%+v and %+v", k, c.ID)
		}
	}
	r.signIn(alice, "/")
	old := r.last().Header.Get(headerToken)
	if err := r.door.Rotate(); err != nil {
		t.Fatal(err)
	}
	second := get(r.origin)
	if len(second.Keys) != 3 || second.Cert.ID == first.Cert.ID || keyOf(old) != first.Cert.ID {
		t.Fatalf("after a rotation: %d keys", len(second.Keys))
	}
	if !strings.Contains(first.Keys[0].ID+first.Keys[1].ID, second.Cert.ID) {
		t.Error("the key that signs now was not published before")
	}
	r.get("/").want(t, http.StatusOK, "the app") // the token is still valid
	r.clock(7*24*time.Hour + time.Minute)
	if third := get(r.origin); len(third.Keys) != 2 {
		t.Errorf("a week after a rotation: %d keys", len(third.Keys))
	}
}

func TestCerts_KeysSignForSixWeeks(t *testing.T) {
	r := newRig(t)
	r.signIn(alice, "/")
	first := r.door.keys.Signing().ID
	r.clock(41 * 24 * time.Hour)
	r.signIn(alice, "/")
	if r.door.keys.Signing().ID != first {
		t.Error("replaced after 41 days")
	}
	r.clock(43 * 24 * time.Hour)
	r.signIn(alice, "/").want(t, http.StatusOK, "the app")
	if r.door.keys.Signing().ID == first {
		t.Error("not replaced after 43 days")
	}
}

func TestFaults_ChangeWhatTheAppGets(t *testing.T) {
	r := newRig(t)
	r.signIn(alice, "/")
	good := r.last().Header.Get(headerToken)
	key := r.door.keys.Signing().ID
	for name, c := range map[string]struct {
		params map[string]string
		check  func(header, claims string, p passed) bool
	}{
		dev.DoorAudience: {map[string]string{"value": "0"}, func(_, claims string, _ passed) bool { return strings.Contains(claims, `"aud":["0"]`) }},
		dev.DoorIssuer: {nil, func(_, claims string, _ passed) bool {
			return strings.Contains(claims, `"iss":"https://another-issuer.example"`)
		}},
		dev.DoorExpired: {map[string]string{"by": "2h"}, func(_, claims string, _ passed) bool { return read[token](t, claims).Expires < time.Now().Unix()-7000 }},
		dev.DoorKey:     {nil, func(header, _ string, _ passed) bool { return !strings.Contains(header, key) }},
		dev.DoorClaims:  {map[string]string{"bytes": "5000"}, func(_, claims string, _ passed) bool { return len(claims) > 5000 }},
		dev.DoorSignature: {nil, func(_, _ string, p passed) bool {
			raw := p.Header.Get(headerToken)
			return raw != good && len(raw) == len(good)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r.fault(name, c.params)
			r.get("/").want(t, http.StatusOK, "the app")
			p := r.last()
			raw := p.Header.Get(headerToken)
			header, claims := parts(t, raw)
			if !c.check(header, claims, p) || p.Header.Get(headerEmail) != alice || !strings.HasPrefix(p.Cookies[0], cookieToken+"="+raw) {
				t.Errorf("%s %s %v", header, claims, p.Cookies)
			}
			r.do(oidc.Command{Do: oidc.DoClear})
		})
	}
	r.fault(dev.DoorHeader, nil)
	r.get("/").want(t, http.StatusOK, "the app")
	if p := r.last(); p.Header.Get(headerToken) != "" || p.Header.Get(headerEmail) != alice {
		t.Errorf("without the header: %v", p.Header)
	}
	r.do(oidc.Command{Do: oidc.DoClear})
	r.fault(dev.DoorDown, map[string]string{"code": "530"})
	r.get("/").want(t, 530, "cannot reach the app")
	r.do(oidc.Command{Do: oidc.DoClear})
	r.fault(dev.DoorSession, nil)
	r.get("/").want(t, http.StatusFound, "")
	r.do(oidc.Command{Do: oidc.DoClear})
	r.visit("/").want(t, http.StatusOK, "Alice") // the team has forgotten the person as well
}

func TestExplain_SaysWhatAdmitDoes(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Policies, c.Access.Claims = departments(), []string{"hd", "groups"} })
	for _, who := range people() {
		r.client = r.browser()
		r.signIn(who.Email, "/").want(t, http.StatusOK, "the app")
		for _, path := range []string{"/", "/marketing", "/marketing/x", "/sales", "/sales/x", "/salesx", "/_stcore/stream"} {
			e := Explain(r.cfg.FrontDoor, path, &door.Visitor{Person: who})
			got := r.visit(path)
			if (e.Decision == dev.Allowed) != (got.StatusCode == http.StatusOK) || e.Rule == "" || e.Why == "" {
				t.Errorf("%s at %s: explained as %+v, answered %s", who.Email, path, e.Verdict, got.Status)
			}
			if e.Decision != dev.Allowed {
				if len(e.Headers) != 0 {
					t.Errorf("%+v", e)
				}
				continue
			}
			_, text := parts(t, r.last().Header.Get(headerToken))
			claims := read[map[string]any](t, text)
			for _, name := range []string{"exp", "iat", "nbf", "identity_nonce"} {
				delete(claims, name)
			}
			want, _ := json.Marshal(map[string]any{headerToken: claims, headerEmail: r.last().Header.Get(headerEmail)})
			if shown, err := json.Marshal(e.Headers); err != nil || string(shown) != string(want) {
				t.Errorf("explained %s, got %s", shown, want)
			}
		}
	}
	if e := Explain(r.cfg.FrontDoor, "/marketing", nil); e.Decision != dev.LoginNeeded || len(e.Headers) != 0 {
		t.Errorf("nobody: %+v", e)
	}
}
