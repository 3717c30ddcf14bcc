package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// push sends an authorization request as the client "app", and gives what the browser is sent with.
func (r *rig) push(pairs ...string) reply {
	r.t.Helper()
	req := r.request(http.MethodPost, "/par", asked(pairs...))
	req.SetBasicAuth(url.QueryEscape("app"), url.QueryEscape(appSecret))
	return r.send(req)
}

func (r *rig) pushedURI() string {
	r.t.Helper()
	res := r.push()
	a := decode[struct {
		URI     string `json:"request_uri"`
		Expires int    `json:"expires_in"`
	}](r.t, []byte(res.body))
	if res.StatusCode != http.StatusCreated || !strings.HasPrefix(a.URI, pushedPrefix) || a.Expires != 90 {
		r.t.Fatalf("%s %s", res.Status, res.body)
	}
	return a.URI
}

func (r *rig) pull(client, uri string) reply {
	// What else is in the address does not count.
	return r.get("/authorize?" + url.Values{"client_id": {client}, "request_uri": {uri}, "scope": {"everything"}, "redirect_uri": {"http://evil.example"}}.Encode())
}

func TestPushed_StandsForTheWholeRequest(t *testing.T) {
	r := newRig(t)
	uri := r.pushedURI()
	r.pull("app", uri) // a page may be loaded again
	back := r.sentBack(r.pick(r.pull("app", uri), "pick", "alice@example.com"))
	if back.Get("state") != "the-state" {
		t.Errorf("sent back with %v", back)
	}
	if a := r.read(r.redeem(back.Get("code"))); a.Scope != "openid email profile" {
		t.Errorf("scope %q", a.Scope)
	}
	if res := r.pull("app", uri); res.StatusCode != http.StatusBadRequest || !strings.Contains(res.body, "used, expired") {
		t.Errorf("taken twice: %s", res.Status)
	}
}

func TestPushed_IsRefused(t *testing.T) {
	r := newRig(t)
	uri := r.pushedURI()
	if res := r.pull("outside", uri); res.StatusCode != http.StatusBadRequest {
		t.Errorf("taken from another client: %s", res.Status)
	}
	r.later(pushedLifetime)
	if res := r.pull("app", uri); res.StatusCode != http.StatusBadRequest || !strings.Contains(res.body, "invalid_request_uri") {
		t.Errorf("taken when it had run out: %s %s", res.Status, res.body)
	}
	r.refused(r.push("request_uri", uri), http.StatusBadRequest, "invalid_request", "")
	r.refused(r.push("redirect_uri", "http://evil.example/"), http.StatusBadRequest, "invalid_request", "")
	r.refused(r.push("response_type", "token"), http.StatusBadRequest, "unsupported_response_type", "")
	r.refused(r.post("/par", asked()), http.StatusUnauthorized, "invalid_client", "")
}
