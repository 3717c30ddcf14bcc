package alb

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

// What sdev auth explain says is what happens.
func TestExplain_SaysWhatHappens(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.door.Policies = []dev.Policy{{Path: "/closed/*", Origin: "compose.yaml:7"}, {Path: "/team/*", Allow: dev.Allow{Groups: []string{"admin"}}}}
		s.door.ALB.Rules = []dev.ALBRule{
			{Path: "/public/*", Unauthenticated: dev.ALBForward, Origin: "compose.yaml:9"}, {Path: "/maybe", Unauthenticated: dev.ALBAllow}, {Path: "/api/?", Unauthenticated: dev.ALBDeny},
		}
	})
	cookies := map[string][]*http.Cookie{"": nil}
	for _, email := range []string{alice, bob} {
		b := r.browser()
		b.signIn("/", email)
		cookies[email] = cookiesOf(b)
	}
	for _, path := range []string{"/", "/public", "/public/", "/public/x", "/maybe", "/maybe/", "/api/1", "/api/12", "/closed", "/closed/", "/closed/x", "/closed2", "/team/x", "/closed/x?q=/public/", "/public/x#y"} {
		for email, sent := range cookies {
			var who *door.Visitor
			if email != "" {
				person, ok := r.idp.Person(email)
				if !ok {
					t.Fatal(email)
				}
				who = &door.Visitor{Person: person, Claims: oidc.UserinfoClaims("cognito", person)}
			}
			v := Explain(r.door.FrontDoor, path, who)
			w := httptest.NewRecorder()
			requested, _, _ := strings.Cut(path, "#")
			pass, ok := r.lb.Admit(w, withCookies(httptest.NewRequest(http.MethodGet, requested, nil), sent))
			happens := dev.Denied
			switch {
			case ok:
				happens = dev.Allowed
			case w.Code == http.StatusFound:
				happens = dev.LoginNeeded
			}
			if v.Decision != happens || v.Why == "" || v.Rule == "" {
				t.Errorf("%s as %q: %+v, but %s (%d)", path, email, v, happens, w.Code)
			}
			checkHeaders(t, path+" as "+email, v, pass)
		}
	}
}

// checkHeaders compares the headers that are explained with those that the app gets.
func checkHeaders(t *testing.T, name string, v door.Verdict, got door.Pass) {
	t.Helper()
	var want, have []string
	for header := range v.Headers {
		want = append(want, header)
	}
	for header := range got.Header {
		if header != headerTrace {
			have = append(have, header)
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Errorf("%s: explained %q, the app gets %q", name, want, have)
		return
	}
	if len(have) == 0 {
		return
	}
	_, claims, _ := readToken(t, only(t, got, headerData))
	delete(claims, "exp")
	if diff := changes(claims, v.Headers[headerData].(map[string]any)); len(diff) != 0 || v.Headers[headerIdentity] != only(t, got, headerIdentity) {
		t.Errorf("%s: claims %q differ, identity %v", name, diff, v.Headers[headerIdentity])
	}
}

// The bundle of sdev deploy renders the same rules from the same function: what a rule closes, the policies deny to
// everybody, and every path that they deny to everybody and a rule can close is closed.
func TestRules_CloseWhatPoliciesDenyToEverybody(t *testing.T) {
	people := []*dev.Person{{Email: alice, Groups: []string{"admin"}}, {Email: bob}}
	paths := []string{"/", "/a", "/a/b", "/a/b/c", "/ab", "/team-x", "/team-x/budget", "/open", "/open/x"}
	patterns := []string{"/a/*", "/a", "/a/b/*", "/*", "/team-*/budget", "/team-x/*", "/open/*"}
	n := 0
	for i, first := range patterns {
		for _, second := range patterns[i+1:] {
			for _, open := range []dev.Policy{{Path: second, Allow: dev.Allow{Anyone: true}}, {Path: second}} {
				policies := []dev.Policy{{Path: first}, open}
				a := dev.NewALB("shop", "")
				for _, path := range paths {
					v := Explain(dev.FrontDoor{ALB: &a, Policies: policies}, path, nil)
					for _, who := range people {
						if d := dev.Decide(policies, path, who); v.Decision == dev.Denied && d.Decision != dev.Denied {
							t.Errorf("%v: a rule closes %s, which the policies open to %s", policies, path, who.Email)
						}
					}
					if v.Decision == dev.Denied {
						n++
					}
				}
			}
		}
	}
	if n == 0 {
		t.Error("nothing was closed")
	}
}
