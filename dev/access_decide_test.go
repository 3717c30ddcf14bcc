package dev

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestAccess_DecidesInTheOrderOfAccess(t *testing.T) {
	rule := func(kind, text string) AccessRule { return AccessRule{kind, text} }
	allow := func(rules ...AccessRule) AccessPolicy { return AccessPolicy{Decision: AccessAllow, Include: rules} }
	everyone := rule(RuleEveryone, "")
	staff := allow(rule(RuleDomain, "Example.com"))
	office := rule(RuleIP, "198.51.100.0/24")
	alice := &Person{Email: "alice@example.com", Groups: []string{"marketing"}}
	greta := &Person{Email: "greta@example.org"}
	for name, c := range map[string]struct {
		policies []AccessPolicy
		person   *Person
		token    string
		ip       string
		lenient  bool
		want     Decision
		bypass   bool
		service  bool
	}{
		"nobody has signed in":                {policies: []AccessPolicy{staff}, want: LoginNeeded},
		"a member":                            {policies: []AccessPolicy{staff}, person: alice, want: Allowed},
		"not a member":                        {policies: []AccessPolicy{staff}, person: greta, want: Denied},
		"no policy: sign in first":            {want: LoginNeeded},
		"no policy: nobody":                   {person: alice, want: Denied},
		"by address":                          {policies: []AccessPolicy{allow(rule(RuleEmail, "ALICE@example.com"))}, person: alice, want: Allowed},
		"by group":                            {policies: []AccessPolicy{allow(rule(RuleGroup, "marketing"))}, person: alice, want: Allowed},
		"groups have cases":                   {policies: []AccessPolicy{allow(rule(RuleGroup, "Marketing"))}, person: alice, want: Denied},
		"everyone still signs in":             {policies: []AccessPolicy{allow(everyone)}, want: LoginNeeded},
		"require misses":                      {policies: []AccessPolicy{{Decision: AccessAllow, Include: []AccessRule{everyone}, Require: []AccessRule{office}}}, person: alice, want: Denied},
		"require holds":                       {policies: []AccessPolicy{{Decision: AccessAllow, Include: []AccessRule{everyone}, Require: []AccessRule{office, rule(RuleCountry, "US")}}}, person: alice, ip: "198.51.100.7", want: Allowed},
		"require in another country":          {policies: []AccessPolicy{{Decision: AccessAllow, Include: []AccessRule{everyone}, Require: []AccessRule{rule(RuleCountry, "DE")}}}, person: alice, want: Denied},
		"exclude":                             {policies: []AccessPolicy{{Decision: AccessAllow, Include: []AccessRule{everyone}, Exclude: []AccessRule{rule(RuleGroup, "marketing")}}}, person: alice, want: Denied},
		"block before allow":                  {policies: []AccessPolicy{{Decision: AccessBlock, Include: []AccessRule{rule(RuleEmail, "alice@example.com")}}, staff}, person: alice, want: Denied},
		"allow before block":                  {policies: []AccessPolicy{staff, {Decision: AccessBlock, Include: []AccessRule{everyone}}}, person: alice, want: Allowed},
		"an address is blocked at once":       {policies: []AccessPolicy{{Decision: AccessBlock, Include: []AccessRule{office}}, staff}, ip: "198.51.100.7", want: Denied},
		"a block of a person needs a sign-in": {policies: []AccessPolicy{{Decision: AccessBlock, Include: []AccessRule{rule(RuleEmail, "a@b.example")}}, {Decision: AccessBlock, Include: []AccessRule{everyone}}}, want: LoginNeeded},
		"bypass before everything":            {policies: []AccessPolicy{{Decision: AccessBlock, Include: []AccessRule{everyone}}, {Decision: AccessBypass, Include: []AccessRule{office}}}, ip: "198.51.100.7", want: Allowed, bypass: true},
		"bypass for others only":              {policies: []AccessPolicy{staff, {Decision: AccessBypass, Include: []AccessRule{office}}}, want: LoginNeeded},
		"mapped address":                      {policies: []AccessPolicy{{Decision: AccessBypass, Include: []AccessRule{office}}}, ip: "::ffff:198.51.100.7", want: Allowed, bypass: true},
		"one address":                         {policies: []AccessPolicy{{Decision: AccessBypass, Include: []AccessRule{rule(RuleIP, "2001:db8::1")}}}, ip: "2001:db8::1", want: Allowed, bypass: true},
		"service token":                       {policies: []AccessPolicy{{Decision: AccessService, Include: []AccessRule{rule(RuleToken, "ci")}}}, token: "ci", want: Allowed, service: true},
		"any service token":                   {policies: []AccessPolicy{staff, {Decision: AccessService, Include: []AccessRule{rule(RuleAnyToken, "")}}}, token: "ci", want: Allowed, service: true},
		"another service token":               {policies: []AccessPolicy{staff, {Decision: AccessService, Include: []AccessRule{rule(RuleToken, "cd")}}}, token: "ci", person: alice, want: Denied, service: true},
		"strict ignores allow":                {policies: []AccessPolicy{allow(everyone)}, token: "ci", person: alice, want: Denied, service: true},
		"not strict falls back to the person": {policies: []AccessPolicy{allow(everyone)}, token: "ci", person: alice, lenient: true, want: Allowed},
		"service auth is for programs only":   {policies: []AccessPolicy{{Decision: AccessService, Include: []AccessRule{everyone}}}, person: alice, want: Denied},
		"only for programs: no sign-in":       {policies: []AccessPolicy{{Decision: AccessService, Include: []AccessRule{everyone}}}, want: Denied},
	} {
		t.Run(name, func(t *testing.T) {
			a := Access{Lenient: c.lenient}.WithDefaults("shop")
			a.Applications = []AccessApplication{{Policies: c.policies, Origin: "compose.yaml:9"}}
			ip := "203.0.113.10"
			if c.ip != "" {
				ip = c.ip
			}
			v := a.Decide(a.Resolve(nil), AccessRequest{Path: "/x", Person: c.person, Token: c.token, IP: netip.MustParseAddr(ip), Country: "US"})
			if v.Decision != c.want || v.Bypass != c.bypass || v.Service != c.service || v.Why == "" || !strings.Contains(v.Rule, "compose.yaml:9") {
				t.Errorf("%+v", v)
			}
			if (v.Decision == Allowed && !v.Bypass) != (v.Session > 0) {
				t.Errorf("the session lasts %s", v.Session)
			}
		})
	}
}

func TestAccess_TheMostSpecificApplicationDecides(t *testing.T) {
	a := NewAccess("shop")
	for _, path := range []string{"", "/a", "/a/b*", "/a/bc", "/*/z"} {
		a.Applications = append(a.Applications, AccessApplication{Path: path})
	}
	apps := a.Resolve(nil)
	for target, want := range map[string]string{"/": "", "/x": "", "/a": "/a", "/a/x": "/a", "/a/bx": "/a/b*", "/a/bc": "/a/bc", "/a/bc/d": "/a/bc", "/q/z": "/*/z", "//a/./bc": "/a/bc", "/x/../a": "/a", "/ab": ""} {
		if got := AccessApplicationFor(apps, target); got == nil || got.Path != want {
			t.Errorf("%s: %v, want %q", target, got, want)
		}
	}
	if got := AccessApplicationFor(apps[1:], "/x"); got != nil {
		t.Errorf("%v decides about a path outside", got)
	}
	seen := map[string]bool{}
	for _, app := range apps {
		if len(app.Audience) != 64 || seen[app.Audience] || app.Session != 24*time.Hour {
			t.Errorf("%+v", app)
		}
		seen[app.Audience] = true
	}
}

func TestAccess_SettingsThatVerifiersRead(t *testing.T) {
	policies := []Policy{{Path: "/marketing/*", Allow: Allow{Groups: []string{"marketing"}}}, {Path: "/closed"}}
	a := NewAccess("My Shop!")
	a.Base = "/base"
	apps := a.Resolve(policies)
	env := FrontDoor{Access: &a, Policies: policies}.Environment()
	if env["CF_TEAM"] != "my-shop-team" || env["CF_AUD"] != apps[2].Audience+","+apps[0].Audience+","+apps[1].Audience || apps[2].Path != "/base" {
		t.Errorf("%v of %+v", env, apps)
	}
	a.Audience = strings.Repeat("ab", 32)
	if env := (FrontDoor{Access: &a}).Environment(); env["CF_AUD"] != a.Audience {
		t.Errorf("%v", env)
	}
	if hosts := (FrontDoor{Access: &a}).Hosts(); len(hosts) != 1 || hosts[0] != "my-shop-team.cloudflareaccess.com" {
		t.Errorf("hosts %v", hosts)
	}
	if again := NewAccess("My Shop!"); again.Resolve(policies)[0].Audience != apps[0].Audience || again.Account != a.Account || len(a.Account) != 32 {
		t.Error("the same project gets other values")
	}
	for _, project := range []string{"", "日本", strings.Repeat("x", 200)} {
		if team := NewAccess(project).Team; len(team) > 63 || strings.HasPrefix(team, "-") || !strings.HasSuffix(team, "team") {
			t.Errorf("team %q", team)
		}
	}
}

func TestAccess_AdoptsWhatTheAppCompares(t *testing.T) {
	tag := strings.Repeat("0f", 32)
	for name, c := range map[string]struct {
		own              Access
		team, audiences  string
		wantTeam, wantID string
	}{
		"both":            {Access{}, "acme", tag, "acme", tag},
		"an address":      {Access{}, "https://acme.cloudflareaccess.com/", tag + "," + strings.Repeat("1", 64), "acme", tag},
		"nothing usable":  {Access{}, "${TEAM}", "my-app", "", ""},
		"written already": {Access{Team: "mine", Audience: strings.Repeat("a", 64)}, "acme", tag, "mine", strings.Repeat("a", 64)},
	} {
		if got := c.own.Adopt(c.team, c.audiences); got.Team != c.wantTeam || got.Audience != c.wantID {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
