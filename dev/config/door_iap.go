package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

const iapName = "x-sdev.auth.iap"

// iap reads x-sdev.auth.iap: the settings of Identity-Aware Proxy. Later files win value by value; a list replaces an
// earlier one's.
func (r *reader) iap(to **dev.IAP, n *yaml.Node) {
	i := dev.IAP{}
	if *to != nil {
		i = **to
	}
	r.fields(n, iapName, map[string]func(*yaml.Node){
		"project":  r.matching(&i.Project, iapName+".project", googleProject, "the id of a project: 6 to 30 lower-case letters, digits and dashes, for example: project: example-project"),
		"audience": r.audience(&i.Audience, iapName+".audience"),
		"members":  r.members(&i.Members),
		"from": func(n *yaml.Node) {
			r.text(&i.From, iapName+".from")(n)
			if _, err := netip.ParseAddr(i.From); err != nil {
				r.fail(n, fmt.Sprintf("%s.from: %q is not an IP address", iapName, i.From), "the address from which requests seem to come, for example: from: 203.0.113.7")
			}
		},
		"armor":    r.armor(&i.Armor, iapName+".armor"),
		"external": func(n *yaml.Node) { r.external(&i.External, n) },
	})
	if i.External != nil && i.External.Audience != "" && i.External.Audience == i.Audience {
		r.fail(n, iapName+": both hosts have the same audience", "each backend service has its own: leave one out, or copy both from terraform output iap_audiences")
	}
	*to = &i
}

var (
	googleProject = pattern.New(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	pageHost      = pattern.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*localhost$`)
	localHost     = pattern.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+localhost$`)
	tenantID      = pattern.New(`^[A-Za-z][A-Za-z0-9-]{3,40}$`)
)

// matching reads a text that has a form. want says what to write.
func (r *reader) matching(to *string, name string, form *pattern.Pattern, want string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(to, name)(n)
		if !form.MatchString(*to) {
			r.fail(n, fmt.Sprintf("%s: %q has the wrong form", name, *to), "write "+want)
		}
	}
}

func (r *reader) audience(to *string, name string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(to, name)(n)
		if err := dev.CheckIAPAudience(*to); err != nil {
			r.fail(n, name+": "+err.Error(), "one of /projects/NUMBER/global/backendServices/ID, /projects/NUMBER/apps/PROJECT-ID, /projects/NUMBER/locations/REGION/services/NAME; "+
				"terraform output iap_audiences prints those of a bundle")
		}
	}
}

// members reads x-sdev.auth.iap.members, in the terms of IAM.
func (r *reader) members(to *[]dev.Member) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var texts []string
		r.texts(&texts, iapName+".members", "write user:alice@example.com, domain:example.com, group:NAME with one of the project's groups, or allAuthenticatedUsers", func(text string) error {
			_, err := dev.ParseIAMMember(text)
			return err
		})(n)
		*to = nil
		for _, text := range texts {
			if m, err := dev.ParseIAMMember(text); err == nil { // else the reader has failed
				*to = append(*to, m)
			}
		}
	}
}

// external reads x-sdev.auth.iap.external: the second host, for guests.
func (r *reader) external(to **dev.IAPExternal, n *yaml.Node) {
	const name = iapName + ".external"
	e := dev.IAPExternal{}
	if *to != nil {
		e = **to
	}
	var cidrs, rules *yaml.Node
	r.fields(n, name, map[string]func(*yaml.Node){
		"host": r.matching(&e.Host, name+".host", localHost,
			"a name in lower case that ends in .localhost, which browsers lead to this machine, for example: host: guests.localhost"),
		"audience": r.audience(&e.Audience, name+".audience"),
		"tenant":   r.matching(&e.Tenant, name+".tenant", tenantID, "the id of a tenant of Identity Platform, for example: tenant: guests-abc12"),
		"cidrs": func(n *yaml.Node) {
			cidrs = n
			var ranges []string
			r.texts(&ranges, name+".cidrs", "networks that guests come from, for example: cidrs: [203.0.113.0/24]", dev.CheckArmorRange)(n)
			e.Armor = []dev.ArmorRule{{Priority: 1000, Action: dev.ArmorAllow, Ranges: ranges, Origin: fmt.Sprintf("%s:%d", r.file, n.Line)}}
		},
		"armor": func(n *yaml.Node) {
			rules = n
			r.armor(&e.Armor, name+".armor")(n)
		},
		"gcip": func(n *yaml.Node) {
			form := ""
			r.oneOf(&form, name+".gcip", "object", "text")(n)
			e.ClaimAsText = form == "text"
		},
	})
	if cidrs != nil && rules != nil {
		r.fail(cidrs, name+" has both cidrs and armor", "cidrs is short for one rule of armor: {priority: 1000, action: allow, ranges: […]}")
	}
	*to = &e
}

// armor reads the rules of Cloud Armor.
func (r *reader) armor(to *[]dev.ArmorRule, name string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*to = nil
		seen := map[int]int{} // lines, by priority
		r.items(n, name, func(i int, item *yaml.Node) {
			rule := dev.ArmorRule{Priority: -1, Origin: fmt.Sprintf("%s:%d", r.file, item.Line)}
			r.armorRule(&rule, fmt.Sprintf("%s[%d]", name, i), item)
			if line, twice := seen[rule.Priority]; twice {
				r.fail(item, fmt.Sprintf("%s: line %d already has a rule with priority %d", name, line, rule.Priority), "give each rule a priority of its own; the lowest is looked at first")
			}
			seen[rule.Priority] = item.Line
			*to = append(*to, rule)
		})
	}
}

func (r *reader) armorRule(to *dev.ArmorRule, name string, n *yaml.Node) {
	const example = "for example: {priority: 1000, action: allow, ranges: [203.0.113.0/24]}"
	r.fields(n, name, map[string]func(*yaml.Node){
		"priority": func(n *yaml.Node) {
			priority, err := strconv.Atoi(n.Value)
			if err != nil || priority < 0 || priority > dev.ArmorDefault {
				r.fail(n, fmt.Sprintf("%s.priority: %q is not a number from 0 to %d", name, n.Value, dev.ArmorDefault), example)
			}
			to.Priority = priority
		},
		"action": r.oneOf(&to.Action, name+".action", dev.ArmorAllow, dev.ArmorDeny403, dev.ArmorDeny404, dev.ArmorDeny502),
		"ranges": r.texts(&to.Ranges, name+".ranges", `networks such as 203.0.113.0/24, or "*" for every address`, dev.CheckArmorRange),
	})
	switch {
	case to.Priority < 0:
		r.fail(n, name+" has no priority", example)
	case to.Action == "":
		r.fail(n, name+" has no action", example)
	case len(to.Ranges) == 0:
		r.fail(n, name+" has no ranges", example)
	case to.Priority == dev.ArmorDefault && !slices.Contains(to.Ranges, "*"):
		r.fail(n, fmt.Sprintf("%s: the rule with priority %d is the default rule, for every address", name, dev.ArmorDefault), `write: ranges: ["*"]`)
	}
}

// IdentityAwareProxy returns the settings of the proxy, without defaults. What x-sdev.auth.iap leaves out is as
// x-sdev.deploy has it for the target that has this proxy, so that both say the same.
func (s Settings) IdentityAwareProxy() dev.IAP {
	var i dev.IAP
	if s.Auth.IAP != nil {
		i = *s.Auth.IAP
	}
	project, target := s.Deploy.only("project-id")
	if i.Project == "" {
		i.Project = project.Text
	}
	if members, ok := s.Deploy.Value(target, "members"); ok && i.Members == nil {
		i.Members = deployedMembers(members.Text)
	}
	if known, _ := s.Deploy.only("external-cidrs"); i.External != nil && len(i.External.Armor) == 0 && known.Text != "" {
		e := *i.External
		e.Armor = []dev.ArmorRule{{Priority: 1000, Action: dev.ArmorAllow, Ranges: splitAtCommas(known.Text), Origin: known.Origin}}
		i.External = &e
	}
	return i
}

// only returns the value of a parameter that a single target has, and that target; "" if the value is set for all of them,
// or not at all.
func (s DeploySettings) only(name string) (v DeployValue, target string) {
	for _, v := range s.Values {
		if v.Name == name && v.Target != "" {
			return v, v.Target
		}
	}
	v, _ = s.Value("", name)
	return v, ""
}

// deployedMembers reads the value members of the hand-off: addresses, @domains and group:NAME. It leaves out what the
// hand-off would refuse.
func deployedMembers(text string) []dev.Member {
	var all []dev.Member
	for _, one := range splitAtCommas(text) {
		switch {
		case strings.HasPrefix(one, "@"):
			one = "domain:" + one[1:]
		case !strings.HasPrefix(one, "group:"):
			one = "user:" + one
		}
		if m, err := dev.ParseIAMMember(one); err == nil {
			all = append(all, m)
		}
	}
	return all
}

// splitAtCommas splits a list of the hand-off.
func splitAtCommas(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}
