package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// listenerRule is a rule of the load balancer in the bundle's config.json.
type listenerRule struct {
	Priority int
	Patterns []string
}

// matches reports whether one of the rule's patterns covers a path. Source: AWS, "Condition types for listener rules": *
// matches 0 or more characters, ? exactly one, and case counts.
func (r listenerRule) matches(t *testing.T, requested string) bool {
	t.Helper()
	return slices.ContainsFunc(r.Patterns, func(pattern string) bool {
		expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		matched, err := regexp.MatchString("^"+expression+"$", requested)
		if err != nil {
			t.Fatal(err)
		}
		return matched
	})
}

// policiesOfTwoDoors are sets of policies, as they stand in a compose file.
var policiesOfTwoDoors = map[string]string{
	"none":           "[]",
	"one page":       "[{path: /admin, allow: {}}]",
	"all below":      "[{path: '/admin/*', allow: {}}]",
	"everything":     "[{path: '/*', allow: {}}]",
	"a part is open": "[{path: '/admin/*', allow: {}}, {path: /admin/open, allow: {groups: [staff]}}]",
	"a sibling":      "[{path: '/reports/*', allow: {}}, {path: /reportsx, allow: {anyone: true}}]",
	"nested":         "[{path: '/reports/*', allow: {}}, {path: '/reports/year/*', allow: {}}]",
	"groups":         "[{path: '/reports/*', allow: {groups: [staff]}}, {path: /admin, allow: {emails: [boss@example.com]}}]",
	"a star within":  "[{path: '/team-*/budget', allow: {}}, {path: '/reports/*', allow: {}}]",
}

// decided is a decision about a person and a path, as "sdev auth explain" prints and expects it.
type decided struct {
	Path     string       `json:"path"`
	User     string       `json:"user"` // "" is nobody
	Decision dev.Decision `json:"decision"`
}

// TestDeploy_ClosesWhatTheLocalLoadBalancerCloses compares the listener rules that "sdev deploy" writes with what "sdev
// auth explain" says about the local load balancer, for every person and path. They must say the same, and close nothing
// that a policy opens to somebody.
func TestDeploy_ClosesWhatTheLocalLoadBalancerCloses(t *testing.T) {
	people := []string{"", "boss@example.com", "sam@example.com"}
	paths := []string{"/", "/admin", "/admin/", "/admin/x", "/admin/open", "/Admin", "/adminx", "/reports", "/reports/year", "/reports/year/2026", "/reportsx", "/team-a/budget", "/team-a/b/budget", "/_stcore/stream", "/static/a.js"}
	closed := 0
	for name, policies := range policiesOfTwoDoors {
		t.Run(name, func(t *testing.T) {
			dir := plainApp(t, map[string]string{"docker-compose.yml": "name: shop\nservices:\n  streamlit:\n    build: .\n    ports: [\"127.0.0.1:8501:8501\"]\n" +
				"x-sdev:\n  auth:\n    mode: native\n    users: [{email: boss@example.com}, {email: sam@example.com, groups: [staff]}]\n    policies: " + policies + "\n"})
			rules := listenerRules(t, dir)
			var want []decided
			for _, path := range paths {
				closes := slices.ContainsFunc(rules, func(r listenerRule) bool { return r.matches(t, path) })
				if closes {
					closed++
					checkNobodyMayOpen(t, dir, path)
				}
				for _, user := range people {
					decision := dev.Allowed
					switch {
					case closes:
						decision = dev.Denied
					case user == "":
						decision = dev.LoginNeeded
					}
					want = append(want, decided{path, user, decision})
				}
			}
			b, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "access.json")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if code, out, errs := runLine(t, dir, "auth", "explain", "--door", "alb", "--expect", file); code != 0 {
				t.Errorf("the bundle and the local load balancer differ:\n%s%s", out, errs)
			}
		})
	}
	if closed == 0 {
		t.Error("no rule closed a path")
	}
}

// listenerRules deploys a project behind a load balancer, and returns the rules in the bundle.
func listenerRules(t *testing.T, dir string) []listenerRule {
	t.Helper()
	if _, r, out := deployed(t, dir, "ecs-cognito", "--yes"); !r.Written {
		t.Fatal(out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "deploy/ecs-cognito/config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct{ Closed []listenerRule }
	if err := json.Unmarshal(b, &bundle); err != nil {
		t.Fatal(err)
	}
	return bundle.Closed
}

// checkNobodyMayOpen checks that the policies of a project open a path to none of its people.
func checkNobodyMayOpen(t *testing.T, dir, path string) {
	t.Helper()
	code, out, errs := runLine(t, dir, "auth", "explain", path, "--matrix", "--json")
	var all []decided
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 || len(all) != 3 {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	for _, v := range all {
		if v.User != "" && v.Decision != dev.Denied {
			t.Errorf("a listener rule closes %s, which a policy opens to %s", path, v.User)
		}
	}
}
