package access

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// The headers in which a program sends a service token. Source: Cloudflare, "Service tokens".
const (
	headerClientID     = "Cf-Access-Client-Id"
	headerClientSecret = "Cf-Access-Client-Secret"
)

// serviceOf returns the service token of a request, and takes its secret out of the request. sent reports that there is
// one; if it is not valid, service is nil.
func (d *Door) serviceOf(r *http.Request) (service *dev.AccessServiceToken, sent bool) {
	id, secret := r.Header.Get(headerClientID), r.Header.Get(headerClientSecret)
	r.Header.Del(headerClientID)
	r.Header.Del(headerClientSecret)
	if name := d.access.TokenHeader; name != "" && id == "" && secret == "" {
		var both struct {
			ID     string `json:"cf-access-client-id"`
			Secret string `json:"cf-access-client-secret"`
		}
		if json.Unmarshal([]byte(r.Header.Get(name)), &both) == nil && (both.ID != "" || both.Secret != "") {
			id, secret = both.ID, both.Secret
			r.Header.Del(name)
		}
	}
	if id == "" && secret == "" {
		return nil, false
	}
	i := slices.IndexFunc(d.access.Tokens, func(t dev.AccessServiceToken) bool { return t.ID == id })
	if i < 0 || subtle.ConstantTimeCompare([]byte(d.access.Tokens[i].Secret), []byte(secret)) != 1 {
		return nil, true
	}
	return &d.access.Tokens[i], true
}

// serviceKey is a service token at an application.
type serviceKey struct{ id, audience string }

// issued is a signed token that is used until it expires.
type issued struct {
	raw   string
	token token
}

// leastValidity is how long a stored token must still be valid.
const leastValidity = time.Minute

// passService adds what the app gets about a program. Without the strict mode the program also gets a cookie.
func (d *Door) passService(w http.ResponseWriter, pass *door.Pass, service *dev.AccessServiceToken, v dev.AccessVerdict, acting door.Acting) error {
	got, err := d.tokenOf(service, v)
	if err != nil {
		return err
	}
	raw, err := d.distort(got.raw, got.token, acting)
	if err != nil {
		return err
	}
	if !acting.Has(dev.DoorHeader) {
		pass.Header.Set(headerToken, raw)
	}
	if d.access.Lenient {
		d.setCookie(w, cookieToken, got.raw, d.cookiePath(v.Application), v.Session)
	}
	return nil
}

// tokenOf returns the token of a program for an application: a new one if the last has nearly expired, or its key is no
// longer the one that signs.
func (d *Door) tokenOf(service *dev.AccessServiceToken, v dev.AccessVerdict) (issued, error) {
	key, now := serviceKey{service.ID, v.Application.Audience}, d.cfg.Now()
	signing := d.keys.Signing()
	d.mu.Lock()
	defer d.mu.Unlock()
	got, ok := d.services[key]
	left := time.Unix(got.token.Expires, 0).Sub(now)
	if ok && left >= min(leastValidity, v.Session/2) && left <= v.Session && keyOf(got.raw) == signing.ID {
		return got, nil
	}
	got = issued{token: serviceToken(d.access, service.ID, key.audience, now, v.Session)}
	var err error
	if got.raw, err = sign(signing, got.token.members()); err != nil {
		return issued{}, err
	}
	d.services[key] = got
	return got, nil
}
