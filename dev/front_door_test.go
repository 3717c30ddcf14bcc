package dev_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
)

const local = "http://localhost:8601"

func TestNewALB_HasStableValuesInTheFormsOfAWS(t *testing.T) {
	arn := regexp.MustCompile(`^arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/[a-z0-9][a-z0-9-]{0,31}/[0-9a-f]{16}$`)
	seen := map[string]string{}
	for _, project := range []string{"shop", "Shop & Söhne", "---", "", "a-very-long-name-of-a-project-that-nobody-should-have", "shop2"} {
		a := dev.NewALB(project, "").WithProvider(project, local)
		if !arn.MatchString(a.ARN) || strings.HasSuffix(strings.Split(a.ARN, "/")[2], "-") {
			t.Errorf("%q: %s", project, a.ARN)
		}
		if !regexp.MustCompile(`^us-east-1_[A-Za-z0-9]{9}$`).MatchString(a.Pool) || !regexp.MustCompile(`^[a-z0-9]{26}$`).MatchString(a.ClientID(project)) {
			t.Errorf("%q: pool %s, client %s", project, a.Pool, a.ClientID(project))
		}
		if a.Scope != "openid" || a.Unauthenticated != dev.ALBAuthenticate || a.Cookie != "AWSELBAuthSessionCookie" || a.Timeout != 604800*time.Second {
			t.Errorf("%q: %+v", project, a)
		}
		if diff := cmp.Diff(a, dev.NewALB(project, "").WithProvider(project, local)); diff != "" {
			t.Errorf("%q differs the second time:\n%s", project, diff)
		}
		for _, id := range []string{a.ARN, a.Pool, a.ClientID(project)} {
			if other, there := seen[id]; there {
				t.Errorf("%q and %q have the same %s", project, other, id)
			}
			seen[id] = project
		}
	}
	if a := dev.NewALB("shop", "eu-west-3_AbCdEfGhI"); a.Region() != "eu-west-3" {
		t.Errorf("%s is not in the region of the pool", a.ARN)
	}
}

func TestALB_EndpointsLeadToTheLocalProviderAndTheIssuerStays(t *testing.T) {
	cognito := dev.NewALB("shop", "").WithProvider("shop", local)
	pool := "https://cognito-idp.us-east-1.amazonaws.com/" + cognito.Pool
	own := dev.NewALB("shop", "")
	own.Action = dev.ALBOIDC
	foreign := own
	foreign.Issuer = "https://shop.auth0.com/"
	china := dev.NewALB("shop", "cn-north-1_AbCdEfGhI")
	china.Pool = "cn-north-1_AbCdEfGhI"
	for name, c := range map[string]struct {
		alb                  dev.ALB
		issuer, at, userinfo string
	}{
		"a user pool":          {cognito, pool, local + "/at/shop.auth.us-east-1.amazoncognito.com/oauth2", "/userInfo"},
		"the local provider":   {own.WithProvider("shop", local), local, local, "/userinfo"},
		"an issuer of its own": {foreign.WithProvider("shop", local), "https://shop.auth0.com/", local + "/at/shop.auth0.com", "/userinfo"},
		"a pool in China":      {china.WithProvider("shop", local), "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbCdEfGhI", local + "/at/shop.auth.cn-north-1.amazoncognito.com/oauth2", "/userInfo"},
	} {
		a := c.alb
		if a.Issuer != c.issuer || a.Authorization != c.at+"/authorize" || a.Token != c.at+"/token" || a.Userinfo != c.at+c.userinfo {
			t.Errorf("%s: %+v", name, a)
		}
		if got := a.Issuers("shop"); len(got) != 1 || !slices.Contains([]string{got["shop.auth."+a.Region()+".amazoncognito.com"], got["localhost"], got["shop.auth0.com"]}, c.issuer) {
			t.Errorf("%s: issuers %v", name, got)
		}
	}
}

func TestFrontDoor_HostsAreThoseThatLibrariesHaveBuiltIn(t *testing.T) {
	for arn, want := range map[string][]string{
		"us-east-1":     {"public-keys.auth.elb.us-east-1.amazonaws.com"},
		"us-gov-east-1": {"s3-us-gov-east-1.amazonaws.com"},
		"cn-north-1":    {"public-keys.auth.elb.cn-north-1.amazonaws.com.cn", "public-keys.auth.elb.cn-north-1.amazonaws.com"},
	} {
		a := dev.NewALB("shop", arn+"_AbCdEfGhI").WithProvider("shop", local)
		suffix := ""
		if strings.HasPrefix(arn, "cn-") {
			suffix = ".cn"
		}
		if got := (dev.FrontDoor{ALB: &a}).Hosts(); !slices.Equal(got, append(slices.Clone(want), "cognito-idp."+arn+".amazonaws.com"+suffix)) {
			t.Errorf("%s: %q", arn, got)
		}
		if host := (dev.FrontDoor{ALB: &a}).Hosts()[len(want)]; !dev.IsIdentityHost(host) {
			t.Errorf("%s is not led to the provider", host)
		}
		a.Action = dev.ALBOIDC
		if got := (dev.FrontDoor{ALB: &a}).Hosts(); !slices.Equal(got, want) {
			t.Errorf("%s with oidc: %q", arn, got)
		}
	}
	if none := (dev.FrontDoor{}); len(none.Hosts())+len(none.Environment())+len(none.TrustedHeaders()) != 0 {
		t.Error("no door, but something of one")
	}
}

func TestFrontDoor_EnvironmentIsWhatVerifiersRead(t *testing.T) {
	a := dev.NewALB("shop", "").WithProvider("shop", local)
	d := dev.FrontDoor{Client: dev.Client{ID: "the-client", Secret: "xyzzy"}, ALB: &a}
	want := map[string]string{"ALB_ARN": a.ARN, "ALB_REGION": "us-east-1", "ALB_CLIENT_ID": "the-client", "ALB_ISSUER": a.Issuer, "COGNITO_USER_POOL_ID": a.Pool, "COGNITO_CLIENT_ID": "the-client"}
	if diff := cmp.Diff(want, d.Environment()); diff != "" {
		t.Error(diff)
	}
	a.Action = dev.ALBOIDC
	if env := d.Environment(); len(env) != 4 || env["ALB_ARN"] == "" {
		t.Errorf("%v", env)
	}
}

func TestFrontDoor_IsPrintedWithoutItsSecretsAndStoredWithThem(t *testing.T) {
	a := dev.NewALB("shop", "").WithProvider("shop", local)
	d := dev.FrontDoor{Client: dev.Client{ID: "x", Secret: "xyzzy"}, Authority: dev.Authority{Certificate: []byte("c"), Key: []byte("plugh")}, ALB: &a}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{d, &d, d.Authority, struct{ D dev.FrontDoor }{d}} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "xyzzy") || strings.Contains(text, "plugh") || strings.Contains(text, "112") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again dev.FrontDoor
	if err := json.Unmarshal(b, &again); err != nil || again.Client.Secret != "xyzzy" || string(again.Authority.Key) != "plugh" || again.ALB.ARN != a.ARN || again.ALB.Timeout != a.Timeout {
		t.Errorf("%v", err)
	}
}
