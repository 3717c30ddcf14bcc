package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

// doorRig is a gateway with a load balancer in front of a fake app.
type doorRig struct {
	*rig
	login  dev.LoginSettings
	keys   string // the address of the hosts with keys
	origin string
}

// projectAuthority returns the certificate authority of a new project.
func projectAuthority(t testing.TB) dev.Authority {
	t.Helper()
	p, err := config.Load(context.WithoutCancel(t.Context()), config.Options{Dir: devtest.Project(t, map[string]string{"compose.yaml": "name: shop\nservices:\n  streamlit:\n    image: shop\n"})})
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Authority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// unusedAddress returns an address of this machine at which nothing listens.
func unusedAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newDoorRig starts a gateway in the mode of the load balancer. change may change the login.
func newDoorRig(t testing.TB, app *fakeApp, changes ...func(*dev.LoginSettings)) *doorRig {
	t.Helper()
	d := &doorRig{keys: unusedAddress(t)}
	_, port, _ := strings.Cut(unusedAddress(t), ":")
	d.rig = newRigWith(t, app, func(c *Config) {
		c.Keys, c.Aliases, c.State = d.keys, []string{"streamlit"}, t.TempDir()
		if _, err := fmt.Sscan(port, &c.ProviderPort); err != nil {
			t.Fatal(err)
		}
	})
	d.origin = "http://" + d.host
	d.login = albLogin("http://localhost:"+port, d.origin, projectAuthority(t))
	for _, change := range changes {
		change(&d.login)
	}
	d.call(Request{Do: DoLogin, Login: &d.login})
	return d
}

// albLogin is a login with a load balancer, as sdev sends it.
func albLogin(issuer, origin string, a dev.Authority) dev.LoginSettings {
	alb := dev.NewALB("shop", "").WithProvider("shop", issuer)
	client := dev.Client{ID: alb.ClientID("shop"), Secret: "xyzzy", RedirectURIs: []string{origin + "/oauth2/idpresponse"}}
	return dev.LoginSettings{Mode: dev.ALBLogin, Issuer: issuer, Profile: "cognito",
		People:  []dev.Person{{Email: "dora@example.com", Groups: []string{"admin"}}, {Email: "emil@example.com"}},
		Clients: []dev.Client{client}, Mapped: &dev.MappedLogin{Issuers: alb.Issuers("shop")},
		Door: &dev.FrontDoor{Client: client, Authority: a, ALB: &alb}}
}

// newJar returns a browser that keeps cookies and follows no redirect by itself.
func newJar(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fetch requests an address and returns the response and its body.
func (d *doorRig) fetch(c *http.Client, method, address string, form url.Values) (*http.Response, string) {
	d.t.Helper()
	q, err := http.NewRequestWithContext(d.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	if form != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(q)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp, string(b)
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// signIn signs somebody in and returns the browser.
func (d *doorRig) signIn(email string) *http.Client {
	d.t.Helper()
	c := newJar(d.t)
	next := d.origin + "/"
	for range 6 {
		resp, body := d.fetch(c, http.MethodGet, next, nil)
		if form := hiddenInput.FindAllStringSubmatch(body, -1); resp.StatusCode == http.StatusOK && form != nil {
			fields := url.Values{"pick": {email}}
			for _, m := range form {
				fields.Set(m[1], html.UnescapeString(m[2]))
			}
			resp, _ = d.fetch(c, http.MethodPost, d.login.Issuer+"/signin", fields)
		}
		to, err := resp.Location()
		if err != nil {
			return c
		}
		next = to.String()
	}
	d.t.Fatalf("%s does not get in", email)
	return nil
}

// dial opens a TLS connection to the hosts with keys, under a name. It trusts only an authority.
func (d *doorRig) dial(name string, a dev.Authority) (*tls.Conn, error) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.Certificate)
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: name}}
	c, err := dialer.DialContext(d.t.Context(), "tcp", d.keys)
	if err != nil {
		return nil, err
	}
	return c.(*tls.Conn), nil
}

// over requests a path of one host over a connection to another.
func (d *doorRig) over(sni, host, path string) (status int, body string) {
	d.t.Helper()
	c, err := d.dial(sni, d.login.Door.Authority)
	if err != nil {
		d.t.Fatalf("%s: %v", sni, err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const (
	keyHost  = "public-keys.auth.elb.us-east-1.amazonaws.com"
	poolHost = "cognito-idp.us-east-1.amazonaws.com"
)

func TestKeyHosts_AnswerForTheHostsOfTheDoorOnly(t *testing.T) {
	d := newDoorRig(t, newFakeApp(t))
	for _, name := range []string{keyHost, poolHost, strings.ToUpper(keyHost)} {
		c, err := d.dial(name, d.login.Door.Authority)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		leaf := c.ConnectionState().PeerCertificates[0]
		if left := time.Until(leaf.NotAfter); len(leaf.DNSNames) != 1 || leaf.IsCA || left > 398*24*time.Hour || left < 24*time.Hour {
			t.Errorf("%s: %q for %v", name, leaf.DNSNames, left)
		}
		c.Close()
	}
	for _, name := range []string{"www.gstatic.com", "evil.example", "localhost", "x." + keyHost, "amazonaws.com", "127.0.0.1"} {
		if c, err := d.dial(name, d.login.Door.Authority); err == nil {
			c.Close()
			t.Errorf("answers for %s", name)
		}
	}
	local := dev.LoginSettings{Mode: dev.Local}
	d.call(Request{Do: DoLogin, Login: &local})
	if c, err := d.dial(keyHost, d.login.Door.Authority); err == nil {
		c.Close()
		t.Error("answers in local mode")
	}
}

func TestKeyHosts_LeadToTheDoorAndToTheProvider(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	d := newDoorRig(t, app)
	pool := "/" + d.login.Door.ALB.Pool
	c := d.signIn("dora@example.com")
	d.fetch(c, http.MethodGet, d.origin+"/seen", nil)
	data := (<-app.seen).Get("X-Amzn-Oidc-Data")
	kid := headerOf(t, data)["kid"].(string)
	if status, body := d.over(keyHost, keyHost, "/"+kid); status != http.StatusOK || !strings.HasPrefix(body, "-----BEGIN PUBLIC KEY-----\n") {
		t.Errorf("the key: %d %s", status, body)
	}
	if status, body := d.over(poolHost, poolHost, pool+"/.well-known/jwks.json"); status != http.StatusOK || !strings.Contains(body, `"keys"`) {
		t.Errorf("the keys of the pool: %d %s", status, body)
	}
	var discovered struct{ Issuer string }
	if status, body := d.over(poolHost, poolHost, pool+"/.well-known/openid-configuration"); status != http.StatusOK || json.Unmarshal([]byte(body), &discovered) != nil || discovered.Issuer != "https://"+poolHost+pool {
		t.Errorf("discovery of the pool: %d %s", status, body)
	}
	for name, c := range map[string]struct {
		sni, host, path string
		want            int
	}{
		"a host of nobody":            {keyHost, "evil.example", "/" + kid, http.StatusMisdirectedRequest},
		"this machine":                {keyHost, "localhost", "/" + kid, http.StatusMisdirectedRequest},
		"the provider's own address":  {poolHost, strings.TrimPrefix(d.login.Issuer, "http://"), "/jwks", http.StatusMisdirectedRequest},
		"no such key":                 {keyHost, keyHost, "/" + strings.Repeat("0", 36), http.StatusNotFound},
		"no endpoint of the provider": {poolHost, poolHost, pool + "/users", http.StatusNotFound},
	} {
		if status, body := d.over(c.sni, c.host, c.path); status != c.want {
			t.Errorf("%s: %d, want %d: %s", name, status, c.want, body)
		}
	}
}

// headerOf returns the header of a JWT, which may have padding.
func headerOf(t testing.TB, token string) (header map[string]any) {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(first, "="))
	if err != nil || json.Unmarshal(b, &header) != nil {
		t.Fatalf("%.80q is no token", token)
	}
	return header
}

func TestKeyHosts_TakeTheProjectsNewAuthority(t *testing.T) {
	d := newDoorRig(t, newFakeApp(t))
	before := d.login.Door.Authority
	c, err := d.dial(keyHost, before)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	login, door := d.login, *d.login.Door
	door.Authority = projectAuthority(t)
	login.Door = &door
	d.call(Request{Do: DoLogin, Login: &login})
	if c, err = d.dial(keyHost, door.Authority); err != nil {
		t.Errorf("with the new authority: %v", err)
	} else {
		c.Close()
	}
	if c, err := d.dial(keyHost, before); err == nil {
		c.Close()
		t.Error("the old authority is still in use")
	}
}

func TestKeyHosts_CertificatesAreKept(t *testing.T) {
	d := newDoorRig(t, newFakeApp(t))
	var serials []string
	for range 2 {
		c, err := d.dial(keyHost, d.login.Door.Authority)
		if err != nil {
			t.Fatal(err)
		}
		serials = append(serials, c.ConnectionState().PeerCertificates[0].SerialNumber.String())
		c.Close()
	}
	if serials[0] != serials[1] {
		t.Error("each connection has a certificate of its own")
	}
}

// Even who has the authority's key can make no certificate for another host that anybody accepts.
func TestCertificates_OfOtherHostsAreInvalid(t *testing.T) {
	a := projectAuthority(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.Certificate)
	for host, valid := range map[string]bool{
		keyHost: true, poolHost: true, "s3-us-gov-west-1.amazonaws.com": true, "public-keys.auth.elb.cn-north-1.amazonaws.com.cn": true, "www.gstatic.com": true,
		"team.cloudflareaccess.com": true, "localhost": true, "app.localhost": true,
		"evil.example": false, "example.com": false, "gstatic.com.evil.example": false, "notgstatic.com": false, "github.com": false,
	} {
		c, err := newCertificate(a, host, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: host}); (err == nil) != valid {
			t.Errorf("%s: %v", host, err)
		}
	}
	block, _ := pem.Decode(a.Certificate)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !cert.PermittedDNSDomainsCritical || !cert.MaxPathLenZero || len(cert.PermittedIPRanges) != 2 {
		t.Errorf("%+v", cert.PermittedIPRanges)
	}
}
