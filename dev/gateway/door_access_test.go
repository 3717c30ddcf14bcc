package gateway

import (
	"net/http"
	"strings"
	"testing"

	"sdev/dev"
)

// newAccessRig is a gateway with Cloudflare Access in front of an app.
func newAccessRig(t testing.TB, app *fakeApp) *doorRig {
	t.Helper()
	return newDoorRig(t, app, func(l *dev.LoginSettings) {
		a := dev.NewAccess("shop")
		client := dev.Client{ID: "cloudflare-access", Secret: "xyzzy", RedirectURIs: []string{l.Issuer + dev.AccessCallback}}
		l.Mode, l.Profile, l.Mapped, l.Clients = dev.AccessLogin, "plain", nil, []dev.Client{client}
		l.Door = &dev.FrontDoor{Client: client, Authority: l.Door.Authority, Access: &a,
			Policies: []dev.Policy{{Path: "/admin/*", Allow: dev.Allow{Groups: []string{"admin"}}}}}
	})
}

func TestGateway_PeopleSignInToCloudflareAccess(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	d := newAccessRig(t, app)
	c := d.signIn("emil@example.com")
	const team = "shop-team.cloudflareaccess.com"
	resp := d.raw("GET /seen HTTP/1.1\r\nHost: " + d.host + "\r\n" + forgedLines + "CF-Connecting-IP: 192.0.2.66\r\nX-Sdev-Source-Ip: 198.51.100.9\r\nCookie: mine=1; " + d.cookieLine(c) + "\r\n\r\n")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	got := <-app.seen
	if names := mentions(got, "mallory"); len(names) != 0 {
		t.Errorf("the app gets forged %v", names)
	}
	cookies := got.Get("Cookie")
	if got.Get("Cf-Access-Authenticated-User-Email") != "emil@example.com" || !strings.HasPrefix(got.Get("Cf-Access-Jwt-Assertion"), "ey") || got.Get("Cf-Connecting-Ip") != "198.51.100.9" || got.Get("X-Sdev-Source-Ip") != "" {
		t.Errorf("the app gets %v", got)
	}
	if !strings.Contains(cookies, "mine=1") || strings.Count(cookies, "CF_Authorization=ey") != 1 || strings.Contains(cookies, "CF_Session") {
		t.Errorf("the app gets the cookies %q", cookies)
	}
	// The keys are at the team's host inside the app's network, and nothing of another host is.
	if status, body := d.over(team, team, "/cdn-cgi/access/certs"); status != http.StatusOK || !strings.Contains(body, `"public_certs":[{"kid":"`) {
		t.Errorf("%d %.200s", status, body)
	}
	if resp, body := d.fetch(c, http.MethodGet, d.origin+"/cdn-cgi/access/get-identity", nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"email":"emil@example.com"`) {
		t.Errorf("get-identity: %s %.200s", resp.Status, body)
	}
	// A path's application has an audience of its own, and refuses at the team's host.
	resp, _ = d.fetch(c, http.MethodGet, d.origin+"/admin/x", nil)
	to, err := resp.Location()
	if err != nil || !strings.HasPrefix(to.String(), d.login.Issuer+"/cdn-cgi/access/login/") {
		t.Fatalf("%s to %v, %v", resp.Status, to, err)
	}
	if resp, body := d.fetch(c, http.MethodGet, to.String(), nil); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "emil@example.com does not have access") {
		t.Errorf("%s %.300s", resp.Status, body)
	}
	if resp, _ = d.fetch(c, http.MethodGet, d.origin+"/cdn-cgi/access/logout", nil); resp.StatusCode != http.StatusFound {
		t.Errorf("logout: %s", resp.Status)
	}
	if resp, _ = d.fetch(c, http.MethodGet, d.origin+"/seen", nil); resp.StatusCode != http.StatusFound {
		t.Errorf("after the logout: %s", resp.Status)
	}
}
