//go:build foreign

package iap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

// TestForeignVerifiers_AcceptTheGoodAndRefuseTheBad has verification libraries of others judge what the app gets. They are
// google-auth-library and jose of npm, google-auth and PyJWT of PyPI; none of them is changed. They fetch the keys from
// https://www.gstatic.com, which leads to the proxy, with a certificate of a test's own authority.
func TestForeignVerifiers_AcceptTheGoodAndRefuseTheBad(t *testing.T) {
	r := newRig(t)
	tokens, accepted := map[string]string{}, map[string]bool{}
	take := func(name, token string, good bool) { tokens[name], accepted[name] = token, good }
	isApp(t, r.signInAs(r.browser, alice, "/"))
	take("good", r.get("/").seen(headerAssertion), true)
	for fault, good := range map[string]bool{dev.DoorAudience: false, dev.DoorIssuer: false, dev.DoorExpired: false, dev.DoorSignature: false, dev.DoorKey: false, dev.DoorHeader: false, dev.DoorClaims: true} {
		r.fault(fault)
		take("fault "+fault, r.get("/").seen(headerAssertion), good)
		r.do(oidc.Command{Do: oidc.DoClear})
	}
	for _, kind := range []string{"NOT_SET", "FUTURE_ISSUE", "PAST_EXPIRATION", "ISSUER", "AUDIENCE", "SIGNATURE"} {
		take("test "+kind, r.get("/?gcp-iap-mode=SECURE_TOKEN_TEST&iap-secure-token-test-type="+kind).seen(headerAssertion), kind == "NOT_SET")
	}
	guest := r.signInGuest(r.newBrowser(), greta, "correct horse", "/").seen(headerAssertion)
	take("of a guest, at the other host", guest, false)
	if err := r.d.Rotate(); err != nil {
		t.Fatal(err)
	}
	take("by the next key", r.get("/").seen(headerAssertion), true)
	other := newRig(t)
	isApp(t, other.signInAs(other.browser, alice, "/"))
	take("of another project's proxy", other.get("/").seen(headerAssertion), false)

	keys := serveKeys(t, r.d)
	for library, verdicts := range keys.judge(t, r.d.iap.Audience, tokens) {
		if len(verdicts) != len(tokens) {
			t.Errorf("%s judged %d of %d tokens", library, len(verdicts), len(tokens))
		}
		for name, v := range verdicts {
			if v.Accepted != accepted[name] {
				t.Errorf("%s: %s is accepted: %v (%s)", library, name, v.Accepted, v.Why)
			}
			if v.Accepted && (v.Sub != googleID(alice) || v.Email != alice) {
				t.Errorf("%s: %s is about %s, %s", library, name, v.Sub, v.Email)
			}
		}
	}
	for library, verdicts := range keys.judge(t, r.d.iap.External.Audience, map[string]string{"of a guest": guest, "of a colleague": tokens["good"]}) {
		if !verdicts["of a guest"].Accepted || !strings.HasSuffix(verdicts["of a guest"].Email, greta) || verdicts["of a colleague"].Accepted {
			t.Errorf("%s at the guests' host: %+v", library, verdicts)
		}
	}
	if keys.asked.Load() == 0 {
		t.Error("no library has fetched a key")
	}
}

func googleID(email string) string { return "accounts.google.com:" + dev.GoogleSubject(email) }

// verdict is what a library makes of a token.
type verdict struct {
	Accepted        bool
	Sub, Email, Why string
}

// keyServer is www.gstatic.com.
type keyServer struct {
	port  string
	ca    string // file
	asked atomic.Int64
}

func serveKeys(t *testing.T, d *Door) *keyServer {
	t.Helper()
	k := &keyServer{ca: filepath.Join(t.TempDir(), "ca.pem")}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Host != dev.IAPKeyHost {
			t.Errorf("asked as %s", q.Host)
		}
		k.asked.Add(1)
		d.ServeHost(w, q)
	}))
	certificate, ca := newCertificate(t, dev.IAPKeyHost)
	if err := os.WriteFile(k.ca, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, k.port, _ = net.SplitHostPort(server.Listener.Addr().String())
	return k
}

// newCertificate makes a certificate for a host, and the authority that signed it, in PEM.
func newCertificate(t *testing.T, host string) (tls.Certificate, []byte) {
	t.Helper()
	made := func(serial int64, change func(*x509.Certificate), parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("sdev test ", serial)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
		change(c)
		if parent == nil {
			parent, by = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed, key
	}
	ca, caKey := made(1, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.SubjectKeyId = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, []byte{1, 2, 3}
	}, nil, nil)
	leaf, key := made(2, func(c *x509.Certificate) {
		c.DNSNames, c.KeyUsage, c.ExtKeyUsage, c.AuthorityKeyId = []string{host}, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []byte{1, 2, 3}
	}, ca, caKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
}

// judge asks all libraries about tokens.
func (k *keyServer) judge(t *testing.T, audience string, tokens map[string]string) map[string]map[string]verdict {
	t.Helper()
	where := func(key string) string {
		path := os.Getenv(key)
		if path == "" {
			t.Fatalf(`%s is not set; run: eval "$(.ci/foreign)"`, key)
		}
		return path
	}
	module, err := filepath.Abs(filepath.Join("..", "..", "..", "templates", "targets", "cloud-run", "iap_identity.py"))
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(map[string]any{"audience": audience, "tokens": tokens, "module": module})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "foreign"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(where("SDEV_FOREIGN_IAP_MODULES"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]verdict{}
	for _, args := range [][]string{{where("SDEV_FOREIGN_NODE"), "--import", "./lead.mjs", "verify.mjs"}, {where("SDEV_FOREIGN_IAP_PYTHON"), "verify.py"}} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "KEYS_PORT=" + k.port, "NODE_EXTRA_CA_CERTS=" + k.ca, "SSL_CERT_FILE=" + k.ca, "REQUESTS_CA_BUNDLE=" + k.ca, "PYTHONDONTWRITEBYTECODE=1"}
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, said.String())
		}
		var verdicts map[string]map[string]verdict
		if err := json.Unmarshal(out, &verdicts); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for library, v := range verdicts {
			all[library] = v
		}
	}
	if len(all) != 4 {
		t.Errorf("judged by %d libraries", len(all))
	}
	return all
}
