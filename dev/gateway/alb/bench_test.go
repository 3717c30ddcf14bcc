package alb

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkAdmit measures a request of somebody who has signed in: opening the cookie, and signing a token.
func BenchmarkAdmit(b *testing.B) {
	r := newRig(b)
	client := r.browser()
	client.signIn("/", alice)
	q := withCookies(httptest.NewRequest(http.MethodGet, "/", nil), cookiesOf(client))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.lb.Admit(httptest.NewRecorder(), q); !ok {
			b.Fatal("not signed in")
		}
	}
}

// BenchmarkSign measures the part of it that signs.
func BenchmarkSign(b *testing.B) {
	r := newRig(b)
	s := &session{Email: alice, Subject: "1", Access: "a", Claims: []byte(`{"sub":"1","email":"alice@example.com","email_verified":"true","username":"1"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.lb.token(s, nil); err != nil {
			b.Fatal(err)
		}
	}
}
