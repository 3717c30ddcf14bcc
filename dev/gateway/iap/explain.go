package iap

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"sdev/dev"
)

// Visit is a request to decide about.
type Visit struct {
	Path string // with or without a query
	Host string // host name; "" is the app's main one
	Base string // path prefix of the app; "" is the root
	From string // address that it comes from; "" is that of the settings, or else this machine
	At   time.Time
}

// Explanation is what the proxy does with a request.
type Explanation struct {
	Decision dev.Decision
	Rule     string // the policy with its place, or the rule of Cloud Armor; "" if there is none
	Why      string // for people, as the end of a sentence
	// Headers are those that the app gets: the plain ones as they are, the signed one as its claims in JSON.
	Headers map[string]string
}

// Explain decides about a request of a person; a nil who has not signed in. It is the decision of [Door.Admit]. The
// settings must have their defaults.
func Explain(settings dev.IAP, policies []dev.Policy, who *dev.Person, v Visit) (Explanation, error) {
	all := resources(settings, policies, v.Base)
	s := all[0]
	for _, other := range all[1:] {
		if strings.EqualFold(other.host, v.Host) {
			s = other
		}
	}
	from := thisMachine
	for _, text := range []string{settings.From, v.From} {
		if text == "" {
			continue
		}
		var err error
		if from, err = netip.ParseAddr(text); err != nil {
			return Explanation{}, dev.UsageError("not an IP address: "+text, "for example: 203.0.113.7")
		}
	}
	requested, _, _ := strings.Cut(v.Path, "?")
	requested, _, _ = strings.Cut(requested, "#")
	if !strings.HasPrefix(requested, "/") {
		requested = "/" + requested
	}
	e := s.decide(who, requested, from)
	if e.Rule == "" {
		e.Rule = s.rule(requested)
	}
	if e.Decision != dev.Allowed {
		return e, nil
	}
	claims, err := s.claims(*who, v.At, v.At, faulty{})
	if err != nil {
		return Explanation{}, err
	}
	e.Headers[headerAssertion] = string(claims)
	for name, value := range s.plainHeaders(*who) {
		e.Headers[name] = value
	}
	return e, nil
}

// thisMachine is the address that a browser on this machine has.
var thisMachine = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// decide is the whole decision, without anything that depends on how the request is made.
func (s *resource) decide(who *dev.Person, requested string, from netip.Addr) Explanation {
	e := Explanation{Headers: map[string]string{}}
	if rule := dev.DecideArmor(s.armor, from); dev.ArmorStatus(rule.Action) != 0 {
		e.Decision, e.Rule, e.Why = dev.Denied, rule.String(), "Cloud Armor refuses the address "+from.String()
		return e
	}
	if who == nil {
		e.Decision, e.Why = dev.LoginNeeded, "nobody has signed in"
		return e
	}
	ok, why := s.allows(*who, requested)
	e.Decision, e.Why = dev.Denied, why
	if ok {
		e.Decision = dev.Allowed
	}
	return e
}

// rule returns the policy that covers a path, with its place; "" if there is none, or if the proxy ignores it.
func (s *resource) rule(requested string) string {
	if s.external {
		return ""
	}
	return dev.Decide(s.policies, requested, nil).Rule
}

// plainHeaders are the headers without a signature.
func (s *resource) plainHeaders(who dev.Person) map[string]string {
	return map[string]string{headerEmail: s.prefix + who.Email, headerID: s.prefix + s.id(who)}
}

// gcip is the claim about a user of Identity Platform: the claims of their ID token there. Source: Google Cloud
// documentation, "Securing your app with signed headers", JWTs for external identities.
func (s *resource) gcip(who dev.Person, signedIn time.Time) (any, error) {
	firebase := map[string]any{"identities": map[string]any{"email": []string{who.Email}}, "sign_in_provider": "password"}
	if s.tenant != "" {
		firebase["tenant"] = s.tenant
	}
	claims := map[string]any{}
	for name, v := range who.Claims { // custom claims
		claims[name] = v
	}
	claims["auth_time"], claims["email"], claims["email_verified"] = signedIn.Unix(), who.Email, false
	claims["firebase"], claims["sub"] = firebase, s.id(who)
	if who.Name != "" {
		claims["name"] = who.Name
	}
	if !s.asText {
		return claims, nil
	}
	text, err := json.Marshal(claims)
	return string(text), err
}
