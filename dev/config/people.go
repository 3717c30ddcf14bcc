package config

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// People are the people on the sign-in page: the project's own, or else two samples.
func (s AuthSettings) People() []dev.Person {
	if len(s.Users) > 0 {
		return s.Users
	}
	return []dev.Person{
		{Email: "admin@example.com", Name: "Admin", Groups: []string{"admin"}},
		{Email: "user@example.com", Name: "User"},
	}
}

// Person finds one of the people by e-mail address, whose case does not matter.
func (s AuthSettings) Person(email string) (dev.Person, bool) {
	people := s.People()
	i := slices.IndexFunc(people, func(p dev.Person) bool { return strings.EqualFold(p.Email, email) })
	if i < 0 {
		return dev.Person{}, false
	}
	return people[i], true
}

// CheckEmail says what is wrong with an e-mail address.
func CheckEmail(email string) error {
	parsed, err := mail.ParseAddress(email)
	const longest = 254 // RFC 5321, with the brackets around the path taken off
	if err != nil || parsed.Address != email || parsed.Name != "" || len(email) > longest {
		return fmt.Errorf("%q is not an e-mail address", email)
	}
	return nil
}

// CheckGroup says what is wrong with the name of a group.
func CheckGroup(group string) error {
	if strings.TrimSpace(group) != group || group == "" || strings.ContainsAny(group, ",\r\n\t") {
		return fmt.Errorf("%q is not a valid group name", group)
	}
	return nil
}

// CheckClaim says what is wrong with the name of a claim about a person.
func CheckClaim(name string) error {
	switch {
	case strings.TrimSpace(name) != name || name == "":
		return fmt.Errorf("%q is not a valid claim name", name)
	case slices.Contains(dev.ProtocolClaims(), name):
		return fmt.Errorf("claim %s is part of the protocol and cannot be set for a person", name)
	}
	return nil
}

// CheckSubject says what is wrong with a person's claim sub, if there is one.
// Source: OpenID Connect Core 1.0, section 2.
func CheckSubject(claims map[string]any) error {
	const longest = 255
	sub, there := claims["sub"]
	if text, ok := sub.(string); there && (!ok || text == "" || len(text) > longest) {
		return fmt.Errorf("claim sub must be a string of 1 to %d characters", longest)
	}
	return nil
}

const faultHint = "to send a wrong value, set a fault: sdev auth fault set"

// users reads x-sdev.auth.users. A later file's list replaces an earlier one's, with the passwords.
func (r *reader) users(to *[]dev.Person, passwords *map[string]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		const name = "x-sdev.auth.users"
		*to, *passwords = nil, nil
		seen := map[string]int{} // lines, by address
		r.items(n, name, func(i int, item *yaml.Node) {
			var p dev.Person
			var password string
			email := r.person(&p, &password, fmt.Sprintf("%s[%d]", name, i), item)
			if r.err != nil {
				return
			}
			key := strings.ToLower(p.Email)
			if line, twice := seen[key]; twice {
				r.fail(email, fmt.Sprintf("%s: %s is already listed in line %d", name, p.Email, line), "remove one of the two")
				return
			}
			seen[key] = email.Line
			*to = append(*to, p)
			if password != "" {
				if *passwords == nil {
					*passwords = map[string]string{}
				}
				(*passwords)[key] = password
			}
		})
	}
}

// person reads a person and a password, and returns the node of the address.
func (r *reader) person(to *dev.Person, password *string, name string, n *yaml.Node) (email *yaml.Node) {
	r.fields(n, name, map[string]func(*yaml.Node){
		"email": func(n *yaml.Node) {
			email = n
			r.text(&to.Email, name+".email")(n)
			if err := CheckEmail(to.Email); err != nil {
				r.fail(n, name+".email: "+err.Error(), "for example: alice@example.com")
			}
		},
		"name":   r.text(&to.Name, name+".name"),
		"groups": r.texts(&to.Groups, name+".groups", "for example: groups: [admin, marketing]", CheckGroup),
		"claims": r.claims(&to.Claims, name+".claims"),

		"password": r.text(password, name+".password"),
	})
	if email == nil {
		r.fail(n, name+" has no email", "an e-mail address identifies a person: {email: alice@example.com}")
	}
	return email
}

func (r *reader) claims(to *map[string]any, name string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		n = resolve(n)
		if n.Kind != yaml.MappingNode {
			r.fail(n, name+" must be a mapping of names to values", "for example: claims: {hd: example.com}")
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if err := CheckClaim(n.Content[i].Value); err != nil {
				r.fail(n.Content[i], name+": "+err.Error(), faultHint)
			}
		}
		value, err := jsonValue(n, 0)
		if err != nil {
			r.fail(n, name+": "+err.Error(), "use only values that JSON has")
			return
		}
		*to = value.(map[string]any)
		if err := CheckSubject(*to); err != nil {
			r.fail(n, name+": "+err.Error(), "quote it, or leave it out: sdev derives it from the address")
		}
	}
}

// jsonValue is a node's value as JSON. Dates stay strings.
func jsonValue(n *yaml.Node, depth int) (any, error) {
	if depth > 20 {
		return nil, fmt.Errorf("line %d is nested too deeply", n.Line)
	}
	n = resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := jsonValue(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			out[n.Content[i].Value] = v
		}
		return out, nil
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			v, err := jsonValue(item, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, fmt.Errorf("line %d: %q is not a value", n.Line, n.Value)
	}
	switch v := v.(type) {
	case nil, bool, string, int, int64, uint64, float64: // NaN and its kin were refused before, with the whole file
		return v, nil
	}
	return n.Value, nil
}

// policies reads x-sdev.auth.policies. A later file's list replaces an earlier one's.
func (r *reader) policies(to *[]dev.Policy) func(*yaml.Node) {
	return func(n *yaml.Node) {
		const name = "x-sdev.auth.policies"
		*to = nil
		seen := map[string]int{}
		r.items(n, name, func(i int, item *yaml.Node) {
			p := dev.Policy{Origin: fmt.Sprintf("%s:%d", r.file, item.Line)}
			r.policy(&p, fmt.Sprintf("%s[%d]", name, i), item)
			if line, twice := seen[p.Path]; twice {
				r.fail(item, fmt.Sprintf("%s: path %s is already listed in line %d", name, p.Path, line), "put everyone who is allowed into one policy")
			}
			seen[p.Path] = item.Line
			*to = append(*to, p)
		})
	}
}

func (r *reader) policy(to *dev.Policy, name string, n *yaml.Node) {
	allow := false
	r.fields(n, name, map[string]func(*yaml.Node){
		"path": func(n *yaml.Node) {
			r.text(&to.Path, name+".path")(n)
			if err := dev.CheckPolicyPath(to.Path); err != nil {
				r.fail(n, fmt.Sprintf("%s.path %q: %v", name, to.Path, err), "for example: /marketing/*")
			}
		},
		"allow": func(n *yaml.Node) {
			allow = true
			const hint = "for example: allow: {groups: [marketing], domains: [example.com]}"
			r.fields(n, name+".allow", map[string]func(*yaml.Node){
				"groups":  r.texts(&to.Allow.Groups, name+".allow.groups", hint, CheckGroup),
				"emails":  r.texts(&to.Allow.Emails, name+".allow.emails", hint, CheckEmail),
				"domains": r.texts(&to.Allow.Domains, name+".allow.domains", hint, checkDomain),
				"anyone":  r.boolean(&to.Allow.Anyone, name+".allow.anyone"),
			})
		},
	})
	switch {
	case to.Path == "":
		r.fail(n, name+" has no path", "for example: {path: /marketing/*, allow: {groups: [marketing]}}")
	case !allow:
		r.fail(n, name+" has no allow", "for example: {path: "+to.Path+", allow: {groups: [marketing]}}")
	}
}

func checkDomain(domain string) error {
	if CheckEmail("somebody@"+domain) != nil {
		return fmt.Errorf("%q is not a domain", domain)
	}
	return nil
}

// items reads a list, item by item, until one is wrong.
func (r *reader) items(n *yaml.Node, name string, read func(int, *yaml.Node)) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		r.fail(n, name+" must be a list", "see: sdev help x-sdev")
		return
	}
	for i, item := range n.Content {
		if r.err == nil {
			read(i, resolve(item))
		}
	}
}

// texts reads a list of distinct strings that check accepts.
func (r *reader) texts(to *[]string, name, hint string, check func(string) error) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*to = nil
		r.items(n, name, func(i int, item *yaml.Node) {
			var text string
			r.text(&text, fmt.Sprintf("%s[%d]", name, i))(item)
			if err := check(text); err != nil {
				r.fail(item, name+": "+err.Error(), hint)
			}
			if slices.Contains(*to, text) {
				r.fail(item, fmt.Sprintf("%s: %q is listed twice", name, text), "remove one of the two")
			}
			*to = append(*to, text)
		})
	}
}

func (r *reader) boolean(to *bool, name string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if err := n.Decode(to); err != nil {
			r.fail(n, name+" must be true or false", "see: sdev help x-sdev")
		}
	}
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
