package dev

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// AccessRequest is what Access knows about a request.
type AccessRequest struct {
	Path    string
	Person  *Person    // nil who has not signed in
	Token   string     // name of the service token that it carries; "" is none
	IP      netip.Addr // of the client
	Country string
}

// AccessVerdict is a decision of Access.
type AccessVerdict struct {
	Verdict
	Application *AccessApplication // nil if none covers the path
	// Bypass reports that nobody was asked, so that the app gets no identity.
	Bypass bool
	// Service reports that a service token decided.
	Service bool
	Session time.Duration // how long a token that is issued now is valid
}

// Decide decides about a request, with applications that [Access.Resolve] has returned. Bypass and Service Auth come
// first, then Allow and Block; among those of one kind the first that applies decides. Source: Cloudflare, "Access
// policies", order of execution.
func (a Access) Decide(apps []AccessApplication, r AccessRequest) AccessVerdict {
	v := AccessVerdict{Verdict: Verdict{Decision: Allowed, Path: CleanPath(r.Path)}, Application: AccessApplicationFor(apps, r.Path)}
	app := v.Application
	if app == nil {
		v.Bypass, v.Why = true, "no application covers it, so nobody is asked"
		return v
	}
	v.Rule = app.String()
	first := func(decisions ...string) *AccessPolicy {
		i := slices.IndexFunc(app.Policies, func(p AccessPolicy) bool {
			return slices.Contains(decisions, p.Decision) && p.applies(r)
		})
		if i < 0 {
			return nil
		}
		return &app.Policies[i]
	}
	if p := first(AccessBypass, AccessService); p != nil {
		v.Rule, v.Why, v.Bypass = p.in(app), "nobody is asked", p.Decision == AccessBypass
		if p.Decision == AccessService {
			v.Service, v.Session, v.Why = true, cmp.Or(p.Session, app.Session), "service token "+r.Token
		}
		return v
	}
	if r.Token != "" && !a.Lenient {
		v.Decision, v.Service, v.Why = Denied, true, "no Service Auth policy is for service token "+r.Token
		return v
	}
	if r.Person == nil {
		return app.decideAboutNobody(v, r)
	}
	switch p := first(AccessAllow, AccessBlock); {
	case p == nil && len(app.Policies) == 0:
		v.Decision, v.Why = Denied, "for nobody"
	case p == nil:
		v.Decision, v.Why = Denied, app.audienceText()
	case p.Decision == AccessBlock:
		v.Decision, v.Rule, v.Why = Denied, p.in(app), "the policy blocks "+p.why(r)
	default:
		v.Rule, v.Session, v.Why = p.in(app), cmp.Or(p.Session, app.Session), p.why(r)
	}
	return v
}

// decideAboutNobody decides about a request of somebody who has not signed in.
func (app *AccessApplication) decideAboutNobody(v AccessVerdict, r AccessRequest) AccessVerdict {
	v.Decision, v.Why = LoginNeeded, "nobody has signed in"
	allows := len(app.Policies) == 0 // which becomes a refusal only after signing in
	for i := range app.Policies {
		p := &app.Policies[i]
		allows = allows || p.Decision == AccessAllow
		if p.needsIdentity() && (p.Decision == AccessAllow || p.Decision == AccessBlock) {
			return v
		}
		if p.Decision == AccessBlock && p.applies(r) {
			v.Decision, v.Rule, v.Why = Denied, p.in(app), "the policy blocks "+p.why(r)
			return v
		}
	}
	if !allows {
		v.Decision, v.Why = Denied, "only for service tokens"
	}
	return v
}

// needsIdentity reports whether a rule of the policy is about a person.
func (p *AccessPolicy) needsIdentity() bool {
	return slices.ContainsFunc(slices.Concat(p.Include, p.Require, p.Exclude), AccessRule.IsIdentity)
}

// applies reports whether the policy is about a request.
func (p *AccessPolicy) applies(r AccessRequest) bool {
	matches := func(rule AccessRule) bool { return rule.matches(r) }
	return slices.ContainsFunc(p.Include, matches) && !slices.ContainsFunc(p.Exclude, matches) &&
		!slices.ContainsFunc(p.Require, func(rule AccessRule) bool { return !matches(rule) }) &&
		(p.Decision != AccessService || r.Token != "") // there is no other proof for a program here
}

// matches reports whether the rule is about a request.
func (rule AccessRule) matches(r AccessRequest) bool {
	switch rule.Kind {
	case RuleEveryone:
		return true
	case RuleIP:
		return containsIP(rule.Text, r.IP)
	case RuleCountry:
		return rule.Text == r.Country
	case RuleToken:
		return r.Token == rule.Text
	case RuleAnyToken:
		return r.Token != ""
	}
	if r.Person == nil {
		return false
	}
	switch rule.Kind {
	case RuleEmail:
		return strings.EqualFold(rule.Text, r.Person.Email)
	case RuleDomain:
		return strings.EqualFold(rule.Text, r.Person.Email[strings.LastIndexByte(r.Person.Email, '@')+1:])
	case RuleGroup:
		return slices.Contains(r.Person.Groups, rule.Text)
	}
	return false
}

// containsIP reports whether an address is text, or in the range that text is.
func containsIP(text string, ip netip.Addr) bool {
	ip = ip.Unmap()
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Contains(ip)
	}
	one, err := netip.ParseAddr(text)
	return err == nil && one.Unmap() == ip
}

// why names the rule that made the policy apply, as the end of a sentence.
func (p *AccessPolicy) why(r AccessRequest) string {
	i := slices.IndexFunc(p.Include, func(rule AccessRule) bool { return rule.matches(r) })
	switch rule := p.Include[max(i, 0)]; rule.Kind {
	case RuleEveryone:
		return "everybody who signs in"
	default:
		return rule.String()
	}
}

// String is the application's path and origin.
func (app *AccessApplication) String() string {
	text := "application " + cmp.Or(app.Path, "/")
	if app.Origin != "" {
		text += " (" + app.Origin + ")"
	}
	return text
}

// in describes the policy within its application.
func (p *AccessPolicy) in(app *AccessApplication) string {
	text := "application " + cmp.Or(app.Path, "/") + ", " + p.Decision + " policy"
	if p.Name != "" {
		text += " " + p.Name
	}
	if origin := cmp.Or(p.Origin, app.Origin); origin != "" {
		text += " (" + origin + ")"
	}
	return text
}

// audienceText says for whom the application is, as the end of a sentence.
func (app *AccessApplication) audienceText() string {
	var parts []string
	for _, p := range app.Policies {
		if p.Decision != AccessAllow {
			continue
		}
		var rules []string
		for _, rule := range p.Include {
			rules = append(rules, rule.String())
		}
		text := strings.Join(rules, ", ")
		if len(p.Require)+len(p.Exclude) > 0 {
			text += " with further conditions"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "no policy allows it"
	}
	return "only for " + strings.Join(parts, "; ")
}
