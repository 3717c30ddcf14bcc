// Package awslocal stands in for services of AWS that an app finds around itself when it is
// deployed, on an address that only the app reaches.
//
// [Credentials] is the container credentials endpoint, and [Parameters] the parameter store. Both are
// an http.Handler, safe for concurrent use, and start no goroutine.
package awslocal

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"sdev/dev"
)

// Grant is what an app may use. It comes from the host.
type Grant struct {
	Authorization string      `json:"authorization"` // what the app has to send in the header of that name
	Keys          dev.AWSKeys `json:"keys"`
}

// Credentials is the endpoint that AWS SDKs ask when AWS_CONTAINER_CREDENTIALS_FULL_URI is set. They
// ask again before what they got expires, so that a new grant reaches the app by itself. The zero
// value is ready, and has nothing to give yet.
//
// Source of the format: AWS SDKs and Tools Reference Guide, "Container credential provider";
// botocore, credentials.py, ContainerProvider.
type Credentials struct {
	mu    sync.Mutex
	grant Grant
	first chan struct{} // closed once there is a grant; made on demand
}

// endless is how long keys that do not run out are said to hold: an SDK wants a time, and asks again
// when it has come.
const endless = time.Hour

// patience is how long a request waits for the first grant. An SDK asks three times, two seconds each.
const patience = 1500 * time.Millisecond

// Set gives a new grant.
func (c *Credentials) Set(g Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grant = g
	if c.first == nil {
		c.first = make(chan struct{})
	}
	select {
	case <-c.first:
	default:
		close(c.first)
	}
}

// Expires is when the grant ends; ok is false where there is none. The time is zero for keys that do
// not run out.
func (c *Credentials) Expires() (at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.grant.Keys.Expires, c.grant.Keys.AccessKeyID != ""
}

func (c *Credentials) wait(ctx context.Context) Grant {
	c.mu.Lock()
	if c.first == nil {
		c.first = make(chan struct{})
	}
	first := c.first
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-first:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.grant
}

// ServeHTTP answers GET on any path.
func (c *Credentials) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet {
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "credentials are read with GET")
		return
	}
	g := c.wait(r.Context())
	now := time.Now()
	switch {
	case g.Keys.AccessKeyID == "":
		refuse(w, http.StatusServiceUnavailable, "CredentialsNotReady", "sdev has handed over no AWS credentials yet; see what sdev up says")
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(g.Authorization)) != 1:
		refuse(w, http.StatusUnauthorized, "Unauthorized", "the Authorization header is not the one that sdev gave to the app")
	case !g.Keys.Expires.IsZero() && !g.Keys.Expires.After(now):
		refuse(w, http.StatusServiceUnavailable, "CredentialsExpired", "the AWS credentials ran out at "+g.Keys.Expires.UTC().Format(time.RFC3339)+"; sdev up renews them")
	default:
		expires := g.Keys.Expires
		if expires.IsZero() {
			expires = now.Add(endless)
		}
		answer(w, http.StatusOK, map[string]string{"AccessKeyId": g.Keys.AccessKeyID, "SecretAccessKey": g.Keys.SecretAccessKey, "Token": g.Keys.SessionToken,
			"Expiration": expires.UTC().Format(time.RFC3339)})
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]string{"code": code, "message": message})
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who does not wait for the answer does not want it
}
