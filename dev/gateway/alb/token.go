package alb

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// The identity headers, in lower case, as the load balancer writes them.
const (
	headerData     = "x-amzn-oidc-data"
	headerIdentity = "x-amzn-oidc-identity"
	headerAccess   = "x-amzn-oidc-accesstoken"
)

// tokenLifetime is how long a token is valid. AWS does not document it; samples show about two minutes.
const tokenLifetime = 2 * time.Minute

// token returns the value of x-amzn-oidc-data for a session: a JWT with ES256 whose parts have padding. The order of the
// header's members is that of the samples in awslabs/aws-jwt-verify#109 and quarkusio/quarkus#34300.
func (d *Door) token(s *session, acting door.Acting) (string, error) {
	issuer, signer, client, expires := d.alb.Issuer, d.alb.ARN, d.cfg.Client.ID, d.cfg.Now().Add(tokenLifetime)
	key := d.keys.Signing()
	kid := key.ID
	for name, p := range acting {
		switch name {
		case dev.DoorSigner:
			signer = p["value"]
		case dev.DoorClient:
			client = p["value"]
		case dev.DoorIssuer:
			issuer = p["value"]
		case dev.DoorExpired:
			by, _ := time.ParseDuration(p["by"]) // the provider has checked it
			expires = d.cfg.Now().Add(-by)
		case dev.DoorKey:
			other, err := d.keys.Unpublished(d.cfg.Now())
			if err != nil {
				return "", err
			}
			key, kid = other, other.ID
		}
	}
	header, err := door.Object(door.Member{Name: "typ", Value: "JWT"}, door.Member{Name: "kid", Value: kid}, door.Member{Name: "alg", Value: "ES256"},
		door.Member{Name: "iss", Value: issuer}, door.Member{Name: "client", Value: client}, door.Member{Name: "signer", Value: signer}, door.Member{Name: "exp", Value: expires.Unix()})
	if err != nil {
		return "", err
	}
	claims, err := claimsOf(s, expires, issuer, acting)
	if err != nil {
		return "", err
	}
	token, err := door.Token{Header: header, Claims: claims, Padded: true}.Sign(key)
	if err == nil && acting.Has(dev.DoorSignature) {
		token = door.BreakSignature(token)
	}
	return token, err
}

// claimsOf returns the claims of userinfo, in their order, with exp and iss after them.
func claimsOf(s *session, expires time.Time, issuer string, acting door.Acting) ([]byte, error) {
	added := []door.Member{{Name: "exp", Value: expires.Unix()}, {Name: "iss", Value: issuer}}
	if acting.Has(dev.DoorClaims) {
		added = append(added, door.Member{Name: "padding", Value: strings.Repeat("x", acting.Number(dev.DoorClaims, "bytes", 0))})
	}
	tail, err := door.Object(added...)
	if err != nil {
		return nil, err
	}
	own := strings.TrimSuffix(strings.TrimSpace(string(s.Claims)), "}")
	if strings.TrimSpace(own) == "{" {
		return tail, nil
	}
	return []byte(own + "," + string(tail[1:])), nil
}

// publicPEM returns a public key as PEM with a SubjectPublicKeyInfo (RFC 5280).
func publicPEM(k door.Key) []byte {
	der, err := x509.MarshalPKIXPublicKey(k.Signer.Public())
	if err != nil {
		panic(err) // a key on P-256: cannot fail
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// headerTrace is the header with which requests are traced. Its name is in the form of package http, so that it replaces
// the one that a client sends.
const headerTrace = "X-Amzn-Trace-Id"

// trace returns the header that the load balancer adds to every request: a new root, or beside the root that the client
// sends its own part. Source: AWS, "Request tracing for your Application Load Balancer".
func trace(r *http.Request, now time.Time) http.Header {
	own := fmt.Sprintf("1-%08x-%s", now.Unix(), door.RandomText(door.Hex, 24))
	sent := r.Header.Get(headerTrace)
	for field := range strings.SplitSeq(sent, ";") {
		if strings.HasPrefix(strings.TrimSpace(field), "Root=") {
			return http.Header{headerTrace: {"Self=" + own + ";" + sent}}
		}
	}
	if sent != "" {
		return http.Header{headerTrace: {"Root=" + own + ";" + sent}}
	}
	return http.Header{headerTrace: {"Root=" + own}}
}

// subjectOf returns the claim sub of userinfo.
func subjectOf(claims json.RawMessage) string {
	var c struct {
		Subject string `json:"sub"`
	}
	_ = json.Unmarshal(claims, &c) // the answer was checked to be an object; without a subject, the header is empty
	return c.Subject
}
