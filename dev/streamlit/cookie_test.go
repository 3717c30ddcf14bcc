package streamlit

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Made by itsdangerous 2.2 with the secret "secret".
const (
	small  = "IntcImVtYWlsXCI6XCJkb3JhQGV4YW1wbGUuY29tXCIsXCJpc19sb2dnZWRfaW5cIjp0cnVlfSI.awQz-Q.TimsPBSaiV2Z0WMu-NKyiNyWWas"
	packed = ".eJxTqo5RSs1NzMyJUbKKUUrJL0p0SK1IzC3ISdVLzs-NUdKJUaoASyWOAqJBjFKtEgC5DIA4.awQz-Q.f4GzTcNHQ0r41CpTZ8q_VKtpF2g"
	split  = "ImNodW5rcy0yIg.awQz-Q.4wlyuofLSyBrArvkYDBRELLzHf4"
	first  = "IntcImVtYWlsXCI6XCJiaWci.awQz-Q.F4SCSjv3EDBHQbgVf_Oeh_JxTMY"
	second = "IkBleGFtcGxlLmNvbVwifSI.awQz-Q.M_eMGL0efU3xV4PLajnYHedVkLA"
)

func asking(cookies ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/_stcore/stream", nil)
	r.Header.Set("Cookie", strings.Join(cookies, "; "))
	return r
}

func TestUser_IsWhoSignedIn(t *testing.T) {
	for want, cookies := range map[string][]string{
		"dora@example.com": {"other=1", "_streamlit_user=" + small},
		"big@example.com":  {"_streamlit_user=" + split, "_streamlit_user_1=" + first, "_streamlit_user_2=" + second},
	} {
		if got := User("secret", asking(cookies...)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := User("secret", asking("_streamlit_user="+packed)); got != "dora@example.com" {
		t.Errorf("packed: %q", got)
	}
	if got := User("secret", asking(`_streamlit_user="`+small+`"`)); got != "dora@example.com" {
		t.Errorf("in quotes: %q", got)
	}
}

// Any page of the same host can set another cookie of that name, for a path that comes first or last.
func TestUser_IsNotHiddenByAnotherCookieOfTheName(t *testing.T) {
	for _, cookies := range [][]string{{"_streamlit_user=junk", "_streamlit_user=" + small}, {"_streamlit_user=" + small, "_streamlit_user=junk", "_streamlit_user="}} {
		if got := User("secret", asking(cookies...)); got != "dora@example.com" {
			t.Errorf("%q: %q", cookies, got)
		}
	}
}

func TestUser_IsNobodyWhereTheSignatureDoesNotFit(t *testing.T) {
	other := "x" + small[1:]
	for name, r := range map[string]*http.Request{
		"no cookie":        asking(),
		"nothing":          asking("_streamlit_user="),
		"another payload":  asking("_streamlit_user=" + other),
		"another cookie's": asking("_streamlit_user=" + first),
		"no signature":     asking("_streamlit_user=" + small[:strings.LastIndexByte(small, '.')]),
		"only dots":        asking("_streamlit_user=.."),
		"a missing part":   asking("_streamlit_user="+split, "_streamlit_user_1="+first),
	} {
		if got := User("secret", r); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, secret := range []string{"", "another"} {
		if got := User(secret, asking("_streamlit_user="+small)); got != "" {
			t.Errorf("secret %q: %q", secret, got)
		}
	}
}

func FuzzUser(f *testing.F) {
	f.Add(small)
	f.Add(packed)
	f.Fuzz(func(t *testing.T, cookie string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{"_streamlit_user=" + cookie}
		if got := User("not the secret", r); got != "" {
			t.Errorf("%q", got)
		}
	})
}
