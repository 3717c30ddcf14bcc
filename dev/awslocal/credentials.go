// Package awslocal provides stand-ins for AWS services that a deployed app uses, on an address that only the app
// can reach.
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

// Grant is the credentials that an app may use. The host sends it.
type Grant struct {
	Authorization string      `json:"authorization"` // the Authorization header that the app must send
	Keys          dev.AWSKeys `json:"keys"`
}

// Credentials is the endpoint that AWS SDKs use when AWS_CONTAINER_CREDENTIALS_FULL_URI is set. They request new
// credentials before the old ones expire, so a new grant reaches the app by itself. The zero value is ready to
// use, without a grant.
//
// Source of the format: AWS SDKs and Tools Reference Guide, "Container credential provider";
// botocore, credentials.py, ContainerProvider.
type Credentials struct {
	mu    sync.Mutex
	grant Grant
	first chan struct{} // closed once there is a grant; created on first use
}

// nominalLifetime is the reported lifetime of keys without expiry: SDKs require a time, and then request new
// credentials.
const nominalLifetime = time.Hour

// grantTimeout is how long a request waits for the first grant. An SDK tries three times, for two seconds each.
const grantTimeout = 1500 * time.Millisecond

// Set replaces the grant.
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

// Expires is when the grant expires; ok is false without a grant. The time is zero for keys without expiry.
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
	ctx, cancel := context.WithTimeout(ctx, grantTimeout)
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
		refuse(w, http.StatusServiceUnavailable, "CredentialsNotReady", "sdev has not provided AWS credentials yet; see the output of sdev up")
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(g.Authorization)) != 1:
		refuse(w, http.StatusUnauthorized, "Unauthorized", "the Authorization header is not the one that sdev set for the app")
	case !g.Keys.Expires.IsZero() && !g.Keys.Expires.After(now):
		refuse(w, http.StatusServiceUnavailable, "CredentialsExpired", "the AWS credentials expired at "+g.Keys.Expires.UTC().Format(time.RFC3339)+"; sdev up renews them")
	default:
		expires := g.Keys.Expires
		if expires.IsZero() {
			expires = now.Add(nominalLifetime)
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
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}
