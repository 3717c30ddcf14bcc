package dev_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
)

func TestIAP_DefaultsFollowFromTheProject(t *testing.T) {
	i := dev.IAP{External: &dev.IAPExternal{}}.WithDefaults("My Shop!")
	form := regexp.MustCompile(`^/projects/\d{12}/global/backendServices/\d{19}$`)
	if i.Project != "sdev-my-shop" || !form.MatchString(i.Audience) || !form.MatchString(i.External.Audience) || i.Audience == i.External.Audience || i.External.Host != "my-shop-guests.localhost" {
		t.Errorf("%+v %s %s", i, i.External.Host, i.External.Audience)
	}
	if again := (dev.IAP{External: &dev.IAPExternal{}}).WithDefaults("My Shop!"); again.Audience != i.Audience || again.External.Audience != i.External.Audience {
		t.Error("the defaults change")
	}
	if other := (dev.IAP{}).WithDefaults("another"); other.Audience == i.Audience || other.External != nil {
		t.Errorf("%+v", other)
	}
	own := dev.IAP{Project: "example-project", Audience: "/projects/1/apps/a", External: &dev.IAPExternal{Host: "g.localhost", Audience: "/projects/1/apps/b"}}
	got := own.WithDefaults("shop")
	if diff := cmp.Diff(own, got); diff != "" {
		t.Errorf("set values changed:\n%s", diff)
	}
	for _, name := range []string{"", "日本", strings.Repeat("long-", 30)} {
		i := dev.IAP{External: &dev.IAPExternal{}}.WithDefaults(name)
		if !regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`).MatchString(i.Project) || !regexp.MustCompile(`^[a-z0-9-]{1,63}\.localhost$`).MatchString(i.External.Host) {
			t.Errorf("%q: %s at %s", name, i.Project, i.External.Host)
		}
	}
}

func TestIAP_TheAppLearnsWhatToCompareWith(t *testing.T) {
	i := dev.IAP{Audience: "/projects/1/apps/a"}
	if got := i.Environment(); got["IAP_AUDIENCE"] != i.Audience || got["IAP_AUDIENCES"] != i.Audience {
		t.Errorf("%v", got)
	}
	i.External = &dev.IAPExternal{Audience: "/projects/1/apps/b", Passwords: map[string]string{"a@example.com": "horse"}}
	if got := i.Environment(); got["IAP_AUDIENCE"] != i.Audience || got["IAP_AUDIENCES"] != "/projects/1/apps/a,/projects/1/apps/b" {
		t.Errorf("%v", got)
	}
	if got := i.TrustedHeaders()["X-Goog-Authenticated-User-Email"]; got != "email" {
		t.Errorf("st.user gets %q from the header", got)
	}
	if got := fmt.Sprintf("%v %+v", *i.External, dev.FrontDoor{IAP: &i}); strings.Contains(got, "horse") {
		t.Errorf("a password is printed: %s", got)
	}
}

func TestCheckIAPAudience_TakesAllKindsOfResources(t *testing.T) {
	for audience, valid := range map[string]bool{
		"/projects/123/global/backendServices/456":                true,
		"/projects/123/us-central1/backendServices/456":           false,
		"/projects/123/regions/us-central1/backendServices/456":   true,
		"/projects/123/apps/example-project":                      true,
		"/projects/123/locations/europe-west1/services/shop":      true,
		"/projects/example-project/global/backendServices/456":    false,
		"/projects/123/global/backendServices/":                   false,
		"projects/123/apps/a":                                     false,
		"/projects/123/apps/a/":                                   false,
		"/projects/123/locations/europe-west1/services/shop shop": false,
		"/projects//apps/a":                                       false,
		"":                                                        false,
		"1234.apps.googleusercontent.com":                         false,
	} {
		if err := dev.CheckIAPAudience(audience); (err == nil) != valid {
			t.Errorf("%q: %v", audience, err)
		}
	}
}

func TestDecideArmor_TheLowestPriorityThatMatchesDecides(t *testing.T) {
	rules := []dev.ArmorRule{
		{Priority: dev.ArmorDefault, Action: dev.ArmorDeny404, Ranges: []string{"*"}},
		{Priority: 20, Action: dev.ArmorAllow, Ranges: []string{"10.0.0.0/8", "2001:db8::/32"}},
		{Priority: 10, Action: dev.ArmorDeny502, Ranges: []string{"10.1.0.0/16"}},
	}
	for from, want := range map[string]int{"10.2.3.4": 0, "10.1.2.3": 502, "2001:db8::1": 0, "::ffff:10.2.3.4": 0, "192.0.2.1": 404, "2001:db9::1": 404} {
		if got := dev.ArmorStatus(dev.DecideArmor(rules, netip.MustParseAddr(from)).Action); got != want {
			t.Errorf("%s: %d, want %d", from, got, want)
		}
	}
	from := netip.MustParseAddr("192.0.2.1")
	if got := dev.DecideArmor(rules[1:], from); got.Action != dev.ArmorDeny403 || got.String() != "Cloud Armor's default rule" {
		t.Errorf("without a default rule: %+v", got)
	}
	if got := dev.DecideArmor(nil, from); got.Action != dev.ArmorAllow {
		t.Errorf("without a policy: %+v", got)
	}
}

func TestMember_IncludesPeopleAsIAMDoes(t *testing.T) {
	who := dev.Person{Email: "Alice@Example.com", Groups: []string{"sales"}}
	for text, want := range map[string]bool{
		"user:alice@example.com": true, "user:bob@example.com": false, "domain:example.com": true, "domain:ample.com": false, "domain:mail.example.com": false,
		"group:sales": true, "group:sale": false, "allAuthenticatedUsers": true,
	} {
		m, err := dev.ParseIAMMember(text)
		if err != nil || m.Includes(who) != want {
			t.Errorf("%s: %v, %v", text, m.Includes(who), err)
		}
		if back := dev.IAMNames([]dev.Member{m}); !slices.Equal(back, []string{text}) {
			t.Errorf("%s becomes %v", text, back)
		}
	}
	for _, text := range []string{"", "alice@example.com", "user:", "user:alice", "user:@x", "domain:", "domain:a@b", "group:", "group: a", "allUsers", "serviceAccount:a@b.iam.gserviceaccount.com"} {
		if m, err := dev.ParseIAMMember(text); err == nil {
			t.Errorf("%q is taken for %+v", text, m)
		}
	}
}
