package iap

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sdev/dev"
)

// resource is one host of the app with the proxy in front of it: a backend service of the load balancer.
type resource struct {
	host     string // "" is the app's main host
	audience string
	external bool // guests sign in at Identity Platform
	tenant   string
	project  string
	asText   bool // the claim gcip is a text
	armor    []dev.ArmorRule
	prefix   string // what comes before the e-mail address and the id of somebody in the plain headers
	cookie   string // the hexadecimal number in the name of the session cookie

	policies []dev.Policy
	bindings []dev.IAMBinding
	closed   []string // literal beginnings of the paths that no condition can express
}

// resources returns the main host, and then the host for guests if there is one. base is the app's path prefix.
func resources(settings dev.IAP, policies []dev.Policy, base string) []*resource {
	members := settings.Members
	if len(members) == 0 {
		members = []dev.Member{{Kind: dev.MemberAnyone}}
	}
	granted := dev.NewGranted(policies, members, func(name, _ string) []dev.Member {
		return []dev.Member{{Kind: dev.MemberGroup, Text: name}}
	})
	main := &resource{audience: settings.Audience, project: settings.Project, armor: settings.Armor, policies: policies, bindings: granted.IAMBindings(base)}
	for _, g := range granted.Grants {
		if prefix, exact, _ := dev.LiteralPrefix(g.Path); !exact {
			main.closed = append(main.closed, prefix)
		}
	}
	all := []*resource{main}
	if e := settings.External; e != nil {
		all = append(all, &resource{host: strings.ToLower(e.Host), audience: e.Audience, external: true, tenant: e.Tenant, project: settings.Project,
			asText: e.ClaimAsText, armor: e.Armor, policies: policies})
	}
	for _, s := range all {
		sum := sha256.Sum256([]byte(s.audience))
		s.prefix, s.cookie = s.newPrefix(), strings.ToUpper(hex.EncodeToString(sum[:8]))
	}
	return all
}

func (s *resource) newPrefix() string {
	switch {
	case !s.external:
		return "accounts.google.com:"
	case s.tenant == "":
		return "securetoken.google.com/" + s.project + ":"
	}
	return "securetoken.google.com/" + s.project + "/" + s.tenant + ":"
}

// id returns the id of a person at the resource's identity provider: of a Google account, or of a user of Identity
// Platform, which has 28 letters and digits.
func (s *resource) id(who dev.Person) string {
	if sub, ok := who.Claims["sub"].(string); ok && sub != "" {
		return sub
	}
	if !s.external {
		return dev.GoogleSubject(who.Email)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := sha256.Sum256([]byte(s.project + "/" + s.tenant + "/" + strings.ToLower(who.Email)))
	id := make([]byte, 28)
	for i := range id {
		id[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(id)
}

// allows reports whether a person may open a path, and why.
func (s *resource) allows(who dev.Person, requested string) (ok bool, why string) {
	if s.external {
		return true, "for guests, IAP checks only the sign-in, and not IAM"
	}
	for _, b := range s.bindings {
		i := slices.IndexFunc(b.Members, func(m dev.Member) bool { return m.Includes(who) })
		if i >= 0 && b.Condition.Holds(requested) {
			return true, fmt.Sprintf("IAM: the binding %q includes %s", b.Title, dev.IAMNames(b.Members[i : i+1])[0])
		}
	}
	for _, prefix := range s.closed {
		if strings.HasPrefix(requested, prefix) {
			return false, "IAM cannot express a policy with a star within the path, so every path that begins with " + prefix + " is closed to everybody"
		}
	}
	return false, "IAM: no binding of the role IAP-secured Web App User for this path includes the person"
}
