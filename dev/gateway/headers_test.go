package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

func TestIdentityFilter_KnowsEveryIdentityProxy(t *testing.T) {
	f := newIdentityFilter(Config{}, func(dev.Event) {})
	for _, proxy := range dev.IdentityProxies() {
		for _, name := range append(proxy.Headers, proxy.Signed) {
			if !f.isIdentityHeader(dashed(name)) {
				t.Errorf("%s of %s goes through", name, proxy.Title)
			}
		}
	}
}

func TestIdentityFilter_KnowsIdentityHeaders(t *testing.T) {
	f := newIdentityFilter(Config{TrustedHeaders: []string{"X-Shop-Person"}}, func(dev.Event) {})
	for _, name := range strings.Fields(`
		X-Amzn-Oidc-Data X-Amzn-Oidc-Identity X-Amzn-Oidc-Accesstoken x_amzn_oidc_data X-AMZN_OIDC-DATA X-Amzn-Ava-User-Context X-Amzn-Mtls-Clientcert
		X-Goog-Authenticated-User-Email X-Goog-Authenticated-User-Id X-Goog-Iap-Jwt-Assertion X_Goog_Iap_Jwt_Assertion X-Appengine-User-Email X-Serverless-Authorization
		Cf-Access-Jwt-Assertion Cf-Access-Authenticated-User-Email Cf-Access-Client-Id CF_ACCESS_JWT_ASSERTION Cf-Connecting-Ip
		X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username X-Forwarded-Access-Token X-Forwarded-Port X_Forwarded_User X.Forwarded.User
		X-Auth-Request-User X-Auth-Request-Email X-Auth-Request-Access-Token X-Auth-User X-Auth-Email Gap-Auth Gap-Signature
		X-Ms-Client-Principal X-Ms-Client-Principal-Name X-Ms-Client-Principal-Id X-Ms-Token-Aad-Id-Token X-Ms-Token-Google-Access-Token
		Remote-User Remote_user Remote-Groups Remote-Email Remote-Name X-Remote-User X-Remote-Group
		Tailscale-User-Login Tailscale-User-Name Tailscale-User-Profile-Pic X-Authentik-Username X-Authentik-Jwt X-Pomerium-Jwt-Assertion X-Pomerium-Claim-Email
		X-Streamlit-User Sf-Context-Current-User X-User X-User-Id X-Username X-Email X-Groups X-Roles X-Consumer-Username X-Userinfo X-Webauth-User
		X-Vouch-User X-Token-User-Email Ngrok-Auth-User-Email Teleport-Jwt-Assertion X-Jwt-Payload OIDC_CLAIM_email Oidc-Access-Token Kubeflow-Userid
		Ssl-Client-Verify X-Ssl-Client-S-Dn Client-Cert X-Client-Cert Sm-User Iv-User Oam-Remote-User Eppn Shib-Session-Id Posit-Connect-User-Session-Token
		X-Real-Ip True-Client-Ip Proxy-User X-Company-User-Email X-Shop-Person x_shop_person`) {
		if !f.isIdentityHeader(dashed(name)) {
			t.Errorf("%s goes through", name)
		}
	}
	for _, name := range strings.Fields(`
		User-Agent Sec-Fetch-User Sec-Ch-Ua Sec-Ch-Ua-Platform Accept Accept-Language Authorization Cookie Origin Referer Host Content-Type Range If-None-Match
		X-Xsrftoken X-Streamlit-Session-Id X-Requested-With X-Csrf-Token Upgrade-Insecure-Requests Sec-Websocket-Protocol Sec-Websocket-Key Dnt Priority
		Traceparent X-Request-Id X-Api-Key`) {
		if f.isIdentityHeader(dashed(name)) {
			t.Errorf("%s is dropped", name)
		}
	}
}

// show records a request's headers, and answers like an app that admits every origin and sets all kinds of cookies.
func (a *fakeApp) show(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	header := r.Header.Clone()
	for name, values := range r.Trailer {
		header["Trailer "+name] = values
	}
	a.note(header)
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	for _, c := range []string{"_streamlit_user=u; HttpOnly", ourCookie + "=junk; Path=/signin", "__Host-" + ourCookie + "=junk", ourCookie + "; Path=/", "AWSELBAuthSessionCookie-0=; Max-Age=0"} {
		h.Add("Set-Cookie", c)
	}
	fmt.Fprint(w, "shown")
}

// ourCookie is a cookie of another project's provider.
const ourCookie = "sdev_0a1b2c3d_session"

// note records headers for a test, and drops them if no test reads them.
func (a *fakeApp) note(h http.Header) {
	select {
	case a.seen <- h:
	default:
	}
}

// raw sends the exact text of a request and returns the response.
func (r *rig) raw(text string) *http.Response {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

// mentions returns the names of the headers that contain a text, in name or value.
func mentions(h http.Header, text string) (names []string) {
	for name, values := range h {
		if strings.Contains(strings.ToLower(name+fmt.Sprint(values)), text) {
			names = append(names, name)
		}
	}
	return names
}

func TestGateway_DropsForgedIdentities(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	const lies = "X-Amzn-Oidc-Data: mallory\r\nx_goog_authenticated_user_email: mallory\r\nREMOTE-USER: mallory\r\nX-Forwarded-User: mallory\r\nX-Forwarded-For: mallory\r\nForwarded: for=mallory\r\nCookie: CF_Authorization=mallory; a=1\r\n"
	for name, text := range map[string]string{
		"a request":  "GET /seen HTTP/1.1\r\nHost: " + r.host + "\r\n" + lies + "\r\n",
		"hop by hop": "GET /seen HTTP/1.1\r\nHost: " + r.host + "\r\nConnection: close, X-Amzn-Oidc-Data, Cookie, X-Forwarded-For, Origin\r\nOrigin: http://" + r.host + "\r\n" + lies + "\r\n",
		"a trailer":  "POST /seen HTTP/1.1\r\nHost: " + r.host + "\r\nTrailer: X-Amzn-Oidc-Data\r\nTransfer-Encoding: chunked\r\n" + lies + "\r\n1\r\na\r\n0\r\nX-Amzn-Oidc-Data: mallory\r\n\r\n",
		"a stream":   "GET " + "/_stcore/stream" + " HTTP/1.1\r\nHost: " + r.host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + lies + "\r\n",
	} {
		resp := r.raw(text)
		if resp.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s: %s", name, resp.Status)
			continue
		}
		got := <-app.seen
		if lying := mentions(got, "mallory"); len(lying) != 0 {
			t.Errorf("%s: the app gets %v", name, lying)
		}
		if got.Get("X-Forwarded-For") == "" || name != "hop by hop" && got.Get("Cookie") != "a=1" {
			t.Errorf("%s: the app got %v", name, got)
		}
	}
	dropped := await(r, func(w dev.Warning) bool { return w.Code == dev.CodeForged })
	if !strings.Contains(dropped.Message, "was dropped") || strings.Contains(dropped.Message, "mallory") {
		t.Errorf("%+v", dropped)
	}
}

func TestCookies_OfTheProviderAndOfIdentityProxiesDoNotReachTheApp(t *testing.T) {
	for name, tt := range map[string]struct{ sent, want []string }{
		"others stay as they are":  {[]string{`a="x, y"; _streamlit_user=2|1:0; _streamlit_xsrf=z; b`}, []string{`a="x, y"; _streamlit_user=2|1:0; _streamlit_xsrf=z; b`}},
		"the provider's":           {[]string{"a=1; " + ourCookie + "=s; sdev_00000000_form=f; b=2"}, []string{"a=1; b=2"}},
		"alone":                    {[]string{ourCookie + "=s"}, nil},
		"twice, and without space": {[]string{ourCookie + "=1;" + ourCookie + "=2;a=1"}, []string{"a=1"}},
		"in two lines":             {[]string{"a=1", ourCookie + "=1", "b=2"}, []string{"a=1; b=2"}},
		"without a value":          {[]string{ourCookie + "; a=1"}, []string{"a=1"}},
		"with a prefix":            {[]string{"__Host-" + ourCookie + "=1; __Secure-" + ourCookie + "=1; a=1"}, []string{"a=1"}},
		"within quotes":            {[]string{`a="x; ` + ourCookie + `=1; y"`}, []string{`a="x; y"`}},
		"with odd spaces":          {[]string{"\xa0CF_Authorization\x85=1; a=1; \tcf_authorization =1"}, []string{"a=1"}},
		"of identity proxies": {[]string{"CF_Authorization=j; CF_AppSession=x; GCP_IAAP_AUTH_TOKEN_1=x; __Host-GCP_IAP_AUTH_TOKEN_2=x; AWSELBAuthSessionCookie-0=x; AppServiceAuthSession=x; _oauth2_proxy=x; _oauth2_proxy_1=x; a=1"},
			[]string{"a=1"}},
		"one of a like name": {[]string{"sdev_theme=dark; my_sdev_0a1b2c3d_session=1"}, []string{"sdev_theme=dark; my_sdev_0a1b2c3d_session=1"}},
	} {
		h := http.Header{"Cookie": tt.sent}
		if n := stripCookies(h); n != 0 || !slices.Equal(h["Cookie"], tt.want) {
			t.Errorf("%s: %q, want %q", name, h["Cookie"], tt.want)
		}
	}
}

// A page on another port can fill the browser's cookie jar. That must lock nobody out, although the app's server refuses
// a longer line.
func TestCookies_OfTheAppArriveEvenIfThereAreTooMany(t *testing.T) {
	own := "_streamlit_xsrf=x; _streamlit_session=s; _streamlit_user=chunks-2; _streamlit_user_1=a; _streamlit_user__2=b; _streamlit_user_tokens=t; _xsrf=y"
	var filler strings.Builder
	for i := range 100 {
		fmt.Fprintf(&filler, "filler%d=%s; _streamlit_filler=1; ", i, strings.Repeat("x", 80))
	}
	h := http.Header{"Cookie": {filler.String() + own, "mine=1"}}
	if n := stripCookies(h); n != 201 || !slices.Equal(h["Cookie"], []string{own}) {
		t.Errorf("%d dropped, left are %.200q", n, h["Cookie"])
	}
	fits := "mine=" + strings.Repeat("x", maxCookieBytes-len("mine=; "))
	h = http.Header{"Cookie": {fits}}
	if n := stripCookies(h); n != 0 || h.Get("Cookie") != fits {
		t.Errorf("%d dropped of what fits", n)
	}
	var events recorder
	f := newIdentityFilter(Config{}, events.emit)
	for range 2 {
		f.strip(http.Header{"Cookie": {fits + "; one=more"}}, false)
	}
	if len(events.events) != 1 || !strings.HasPrefix(events.events[0].(dev.Warning).Message, "2 cookies") {
		t.Errorf("%+v", events.events)
	}
}

func TestGateway_TheAppSetsNoCookieOfTheProvider(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	resp, _ := r.get("/seen")
	if want := []string{"_streamlit_user=u; HttpOnly", "AWSELBAuthSessionCookie-0=; Max-Age=0"}; !slices.Equal(resp.Header["Set-Cookie"], want) {
		t.Errorf("%q, want %q", resp.Header["Set-Cookie"], want)
	}
}
