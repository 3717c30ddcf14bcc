package dev

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// IAP configures Identity-Aware Proxy of Google. Sources: Google Cloud documentation, "Securing your app with signed
// headers", "Managing IAP sessions" and "Enabling external identities".
type IAP struct {
	Project  string `json:"project"`  // id of the Google Cloud project
	Audience string `json:"audience"` // the protected resource, in one of the forms of [CheckIAPAudience]
	// Members have the role IAP-secured Web App User for every path that no policy covers. None is everybody who signs in.
	Members []Member    `json:"members,omitempty"`
	Armor   []ArmorRule `json:"armor,omitempty"` // Cloud Armor before the resource; none is no security policy
	// From is the address from which all requests seem to come, for [Armor]; "" is where they come from.
	From     string       `json:"from,omitempty"`
	External *IAPExternal `json:"external,omitempty"` // the second host, for guests; nil if there is none
}

// IAPExternal is a second host name of the app, whose guests sign in with e-mail address and password at Identity
// Platform. Source: Google Cloud documentation, "External identities".
type IAPExternal struct {
	Host     string      `json:"host"` // "guests.localhost"
	Audience string      `json:"audience"`
	Tenant   string      `json:"tenant,omitempty"` // of Identity Platform; "" is the project itself
	Armor    []ArmorRule `json:"armor,omitempty"`
	// ClaimAsText writes the claim gcip as a text that holds JSON, as Google's documentation shows it, and not as an object.
	ClaimAsText bool `json:"claim_as_text,omitempty"`
	// Passwords are those of the project's people, by e-mail address in lower case. Who has none signs in with
	// [DefaultPassword].
	Passwords map[string]string `json:"passwords,omitempty"`
}

// DefaultPassword is the password of people for whom the project sets none.
const DefaultPassword = "password"

// Format hides the passwords from every print verb.
func (IAPExternal) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[external identities]")) }

// WithDefaults returns the settings with stable values for what the project has not set. They follow from its name.
func (i IAP) WithDefaults(project string) IAP {
	name := hostLabel(project)
	i.Project = cmp.Or(i.Project, "sdev-"+strings.Trim(name[:min(len(name), 24)], "-"))
	resource := func(which string) string {
		return "/projects/" + digits(i.Project, 12) + "/global/backendServices/" + digits(project+" "+which, 19)
	}
	i.Audience = cmp.Or(i.Audience, resource("colleagues"))
	if i.External != nil {
		e := *i.External
		e.Host, e.Audience = cmp.Or(e.Host, name+"-guests.localhost"), cmp.Or(e.Audience, resource("guests"))
		i.External = &e
	}
	return i
}

// ClientID returns a stable id of the proxy's client, in the form that Google's have.
func (i IAP) ClientID() string {
	return digits(i.Project, 12) + "-" + StableID(i.Project+" client", "abcdefghijklmnopqrstuvwxyz0123456789", 32) + ".apps.googleusercontent.com"
}

// IAPCallback returns the path of the proxy's callback at the local provider, which stands for Google's host. client is
// the proxy's client id. Source: Google Cloud documentation, "Enabling IAP".
func IAPCallback(client string) string {
	return AtPath + "iap.googleapis.com/v1/oauth/clientIds/" + client + ":handleRedirect"
}

// hostLabel is a name as a label of a host name: lower-case letters, digits and dashes.
func hostLabel(name string) string {
	label := strings.Trim(strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
	return cmp.Or(strings.Trim(label[:min(len(label), 40)], "-"), "app")
}

// IAPKeyHost is the host at which Google publishes the proxy's keys.
const IAPKeyHost = "www.gstatic.com"

// hosts are those that verification libraries have built in: that of the proxy's keys, and that of Google's sign-in.
func (i IAP) hosts() []string { return []string{IAPKeyHost, "accounts.google.com"} }

// names are further host names of the app's origin.
func (i IAP) names() []string {
	if i.External == nil {
		return nil
	}
	return []string{i.External.Host}
}

// Environment is what the app's own verifier compares with. IAP_AUDIENCES, which the identity module of sdev deploy
// reads, are the audiences of all hosts, separated by commas.
func (i IAP) Environment() map[string]string {
	all := i.Audience
	if i.External != nil {
		all += "," + i.External.Audience
	}
	return map[string]string{"IAP_AUDIENCE": i.Audience, "IAP_AUDIENCES": all}
}

// TrustedHeaders are the proxy's headers by which Streamlit knows the user (server.trustedUserHeaders), with the key of
// st.user for each. The values keep their prefix, as they do behind the real proxy: "accounts.google.com:a@example.com".
func (i IAP) TrustedHeaders() map[string]string {
	return map[string]string{"X-Goog-Authenticated-User-Email": "email", "X-Goog-Authenticated-User-Id": "sub"}
}

// CheckIAPAudience returns an error unless a text names a resource that the proxy can protect: a backend service, an app
// of App Engine, or a service of Cloud Run. Source: Google Cloud documentation, "Securing your app with signed headers".
func CheckIAPAudience(audience string) error {
	parts := strings.Split(audience, "/")
	number := len(parts) > 3 && parts[0] == "" && parts[1] == "projects" && parts[2] != "" && strings.Trim(parts[2], "0123456789") == ""
	named := !slices.Contains(parts[min(len(parts), 3):], "") && !strings.ContainsAny(audience, " ,\t\r\n\"\\")
	switch {
	case !number || !named:
	case len(parts) == 6 && (parts[3] == "global" || parts[3] == "regions") && parts[4] == "backendServices",
		len(parts) == 7 && parts[3] == "regions" && parts[5] == "backendServices",
		len(parts) == 5 && parts[3] == "apps",
		len(parts) == 7 && parts[3] == "locations" && parts[5] == "services":
		return nil
	}
	return fmt.Errorf("%q names no resource that Identity-Aware Proxy protects", audience)
}

// ParseIAMMember reads a member in the terms of IAM: "user:alice@example.com", "domain:example.com", "group:NAME" with one
// of the project's groups, or "allAuthenticatedUsers".
func ParseIAMMember(text string) (Member, error) {
	kind, name, _ := strings.Cut(text, ":")
	switch {
	case text == "allAuthenticatedUsers":
		return Member{Kind: MemberAnyone}, nil
	case kind == "user" && strings.Count(name, "@") == 1 && strings.Trim(name, "@") == name:
		return Member{MemberPerson, name}, nil
	case kind == "domain" && name != "" && !strings.ContainsAny(name, "@/ "):
		return Member{MemberDomain, strings.ToLower(name)}, nil
	case kind == "group" && strings.TrimSpace(name) == name && name != "":
		return Member{MemberGroup, name}, nil
	}
	return Member{}, fmt.Errorf("%q is not a member", text)
}

// The actions of Cloud Armor: allow, or deny with a status.
const (
	ArmorAllow   = "allow"
	ArmorDeny403 = "deny-403"
	ArmorDeny404 = "deny-404"
	ArmorDeny502 = "deny-502"
)

// ArmorRule is a rule of a security policy of Cloud Armor that compares the address from which a request comes. Source:
// Google Cloud documentation, "Security policy overview".
type ArmorRule struct {
	Priority int      `json:"priority"` // 0 is looked at first
	Action   string   `json:"action"`   // ArmorAllow, …
	Ranges   []string `json:"ranges"`   // networks, or "*" for every address
	Origin   string   `json:"origin,omitempty"`
}

// ArmorDefault is the priority of the rule for all other requests. In sdev it denies with 403 unless the project sets it.
const ArmorDefault = 1<<31 - 1

// ArmorStatus returns the HTTP status with which an action refuses a request; 0 if it allows it.
func ArmorStatus(action string) int {
	switch action {
	case ArmorAllow:
		return 0
	case ArmorDeny404:
		return 404
	case ArmorDeny502:
		return 502
	}
	return 403
}

// DecideArmor returns the rule that decides about a request from an address. No rules are no security policy, which
// allows everything.
func DecideArmor(rules []ArmorRule, from netip.Addr) ArmorRule {
	if len(rules) == 0 {
		return ArmorRule{Action: ArmorAllow}
	}
	sorted := slices.SortedStableFunc(slices.Values(rules), func(a, b ArmorRule) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, r := range sorted {
		if slices.ContainsFunc(r.Ranges, func(text string) bool { return text == "*" || inRange(text, from) }) {
			return r
		}
	}
	return ArmorRule{Priority: ArmorDefault, Action: ArmorDeny403, Ranges: []string{"*"}}
}

// String names the rule, for people.
func (r ArmorRule) String() string {
	name := fmt.Sprintf("Cloud Armor rule %d", r.Priority)
	if r.Priority == ArmorDefault {
		name = "Cloud Armor's default rule"
	}
	if r.Origin != "" {
		name += " (" + r.Origin + ")"
	}
	return name
}

// CheckArmorRange returns an error unless a text is a network or *.
func CheckArmorRange(text string) error {
	if text == "*" {
		return nil
	}
	if p, err := netip.ParsePrefix(text); err != nil || p.Masked() != p {
		return fmt.Errorf("%q is not a network", text)
	}
	return nil
}

func inRange(text string, from netip.Addr) bool {
	p, err := netip.ParsePrefix(text)
	return err == nil && p.Contains(from.Unmap())
}
