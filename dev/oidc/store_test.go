package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// kept starts a provider that keeps its state.
func kept(t *testing.T) *rig {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "auth")
	return newRig(t, func(c *Config) { c.State = dir })
}

// again is what a process does that starts again.
func (r *rig) again() { r.open(r.p.cfg) }

func TestState_SurvivesARestartInMidLogin(t *testing.T) {
	r := kept(t)
	page := r.authorize(asked("scope", "openid email offline_access"))
	r.again()
	code := r.sentBack(r.pick(page, "pick", "alice@example.com")).Get("code")
	r.again()
	a := r.read(r.redeem(code))
	r.again()
	r.refused(r.redeem("another"), http.StatusBadRequest, "invalid_grant", "unknown")
	if res := r.post("/userinfo", url.Values{"access_token": {a.AccessToken}}); res.StatusCode != http.StatusOK {
		t.Errorf("access token: %s", res.body)
	}
	if back := r.sentBack(r.authorize(asked("prompt", "none", "id_token_hint", a.IDToken))); back.Get("code") == "" {
		t.Errorf("session: %v", back)
	}
	b := r.read(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken))
	r.again()
	r.refused(r.token("grant_type", "refresh_token", "refresh_token", a.RefreshToken), http.StatusBadRequest, "invalid_grant", "replaced")
	r.again()
	r.refused(r.token("grant_type", "refresh_token", "refresh_token", b.RefreshToken), http.StatusBadRequest, "invalid_grant", "revoked")
}

func TestState_KeepsWhatWasChanged(t *testing.T) {
	r := kept(t)
	r.do(Command{Do: DoClock, Clock: 2 * time.Hour})
	r.do(Command{Do: DoUse, Email: "bob@example.com"})
	r.fault("deny", 3)
	before := r.do(Command{Do: DoRotate})
	r.again()
	s := r.do(Command{Do: DoState})
	if s.Clock != 2*time.Hour || s.Current != "bob@example.com" || len(s.Faults) != 1 || s.Faults[0].Times != 3 || len(s.Keys) != len(before.Keys) || s.Keys[0].ID != before.Keys[0].ID {
		t.Errorf("state %+v", s)
	}
	r.do(Command{Do: DoPeople, People: []dev.Person{{Email: "carol@example.com"}}})
	r.again()
	if s := r.do(Command{Do: DoState}); len(s.People) != 1 || s.Current != "" {
		t.Errorf("people %v, current %q", s.People, s.Current)
	}
	r.do(Command{Do: DoUse, Email: "carol@example.com"})
	r.again()
	if s := r.do(Command{Do: DoState}); s.Current != "carol@example.com" {
		t.Errorf("current %q", s.Current)
	}
	changed := r.p.cfg
	changed.People = append(people()[:1], dev.Person{Email: "carol@example.com"})
	r.open(changed)
	if s := r.do(Command{Do: DoState}); len(s.People) != 2 || s.Current != "carol@example.com" {
		t.Errorf("other people: %v, current %q", s.People, s.Current)
	}
	changed.People = people()[:1]
	r.open(changed)
	if s := r.do(Command{Do: DoState}); s.Current != "" {
		t.Errorf("somebody who is gone is current: %q", s.Current)
	}
	r.do(Command{Do: DoUse})
	changed.Current = "alice@example.com"
	r.open(changed)
	if s := r.do(Command{Do: DoState}); s.Current != "alice@example.com" {
		t.Errorf("the settings name somebody else: %q", s.Current)
	}
	if s := r.do(Command{Do: DoState}); len(s.People) != 1 || s.People[0].Email != "alice@example.com" {
		t.Errorf("what the settings say now does not count: %v", s.People)
	}
}

func TestState_HoldsNoSecretInTheClear(t *testing.T) {
	r := kept(t)
	code := r.signIn("alice@example.com", "scope", "openid offline_access")
	a := r.read(r.redeem(code))
	at, err := url.Parse(r.p.cfg.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{code, a.AccessToken, a.IDToken, a.RefreshToken, appSecret}
	for _, c := range r.browser.Jar.Cookies(at) {
		secrets = append(secrets, c.Value)
	}
	files, err := os.ReadDir(r.p.cfg.State)
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		name := filepath.Join(r.p.cfg.State, f.Name())
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range secrets {
			if strings.Contains(string(b), s) {
				t.Errorf("%s holds secret %d", f.Name(), i)
			}
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestState_SetsADamagedFileAside(t *testing.T) {
	for _, name := range []string{keysFile, loginsFile} {
		t.Run(name, func(t *testing.T) {
			r := kept(t)
			r.tokens("alice@example.com")
			file := filepath.Join(r.p.cfg.State, name)
			if err := os.WriteFile(file, []byte(`{"keys":[{"id":"half`), 0o600); err != nil {
				t.Fatal(err)
			}
			r.again()
			events := r.told()
			w, ok := events[len(events)-1].(dev.Warning)
			if !ok || w.Code != dev.CodeAuthState || !strings.Contains(w.Message, name) || w.Hint == "" {
				t.Errorf("told %+v", events[len(events)-1])
			}
			if b, err := os.ReadFile(file + ".broken"); err != nil || len(b) == 0 {
				t.Errorf("aside: %v", err)
			}
			r.browser = r.newBrowser()
			r.tokens("bob@example.com")
		})
	}
}

func TestState_SaysWhatCannotBeReadOrWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, loginsFile), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{Issuer: "http://localhost:8601", State: dir})
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeAuthState || !strings.HasSuffix(e.File, loginsFile) || e.Hint == "" {
		t.Errorf("unreadable: %+v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Issuer: "http://localhost:8601", State: filepath.Join(file, "auth")})
	if err == nil {
		_, err = p.Do(t.Context(), Command{Do: DoClock, Clock: time.Hour})
	}
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeAuthState || e.Hint == "" {
		t.Errorf("unwritable: %+v", err)
	}
}

func TestState_IsWholeAfterAWriteThatFailed(t *testing.T) {
	r := kept(t)
	r.do(Command{Do: DoClock, Clock: time.Hour})
	if err := os.Rename(r.p.cfg.State, r.p.cfg.State+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.p.cfg.State, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	res := r.pick(r.authorize(asked()), "pick", "alice@example.com")
	if res.StatusCode != http.StatusInternalServerError || strings.Contains(res.body, r.p.cfg.State) {
		t.Errorf("%s: %s", res.Status, res.body)
	}
	events := r.told()
	if w, ok := events[len(events)-1].(dev.Warning); !ok || w.Code != dev.CodeAuthState || w.Hint == "" {
		t.Errorf("told %+v", events)
	}
}
