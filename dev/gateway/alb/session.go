package alb

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// nonceCookie ties a sign-in to the browser that began it.
const nonceCookie = "AWSALBAuthNonce"

// The purposes of sealed values.
const (
	purposeState   = "alb state"
	purposeSession = "alb session"
)

// state is the state parameter of an authorization request.
type state struct {
	Nonce  string    `json:"nonce"`
	Target string    `json:"target"` // path and query of the request that began the sign-in
	At     time.Time `json:"at"`
}

// session is what the session cookie holds.
type session struct {
	Email   string          `json:"email"` // only for sdev's own use
	Subject string          `json:"sub"`
	Access  string          `json:"access"`
	Refresh string          `json:"refresh,omitempty"`
	Claims  json.RawMessage `json:"claims"`  // of userinfo, as they came
	At      time.Time       `json:"at"`      // when the person signed in, by the provider's clock
	Expires time.Time       `json:"expires"` // of the access token; zero if the provider does not say
}

// Limits of the session cookie. Sources: AWS, "Authenticate users using an Application Load Balancer": parts of 4K, 16K in
// total, and 11K bytes of claims and access token.
const (
	partSize      = 4096 // name, "=" and value together
	maxParts      = 4
	claimsLimit   = 11 << 10
	cookieExpires = 7 * 24 * time.Hour // always, whatever the session timeout is
)

// errTooLarge makes the load balancer answer 500, and count ELBAuthUserClaimsSizeExceeded.
var errTooLarge = errors.New("the claims about the person and the access token exceed 11K bytes, which the load balancer cannot keep (ELBAuthUserClaimsSizeExceeded)")

// newSession requests the claims of a person who has just signed in.
func (d *Door) newSession(ctx context.Context, t door.Tokens) (*session, error) {
	claims, err := d.login.Claims(ctx, t.Access)
	if err != nil {
		return nil, err
	}
	if len(claims)+len(t.Access) > claimsLimit {
		return nil, errTooLarge
	}
	who, ok := d.cfg.People.Holder(t.Access)
	if !ok {
		return nil, errors.New("the access token is no longer valid")
	}
	now := d.cfg.Now()
	s := &session{Email: who.Email, Subject: subjectOf(claims), Access: t.Access, Refresh: t.Refresh, Claims: claims, At: now}
	if !t.Expires.IsZero() {
		s.Expires = now.Add(time.Until(t.Expires))
	}
	return s, nil
}

// setSession sends a session to the browser, in as many parts as it needs, and expires the parts of an earlier one.
func (d *Door) setSession(w http.ResponseWriter, s *session) error {
	text, err := d.keys.Seal(purposeSession, s)
	if err != nil {
		return err
	}
	parts := 0
	for ; text != ""; parts++ {
		if parts == maxParts {
			return errTooLarge
		}
		name := d.part(parts)
		n := min(len(text), partSize-len(name)-1)
		d.setCookie(w, name, text[:n], time.Now().Add(cookieExpires))
		text = text[n:]
	}
	for ; parts < maxParts; parts++ {
		d.setCookie(w, d.part(parts), "", time.Unix(0, 0))
	}
	return nil
}

// part returns the name of a part of the session cookie.
func (d *Door) part(i int) string { return d.alb.Cookie + "-" + strconv.Itoa(i) }

// setCookie sets a cookie of the load balancer. AWS sets it as SameSite=None; Secure, which browsers accept over TLS only.
// expires is by the real clock, because the browser compares it with its own.
func (d *Door) setCookie(w http.ResponseWriter, name, value string, expires time.Time) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if d.cfg.Secure() {
		c.SameSite, c.Secure = http.SameSiteNoneMode, true
	}
	http.SetCookie(w, c)
}

// session returns the session that a request carries; nil if there is none that is valid.
func (d *Door) session(r *http.Request) *session {
	var text strings.Builder
	for i := range maxParts {
		c, err := r.Cookie(d.part(i))
		if err != nil {
			break
		}
		text.WriteString(c.Value)
	}
	if text.Len() == 0 {
		return nil
	}
	s := &session{}
	if err := d.keys.Open(purposeSession, text.String(), s); err != nil {
		d.warnOfForeignCookie()
		return nil
	}
	if d.cfg.Now().Sub(s.At) >= d.alb.Timeout {
		return nil
	}
	return s
}

// warnOfForeignCookie warns once that the browser sends a session cookie which this load balancer cannot read.
func (d *Door) warnOfForeignCookie() {
	if d.reports.First("cookie") {
		d.cfg.Emit(dev.Warning{Code: dev.CodeAuthCookies, Message: fmt.Sprintf("the browser sent a cookie %s-0 that this project did not set, or without its other parts, so it counts as not signed in", d.alb.Cookie),
			Hint: "all projects on one host name share cookies: sign in to one of them at a time, or set x-sdev.auth.alb.cookie to another name; to sign out, expire every part of the cookie"})
	}
}

// nonce returns the nonce of a sign-in: the one that the browser already has, or a new one.
func (d *Door) nonce(r *http.Request) string {
	const length = 16
	var sent []string
	for _, c := range r.CookiesNamed(nonceCookie) {
		sent = append(sent, c.Value)
	}
	return door.Nonce(sent, length)
}

// freshen refreshes a session whose access token has expired. It returns nil if the provider refuses: the person has to
// sign in again. Without a refresh token a session stays as it is until it times out.
func (d *Door) freshen(w http.ResponseWriter, r *http.Request, s *session) *session {
	if s == nil || s.Refresh == "" || s.Expires.IsZero() || d.cfg.Now().Before(s.Expires) {
		return s
	}
	// Each refresh gives another access token, while the refresh token may stay the same.
	id := hash(s.Access)
	// Other requests wait for the answer, so it must come even if this one's browser has gone: the provider may have
	// used the refresh token up.
	ctx := context.WithoutCancel(r.Context())
	f, err := d.refreshing.Do(id, func() (*session, error) {
		tokens, err := d.login.Refresh(ctx, s.Refresh)
		if err != nil {
			return nil, err
		}
		f, err := d.newSession(ctx, tokens)
		if err != nil {
			return nil, err
		}
		f.At = s.At // the session timeout counts from the sign-in
		return f, nil
	})
	if err != nil || d.setSession(w, f) != nil {
		return nil
	}
	return f
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// rule is a listener rule.
type rule struct {
	name            string // the path, with its place
	patterns        []string
	closed          bool // a fixed response
	unauthenticated string
}

// rulesOf returns the listener rules in the order of their priority: first the paths that policies close, as in the
// bundles of sdev deploy, then the project's own rules.
func rulesOf(a dev.ALB, policies []dev.Policy) []rule {
	var all []rule
	for _, c := range dev.ClosedPaths(policies) {
		all = append(all, rule{name: c.Policy.String(), patterns: c.Patterns, closed: true})
	}
	for _, r := range a.Rules {
		name := r.Path
		if r.Origin != "" {
			name += " (" + r.Origin + ")"
		}
		all = append(all, rule{name: name, patterns: []string{r.Path}, unauthenticated: r.Unauthenticated})
	}
	return all
}

// ruleOf returns the rule that decides about a path.
func (d *Door) ruleOf(requested string) rule { return ruleFor(d.rules, d.alb, requested) }

func ruleFor(rules []rule, a dev.ALB, requested string) rule {
	for _, r := range rules {
		if slices.ContainsFunc(r.patterns, func(pattern string) bool { return matches(pattern, requested) }) {
			return r
		}
	}
	return rule{name: "default rule", unauthenticated: a.Unauthenticated}
}

// matches compares a path with a pattern of a listener rule: * is any text, slashes included, and ? is one character; case
// matters. Source: AWS, "Condition types for listener rules".
func matches(pattern, text string) bool {
	star, retry := -1, 0
	p := 0
	for t := 0; t < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			retry++
			p, t = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
