package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"sdev/dev"
)

// tlsRig is a gateway whose page is https, and a client that trusts its authority only.
type tlsRig struct {
	*rig
	client *http.Client
}

func newTLSRig(t testing.TB, app *fakeApp) *tlsRig {
	t.Helper()
	r := &tlsRig{rig: newRigWith(t, app, func(c *Config) { c.TLS, c.Aliases = true, []string{"streamlit"} })}
	a := projectAuthority(t)
	r.call(Request{Do: DoLogin, Login: &dev.LoginSettings{Mode: dev.Local, Page: &a}})
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(a.Certificate)
	r.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: trusted}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return r
}

// get requests an address of the page, whose host is an address of this machine.
func (r *tlsRig) get(address string, header ...string) (*http.Response, string, error) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

func TestPageTLS_IsTheProjectsOwn(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newTLSRig(t, app)
	page := "https://" + r.host + "/seen"
	resp, _, err := r.get(page, "Origin", "https://"+r.host)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %+v", err, resp)
	}
	if got := <-app.seen; got.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("the app sees X-Forwarded-Proto %q", got.Get("X-Forwarded-Proto"))
	}
	// The same address without TLS is another origin.
	if resp, _, err := r.get(page, "Origin", "http://"+r.host); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of the plain origin: %v, %+v", err, resp)
	}
	conn, _, err := websocket.Dial(t.Context(), "wss://"+r.host+"/_stcore/stream", &websocket.DialOptions{HTTPClient: r.client, Subprotocols: []string{"streamlit", "token"}, HTTPHeader: http.Header{"Origin": {"https://" + r.host}}})
	if err != nil {
		t.Fatalf("the stream: %v", err)
	}
	_ = conn.CloseNow()
}

func TestPageTLS_SendsBrowsersToHTTPS(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newTLSRig(t, app)
	resp, _, err := r.get("http://"+r.host+"/page?a=1", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	if err != nil || resp.Header.Get("Location") != "https://"+r.host+"/page?a=1" {
		t.Errorf("a plain page: %v, %+v", err, resp)
	}
	// A health check in the container and another service go on without TLS.
	for host, path := range map[string]string{r.host: "/_stcore/health", "streamlit:8501": "/_stcore/health"} {
		if resp, body, err := r.get("http://"+r.addr+path, "Host", host); err != nil || resp.StatusCode != http.StatusOK || body != "ok" {
			t.Errorf("%s%s: %v, %+v %q", host, path, err, resp, body)
		}
	}
}

func TestPageTLS_HasNoCertificateForOtherNames(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newTLSRig(t, app)
	dial := func(name string) error {
		d := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} //nolint:gosec // the handshake alone is tried
		conn, err := d.DialContext(t.Context(), "tcp", r.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := dial("localhost"); err != nil {
		t.Error(err)
	}
	if err := dial("evil.example.com"); err == nil {
		t.Error("the gateway has a certificate for another host")
	}
	// Without an authority nobody gets a certificate, and the gateway goes on.
	r.call(Request{Do: DoLogin, Login: &dev.LoginSettings{Mode: dev.Local}})
	if err := dial("localhost"); err == nil {
		t.Error("a certificate without an authority")
	}
}

func TestPageTLS_EndsWithConnectionsThatSayNothing(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newTLSRig(t, app)
	for _, begin := range []string{"", "\x16", "\x16\x03\x01\x02\x00", "G", strings.Repeat("\x00", 64)} {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, begin); err != nil {
			t.Fatal(err)
		}
	}
	r.stop() // the rig fails if the gateway does not end, or leaves a goroutine behind
}
