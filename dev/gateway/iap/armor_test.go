package iap

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// TestArmor_ComesBeforeTheProxy: a refusal is bare, without the mark of the proxy.
func TestArmor_ComesBeforeTheProxy(t *testing.T) {
	r := newRig(t)
	for _, from := range []string{"198.51.100.1", "203.0.114.1", "::1"} {
		p := r.send(r.browser, http.MethodGet, r.guests("/?gcp-iap-mode=GCIP_SIGNOUT"), nil, door.SourceHeader, from)
		if p.StatusCode != http.StatusForbidden || p.Header.Get(headerGenerated) != "" || len(p.Cookies()) > 0 || p.Header.Get("Location") != "" {
			t.Errorf("%s: %s %v", from, p.Status, p.Header)
		}
	}
	r.send(r.browser, http.MethodGet, r.guests("/"), nil) // from this machine
	denied := told[dev.AuthDenied](r)
	if len(denied) != 4 || !strings.Contains(denied[3].Reason, "127.0.0.1") || !strings.Contains(denied[0].Reason, "Cloud Armor's default rule") {
		t.Errorf("events %+v", denied)
	}
	isGenerated(t, r.send(r.browser, http.MethodGet, r.guests("/"), nil, door.SourceHeader, known), http.StatusFound)
	isGenerated(t, r.get("/"), http.StatusFound) // the main host has no security policy
}

func TestArmor_EachActionHasItsStatus(t *testing.T) {
	r := newRig(t, func(c *door.Config) {
		c.IAP.Armor = []dev.ArmorRule{
			{Priority: 1, Action: dev.ArmorDeny404, Ranges: []string{"10.1.0.0/16"}},
			{Priority: 2, Action: dev.ArmorDeny502, Ranges: []string{"10.2.0.0/16"}},
			{Priority: 3, Action: dev.ArmorDeny403, Ranges: []string{"10.3.0.0/16"}},
			{Priority: 4, Action: dev.ArmorAllow, Ranges: []string{"10.0.0.0/8"}},
		}
	})
	for from, want := range map[string]int{"10.1.0.1": 404, "10.2.0.1": 502, "10.3.0.1": 403, "10.4.0.1": 302, "192.0.2.1": 403} {
		if p := r.get("/", door.SourceHeader, from); p.StatusCode != want {
			t.Errorf("%s: %s", from, p.Status)
		}
	}
	if p := r.get("/", door.SourceHeader, "somewhere"); p.StatusCode != http.StatusBadRequest || !strings.Contains(p.body, door.SourceHeader) {
		t.Errorf("no address: %s %s", p.Status, p.body)
	}
}

func TestArmor_TheSettingsCanPretendTheAddress(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.IAP.From = known })
	isGenerated(t, r.send(r.browser, http.MethodGet, r.guests("/"), nil), http.StatusFound)
	if p := r.send(r.browser, http.MethodGet, r.guests("/"), nil, door.SourceHeader, "198.51.100.1"); p.StatusCode != http.StatusForbidden {
		t.Errorf("the header does not win: %s", p.Status)
	}
}

func TestArmor_TheAppDoesNotSeeTheHeader(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	if p := r.get("/", door.SourceHeader, known); p.seen("Source") != "" {
		t.Error("the app got the header for development")
	}
}

// TestSource_TheEnginesBridgeIsThisMachine: behind a published port all requests seem to come from there.
func TestSource_TheEnginesBridgeIsThisMachine(t *testing.T) {
	r := newRig(t)
	r.d.bridges = []netip.Addr{netip.MustParseAddr("172.18.0.1")}
	for remote, want := range map[string]string{
		"127.0.0.1:5": "127.0.0.1", "[::1]:5": "127.0.0.1", "172.18.0.1:5": "127.0.0.1", "[::ffff:172.18.0.1]:5": "127.0.0.1", "172.18.0.7:5": "172.18.0.7", "192.0.2.1:5": "192.0.2.1",
	} {
		q := httptest.NewRequest(http.MethodGet, "/", nil)
		q.RemoteAddr = remote
		if got, ok := r.d.source(httptest.NewRecorder(), q); !ok || got.String() != want {
			t.Errorf("%s: %s", remote, got)
		}
	}
	for _, b := range bridges() {
		if b.IsLoopback() {
			t.Errorf("loopback among the bridges: %s", b)
		}
	}
}
