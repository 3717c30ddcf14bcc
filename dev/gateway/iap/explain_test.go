package iap

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

func inState(dir string) func(*door.Config) { return func(c *door.Config) { c.State = dir } }

// directory is people without a provider.
type directory []dev.Person

func (d directory) Holder(string) (dev.Person, bool) { return dev.Person{}, false }
func (d directory) Person(email string) (dev.Person, bool) {
	i := slices.IndexFunc(d, func(p dev.Person) bool { return strings.EqualFold(p.Email, email) })
	if i < 0 {
		return dev.Person{}, false
	}
	return d[i], true
}

type noFaults struct{}

func (noFaults) Take(string) door.Acting { return nil }

// offline is a proxy without a provider.
func offline(t testing.TB, all []dev.Policy, change ...func(*dev.IAP)) *Door {
	t.Helper()
	iap := settings()
	for _, c := range change {
		c(&iap)
	}
	d, err := New(door.Config{FrontDoor: dev.FrontDoor{Client: dev.Client{ID: doorClient}, Policies: all, IAP: &iap}, Project: "shop",
		Origin: "http://localhost:8501", Issuer: "http://localhost:8601", Emit: func(dev.Event) {}, People: directory(people()), Faults: noFaults{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// request is one of somebody who has signed in; nil has not.
func (d *Door) request(t testing.TB, s *resource, who *dev.Person, path, from string) *http.Request {
	t.Helper()
	q := httptest.NewRequest(http.MethodGet, d.origins[s]+path, nil)
	q.RemoteAddr = "127.0.0.1:4711"
	q.Header.Set(door.SourceHeader, from)
	if who != nil {
		w := httptest.NewRecorder()
		if err := d.setSession(w, s, &session{ID: "1", Person: *who, At: d.cfg.Now()}); err != nil {
			t.Fatal(err)
		}
		for _, c := range w.Result().Cookies() {
			q.AddCookie(c)
		}
	}
	return q
}

// TestExplain_SaysWhatTheProxyDoes asks both for every person, path, host and network.
func TestExplain_SaysWhatTheProxyDoes(t *testing.T) {
	sets := map[string][]dev.Policy{
		"none":  nil,
		"sales": policies(),
		"nested": {{Path: "/*", Allow: dev.Allow{Domains: []string{"example.com"}}}, {Path: "/sales/*", Allow: dev.Allow{Groups: []string{"sales"}}, Origin: "compose.yaml:9"},
			{Path: "/sales/open", Allow: dev.Allow{Anyone: true}}, {Path: "/closed/*"}, {Path: "/team-*/x", Allow: dev.Allow{Emails: []string{bob}}}},
	}
	seen := map[dev.Decision]int{}
	for name, all := range sets {
		d := offline(t, all)
		visitors := []*dev.Person{nil}
		for _, p := range people() {
			visitors = append(visitors, &p)
		}
		for _, who := range visitors {
			for _, path := range []string{"/", "/sales", "/sales/year?a=b", "/sales/open", "/salesx", "/closed/a", "/team-1/x", "/_stcore/stream", "/static/a.js"} {
				for i, s := range d.resources {
					for _, from := range []string{known, "198.51.100.1"} {
						e, err := Explain(d.iap, all, who, Visit{Path: path, Host: []string{"", "Guests.localhost"}[i], From: from, At: time.Now()})
						if err != nil {
							t.Fatal(err)
						}
						w := httptest.NewRecorder()
						pass, ok := d.Admit(w, d.request(t, s, who, path, from))
						where := fmt.Sprintf("%s: %v at %s%s from %s", name, who, s.host, path, from)
						same(t, where, e, pass, ok, w.Code)
						seen[e.Decision]++
					}
				}
			}
		}
	}
	if seen[dev.Allowed] == 0 || seen[dev.Denied] == 0 || seen[dev.LoginNeeded] == 0 {
		t.Errorf("not every decision occurs: %v", seen)
	}
}

// same compares an explanation with what the proxy has done.
func same(t *testing.T, where string, e Explanation, pass door.Pass, ok bool, status int) {
	t.Helper()
	want := map[dev.Decision]int{dev.Allowed: http.StatusOK, dev.Denied: http.StatusForbidden, dev.LoginNeeded: http.StatusFound}[e.Decision]
	if ok != (e.Decision == dev.Allowed) || status != want || e.Why == "" {
		t.Errorf("%s: explained as %s (%s), but answered %d", where, e.Decision, e.Why, status)
		return
	}
	if len(e.Headers) != len(pass.Header) {
		t.Errorf("%s: headers %v, but %v", where, e.Headers, pass.Header)
	}
	for name, values := range pass.Header {
		if name != headerAssertion {
			if e.Headers[name] != values[0] {
				t.Errorf("%s: %s is %q, but %q", where, name, e.Headers[name], values[0])
			}
			continue
		}
		explained, got := map[string]any{}, decode(t, values[0], 1)
		if err := json.Unmarshal([]byte(e.Headers[name]), &explained); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		for _, claims := range []map[string]any{explained, got} {
			delete(claims, "iat")
			delete(claims, "exp")
			if g, ok := claims["gcip"].(map[string]any); ok {
				delete(g, "auth_time")
			}
		}
		if fmt.Sprint(explained) != fmt.Sprint(got) {
			t.Errorf("%s: claims %v, but %v", where, explained, got)
		}
	}
}

func TestExplain_NamesTheRule(t *testing.T) {
	alice, bob := people()[0], people()[1]
	for _, c := range []struct {
		who              *dev.Person
		v                Visit
		decision         dev.Decision
		rule, why, claim string
	}{
		{&alice, Visit{Path: "/sales/x"}, dev.Allowed, "/sales/* (compose.yaml:9)", `IAM: the binding "/sales/*" includes group:sales`, `"email":"alice@example.com"`},
		{&bob, Visit{Path: "/sales/x?y"}, dev.Denied, "/sales/* (compose.yaml:9)", "IAM: no binding of the role IAP-secured Web App User for this path includes the person", ""},
		{&bob, Visit{Path: "x"}, dev.Allowed, "", `IAM: the binding "everybody" includes allAuthenticatedUsers`, `"hd":"example.com"`},
		{nil, Visit{Path: "/sales/x"}, dev.LoginNeeded, "/sales/* (compose.yaml:9)", "nobody has signed in", ""},
		{&bob, Visit{Path: "/sales/x", Host: "guests.localhost", From: known}, dev.Allowed, "", "for guests, IAP checks only the sign-in, and not IAM", `"gcip":{`},
		{&bob, Visit{Path: "/", Host: "guests.localhost"}, dev.Denied, "Cloud Armor's default rule", "Cloud Armor refuses the address 127.0.0.1", ""},
	} {
		e, err := Explain(settings(), policies(), c.who, c.v)
		if err != nil || e.Decision != c.decision || e.Rule != c.rule || e.Why != c.why || !strings.Contains(e.Headers[headerAssertion], c.claim) || (c.claim == "") != (len(e.Headers) == 0) {
			t.Errorf("%+v: %+v %v", c.v, e, err)
		}
	}
	if _, err := Explain(settings(), nil, nil, Visit{From: "here"}); err == nil {
		t.Error("an address that is none is taken")
	} else if e, ok := errors.AsType[*dev.Error](err); !ok || e.Exit != dev.ExitUsage {
		t.Errorf("%v", err)
	}
}

// TestExplain_MembersAreThoseOfTheSettings closes the app to all but a domain.
func TestExplain_MembersAreThoseOfTheSettings(t *testing.T) {
	only := settings()
	only.Members = []dev.Member{{Kind: dev.MemberDomain, Text: "example.com"}}
	for i, want := range []dev.Decision{dev.Allowed, dev.Allowed, dev.Denied} {
		e, err := Explain(only, nil, &people()[i], Visit{Path: "/"})
		if err != nil || e.Decision != want {
			t.Errorf("%s: %+v %v", people()[i].Email, e, err)
		}
	}
}
