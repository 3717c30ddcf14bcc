package alb

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

// split returns the three parts of a token, decoded. They must have padding.
func split(t testing.TB, token string) (header, claims, signature []byte) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var out [3][]byte
	for i, part := range parts {
		var err error
		if out[i], err = base64.URLEncoding.Strict().DecodeString(part); err != nil {
			t.Fatalf("part %d is no base64 with padding: %v", i, err)
		}
	}
	return out[0], out[1], out[2]
}

// readToken returns the members of a token's header and claims, and its signature.
func readToken(t testing.TB, token string) (header, claims map[string]any, signature []byte) {
	t.Helper()
	h, c, signature := split(t, token)
	if err := json.Unmarshal(h, &header); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(c, &claims); err != nil {
		t.Fatal(err)
	}
	return header, claims, signature
}

// keyAt fetches a key as an app does.
func (r *rig) keyAt(address string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.lb.ServeHost(w, httptest.NewRequest(http.MethodGet, address, nil))
	return w
}

// verifies reports whether the key that a token names is published and verifies it, by the text as it stands.
func (r *rig) verifies(token string) bool {
	r.t.Helper()
	return r.verifiesText(token, token[:strings.LastIndexByte(token, '.')])
}

// verifiesText reports whether the signature of a token is that of a text.
func (r *rig) verifiesText(token, text string) bool {
	r.t.Helper()
	header, _, signature := readToken(r.t, token)
	answer := r.keyAt(r.door.ALB.KeyAddress() + header["kid"].(string))
	if answer.Code != http.StatusOK {
		return false
	}
	block, rest := pem.Decode(answer.Body.Bytes())
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) != 0 {
		r.t.Fatalf("the key endpoint answers %q", answer.Body)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	return len(signature) == 64 && ecdsa.Verify(key.(*ecdsa.PublicKey), sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

func TestHeaders_HaveTheNamesAndValuesOfAWS(t *testing.T) {
	r := newRig(t)
	p := r.browser().signIn("/", alice)
	if got, want := slices.Sorted(maps.Keys(p.Header)), []string{"X-Amzn-Trace-Id", "x-amzn-oidc-accesstoken", "x-amzn-oidc-data", "x-amzn-oidc-identity"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	_, claims, _ := readToken(t, only(t, p, headerData))
	if sub := only(t, p, headerIdentity); sub == "" || sub != claims["sub"] || sub != r.idp.Subject(dev.Person{Email: alice}) {
		t.Errorf("identity %q, claims %v", sub, claims)
	}
	// The access token is the provider's own; Cognito's is a JWT of the user pool.
	var access map[string]any
	middle := strings.Split(only(t, p, headerAccess), ".")[1]
	if b, err := base64.RawURLEncoding.DecodeString(middle); err != nil || json.Unmarshal(b, &access) != nil {
		t.Fatal(err)
	}
	if access["iss"] != r.door.ALB.Issuer || access["token_use"] != "access" || access["client_id"] != r.door.Client.ID || fmt.Sprint(access["cognito:groups"]) != "[admin]" {
		t.Errorf("%v", access)
	}
	if text, err := json.Marshal(p); err != nil || strings.Contains(string(text), "id_token") || strings.Contains(string(text), `"token_use":"id"`) {
		t.Error("the ID token is among the headers")
	}
}

func TestToken_HasTheHeaderOfAWSWithPadding(t *testing.T) {
	r := newRig(t)
	token := only(t, r.browser().signIn("/", alice), headerData)
	header, _, signature := split(t, token)
	want := regexp.MustCompile(fmt.Sprintf(`^\{"typ":"JWT","kid":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}","alg":"ES256","iss":%q,"client":%q,"signer":%q,"exp":\d{10}\}$`,
		r.door.ALB.Issuer, r.door.Client.ID, r.door.ALB.ARN))
	if !want.Match(header) {
		t.Errorf("header %s", header)
	}
	if len(signature) != 64 || !strings.HasSuffix(token, "==") || !r.verifies(token) {
		t.Errorf("signature of %d bytes in %s", len(signature), token)
	}
}

// Who strips the padding breaks the signature, since it covers the text with padding.
func TestToken_IsSignedWithItsPadding(t *testing.T) {
	f := newFake(t)
	for _, claims := range []string{`{"sub":"1"}`, `{"sub":"12"}`, `{"sub":"123"}`} { // at least two of them need padding
		f.claims = claims
		token := only(t, f.browser().signInFake(), headerData)
		text := token[:strings.LastIndexByte(token, '.')]
		if stripped := strings.ReplaceAll(text, "=", ""); !f.verifies(token) || f.verifiesText(token, stripped) != (stripped == text) {
			t.Errorf("%s: signed is the text without padding", claims)
		}
	}
}

func TestToken_HasTheClaimsOfUserinfoInTheirOrder(t *testing.T) {
	f := newFake(t)
	for sent, want := range map[string]string{
		`{"sub":"1","email":"alice@example.com","a<b&c>":"\u00e9\"","n":12345678901234567890,"nested":{"z":1,"a":[true,null]}}`: `{"sub":"1","email":"alice@example.com","a<b&c>":"\u00e9\"","n":12345678901234567890,"nested":{"z":1,"a":[true,null]},`,
		"{\n \"z\" : 1 ,\n \"sub\" : \"1\"\n}\n": `{"z":1,"sub":"1",`,
		`{ }`:                                    `{`,
	} {
		f.claims = sent
		_, claims, _ := split(t, only(t, f.browser().signInFake(), headerData))
		rest, ok := bytes.CutPrefix(claims, []byte(want))
		if !ok || !regexp.MustCompile(`^"exp":\d{10},"iss":"https://issuer.example.com"\}$`).Match(rest) {
			t.Errorf("claims %s, want %s…", claims, want)
		}
	}
}

// A user pool returns booleans as text, no groups, and a user name.
func TestToken_HasTheClaimsOfAUserPool(t *testing.T) {
	r := newRig(t)
	header, claims, _ := readToken(t, only(t, r.browser().signIn("/", alice), headerData))
	if claims["email"] != alice || claims["email_verified"] != "true" || claims["username"] == "" || claims["iss"] != r.door.ALB.Issuer || claims["exp"] != header["exp"] {
		t.Errorf("%v", claims)
	}
	for _, name := range []string{"cognito:groups", "groups", "aud", "token_use", "iat"} {
		if v, there := claims[name]; there {
			t.Errorf("%s is %v", name, v)
		}
	}
}

func TestToken_IsMadeForEachRequestAndShortLived(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	first := only(t, b.signIn("/", alice), headerData)
	r.clock(10 * time.Minute)
	second := only(t, b.get("/").pass(t), headerData)
	for name, c := range map[string]struct {
		token string
		at    time.Time
	}{"first": {first, time.Now()}, "second": {second, r.idp.Now()}} {
		header, _, _ := readToken(t, c.token)
		if left := time.Unix(int64(header["exp"].(float64)), 0).Sub(c.at); left < 100*time.Second || left > 2*time.Minute {
			t.Errorf("%s: valid for %v", name, left)
		}
	}
	if first == second {
		t.Error("the same token again")
	}
	if third := only(t, b.get("/").pass(t), headerData); third == second {
		t.Error("two requests have the same token")
	}
}

func TestKeys_AreAtTheAddressOfTheRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "https://public-keys.auth.elb.us-east-1.amazonaws.com/", "ap-southeast-2": "https://public-keys.auth.elb.ap-southeast-2.amazonaws.com/",
		"us-gov-west-1": "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1/",
		"us-gov-east-1": "https://s3-us-gov-east-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-east-1/",
		"cn-north-1":    "https://public-keys.auth.elb.cn-north-1.amazonaws.com.cn/",
	} {
		r := newRig(t, func(s *setup) {
			s.door.ALB.ARN = strings.Replace(s.door.ALB.ARN, "us-east-1", region, 1)
		})
		if got := r.door.ALB.KeyAddress(); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
		at, err := url.Parse(want)
		if err != nil || !slices.Contains(r.door.Hosts(), at.Host) {
			t.Errorf("%s: the gateway answers for %q", region, r.door.Hosts())
		}
		if token := only(t, r.browser().signIn("/", alice), headerData); !r.verifies(token) {
			t.Errorf("%s: the key is not there", region)
		}
		id := r.lb.keys.Signing().ID
		for _, wrong := range []string{at.Scheme + "://" + at.Host + "/x/" + id, want + "x/" + id, want, want + id + "/", want + strings.ToUpper(id), want + "../" + id} {
			if a := r.keyAt(wrong); a.Code != http.StatusNotFound {
				t.Errorf("%s: %d", wrong, a.Code)
			}
		}
	}
}

func TestKeys_OldOnesStayAfterARotation(t *testing.T) {
	r := newRig(t, func(s *setup) { s.door.State = t.TempDir() })
	b := r.browser()
	tokens := []string{only(t, b.signIn("/", alice), headerData)}
	for range 3 {
		if err := r.lb.Rotate(); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, only(t, b.get("/").pass(t), headerData))
	}
	r.lb = r.open()
	kids := map[any]bool{}
	for i, token := range tokens {
		header, _, _ := readToken(t, token)
		kids[header["kid"]] = true
		if !r.verifies(token) {
			t.Errorf("token %d no longer verifies", i)
		}
	}
	if len(kids) != len(tokens) {
		t.Errorf("%d keys for %d tokens", len(kids), len(tokens))
	}
	if next := only(t, b.get("/").pass(t), headerData); !kids[mustHeader(t, next)["kid"]] {
		t.Error("a new gateway signs with another key")
	}
}

func mustHeader(t testing.TB, token string) map[string]any {
	t.Helper()
	header, _, _ := readToken(t, token)
	return header
}

// changes returns the names of the members that differ between two objects.
func changes(a, b map[string]any) (names []string) {
	for name := range a {
		if fmt.Sprint(a[name]) != fmt.Sprint(b[name]) {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, there := a[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestFaults_ChangeExactlyWhatTheySay(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	sound := b.signIn("/", alice)
	soundHeader, soundClaims, _ := readToken(t, only(t, sound, headerData))
	for name, c := range map[string]struct {
		header, claims []string
		verifies       bool
	}{
		dev.DoorSigner:    {[]string{"signer"}, nil, true},
		dev.DoorClient:    {[]string{"client"}, nil, true},
		dev.DoorIssuer:    {[]string{"iss"}, []string{"iss"}, true},
		dev.DoorExpired:   {[]string{"exp"}, []string{"exp"}, true},
		dev.DoorSignature: {nil, nil, false},
		dev.DoorKey:       {[]string{"kid"}, nil, false},
		dev.DoorClaims:    {nil, []string{"padding"}, true},
	} {
		r.do(oidc.Command{Do: oidc.DoClear})
		r.fault(name, 1)
		p := b.get("/").pass(t)
		token := only(t, p, headerData)
		header, claims, _ := readToken(t, token)
		if name != dev.DoorExpired { // time goes on
			header["exp"], claims["exp"] = soundHeader["exp"], soundClaims["exp"]
		} else if exp := header["exp"].(float64); exp > float64(time.Now().Add(-59*time.Minute).Unix()) {
			t.Errorf("expired at %v", exp)
		}
		if got := changes(soundHeader, header); !slices.Equal(got, c.header) {
			t.Errorf("%s changes %q in the header, want %q", name, got, c.header)
		}
		if got := changes(soundClaims, claims); !slices.Equal(got, c.claims) {
			t.Errorf("%s changes %q in the claims, want %q", name, got, c.claims)
		}
		if got := r.verifies(token); got != c.verifies {
			t.Errorf("%s: the signature verifies: %v", name, got)
		}
		if only(t, p, headerIdentity) != only(t, sound, headerIdentity) || only(t, p, headerAccess) != only(t, sound, headerAccess) || p.User != alice {
			t.Errorf("%s changes other headers", name)
		}
		if after := b.get("/").pass(t); !r.verifies(only(t, after, headerData)) || len(changes(soundHeader, mustHeader(t, only(t, after, headerData)))) > 1 {
			t.Errorf("%s acts more than once", name)
		}
	}
}

func TestFaults_OfRequests(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	b.signIn("/", alice)
	r.fault(dev.DoorHeader, 1)
	if p := b.get("/").pass(t); value(p, headerData) != "" || only(t, p, headerIdentity) == "" || only(t, p, headerAccess) == "" {
		t.Errorf("%s: %v", dev.DoorHeader, p.Header)
	}
	r.fault(dev.DoorSession, 1)
	if a := b.get("/", "Upgrade", "websocket", "Connection", "Upgrade"); a.StatusCode != http.StatusFound || !strings.HasPrefix(a.Header.Get("Location"), r.door.ALB.Authorization) {
		t.Errorf("%s: %s", dev.DoorSession, a.Status)
	}
	r.fault(dev.DoorDown, 1, "code", "503")
	if a := b.get("/"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s: %s", dev.DoorDown, a.Status)
	}
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: dev.DoorDown, User: bob}})
	if p := b.get("/").pass(t); p.User != alice {
		t.Errorf("bob's fault acts on %s", p.User)
	}
}

func TestTrace_KeepsTheRootOfTheClient(t *testing.T) {
	now := time.Unix(0x6924d0a0, 0)
	for sent, want := range map[string]string{
		"":                             `^Root=1-6924d0a0-[0-9a-f]{24}$`,
		"Root=1-67891233-abcdef;A=b":   `^Self=1-6924d0a0-[0-9a-f]{24};Root=1-67891233-abcdef;A=b$`,
		"CalledFrom=app":               `^Root=1-6924d0a0-[0-9a-f]{24};CalledFrom=app$`,
		"CalledFrom=app; Root=1-1-abc": `^Self=1-6924d0a0-[0-9a-f]{24};CalledFrom=app; Root=1-1-abc$`,
	} {
		q := httptest.NewRequest(http.MethodGet, "/", nil)
		q.Header.Set("x-amzn-trace-id", sent)
		h := trace(q, now)
		if got := h.Get("X-Amzn-Trace-Id"); len(h) != 1 || !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%q becomes %q", sent, got)
		}
	}
}

var _ door.Directory = everybody{}
