package access

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// TestMany_SessionsStayApart signs 200 people in at the same time, while keys are replaced.
func TestMany_SessionsStayApart(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.Policies = departments() })
	const sessions = 200
	errs := make(chan error, sessions+1)
	var all sync.WaitGroup
	for i := range sessions {
		client := r.browser()
		client.CheckRedirect = nil // follows
		all.Go(func() { errs <- r.session(client, fmt.Sprintf("person%d@example.net", i)) })
	}
	all.Go(func() { errs <- r.door.Rotate() })
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if users := r.users(); len(users) != sessions {
		t.Errorf("%d people reached the app", len(users))
	}
}

// session signs somebody in and makes a few requests.
func (r *rig) session(client *http.Client, email string) error {
	page, err := text(client.Get(r.origin + "/"))
	if err != nil {
		return err
	}
	form := url.Values{"email": {email}, "groups": {"marketing"}}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if body, err := text(client.PostForm(r.issuer+"/signin", form)); err != nil || body != "the app" {
		return fmt.Errorf("%s: %w %.200s", email, err, body)
	}
	for _, path := range []string{"/marketing", "/", "/marketing"} {
		if body, err := text(client.Get(r.origin + path)); err != nil || body != "the app" {
			return fmt.Errorf("%s at %s: %w %.200s", email, path, err, body)
		}
	}
	body, err := text(client.Get(r.origin + "/cdn-cgi/access/get-identity"))
	if err != nil {
		return err
	}
	var who struct{ Email string }
	if !decodeText(body, &who) || who.Email != email {
		return fmt.Errorf("%s is %s", email, body)
	}
	return nil
}

func text(resp *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// users returns how many requests of each user reached the app.
func (r *rig) users() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	for _, p := range r.passed {
		out[p.User]++
	}
	return out
}

// BenchmarkAdmit measures a request of somebody who has signed in: one verification, no signature, no I/O.
func BenchmarkAdmit(b *testing.B) {
	r := newRig(b, func(c *door.Config) { c.Policies = departments() })
	r.signIn(alice, "/")
	q := httptest.NewRequest(http.MethodGet, "/page", nil)
	q.Header.Set("Cookie", cookieToken+"="+r.last().Header.Get(headerToken))
	b.ReportAllocs()
	for b.Loop() {
		if pass, ok := r.door.Admit(httptest.NewRecorder(), q); !ok || pass.User != alice {
			b.Fatal("refused")
		}
	}
}

// BenchmarkSign measures a token: one at each sign-in and for each application, and with each fault.
func BenchmarkSign(b *testing.B) {
	r := newRig(b)
	t, err := personToken(dev.NewAccess("shop"), people()[0], "nonce", "aud", typeApp, r.cfg.Now(), 1)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := sign(r.door.keys.Signing(), t.members()); err != nil {
			b.Fatal(err)
		}
	}
}
