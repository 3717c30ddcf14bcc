package handoff

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"sdev/dev"
)

// holds evaluates a condition of IAM for a path. The part of CEL that conditions use is the same in Terraform's
// language, except for how a function is called.
func holds(t testing.TB, expression, requested string) bool {
	t.Helper()
	if expression == "" {
		return true
	}
	source := strings.ReplaceAll(expression, "request.path.startsWith(", "startsWith(request.path, ")
	e, diags := hclsyntax.ParseExpression([]byte(source), "condition", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", expression, diags)
	}
	startsWith := function.New(&function.Spec{
		Params: []function.Parameter{{Name: "s", Type: cty.String}, {Name: "prefix", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(strings.HasPrefix(args[0].AsString(), args[1].AsString())), nil
		},
	})
	v, diags := e.Value(&hcl.EvalContext{
		Variables: map[string]cty.Value{"request": cty.ObjectVal(map[string]cty.Value{"path": cty.StringVal(requested)})},
		Functions: map[string]function.Function{"startsWith": startsWith},
	})
	if diags.HasErrors() {
		t.Fatalf("%s: %v", expression, diags)
	}
	return v.True()
}

// policySets are sets of policies that IAM can express, and one set that it cannot.
func policySets() map[string][]dev.Policy {
	sales := dev.Allow{Groups: []string{"sales"}}
	boss := dev.Allow{Emails: []string{"boss@example.com"}}
	guests := dev.Allow{Domains: []string{"example.org"}}
	anyone := dev.Allow{Anyone: true}
	return map[string][]dev.Policy{
		"none":        nil,
		"one":         {{Path: "/reports/*", Allow: sales}},
		"nested":      {{Path: "/reports/*", Allow: sales}, {Path: "/reports/year/*", Allow: boss}, {Path: "/reports/open", Allow: anyone}},
		"all closed":  {{Path: "/*", Allow: boss}, {Path: "/reports/*", Allow: sales}, {Path: "/guests", Allow: guests}},
		"exact":       {{Path: "/reports", Allow: sales}, {Path: "/", Allow: anyone}},
		"nobody":      {{Path: "/reports/*"}, {Path: "/admin"}},
		"twice":       {{Path: "/reports/*", Allow: sales}, {Path: "/reports/*", Allow: boss}},
		"same begin":  {{Path: "/report", Allow: boss}, {Path: "/reports/*", Allow: sales}},
		"star within": {{Path: "/rep*/year", Allow: boss}, {Path: "/admin/*", Allow: sales}},
	}
}

// crowd are people, with what a platform knows about each.
func crowd() []dev.Person {
	return []dev.Person{
		{Email: "boss@example.com"}, {Email: "alice@example.com"}, {Email: "sam@example.com", Groups: []string{"sales"}}, {Email: "greta@example.org"},
	}
}

// is reports whether a member is this person.
func is(m dev.Member, p dev.Person) bool {
	switch m.Kind {
	case "group":
		return slices.ContainsFunc(p.Groups, func(g string) bool { return g+"@groups.example.com" == m.Text })
	case "domain":
		return strings.HasSuffix(p.Email, "@"+m.Text)
	}
	return m.Text == p.Email
}

func visited() []string {
	return []string{"/", "/reports", "/reports/", "/reports/year", "/reports/year/2026", "/reports/open", "/reportsx", "/report", "/admin", "/admin/x", "/guests", "/replay/year", "/_stcore/stream", "/static/a.js", "/first"}
}

// TestConditions_LetInWhomThePoliciesLetIn compares the decision of IAM with that of sdev, for people who are all
// members. If the two differ, IAM must be the stricter. The local front door has to say the same as the bundle's text.
func TestConditions_LetInWhomThePoliciesLetIn(t *testing.T) {
	for name, policies := range policySets() {
		t.Run(name, func(t *testing.T) {
			f := Facts{Policy: policies}
			v := Values{"members": {Text: "@example.com,@example.org"}, "groups": {Text: "sales=sales@groups.example.com"}}
			who, findings := accessOf(f, v)
			if len(findings) > 0 {
				t.Fatal(findings)
			}
			grants, unexpressed := conditions(f, who)
			for _, p := range crowd() {
				for _, requested := range visited() {
					got := slices.ContainsFunc(grants, func(b binding) bool {
						return holds(t, b.Expression, requested) && slices.ContainsFunc(b.members, func(m string) bool {
							kind, text, _ := strings.Cut(m, ":")
							return is(dev.Member{Kind: map[string]string{"user": "person"}[kind] + map[string]string{"domain": "domain", "group": "group"}[kind], Text: text}, p)
						})
					})
					want := dev.Decide(policies, requested, &p).Decision == dev.Allowed
					for _, shared := range dev.SharedPaths() {
						want = want || strings.HasPrefix(requested, shared+"/") // every page needs it
					}
					if got != want && (got || len(unexpressed) == 0) {
						t.Errorf("%s at %s: IAM says %v, the policies say %v\n%+v", p.Email, requested, got, want, grants)
					}
				}
			}
			for _, b := range who.IAMBindings(f.App.BasePath) {
				for _, requested := range visited() {
					if text := b.Condition.Expression(); b.Condition.Holds(requested) != holds(t, text, requested) {
						t.Errorf("at %s the local front door says %v about %s", requested, b.Condition.Holds(requested), text)
					}
				}
			}
			if (name == "star within") != (len(unexpressed) > 0) {
				t.Errorf("findings %+v", unexpressed)
			}
		})
	}
}

// TestApplications_LetNobodyInWhomThePoliciesKeepOut does the same for Cloudflare Access, where the application with
// the longest path decides, also for everything below that path.
func TestApplications_LetNobodyInWhomThePoliciesKeepOut(t *testing.T) {
	for name, policies := range policySets() {
		t.Run(name, func(t *testing.T) {
			f := Facts{Policy: policies}
			v := Values{"members": {Text: "@example.com,@example.org"}, "groups": {Text: "sales=sales@groups.example.com"}, "group-kind": {Text: "access"}, "domain": {Text: "a.example.com"}}
			who, _ := accessOf(f, v)
			all, findings := applications(f, v, who, "")
			differs := len(findings) > 0
			for _, p := range crowd() {
				for _, requested := range visited() {
					app := deciding(t, all, requested)
					got := slices.ContainsFunc(app.people, func(m map[string]string) bool {
						return is(dev.Member{Kind: strings.ReplaceAll(m["kind"], "access", "group"), Text: m["text"]}, p)
					})
					want := dev.Decide(policies, requested, &p).Decision == dev.Allowed
					if got && !want || want && !got && !differs {
						t.Errorf("%s at %s: Access says %v, the policies say %v (%+v)", p.Email, requested, got, want, app)
					}
				}
			}
		})
	}
}

// TestApplications_AreThoseOfTheLocalDoor compares the bundle with Cloudflare Access on this machine, for every person and
// path. They must say the same.
func TestApplications_AreThoseOfTheLocalDoor(t *testing.T) {
	for name, policies := range policySets() {
		for _, base := range []string{"", "/tools"} {
			t.Run(name+base, func(t *testing.T) {
				f := Facts{Policy: policies}
				v := Values{"members": {Text: "@example.com,@example.org"}, "groups": {Text: "sales=sales@groups.example.com"}, "group-kind": {Text: "access"}, "domain": {Text: "a.example.com"}}
				who, _ := accessOf(f, v)
				bundle, _ := applications(f, v, who, base)
				door := dev.NewAccess("shop")
				door.Base = base
				apps := door.Resolve(policies)
				if len(apps) != len(bundle) {
					t.Fatalf("%d applications in the bundle, %d on this machine", len(bundle), len(apps))
				}
				for i := range apps {
					if bundle[i].paths[0] != apps[i].Path {
						t.Errorf("the bundle covers %s, and this machine %s", bundle[i].paths[0], apps[i].Path)
					}
				}
				for _, p := range crowd() {
					for _, requested := range append(visited(), "/tools", "/tools/reports", "/tools/_stcore/stream") {
						app := deciding(t, bundle, requested)
						want := app.paths == nil || slices.ContainsFunc(app.people, func(m map[string]string) bool {
							return is(dev.Member{Kind: strings.ReplaceAll(m["kind"], "access", "group"), Text: m["text"]}, p)
						})
						verdict := door.Decide(apps, dev.AccessRequest{Path: requested, Person: &p})
						if got := verdict.Decision == dev.Allowed; got != want {
							t.Errorf("%s at %s: the bundle says %v, and this machine %+v", p.Email, requested, want, verdict)
						}
					}
				}
			})
		}
	}
}

// deciding is the application that decides about a path: the one with the longest path that covers it.
func deciding(t testing.TB, all []application, requested string) application {
	t.Helper()
	best, length := application{}, -1
	for _, a := range all {
		for _, p := range a.paths {
			if covers := matchAccess(t, p, path.Clean(requested)); covers && len(p) > length {
				best, length = a, len(p)
			}
		}
	}
	return best
}

func matchAccess(t testing.TB, pattern, requested string) bool {
	t.Helper()
	if before, after, ok := strings.Cut(pattern, "*"); ok {
		rest, found := strings.CutPrefix(requested, before)
		return found && (after == "" || strings.HasSuffix(rest, after) || strings.Contains(rest, after+"/"))
	}
	return pattern == "" || requested == pattern || strings.HasPrefix(requested, strings.TrimSuffix(pattern, "/")+"/")
}

func TestConditions_TooManyForIAMAreFound(t *testing.T) {
	f := Facts{}
	for _, p := range []string{"/a/*", "/b/*", "/c/*", "/d/*", "/e/*", "/f/*", "/g/*"} {
		f.Policy = append(f.Policy, dev.Policy{Path: p, Allow: dev.Allow{Emails: []string{"a@example.com"}}, Origin: "compose.yaml:7"})
	}
	who, _ := accessOf(f, Values{"members": {Text: "@example.com"}})
	_, findings := conditions(f, who)
	if len(findings) != 1 || findings[0].ID != "policy.cloud-run.size" || !dev.AnyBlocks(findings) {
		t.Errorf("findings %+v", findings)
	}
	f.Policy = f.Policy[:6]
	who, _ = accessOf(f, Values{"members": {Text: "@example.com"}})
	if _, findings := conditions(f, who); len(findings) != 0 {
		t.Errorf("six are found to be too many: %+v", findings)
	}
}

func TestPathFindings_PoliciesOutsideOfTheApp(t *testing.T) {
	f := Facts{App: App{BasePath: "tools/shop"}}
	for _, p := range []string{"/tools/shop/a/*", "/tools/shop", "/*", "/reports/*", "/tools/shopping"} {
		f.Policy = append(f.Policy, dev.Policy{Path: p})
	}
	var got []string
	for _, one := range pathFindings(f) {
		got = append(got, one.ID+" "+one.Fix)
	}
	want := []string{"policy.outside change the path to /tools/shop/reports/*", "policy.outside change the path to /tools/shop/tools/shopping"}
	if len(got) != 3 || !slices.Equal(got[1:], want) {
		t.Errorf("found %q", got)
	}
}
