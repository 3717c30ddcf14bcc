package oidc

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"sdev/dev"
)

// listener is a client's server that hears of logouts.
func listener(t *testing.T, status int) (string, chan string) {
	t.Helper()
	heard := make(chan string, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard <- r.PostFormValue("logout_token")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, heard
}

func TestBackChannel_TellsEachClientOfTheSession(t *testing.T) {
	at, heard := listener(t, http.StatusOK)
	unconcerned, silence := listener(t, http.StatusOK)
	r := newRig(t, func(c *Config) { c.Clients[0].BackChannel, c.Clients[2].BackChannel = at, unconcerned })
	a := r.tokens("alice@example.com")
	id := r.claimsOf(a.IDToken)
	r.get("/end_session?id_token_hint=" + a.IDToken)
	if len(heard) != 1 || len(silence) != 0 {
		t.Fatalf("%d were told, and %d who need not be", len(heard), len(silence))
	}
	c := r.claimsOf(<-heard)
	events, _ := c["events"].(map[string]any)
	if c["sub"] != id["sub"] || c["sid"] != id["sid"] || c["aud"] != "app" || c["nonce"] != nil || c["jti"] == nil || events["http://schemas.openid.net/event/backchannel-logout"] == nil {
		t.Errorf("logout token: %v", c)
	}
	r.get("/end_session")
	if len(heard) != 0 {
		t.Error("told twice of one logout")
	}
}

func TestBackChannel_AClientThatDoesNotHearDoesNotKeepAnybodyIn(t *testing.T) {
	for name, at := range map[string]string{"nobody listens": "http://127.0.0.1:1/", "it fails": ""} {
		t.Run(name, func(t *testing.T) {
			if at == "" {
				at, _ = listener(t, http.StatusInternalServerError)
			}
			r := newRig(t, func(c *Config) { c.Clients[0].BackChannel = at })
			a := r.tokens("alice@example.com")
			if res := r.get("/end_session?id_token_hint=" + a.IDToken); res.StatusCode != http.StatusOK {
				t.Errorf("%s", res.Status)
			}
			if r.active(a.AccessToken) {
				t.Error("still signed in")
			}
			if !slices.ContainsFunc(r.told(), func(e dev.Event) bool {
				w, ok := e.(dev.Warning)
				return ok && w.Code == dev.CodeAuthBackChannel
			}) {
				t.Errorf("nobody was warned: %v", r.told())
			}
		})
	}
}
