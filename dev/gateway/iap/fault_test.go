package iap

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

// isSigned reports whether a token is signed by a published key.
func (r *rig) isSigned(token string) bool {
	kid := decode(r.t, token, 0)["kid"]
	for _, k := range r.d.keys.Published(r.d.cfg.Now()) {
		if k.ID != kid {
			continue
		}
		i := strings.LastIndexByte(token, '.')
		sum := sha256.Sum256([]byte(token[:i]))
		s := rawPart(r.t, token, 2)
		return ecdsa.Verify(k.Signer.Public().(*ecdsa.PublicKey), sum[:], new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:]))
	}
	return false
}

func TestFaults_MakeTheTokenWrong(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	if !r.isSigned(r.get("/").seen(headerAssertion)) {
		t.Fatal("without a fault the token is wrong")
	}
	now := float64(time.Now().Unix())
	for name, wrong := range map[string]func(token string, c map[string]any) bool{
		dev.DoorAudience: func(token string, c map[string]any) bool {
			return c["aud"] == "another-application" && r.isSigned(token)
		},
		dev.DoorIssuer: func(token string, c map[string]any) bool {
			return c["iss"] == "https://another-issuer.example" && r.isSigned(token)
		},
		dev.DoorExpired:   func(token string, c map[string]any) bool { return c["exp"].(float64) < now-3500 && r.isSigned(token) },
		dev.DoorSignature: func(token string, c map[string]any) bool { return c["aud"] == r.d.iap.Audience && !r.isSigned(token) },
		dev.DoorKey: func(token string, _ map[string]any) bool {
			kid := decode(t, token, 0)["kid"]
			for _, k := range r.d.keys.Published(r.d.cfg.Now()) {
				if k.ID == kid {
					return false
				}
			}
			return true
		},
		dev.DoorClaims: func(token string, _ map[string]any) bool { return len(token) > 12000 && r.isSigned(token) },
	} {
		r.fault(name)
		p := r.get("/")
		isApp(t, p)
		if token := p.seen(headerAssertion); !wrong(token, decode(t, token, 1)) {
			t.Errorf("%s: %.300s", name, rawPart(t, token, 1))
		}
		r.do(oidc.Command{Do: oidc.DoClear})
	}
}

func TestFaults_HeaderSessionAndDown(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	r.fault(dev.DoorHeader)
	if p := r.get("/"); p.seen(headerAssertion) != "" || p.seen(headerEmail) == "" {
		t.Errorf("without the signed header: %v", p.Header)
	}
	r.do(oidc.Command{Do: oidc.DoClear})
	r.fault(dev.DoorDown, "code", "503")
	if p := r.get("/"); p.StatusCode != http.StatusServiceUnavailable || p.Header.Get(headerGenerated) != "" {
		t.Errorf("down: %s %v", p.Status, p.Header)
	}
	r.do(oidc.Command{Do: oidc.DoClear})
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: dev.DoorSession, Times: 1, User: bob}})
	isApp(t, r.get("/")) // somebody else's
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: dev.DoorSession, Times: 1, User: alice}})
	isGenerated(t, r.get("/"), http.StatusFound)
	isApp(t, r.get("/"))
}

func TestKeys_ArePublishedInBothForms(t *testing.T) {
	r := newRig(t)
	serve := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.d.ServeHost(w, httptest.NewRequest(method, "https://www.gstatic.com"+path, nil))
		return w
	}
	pems, jwks := serve("GET", keysPath), serve("GET", jwksPath)
	kid := r.d.keys.Signing().ID
	for path, w := range map[string]*httptest.ResponseRecorder{keysPath: pems, jwksPath: jwks} {
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || !strings.Contains(w.Body.String(), kid) {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
	if strings.Count(pems.Body.String(), "BEGIN PUBLIC KEY") != 2 || strings.Count(jwks.Body.String(), `"crv": "P-256"`) != 2 ||
		strings.Count(jwks.Body.String(), `"alg": "ES256"`) != 2 {
		t.Errorf("not two keys: %s %s", pems.Body, jwks.Body)
	}
	for _, c := range []struct {
		method, path string
		want         int
	}{{"GET", "/", 404}, {"GET", "/iap/verify/public_key/", 404}, {"GET", "/images/logo.png", 404}, {"POST", keysPath, 405}} {
		if w := serve(c.method, c.path); w.Code != c.want || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

// TestKeys_ARotationUsesAKeyThatIsPublished: verifiers that keep the keys for a while go on.
func TestKeys_ARotationUsesAKeyThatIsPublished(t *testing.T) {
	r := newRig(t)
	isApp(t, r.signInAs(r.browser, alice, "/"))
	old := r.get("/").seen(headerAssertion)
	published := map[string]bool{}
	for _, k := range r.d.keys.Published(r.d.cfg.Now()) {
		published[k.ID] = true
	}
	if err := r.d.Rotate(); err != nil {
		t.Fatal(err)
	}
	fresh := r.get("/").seen(headerAssertion)
	kid, _ := decode(t, fresh, 0)["kid"].(string)
	if kid == decode(t, old, 0)["kid"] || !published[kid] || !r.isSigned(old) || !r.isSigned(fresh) {
		t.Errorf("key %s of %v", kid, published)
	}
}

// TestIAP_StateOutlivesTheGateway: with a state directory, sessions and keys stay.
func TestIAP_StateOutlivesTheGateway(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, inState(dir))
	isApp(t, r.signInAs(r.browser, alice, "/"))
	token := r.get("/").seen(headerAssertion)
	again, err := New(r.d.cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.d = again
	isApp(t, r.get("/"))
	if !r.isSigned(token) {
		t.Error("the keys are new")
	}
}
