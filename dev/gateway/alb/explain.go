package alb

import (
	"maps"
	"strings"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// Explain says what the load balancer does with a request for a path: of somebody who has signed in, or of nobody (nil).
func Explain(d dev.FrontDoor, target string, who *door.Visitor) door.Verdict {
	target = pathOf(target)
	r := ruleFor(rulesOf(*d.ALB, d.Policies), *d.ALB, target)
	v := door.Verdict{Verdict: dev.Verdict{Path: target, Rule: r.name}, Headers: map[string]any{}}
	v.Decision, v.Why = r.decide(who != nil)
	if v.Decision == dev.Allowed && who != nil && r.unauthenticated != dev.ALBForward {
		claims := maps.Clone(who.Claims)
		claims["iss"] = d.ALB.Issuer
		v.Headers = map[string]any{headerData: claims, headerIdentity: who.Claims["sub"], headerAccess: "(the provider's access token)"}
	}
	return v
}

// pathOf returns the path of a target as listener rules see it: without query and fragment, and otherwise as it is, since
// "/a" and "/a/" are different paths.
func pathOf(target string) string {
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	return localTarget(target)
}

// decide returns what the rule does with a request, and why.
func (r rule) decide(signedIn bool) (dev.Decision, string) {
	switch {
	case r.closed:
		return dev.Denied, "closed to everybody: a load balancer knows no people, so a policy for nobody is all that it can enforce"
	case r.unauthenticated == dev.ALBForward:
		return dev.Allowed, "the rule signs nobody in, so the app does not know who it is"
	case signedIn:
		return dev.Allowed, "open to everybody who signs in: a load balancer knows no people"
	case r.unauthenticated == dev.ALBAllow:
		return dev.Allowed, "the rule lets people in who have not signed in, and the app does not know who they are"
	case r.unauthenticated == dev.ALBDeny:
		return dev.Denied, "the rule refuses everybody who has not signed in (401)"
	}
	return dev.LoginNeeded, "nobody has signed in"
}
