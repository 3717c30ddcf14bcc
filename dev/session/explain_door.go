package session

import (
	"cmp"
	"encoding/json"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/gateway/access"
	"sdev/dev/gateway/alb"
	"sdev/dev/gateway/door"
	"sdev/dev/gateway/iap"
	"sdev/dev/oidc"
)

// Visit is a request about which an [Explainer] decides.
type Visit struct {
	Path string
	Who  *dev.Person // nil has not signed in
	Host string      // host name, for front doors with several; "" is the app's main one
	From string      // IP address from which it comes; "" is that of the settings, or else this machine
}

// Explainer decides about a request.
type Explainer func(Visit) (door.Verdict, error)

// NewExplainer returns how a project decides in a mode: in modes with a front door as that door, and otherwise as the
// project's policies say. mode "" is the mode of the project's settings, or else of its code.
func NewExplainer(p *config.Project, mode dev.Mode, now func() time.Time) (Explainer, dev.Mode) {
	if mode == "" {
		mode = p.Settings.Auth.Mode
	}
	if mode == "" {
		if found, _, err := inspect(p); err == nil {
			mode, _, _ = LoginMode(found) // without a login, only the policies decide
		}
	}
	d := doorOf(p, mode)
	switch {
	case d == nil:
	case d.ALB != nil:
		profile := loginSetup{mode: mode, door: d}.profile(p)
		return func(v Visit) (door.Verdict, error) { return alb.Explain(*d, v.Path, visitor(profile, v.Who)), nil }, mode
	case d.IAP != nil:
		return func(v Visit) (door.Verdict, error) {
			e, err := iap.Explain(*d.IAP, d.Policies, v.Who, iap.Visit{Path: v.Path, Host: v.Host, Base: p.BasePath(), From: v.From, At: now()})
			return door.Verdict{Verdict: dev.Verdict{Decision: e.Decision, Path: dev.CleanPath(v.Path), Rule: e.Rule, Why: e.Why}, Headers: headersOf(e.Headers)}, err
		}, mode
	case d.Access != nil:
		return func(v Visit) (door.Verdict, error) {
			a := *d.Access
			a.From = cmp.Or(v.From, a.From)
			as := *d
			as.Access = &a
			return access.Explain(as, v.Path, visitor("", v.Who)), nil
		}, mode
	}
	return func(v Visit) (door.Verdict, error) {
		return door.Verdict{Verdict: dev.Decide(p.Settings.Auth.Policies, v.Path, v.Who), Headers: map[string]any{}}, nil
	}, mode
}

// visitor is a person with the claims that the provider's userinfo endpoint returns; nil for nobody.
func visitor(profile string, who *dev.Person) *door.Visitor {
	if who == nil {
		return nil
	}
	return &door.Visitor{Person: *who, Claims: oidc.UserinfoClaims(profile, *who)}
}

// headersOf returns headers for people: text, or the claims of a token.
func headersOf(headers map[string]string) map[string]any {
	out := map[string]any{}
	for name, text := range headers {
		var claims map[string]any
		if json.Unmarshal([]byte(text), &claims) == nil {
			out[name] = claims
			continue
		}
		out[name] = text
	}
	return out
}
