package gateway

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// Told is what the app was told about a user by the front door, with the last request.
type Told struct {
	User string    `json:"user"` // e-mail address
	At   time.Time `json:"at"`
	// Headers are the identity headers by name. In place of a token it has the token's claims, which are of no use without
	// the signature.
	Headers map[string]any `json:"headers"`
}

// maxTold limits the number of users in the status, which is read often.
const maxTold = 20

// toldUsers records what the app was told. It is safe for concurrent use.
type toldUsers struct {
	mu   sync.Mutex          // guards last
	last map[string]lastPass // by user
}

type lastPass struct {
	at     time.Time
	header http.Header
}

func (t *toldUsers) record(p door.Pass, now time.Time) {
	if p.User == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]lastPass{}
	}
	t.last[p.User] = lastPass{now, p.Header}
	if len(t.last) > 2*maxTold {
		for _, old := range t.newest()[maxTold:] {
			delete(t.last, old)
		}
	}
}

// newest returns the users, the one with the latest request first. The caller holds the lock.
func (t *toldUsers) newest() []string {
	return slices.SortedFunc(maps.Keys(t.last), func(a, b string) int {
		return cmp.Or(t.last[b].at.Compare(t.last[a].at), cmp.Compare(a, b))
	})
}

func (t *toldUsers) list() []Told {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Told
	for _, user := range t.newest() {
		if p := t.last[user]; len(out) < maxTold {
			out = append(out, Told{User: user, At: p.at, Headers: describeHeaders(p.header)})
		}
	}
	return out
}

func (t *toldUsers) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = nil
}

// describeHeaders returns the identity headers for people: the claims in place of a token.
func describeHeaders(h http.Header) map[string]any {
	out := map[string]any{}
	for name := range h {
		if !isProxysIdentity(strings.ToLower(name)) {
			continue // a proxy also sets headers about the request
		}
		value := strings.Join(h[name], ", ")
		if claims, ok := claimsOfToken(value); ok {
			out[strings.ToLower(name)] = claims
			continue
		}
		const longest = 200
		if len(value) > longest {
			value = fmt.Sprintf("(%d bytes)", len(value))
		}
		out[strings.ToLower(name)] = value
	}
	return out
}

// isProxysIdentity reports whether a header, in lower case, is one by which an identity proxy says who the user is.
func isProxysIdentity(name string) bool {
	return slices.ContainsFunc(dev.IdentityProxies(), func(p dev.IdentityProxy) bool {
		return slices.ContainsFunc(p.Begins, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
}

// claimsOfToken returns the claims of a JWT, with or without padding.
func claimsOfToken(text string) (claims map[string]any, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, false
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	return claims, err == nil && json.Unmarshal(b, &claims) == nil
}
