//go:build foreign

package handoff

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestForeignALBIdentity puts the module that apps copy to tokens as the load balancer makes them, and
// to those that it does not.
func TestForeignALBIdentity(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	const balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1"
	door := map[string]string{"balancer": balancer, "client": "client", "pool": "eu-central-1_x"}
	// set makes a token of which one field of the header is another. Its parts have padding.
	set := func(name string, value any) string {
		header := map[string]any{
			"typ": "JWT", "kid": "0a1b-2c", "alg": "ES256", "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x",
			"client": "client", "signer": balancer, "exp": time.Now().Add(2 * time.Minute).Unix(), name: value,
		}
		claims := map[string]any{"sub": "1", "email": "alice@example.com"}
		text := base64.URLEncoding.EncodeToString(mustJSON(t, header)) + "." + base64.URLEncoding.EncodeToString(mustJSON(t, claims))
		sum := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, 64)
		r.FillBytes(raw[:32])
		s.FillBytes(raw[32:])
		return text + "." + base64.URLEncoding.EncodeToString(raw)
	}
	sound := set("typ", "JWT")
	part := strings.Split(sound, ".")
	type judged struct {
		Name  string            `json:"name"`
		Token string            `json:"token"`
		Door  map[string]string `json:"door"`
	}
	cases := []judged{
		{"as the load balancer makes it", sound, door}, // the only one that holds
		{"nothing", "", door},
		{"no token at all", "a.b", door},
		{"another person's claims", part[0] + "." + base64.URLEncoding.EncodeToString([]byte(`{"sub":"2"}`)) + "." + part[2], door},
		{"without padding, which breaks the signature", strings.ReplaceAll(sound, "=", ""), door},
		{"no signature", part[0] + "." + part[1] + ".", door},
		{"another load balancer", set("signer", strings.Replace(balancer, "1234", "9999", 1)), door},
		{"another client", set("client", "other"), door},
		{"another pool", set("iss", "https://cognito-idp.eu-central-1.amazonaws.com/other"), door},
		{"too old", set("exp", time.Now().Add(-time.Hour).Unix()), door},
		{"no end", set("exp", nil), door},
		{"alg none", set("alg", "none"), door},
		{"a key from elsewhere", set("kid", "../../evil"), door},
		{"settings missing", sound, map[string]string{"balancer": balancer, "client": "client", "pool": ""}},
	}
	given := filepath.Join(t.TempDir(), "cases.json")
	content := mustJSON(t, map[string]any{"key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "door": door, "cases": cases})
	if err := os.WriteFile(given, content, 0o600); err != nil {
		t.Fatal(err)
	}
	module, err := filepath.Abs("../../templates/targets/ecs-cognito/alb_identity.py")
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Results, Fetched []string }
	if err := json.Unmarshal([]byte(python(t, "alb_identity_check.py", module, given)), &got); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		switch {
		case i >= len(got.Results):
			t.Fatalf("%d tokens were judged", len(got.Results))
		case i == 0 && got.Results[i] != "alice@example.com", i > 0 && !strings.HasPrefix(got.Results[i], "refused: "):
			t.Errorf("%s: %s", c.Name, got.Results[i])
		}
	}
	for _, url := range got.Fetched {
		if url != "https://public-keys.auth.elb.eu-central-1.amazonaws.com/0a1b-2c" {
			t.Errorf("a key is asked for at %s", url)
		}
	}
}
