package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// device asks for the codes of a device.
func (r *rig) device(pairs ...string) deviceAnswer {
	r.t.Helper()
	res := r.post("/device_authorization", with(url.Values{"client_id": {"public"}, "scope": {"openid email"}}, pairs...))
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("no codes: %s %s", res.Status, res.body)
	}
	return decode[deviceAnswer](r.t, []byte(res.body))
}

func (r *rig) poll(d deviceAnswer) reply {
	return r.post("/token", url.Values{"client_id": {"public"}, "grant_type": {grantDevice}, "device_code": {d.DeviceCode}})
}

// verify opens the page that the device shows, and fills in its form.
func (r *rig) verify(d deviceAnswer, pairs ...string) reply {
	r.t.Helper()
	page := r.get("/device?" + url.Values{"user_code": {d.UserCode}}.Encode())
	return r.post("/device", with(hidden(page.body), pairs...))
}

func TestDevice_WaitsUntilSomebodyLetsItIn(t *testing.T) {
	r := newRig(t)
	d := r.device()
	if d.Address != r.p.cfg.Issuer+"/device" || d.ExpiresIn != 600 || d.Interval != 1 {
		t.Errorf("told %+v", d)
	}
	r.refused(r.poll(d), http.StatusBadRequest, "authorization_pending", "")
	r.later(2 * time.Second)
	if page := r.get(strings.TrimPrefix(d.Complete, r.p.cfg.Issuer)); !strings.Contains(page.body, d.UserCode) || !strings.Contains(page.body, "alice@example.com") {
		t.Errorf("the page shows neither code nor people: %s", page.body)
	}
	if done := r.verify(d, "pick", "alice@example.com"); !strings.Contains(done.body, "The device is signed in") {
		t.Fatalf("%s %s", done.Status, done.body)
	}
	answer := r.read(r.poll(d))
	if c := r.claimsOf(answer.IDToken); c["email"] != "alice@example.com" || c["aud"] != "public" || c["nonce"] != nil {
		t.Errorf("ID token: %v", c)
	}
	if !slices.ContainsFunc(r.told(), func(e dev.Event) bool {
		l, ok := e.(dev.AuthLogin)
		return ok && l.User == "alice@example.com" && l.Client == "public"
	}) {
		t.Errorf("nobody was told: %v", r.told())
	}
	r.refused(r.poll(d), http.StatusBadRequest, "invalid_grant", "")
}

func TestDevice_IsSlowedDown(t *testing.T) {
	r := newRig(t)
	at := time.Now()
	r.p.clock = func() time.Time { return at }
	d := r.device()
	for i, step := range []struct {
		after time.Duration
		code  string
	}{
		{0, "authorization_pending"},
		{time.Second / 2, "slow_down"}, // 6 s from here on
		{5 * time.Second, "slow_down"}, // 11 s
		{11 * time.Second, "authorization_pending"},
	} {
		at = at.Add(step.after)
		res := r.poll(d)
		if !strings.Contains(res.body, `"`+step.code+`"`) {
			t.Errorf("poll %d: %s, want %s", i, res.body, step.code)
		}
	}
}

func TestDevice_IsRefused(t *testing.T) {
	t.Run("denied", func(t *testing.T) {
		r := newRig(t)
		d := r.device()
		r.verify(d, "deny", "1")
		r.refused(r.poll(d), http.StatusBadRequest, "access_denied", "")
	})
	t.Run("denied by a fault", func(t *testing.T) {
		r := newRig(t)
		r.fault("deny", 1)
		d := r.device()
		r.verify(d, "pick", "alice@example.com")
		r.refused(r.poll(d), http.StatusBadRequest, "access_denied", "")
	})
	t.Run("too late", func(t *testing.T) {
		r := newRig(t)
		d := r.device()
		r.later(deviceLifetime)
		r.refused(r.poll(d), http.StatusBadRequest, "expired_token", "")
		if page := r.get("/device?user_code=" + d.UserCode); !strings.Contains(page.body, "No device is waiting") {
			t.Errorf("an expired code is accepted: %s", page.body)
		}
	})
	t.Run("another client", func(t *testing.T) {
		r := newRig(t)
		d := r.device()
		r.refused(r.token("grant_type", grantDevice, "device_code", d.DeviceCode), http.StatusBadRequest, "invalid_grant", "")
	})
	t.Run("another site's form", func(t *testing.T) {
		r := newRig(t)
		d := r.device()
		page := r.get("/device?user_code=" + d.UserCode)
		form := with(hidden(page.body), "pick", "alice@example.com", "csrf", "guessed")
		if res := r.post("/device", form); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s", res.Status)
		}
		r.refused(r.poll(d), http.StatusBadRequest, "authorization_pending", "")
	})
}

func TestUserCode_IsTypedInManyWays(t *testing.T) {
	code := userCode()
	for _, s := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), " " + strings.ReplaceAll(code, "-", " ") + "\n"} {
		if normalizeUserCode(s) != code {
			t.Errorf("%q is read as %q, not %q", s, normalizeUserCode(s), code)
		}
	}
	for _, s := range []string{"", "BCDF", "aeiou-0123", code + "B", "<script>"} {
		if got := normalizeUserCode(s); got != "" {
			t.Errorf("%q is read as %q", s, got)
		}
	}
}

func TestDevice_SurvivesANewProvider(t *testing.T) {
	r := newRig(t, func(c *Config) { c.State = t.TempDir() })
	d := r.device()
	r.open(r.p.cfg)
	r.verify(d, "pick", "bob@example.com")
	r.open(r.p.cfg)
	if c := r.claimsOf(r.read(r.poll(d)).IDToken); c["email"] != "bob@example.com" {
		t.Errorf("ID token: %v", c)
	}
}
