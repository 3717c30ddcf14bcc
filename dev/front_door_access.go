package dev

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"sdev/dev/pattern"
)

// Access configures Cloudflare Access: the organisation (the "team"), its applications, and what they know of a client.
// It contains the secrets of service tokens. Sources: Cloudflare, "Access controls", and the API reference of Access
// applications and policies.
type Access struct {
	Team    string `json:"team"`    // the part of its host before .cloudflareaccess.com
	Account string `json:"account"` // id of the account: 32 hexadecimal digits
	// Audience is the AUD tag of the application for the whole app: 64 hexadecimal digits; "" derives it from the team.
	Audience string `json:"audience,omitempty"`
	// Applications replace those that are derived from [FrontDoor].Policies. Requests outside of all of them reach the app
	// unchecked, as they do behind Cloudflare.
	Applications []AccessApplication `json:"applications,omitempty"`

	Session time.Duration `json:"session"` // how long an application's token is valid, if neither it nor the policy says so
	Global  time.Duration `json:"global"`  // how long a person stays signed in at the team's host: 15 minutes to a month

	Cookie  AccessCookie         `json:"cookie"`
	Claims  []string             `json:"claims,omitempty"` // claims of the identity provider that tokens have in "custom"
	Tokens  []AccessServiceToken `json:"tokens,omitempty"`
	Lenient bool                 `json:"lenient,omitempty"` // not strict about service tokens: a wrong one leads to the sign-in page
	// TokenHeader is a header that carries id and secret of a service token as JSON, in place of the two usual headers;
	// "" if there is none.
	TokenHeader string `json:"token_header,omitempty"`

	// Base is the app's base path, with a leading slash; "" is the root. The application for everything else begins there.
	Base string `json:"base,omitempty"`

	From    string `json:"from"`    // the client's IP address, as Cloudflare sees it
	Country string `json:"country"` // and where that is: two capital letters
}

// AccessCookie are the settings of the application's cookie.
type AccessCookie struct {
	Readable bool   `json:"readable,omitempty"`  // without HttpOnly
	SameSite string `json:"same_site,omitempty"` // AccessNone, AccessLax or AccessStrict; "" is AccessLax, as in the bundle
	Binding  bool   `json:"binding,omitempty"`   // with the cookie CF_Binding, which the app never sees
	// WholeHost sets the cookie for all paths, whatever the application's is. Applications on one host then replace each
	// other's cookies.
	WholeHost bool `json:"whole_host,omitempty"`
}

// The values of [AccessCookie].SameSite.
const (
	AccessNone   = "none"
	AccessLax    = "lax"
	AccessStrict = "strict"
)

// AccessServiceToken is a token with which a program signs in.
type AccessServiceToken struct {
	Name   string `json:"name"`
	ID     string `json:"id"`     // "….access"
	Secret string `json:"secret"` // 64 hexadecimal digits, or "cfast_…" since 2026
}

// AccessApplication is a self-hosted application: a path, and policies in the order in which they are evaluated.
type AccessApplication struct {
	Path     string         `json:"path"`     // in the syntax of Access; "" is the whole host
	Audience string         `json:"audience"` // AUD tag; "" derives it from the team and the path
	Session  time.Duration  `json:"session,omitempty"`
	Policies []AccessPolicy `json:"policies"`
	Origin   string         `json:"origin,omitempty"` // file and line
}

// The decisions of a policy.
const (
	AccessAllow   = "allow"
	AccessBlock   = "block"
	AccessBypass  = "bypass"       // nobody is asked, and the app gets no identity
	AccessService = "non_identity" // Service Auth: for programs, by service tokens
)

// AccessPolicy applies to whom at least one rule of Include, every rule of Require and no rule of Exclude matches.
type AccessPolicy struct {
	Name     string        `json:"name,omitempty"`
	Decision string        `json:"decision"`
	Include  []AccessRule  `json:"include"`
	Require  []AccessRule  `json:"require,omitempty"`
	Exclude  []AccessRule  `json:"exclude,omitempty"`
	Session  time.Duration `json:"session,omitempty"`
	Origin   string        `json:"origin,omitempty"`
}

// AccessRule is a selector of Access and its value.
type AccessRule struct {
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
}

// The kinds of rules.
const (
	RuleEmail    = "email"
	RuleDomain   = "domain" // "emails ending in"
	RuleGroup    = "group"  // of the identity provider
	RuleEveryone = "everyone"
	RuleIP       = "ip" // an address, or a range in CIDR notation
	RuleCountry  = "country"
	RuleToken    = "service_token" // by name
	RuleAnyToken = "any_service_token"
)

// IsIdentity reports whether the rule is about a person, so that somebody has to sign in first.
func (r AccessRule) IsIdentity() bool {
	return r.Kind == RuleEmail || r.Kind == RuleDomain || r.Kind == RuleGroup
}

// String is the rule as one writes it.
func (r AccessRule) String() string { return strings.TrimSpace(r.Kind + " " + r.Text) }

// The limits of [Access].Global. Source: Cloudflare, "Session management".
const (
	ShortestAccessSession = 15 * time.Minute
	LongestAccessSession  = 31 * 24 * time.Hour
)

// AccessCallback is the path of the callback at the team's host, for which the local provider's origin stands. Source:
// Cloudflare, "Generic OIDC".
const AccessCallback = "/cdn-cgi/access/callback"

// NewAccess returns the settings of a project that has written none.
func NewAccess(project string) Access { return Access{}.WithDefaults(project) }

// WithDefaults fills in what the project has not written. The same project always gets the same values.
func (a Access) WithDefaults(project string) Access {
	const day = 24 * time.Hour // the default of all three durations of Access
	a.Team = cmp.Or(a.Team, teamOf(project))
	a.Account = cmp.Or(a.Account, a.tag("account", "")[:32])
	a.Session = cmp.Or(a.Session, day)
	a.Global = cmp.Or(a.Global, day)
	a.Cookie.SameSite = cmp.Or(a.Cookie.SameSite, AccessLax)
	a.From = cmp.Or(a.From, "203.0.113.10") // an address that nobody has (RFC 5737)
	a.Country = cmp.Or(a.Country, "US")
	return a
}

// Adopt returns the settings with what the project has not written and the app's own variables say: CF_TEAM and CF_AUD, from
// which its verifier takes whom to trust.
func (a Access) Adopt(team, audiences string) Access {
	team = strings.TrimSuffix(strings.TrimPrefix(strings.TrimRight(team, "/"), "https://"), ".cloudflareaccess.com")
	if a.Team == "" && teamForm.MatchString(team) {
		a.Team = team
	}
	if first, _, _ := strings.Cut(audiences, ","); a.Audience == "" && audienceForm.MatchString(strings.TrimSpace(first)) {
		a.Audience = strings.TrimSpace(first)
	}
	return a
}

var (
	teamForm     = pattern.New(`^[a-z0-9][a-z0-9-]{0,62}$`)
	audienceForm = pattern.New(`^[0-9a-f]{64}$`)
)

// teamOf derives a team's name from the project's.
func teamOf(project string) string {
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(project), "-"), "-")
	const longest = 63 - len("-team") // of a label of a host name
	return strings.TrimPrefix(name[:min(len(name), longest)]+"-team", "-")
}

// tag derives an id of 64 hexadecimal digits that stays the same.
func (a Access) tag(kind, text string) string {
	sum := sha256.Sum256([]byte("sdev access\n" + a.Team + "\n" + kind + "\n" + text))
	return hex.EncodeToString(sum[:])
}

// TeamHost is the host of the team's sign-in pages and keys.
func (a Access) TeamHost() string { return a.Team + ".cloudflareaccess.com" }

// Issuer is the issuer of all tokens.
func (a Access) Issuer() string { return "https://" + a.TeamHost() }

// OrgAudience is the audience of the team's own token.
func (a Access) OrgAudience() string { return a.tag("organisation", "") }

// UserID is the id of a person at Cloudflare: a UUID that stays the same.
func (a Access) UserID(email string) string { return asUUID(a.tag("person", strings.ToLower(email))) }

// ProviderID is the id of the identity provider at Cloudflare.
func (a Access) ProviderID() string { return asUUID(a.tag("identity provider", "")) }

// asUUID formats hexadecimal digits as a UUID of version 8 (RFC 9562): its bits are the application's own.
func asUUID(h string) string {
	return h[:8] + "-" + h[8:12] + "-8" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// hosts returns the hosts that verifiers have built in.
func (a Access) hosts() []string { return []string{a.TeamHost()} }

// trustedHeaders are the headers that Streamlit maps to keys of st.user (server.trustedUserHeaders).
func (a Access) trustedHeaders() map[string]string {
	return map[string]string{"cf-access-authenticated-user-email": "email"}
}

// environment returns the variables that verifiers in apps read. CF_AUD holds the AUD tags of all applications, separated
// by commas. The one that covers the WebSocket comes first: Streamlit shows the headers of that request to the app.
func (a Access) environment(policies []Policy) map[string]string {
	apps := a.Resolve(policies)
	var tags []string
	if first := AccessApplicationFor(apps, a.Base+"/_stcore/stream"); first != nil {
		tags = append(tags, first.Audience)
	}
	for _, app := range apps {
		if !slices.Contains(tags, app.Audience) {
			tags = append(tags, app.Audience)
		}
	}
	return map[string]string{"CF_TEAM": a.Team, "CF_AUD": strings.Join(tags, ",")}
}

// Resolve returns the applications with their AUD tags and durations: the project's own, or else one for each policy, as
// in the bundle of sdev deploy, and one for everything else.
func (a Access) Resolve(policies []Policy) []AccessApplication {
	apps := slices.Clone(a.Applications)
	if len(apps) == 0 {
		apps = applicationsOf(policies)
	}
	for i := range apps {
		app := &apps[i]
		if app.Path == "" || app.Path == a.Base {
			app.Audience = cmp.Or(app.Audience, a.Audience)
		}
		app.Audience = cmp.Or(app.Audience, a.tag("application", app.Path))
		app.Session = cmp.Or(app.Session, a.Session)
		if len(a.Applications) == 0 {
			app.Path = cmp.Or(app.Path, a.Base)
		}
	}
	return apps
}

// applicationsOf translates policies. Everybody who signs in may open what no policy covers. The application for the whole
// app has no path yet.
func applicationsOf(policies []Policy) []AccessApplication {
	everybody := []Member{{Kind: MemberAnyone}}
	granted := NewGranted(policies, everybody, func(name, _ string) []Member { return []Member{{MemberGroup, name}} })
	var apps []AccessApplication
	for _, g := range granted.Grants {
		app := AccessApplication{Path: AccessScopeOf(g.Path).Path}
		if i := slices.IndexFunc(policies, func(p Policy) bool { return p.Path == g.Path }); i >= 0 {
			app.Origin = policies[i].Origin
		}
		if len(g.Members) > 0 { // an application without a policy lets nobody in
			app.Policies = []AccessPolicy{{Name: g.Title, Decision: AccessAllow, Include: accessRules(g.Members), Origin: app.Origin}}
		}
		apps = append(apps, app)
	}
	return apps
}

// accessRules are the rules for members.
func accessRules(members []Member) []AccessRule {
	kinds := map[string]string{MemberPerson: RuleEmail, MemberDomain: RuleDomain, MemberGroup: RuleGroup}
	var rules []AccessRule
	for _, m := range members {
		if m.Kind == MemberAnyone {
			return []AccessRule{{Kind: RuleEveryone}}
		}
		rules = append(rules, AccessRule{kinds[m.Kind], m.Text})
	}
	return rules
}

// AccessApplicationFor returns the application that decides about a path: the one with the most specific path of those
// that cover it; nil if none does.
func AccessApplicationFor(apps []AccessApplication, target string) *AccessApplication {
	target = CleanPath(target)
	var best *AccessApplication
	for i := range apps {
		if accessCovers(apps[i].Path, target) && (best == nil || moreSpecificForAccess(apps[i].Path, best.Path) < 0) {
			best = &apps[i]
		}
	}
	return best
}
