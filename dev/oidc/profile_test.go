package oidc

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
)

// TestProfiles_EachIsImitated holds the names that files and flags take to what the provider does.
func TestProfiles_EachIsImitated(t *testing.T) {
	if diff := cmp.Diff(slices.Sorted(maps.Keys(imitations())), slices.Sorted(slices.Values(dev.Profiles()))); diff != "" {
		t.Errorf("imitated (-) and named by dev.Profiles (+):\n%s", diff)
	}
	for _, name := range dev.Profiles() {
		if p := profileNamed(name); p.name != name || p.subject == nil || p.refresh == "" {
			t.Errorf("%s is %+v", name, p)
		}
	}
	if p := profileNamed(""); p.name != dev.Profiles()[0] {
		t.Errorf("without a name it is %s", p.name)
	}
}

func TestProfiles_ShapeClaims(t *testing.T) {
	id := uuidOf("alice@example.com")
	groups := []any{"admin", "marketing"}
	for profile, want := range map[string]struct {
		id       claims // those that must be there; nil: must not
		access   claims
		userinfo claims
	}{
		"google": {
			id:       claims{"hd": "example.com", "email_verified": true, "groups": nil, "preferred_username": nil, "azp": "app"},
			userinfo: claims{"email_verified": true, "hd": "example.com"},
		},
		"cognito": {
			id:       claims{"cognito:groups": groups, "cognito:username": id, "token_use": "id", "email_verified": true, "groups": nil, "aud": "app", "azp": nil},
			access:   claims{"token_use": "access", "username": id, "cognito:groups": groups, "client_id": "app", "aud": nil},
			userinfo: claims{"email_verified": "true", "username": id, "cognito:groups": nil, "token_use": nil},
		},
		"keycloak": {
			id:       claims{"preferred_username": "alice", "groups": groups, "typ": "ID", "realm_access": map[string]any{"roles": []any{"offline_access", "uma_authorization", "admin", "marketing"}}},
			access:   claims{"typ": "Bearer", "azp": "app", "preferred_username": "alice"},
			userinfo: claims{"groups": groups, "typ": nil, "email_verified": true},
		},
		"entra": {
			id:       claims{"tid": uuidOf("example.com"), "oid": id, "preferred_username": "alice@example.com", "roles": groups, "groups": groups, "ver": "2.0", "email_verified": nil},
			access:   claims{"oid": id, "azp": "app", "scp": "openid email profile", "roles": groups},
			userinfo: claims{"oid": nil, "roles": nil, "email": "alice@example.com"},
		},
	} {
		t.Run(profile, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Profile = profile })
			a := r.tokens("alice@example.com")
			id := r.claimsOf(a.IDToken)
			info := decode[claims](t, []byte(r.post("/userinfo", url.Values{"access_token": {a.AccessToken}}).body))
			compare := func(what string, got, want claims) {
				for name, v := range want {
					if diff := cmp.Diff(v, got[name]); diff != "" {
						t.Errorf("%s, %s: %s", what, name, diff)
					}
				}
			}
			compare("ID token", id, want.id)
			compare("access token", r.claimsOf(a.AccessToken), want.access)
			compare("userinfo", info, want.userinfo)
			if id["sub"] != info["sub"] || id["sub"] != r.claimsOf(a.AccessToken)["sub"] || id["iss"] != r.p.cfg.Issuer {
				t.Errorf("subjects %v and %v, issuer %v", id["sub"], info["sub"], id["iss"])
			}
		})
	}
}

func TestProfiles_GiveRefreshTokensAsTheyDo(t *testing.T) {
	for profile, want := range map[string]bool{"plain": false, "google": false, "cognito": true, "keycloak": true, "entra": false} {
		t.Run(profile, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Profile = profile })
			if a := r.tokens("alice@example.com"); (a.RefreshToken != "") != want {
				t.Errorf("unasked: %q", a.RefreshToken)
			}
			if a := r.tokens("bob@example.com", "prompt", "consent", "access_type", "offline"); a.RefreshToken == "" {
				t.Error("none with access_type=offline")
			}
		})
	}
}

func TestSubjects_AreStableAndOfTheRightForm(t *testing.T) {
	if got := dev.GoogleSubject("alice@example.com"); !regexp.MustCompile(`^1[0-9]{20}$`).MatchString(got) || got != dev.GoogleSubject("Alice@Example.COM") || got == dev.GoogleSubject("bob@example.com") {
		t.Errorf("digits %s", got)
	}
	if got := uuidOf("alice@example.com"); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(got) {
		t.Errorf("UUID %s", got)
	}
}

func TestClaims_OfAPersonReplaceThoseThatFollow(t *testing.T) {
	r := newRig(t)
	who := people()
	who[0].Claims = map[string]any{"sub": "own-subject", "email_verified": nil, "name": "Somebody", "hd": "example.com"}
	r.do(Command{Do: DoPeople, People: who})
	a := r.tokens("alice@example.com")
	c := r.claimsOf(a.IDToken)
	if _, verified := c["email_verified"]; c["sub"] != "own-subject" || verified || c["name"] != "Somebody" || c["hd"] != "example.com" {
		t.Errorf("claims %v", c)
	}
	if sub := r.claimsOf(a.AccessToken)["sub"]; sub != "own-subject" {
		t.Errorf("the access token's subject is %v", sub)
	}
}
