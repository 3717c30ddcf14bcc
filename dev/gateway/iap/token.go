package iap

import (
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// The identity headers, in lower case, as the proxy writes them.
const (
	headerAssertion = "x-goog-iap-jwt-assertion"
	headerEmail     = "x-goog-authenticated-user-email"
	headerID        = "x-goog-authenticated-user-id"
)

// issuer is that of every token of the proxy.
const issuer = "https://cloud.google.com/iap"

// tokenLifetime is how long a token is valid. Source: Google Cloud documentation, "Securing your app with signed headers".
const tokenLifetime = 600 * time.Second

// faulty says what is wrong with a token.
type faulty struct {
	audience, issuer string        // "" is the right one
	ahead            time.Duration // of all times of the token
	padding          int           // bytes of a further claim
	signature, key   bool
}

// faultyBy returns what the faults that act make of a token.
func faultyBy(acting door.Acting) faulty {
	var f faulty
	for name, p := range acting {
		switch name {
		case dev.DoorAudience:
			f.audience = p["value"]
		case dev.DoorIssuer:
			f.issuer = p["value"]
		case dev.DoorExpired:
			by, _ := time.ParseDuration(p["by"]) // the provider has checked it
			f.ahead = -by - tokenLifetime
		case dev.DoorClaims:
			f.padding, _ = strconv.Atoi(p["bytes"]) // checked, too
		case dev.DoorSignature:
			f.signature = true
		case dev.DoorKey:
			f.key = true
		}
	}
	return f
}

// faultyTest returns what gcp-iap-mode=SECURE_TOKEN_TEST makes of a token. Source: Google Cloud documentation, "Using
// query parameters and headers", testing JWT verification.
func faultyTest(kind string) faulty {
	switch kind {
	case "FUTURE_ISSUE":
		return faulty{ahead: time.Hour}
	case "PAST_EXPIRATION":
		return faulty{ahead: -time.Hour}
	case "ISSUER":
		return faulty{issuer: "https://another-issuer.example"}
	case "AUDIENCE":
		return faulty{audience: "/projects/1/global/backendServices/1"}
	case "SIGNATURE":
		return faulty{key: true}
	}
	return faulty{}
}

// claims returns the claims of a token about a person, in the order of real ones, which is that of the alphabet. signedIn
// is when the person signed in.
func (s *resource) claims(who dev.Person, signedIn, now time.Time, f faulty) ([]byte, error) {
	audience, iss, issued := s.audience, issuer, now.Add(f.ahead)
	if f.audience != "" {
		audience = f.audience
	}
	if f.issuer != "" {
		iss = f.issuer
	}
	email, sub := who.Email, s.prefix+s.id(who)
	if s.external {
		email = s.prefix + email // Google's documentation: both have the prefix then
	}
	all := []door.Member{{Name: "aud", Value: audience}, {Name: "azp", Value: audience}, {Name: "email", Value: email}, {Name: "exp", Value: issued.Add(tokenLifetime).Unix()}}
	add := func(name string, value any) { all = append(all, door.Member{Name: name, Value: value}) }
	if s.external {
		gcip, err := s.gcip(who, signedIn)
		if err != nil {
			return nil, err
		}
		add("gcip", gcip)
	} else if google, ok := who.Claims["google"].(map[string]any); ok { // access_levels, for example
		add("google", google)
	}
	if domain := hostedDomain(who); domain != "" && !s.external {
		add("hd", domain)
	}
	add("iat", issued.Unix())
	if !s.external {
		add("identity_source", "GOOGLE")
	}
	add("iss", iss)
	if f.padding > 0 {
		add("padding", strings.Repeat("x", f.padding))
	}
	add("sub", sub)
	return door.Object(all...)
}

// hostedDomain is the claim hd: what the project says about the person, or else what follows from the address.
func hostedDomain(who dev.Person) string {
	if hd, set := who.Claims["hd"]; set {
		text, _ := hd.(string)
		return text
	}
	return dev.HostedDomain(who.Email)
}

// token returns the value of x-goog-iap-jwt-assertion for one request: a JWT with ES256.
func (d *Door) token(s *resource, in *session, f faulty) (string, error) {
	now := d.cfg.Now()
	key := d.keys.Signing()
	if f.key {
		var err error
		if key, err = d.keys.Unpublished(now); err != nil {
			return "", err
		}
	}
	claims, err := s.claims(in.Person, in.At, now, f)
	if err != nil {
		return "", err
	}
	header := []byte(`{"alg":"ES256","typ":"JWT","kid":"` + key.ID + `"}`)
	token, err := door.Token{Header: header, Claims: claims}.Sign(key)
	if err == nil && f.signature {
		token = door.BreakSignature(token)
	}
	return token, err
}
