package config

import (
	"fmt"
	"net/netip"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

// accessName is the setting of Cloudflare Access.
const accessName = "x-sdev.auth." + dev.ProxyCloudflare

// access reads x-sdev.auth.cloudflare: the settings that the project has written, without the defaults. Lists of a later
// file replace those of an earlier one.
func (r *reader) access(to **dev.Access, n *yaml.Node) {
	var a dev.Access
	if *to != nil {
		a = **to
	}
	strict := !a.Lenient
	r.fields(n, accessName, map[string]func(*yaml.Node){
		"team":           r.matching(&a.Team, accessName+".team", teamName, "only the name, without .cloudflareaccess.com: example-team"),
		"account":        r.matching(&a.Account, accessName+".account", accountID, "the id of the account: 32 hexadecimal digits"),
		"aud":            r.aud(&a.Audience, accessName+".aud"),
		"session":        r.duration(&a.Session, accessName+".session", time.Minute),
		"global_session": r.duration(&a.Global, accessName+".global_session", dev.ShortestAccessSession),
		"from":           r.checked(&a.From, accessName+".from", checkAddress, "for example: from: 203.0.113.7"),
		"country":        r.checked(&a.Country, accessName+".country", checkCountry, "for example: country: DE"),
		"claims":         r.texts(&a.Claims, accessName+".claims", "for example: claims: [hd, groups]", CheckClaim),
		"cookie":         func(n *yaml.Node) { r.accessCookie(&a.Cookie, n) },
		"strict":         r.boolean(&strict, accessName+".strict"),
		"service_tokens": r.serviceTokens(&a.Tokens),
		"service_header": r.checked(&a.TokenHeader, accessName+".service_header", checkTokenHeader, "for example: service_header: Authorization"),
		"applications":   r.accessApplications(&a.Applications),
	})
	a.Lenient = !strict
	r.namedTokens(a, n)
	*to = &a
}

// The forms of ids. Source: Cloudflare, API reference.
var (
	teamName      = pattern.New(`^[a-z0-9][a-z0-9-]{0,62}$`)
	accountID     = pattern.New(`^[0-9a-f]{32}$`)
	audienceTag   = pattern.New(`^[0-9a-f]{64}$`)
	serviceID     = pattern.New(`^[0-9a-f]{32}\.access$`)
	serviceSecret = pattern.New(`^([0-9a-f]{64}|cfast_[A-Za-z0-9_-]{20,})$`)
	countryCode   = pattern.New(`^[A-Z][A-Z0-9]$`)
	headerName    = pattern.New(`^[A-Za-z][A-Za-z0-9-]*$`)
)

// checked reads a text that check accepts.
func (r *reader) checked(to *string, name string, check func(string) error, hint string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(to, name)(n)
		if err := check(*to); err != nil {
			r.fail(n, name+": "+err.Error(), hint)
		}
	}
}

func (r *reader) aud(to *string, name string) func(*yaml.Node) {
	return r.matching(to, name, audienceTag, "the application audience (AUD) tag: 64 hexadecimal digits")
}

// duration reads a time from least to [dev.LongestAccessSession].
func (r *reader) duration(to *time.Duration, name string, least time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d, err := time.ParseDuration(n.Value)
		if err != nil || d < least || d > dev.LongestAccessSession {
			r.fail(n, fmt.Sprintf("%s: %q is not a time from %s to %s", name, n.Value, short(least), short(dev.LongestAccessSession)), "for example: 30m, or 12h")
		}
		*to = d
	}
}

// short is a duration without zero minutes and seconds.
func short(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "h0m") + map[bool]string{true: "h"}[d%time.Hour == 0]
}

func checkAddress(text string) error {
	if _, err := netip.ParseAddr(text); err != nil {
		return fmt.Errorf("%q is not an IP address", text)
	}
	return nil
}

func checkRange(text string) error {
	if _, err := netip.ParsePrefix(text); err != nil && checkAddress(text) != nil {
		return fmt.Errorf("%q is neither an IP address nor a range like 203.0.113.0/24", text)
	}
	return nil
}

func checkCountry(text string) error {
	if !countryCode.MatchString(text) {
		return fmt.Errorf("%q is not a country's code of two capital letters", text)
	}
	return nil
}

func checkTokenHeader(text string) error {
	canonical := textproto.CanonicalMIMEHeaderKey(text)
	if !headerName.MatchString(text) || slices.Contains([]string{"Host", "Cookie", "Connection", "Origin"}, canonical) {
		return fmt.Errorf("%q is not the name of a header that a program can set", text)
	}
	return nil
}

// accessCookie reads the settings of the application's cookie.
func (r *reader) accessCookie(to *dev.AccessCookie, n *yaml.Node) {
	const name = accessName + ".cookie"
	httpOnly, scoped := !to.Readable, !to.WholeHost
	r.fields(n, name, map[string]func(*yaml.Node){
		"http_only": r.boolean(&httpOnly, name+".http_only"),
		"path":      r.boolean(&scoped, name+".path"),
		"binding":   r.boolean(&to.Binding, name+".binding"),
		"same_site": r.oneOf(&to.SameSite, name+".same_site", dev.AccessLax, dev.AccessStrict, dev.AccessNone),
	})
	to.Readable, to.WholeHost = !httpOnly, !scoped
}

// serviceTokens reads the tokens with which programs sign in.
func (r *reader) serviceTokens(to *[]dev.AccessServiceToken) func(*yaml.Node) {
	return func(n *yaml.Node) {
		const list = accessName + ".service_tokens"
		*to = nil
		r.items(n, list, func(i int, item *yaml.Node) {
			name := fmt.Sprintf("%s[%d]", list, i)
			var t dev.AccessServiceToken
			r.fields(item, name, map[string]func(*yaml.Node){
				"name": r.text(&t.Name, name+".name"),
				"id":   r.matching(&t.ID, name+".id", serviceID, "32 hexadecimal digits and .access, as Cloudflare shows the client ID"),
				"secret": func(n *yaml.Node) {
					r.text(&t.Secret, name+".secret")(n)
					if !serviceSecret.MatchString(t.Secret) {
						r.fail(n, name+".secret has not the form of a client secret", "64 hexadecimal digits, or cfast_ and at least 20 letters and digits; invent one for this machine")
					}
				},
			})
			twice := slices.ContainsFunc(*to, func(o dev.AccessServiceToken) bool { return o.Name == t.Name || o.ID == t.ID })
			switch {
			case t.Name == "" || t.ID == "" || t.Secret == "":
				r.fail(item, name+" needs name, id and secret", "see: sdev help x-sdev")
			case twice:
				r.fail(item, name+" has the name or the id of another one", "remove one of the two")
			}
			*to = append(*to, t)
		})
	}
}

// accessApplications reads the applications.
func (r *reader) accessApplications(to *[]dev.AccessApplication) func(*yaml.Node) {
	return func(n *yaml.Node) {
		const list = accessName + ".applications"
		*to = nil
		r.items(n, list, func(i int, item *yaml.Node) {
			name := fmt.Sprintf("%s[%d]", list, i)
			app := dev.AccessApplication{Origin: fmt.Sprintf("%s:%d", r.file, item.Line)}
			given := false
			r.fields(item, name, map[string]func(*yaml.Node){
				"path": func(n *yaml.Node) {
					given = true
					r.checked(&app.Path, name+".path", checkAccessPath, "for example: path: /marketing; / is the whole host")(n)
				},
				"aud":      r.aud(&app.Audience, name+".aud"),
				"session":  r.duration(&app.Session, name+".session", time.Minute),
				"policies": r.accessPolicies(&app.Policies, name+".policies"),
			})
			if !given {
				r.fail(item, name+" has no path", "for example: path: /marketing; / is the whole host")
			}
			if app.Path == "/" {
				app.Path = ""
			}
			if slices.ContainsFunc(*to, func(o dev.AccessApplication) bool { return o.Path == app.Path }) {
				r.fail(item, name+" has the path of another one", "put all policies for a path into one application")
			}
			*to = append(*to, app)
		})
	}
}

// checkAccessPath says what is wrong with the path of an application. Source: Cloudflare, "Application paths".
func checkAccessPath(text string) error {
	switch {
	case !strings.HasPrefix(text, "/"):
		return fmt.Errorf("%q must begin with a slash", text)
	case strings.ContainsAny(text, "?#:"):
		return fmt.Errorf("%q has a port, a query or a fragment, which Access ignores", text)
	case path.Clean(text) != text:
		return fmt.Errorf("%q is the same path as %s", text, path.Clean(text))
	}
	for part := range strings.SplitSeq(text, "/") {
		if strings.Count(part, "*") > 1 {
			return fmt.Errorf("%q has several stars between two slashes", text)
		}
	}
	return nil
}

// accessPolicies reads the policies of an application.
func (r *reader) accessPolicies(to *[]dev.AccessPolicy, list string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*to = nil
		r.items(n, list, func(i int, item *yaml.Node) {
			name := fmt.Sprintf("%s[%d]", list, i)
			p := dev.AccessPolicy{Origin: fmt.Sprintf("%s:%d", r.file, item.Line)}
			r.fields(item, name, map[string]func(*yaml.Node){
				"name":     r.text(&p.Name, name+".name"),
				"decision": r.oneOf(&p.Decision, name+".decision", dev.AccessAllow, dev.AccessBlock, dev.AccessBypass, dev.AccessService),
				"session":  r.duration(&p.Session, name+".session", time.Minute),
				"include":  r.accessRules(&p.Include, name+".include"),
				"require":  r.accessRules(&p.Require, name+".require"),
				"exclude":  r.accessRules(&p.Exclude, name+".exclude"),
			})
			r.wholePolicy(p, name, item)
			*to = append(*to, p)
		})
	}
}

// wholePolicy checks what the fields of a policy say together.
func (r *reader) wholePolicy(p dev.AccessPolicy, name string, n *yaml.Node) {
	identity := slices.IndexFunc(slices.Concat(p.Include, p.Require, p.Exclude), dev.AccessRule.IsIdentity)
	switch {
	case p.Decision == "":
		r.fail(n, name+" has no decision", "one of: allow, block, bypass, non_identity")
	case len(p.Include) == 0:
		r.fail(n, name+" includes nobody, so it never applies", "for example: include: [{domain: example.com}], or include: [everyone]")
	case identity >= 0 && p.Decision == dev.AccessBypass:
		r.fail(n, name+": a bypass asks nobody who they are, so Access ignores its rules about people", "use ip, country or everyone, or the decision allow")
	case identity >= 0 && p.Decision == dev.AccessService:
		r.fail(n, name+": non_identity is for programs, so Access ignores its rules about people", "use service_token or any_service_token, or the decision allow")
	}
}

// plainRules are the rules without a value.
var plainRules = []string{dev.RuleEveryone, dev.RuleAnyToken}

// accessRules reads rules: {email: a@example.com}, or just everyone.
func (r *reader) accessRules(to *[]dev.AccessRule, list string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*to = nil
		r.items(n, list, func(i int, item *yaml.Node) {
			name := fmt.Sprintf("%s[%d]", list, i)
			if item.Kind == yaml.ScalarNode {
				kind := ""
				r.oneOf(&kind, name, plainRules...)(item)
				*to = append(*to, dev.AccessRule{Kind: kind})
				return
			}
			var rule dev.AccessRule
			known := map[string]func(*yaml.Node){}
			for kind, check := range map[string]func(string) error{dev.RuleEmail: CheckEmail, dev.RuleDomain: checkDomain, dev.RuleGroup: CheckGroup,
				dev.RuleIP: checkRange, dev.RuleCountry: checkCountry, dev.RuleToken: func(string) error { return nil }} {
				known[kind] = func(n *yaml.Node) {
					rule.Kind = kind
					r.checked(&rule.Text, name+"."+kind, check, "see: sdev help x-sdev")(n)
				}
			}
			r.fields(item, name, known)
			if len(item.Content) != 2 {
				r.fail(item, name+" must have exactly one rule", "write one item for each: [{email: a@example.com}, {country: DE}]")
			}
			*to = append(*to, rule)
		})
	}
}

// namedTokens checks that every service token of a rule exists.
func (r *reader) namedTokens(a dev.Access, n *yaml.Node) {
	for _, app := range a.Applications {
		for _, p := range app.Policies {
			for _, rule := range slices.Concat(p.Include, p.Require, p.Exclude) {
				known := slices.ContainsFunc(a.Tokens, func(t dev.AccessServiceToken) bool { return t.Name == rule.Text })
				if rule.Kind == dev.RuleToken && !known {
					r.fail(n, fmt.Sprintf("%s: the policy in %s names the service token %q, which %s.service_tokens does not list", accessName, p.Origin, rule.Text, accessName),
						"add it there: {name: "+rule.Text+", id: …, secret: …}")
				}
			}
		}
	}
}
