package iap

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

// TestIAP_200SessionsSideBySide signs in 200 browsers, lets all their tokens expire, and has each of them make requests at
// the same time. The data race detector watches.
func TestIAP_200SessionsSideBySide(t *testing.T) {
	r := newRig(t)
	const sessions = 200
	var all sync.WaitGroup
	for i := range sessions {
		all.Go(func() {
			b, email := r.newBrowser(), []string{alice, bob}[i%2]
			if i%4 == 3 {
				if p := r.signInGuest(b, greta, "correct horse", "/"); p.body != "the app" {
					t.Errorf("guest: %s", p.Status)
				}
				return
			}
			if p := r.signInAs(b, email, "/"); p.body != "the app" || p.seen(headerEmail) != "accounts.google.com:"+email {
				t.Errorf("%s: %s", email, p.Status)
			}
		})
	}
	all.Go(func() {
		for range 5 {
			r.do(oidc.Command{Do: oidc.DoPeople, People: people()})
			if err := r.d.Rotate(); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
}

// TestIAP_ASessionIsRefreshedOnce has the requests of one page arrive together after the token has expired.
func TestIAP_ASessionIsRefreshedOnce(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	r.later(2 * time.Hour)
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: "slow", Params: map[string]string{"delay": "200ms"}, Times: 5}})
	cookies := r.browser.Jar
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			b := r.newBrowser()
			b.Jar = frozen{cookies}
			if p := r.send(b, "GET", r.main("/"), nil); p.body != "the app" {
				t.Errorf("%s", p.Status)
			}
		})
	}
	all.Wait()
	late := r.newBrowser()
	late.Jar = frozen{cookies} // still with the old cookie, whose refresh token is used up
	isApp(t, r.send(late, "GET", r.main("/"), nil))
	used := 0
	for _, e := range told[dev.AuthFault](r) {
		used += map[bool]int{true: 1}[e.Fault == "slow"]
	}
	if used != 1 {
		t.Errorf("the token endpoint was asked %d times", used)
	}
}

// BenchmarkAdmit is one request of somebody who has signed in, with a policy and a session in the cookie.
func BenchmarkAdmit(b *testing.B) {
	d := offline(b, policies())
	q := d.request(b, d.resources[0], &people()[0], "/sales/year", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := d.Admit(httptest.NewRecorder(), q); !ok {
			b.Fatal("refused")
		}
	}
}

// BenchmarkAdmitParallel is the same from several goroutines.
func BenchmarkAdmitParallel(b *testing.B) {
	d := offline(b, policies())
	var made sync.Mutex
	b.RunParallel(func(pb *testing.PB) {
		made.Lock()
		q := d.request(b, d.resources[0], &people()[0], "/sales/year", "")
		made.Unlock()
		for pb.Next() {
			if _, ok := d.Admit(httptest.NewRecorder(), q); !ok {
				panic(fmt.Sprint("refused: ", q.URL))
			}
		}
	})
}
