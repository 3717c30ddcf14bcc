package access

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// The kinds of tokens.
const (
	typeApp  = "app"  // for one application
	typeOrg  = "org"  // for the team's host
	typeMeta = "meta" // what the edge tells the team's host about a request
)

// token are the claims of a token. Source: Cloudflare, "Application token".
type token struct {
	Audience   []string        `json:"aud"`
	Email      string          `json:"email"`
	Expires    int64           `json:"exp"`
	Issued     int64           `json:"iat"`
	Issuer     string          `json:"iss"`
	Type       string          `json:"type"`
	Nonce      string          `json:"identity_nonce"` // names the sign-in at Cloudflare
	Subject    string          `json:"sub"`
	Country    string          `json:"country"`
	Custom     json.RawMessage `json:"custom"`      // claims of the identity provider
	CommonName string          `json:"common_name"` // id of the service token, if one signed in
}

// members returns the claims in the order of the documentation's samples.
func (t token) members() []door.Member {
	if t.CommonName != "" {
		return []door.Member{{Name: "type", Value: t.Type}, {Name: "aud", Value: t.Audience}, {Name: "exp", Value: t.Expires}, {Name: "iss", Value: t.Issuer},
			{Name: "common_name", Value: t.CommonName}, {Name: "iat", Value: t.Issued}, {Name: "sub", Value: ""}}
	}
	all := []door.Member{{Name: "aud", Value: t.Audience}, {Name: "email", Value: t.Email}, {Name: "exp", Value: t.Expires}, {Name: "iat", Value: t.Issued},
		{Name: "nbf", Value: t.Issued}, {Name: "iss", Value: t.Issuer}, {Name: "type", Value: t.Type}, {Name: "identity_nonce", Value: t.Nonce},
		{Name: "sub", Value: t.Subject}, {Name: "country", Value: t.Country}}
	if len(t.Custom) > 0 {
		all = append(all, door.Member{Name: "custom", Value: t.Custom})
	}
	return all
}

// sign signs claims.
func sign(key door.Key, members []door.Member) (string, error) {
	header, err := door.Object(door.Member{Name: "alg", Value: "RS256"}, door.Member{Name: "kid", Value: key.ID}, door.Member{Name: "typ", Value: "JWT"})
	if err != nil {
		return "", err
	}
	claims, err := door.Object(members...)
	if err != nil {
		return "", err
	}
	return door.Token{Header: header, Claims: claims}.Sign(key)
}

// personToken returns the claims for somebody who has signed in.
func personToken(a dev.Access, who dev.Person, nonce, audience, kind string, now time.Time, lifetime time.Duration) (token, error) {
	t := token{Audience: []string{audience}, Email: who.Email, Expires: now.Add(lifetime).Unix(), Issued: now.Unix(), Issuer: a.Issuer(), Type: kind,
		Nonce: nonce, Subject: a.UserID(who.Email), Country: a.Country}
	custom := claimsOf(a, who)
	if len(custom) == 0 {
		return t, nil
	}
	var err error
	t.Custom, err = door.Object(custom...)
	return t, err
}

// claimsOf are the claims of the identity provider that the settings name, as far as the person has them.
func claimsOf(a dev.Access, who dev.Person) []door.Member {
	var all []door.Member
	for _, name := range a.Claims {
		value, ok := who.Claims[name]
		switch {
		case !ok && name == "groups" && len(who.Groups) > 0:
			value, ok = who.Groups, true
		case !ok && name == "name" && who.Name != "":
			value, ok = who.Name, true
		}
		if ok {
			all = append(all, door.Member{Name: name, Value: value})
		}
	}
	return all
}

// serviceToken returns the claims for a program with a service token.
func serviceToken(a dev.Access, id, audience string, now time.Time, lifetime time.Duration) token {
	return token{Audience: []string{audience}, Expires: now.Add(lifetime).Unix(), Issued: now.Unix(), Issuer: a.Issuer(), Type: typeApp, CommonName: id}
}

// distort returns a token as the acting faults change it: the token itself if none does.
func (d *Door) distort(raw string, t token, acting door.Acting) (string, error) {
	changed, broken := false, false
	key := d.keys.Signing()
	members := func() []door.Member { return t.members() }
	for name, p := range acting {
		switch name {
		case dev.DoorAudience:
			t.Audience, changed = []string{p["value"]}, true
		case dev.DoorIssuer:
			t.Issuer, changed = p["value"], true
		case dev.DoorExpired:
			by, _ := time.ParseDuration(p["by"]) // the provider has checked it
			t.Expires, changed = d.cfg.Now().Add(-by).Unix(), true
		case dev.DoorKey:
			other, err := d.unpublished()
			if err != nil {
				return "", err
			}
			key, changed = other, true
		case dev.DoorClaims:
			padding := strings.Repeat("x", acting.Number(dev.DoorClaims, "bytes", 0))
			members = func() []door.Member { return append(t.members(), door.Member{Name: "padding", Value: padding}) }
			changed = true
		case dev.DoorSignature:
			broken = true
		}
	}
	if changed {
		var err error
		if raw, err = sign(key, members()); err != nil {
			return "", err
		}
	}
	if broken {
		raw = door.BreakSignature(raw)
	}
	return raw, nil
}

// The reasons why a token does not count.
var (
	errForeign = errors.New("this project has not signed the token")
	errEnded   = errors.New("the token has expired, or somebody signed out")
)

// verify checks a token's signature and time, and reads its claims into to.
func (d *Door) verify(raw string, to any) error {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return errForeign
	}
	var header struct {
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	var times struct {
		Expires int64  `json:"exp"`
		Issuer  string `json:"iss"`
	}
	if !decode(parts[0], &header) || !decode(parts[1], &times) || header.Algorithm != "RS256" || times.Issuer != d.access.Issuer() {
		return errForeign
	}
	now := d.cfg.Now()
	if now.Unix() >= times.Expires {
		return errEnded
	}
	published := d.keys.Published(now)
	i := slices.IndexFunc(published, func(k door.Key) bool { return k.ID == header.Key })
	if i < 0 {
		return errForeign
	}
	public, ok := published[i].Signer.Public().(*rsa.PublicKey)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ok || err != nil || rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) != nil || !decode(parts[1], to) {
		return errForeign
	}
	return nil
}

// decode reads a part of a token.
func decode(part string, to any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, to) == nil
}

// hash returns the SHA-256 of a text in hexadecimal digits.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// keyOf returns the id of the key that a token names.
func keyOf(raw string) string {
	var header struct {
		Key string `json:"kid"`
	}
	part, _, _ := strings.Cut(raw, ".")
	decode(part, &header)
	return header.Key
}
