package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

func TestALB_IsReadInFull(t *testing.T) {
	s := loadedFrom(t, map[string]string{"compose.yaml": streamlitOnly + `x-sdev:
  auth:
    mode: alb
    alb:
      arn: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/my-app/0123456789abcdef
      action: oidc
      issuer: https://shop.auth0.com/
      client_id: 0oa1-b_c
      scope: openid email
      cookie: MyCookie
      on_unauthenticated: deny
      session_timeout: 8h
      params: {prompt: login, audience: https://api.example.com}
      rules:
        - {path: /public/*, on_unauthenticated: forward}
        - path: /api/?
          on_unauthenticated: deny
        - {path: "*", on_unauthenticated: authenticate}
`}).Settings.Auth
	want := config.ALBSettings{
		ARN: "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/my-app/0123456789abcdef", Action: "oidc", Issuer: "https://shop.auth0.com/",
		Client: "0oa1-b_c", Scope: "openid email", Cookie: "MyCookie", Unauthenticated: "deny", Timeout: 8 * time.Hour,
		Params: map[string]string{"prompt": "login", "audience": "https://api.example.com"},
		Rules:  []dev.ALBRule{{Path: "/public/*", Unauthenticated: "forward", Origin: "compose.yaml:18"}, {Path: "/api/?", Unauthenticated: "deny", Origin: "compose.yaml:19"}, {Path: "*", Unauthenticated: "authenticate", Origin: "compose.yaml:21"}},
	}
	if diff := cmp.Diff(want, s.ALB); diff != "" || s.Mode != dev.ALBLogin {
		t.Errorf("mode %s (-want +got):\n%s", s.Mode, diff)
	}
	a := s.ALB.Apply(dev.NewALB("shop", ""))
	if a.ARN != want.ARN || a.Region() != "eu-central-1" || a.Action != "oidc" || a.Timeout != 8*time.Hour || a.Cookie != "MyCookie" || a.Unauthenticated != "deny" || len(a.Rules) != 3 {
		t.Errorf("%+v", a)
	}
	before := dev.NewALB("shop", "")
	if diff := cmp.Diff(before, config.ALBSettings{}.Apply(before)); diff != "" {
		t.Errorf("no settings change something:\n%s", diff)
	}
}

func TestALB_WrongSettingsAreErrorsWithTheirLine(t *testing.T) {
	const name = "x-sdev.auth.alb"
	many := "params: {"
	for i := range 11 {
		many += fmt.Sprintf("p%d: x, ", i)
	}
	for setting, c := range map[string]struct {
		line       int // in the setting, from 0
		want, hint string
	}{
		"arn: my-load-balancer": {0, name + `.arn: "my-load-balancer" has the wrong form`, "arn:aws:elasticloadbalancing:us-east-1"},
		"arn: arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/x/0123456789abcdef": {0, name + `.arn: "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/x/0123456789abcdef" has the wrong form`, "Application Load Balancer"},
		"arn: [a]":                                      {0, name + ".arn must be a string", ""},
		"action: saml":                                  {0, name + `.action is "saml"`, "oidc"},
		"action: oidc\nissuer: http://x.y":              {1, name + `.issuer: "http://x.y" is not the issuer of a provider`, "https://idp.example.com"},
		"action: oidc\nissuer: https://":                {1, name + `.issuer: "https://" is not the issuer of a provider`, ""},
		"action: oidc\nissuer: https://x?a":             {1, name + `.issuer: "https://x?a" is not the issuer of a provider`, ""},
		"action: oidc\npool: us-east-1_abc":             {0, name + ".pool is for the action cognito, but the action is oidc", "remove"},
		"issuer: https://idp.example.com":               {0, name + ".issuer is for the action oidc", "action: oidc"},
		"pool: abc":                                     {0, name + `.pool: "abc" has the wrong form`, "us-east-1_AbCdEfGhI"},
		"client_id: a b":                                {0, name + `.client_id: "a b" has the wrong form`, "without spaces"},
		"scope: openid  email":                          {0, name + `.scope: "openid  email" has the wrong form`, "openid email"},
		"cookie: a=b":                                   {0, name + `.cookie: "a=b" has the wrong form`, "letters"},
		"on_unauthenticated: forward":                   {0, name + `.on_unauthenticated is "forward"`, "authenticate"},
		"session_timeout: 8":                            {0, name + `.session_timeout: "8" is not a time from 1s to 168h`, "8h"},
		"session_timeout: 500ms":                        {0, name + `.session_timeout: "500ms" is not a time from 1s to 168h`, "168h"},
		"session_timeout: 169h":                         {0, name + `.session_timeout: "169h" is not a time from 1s to 168h`, ""},
		"params: [prompt]":                              {0, name + ".params must be a mapping of names to values", "{prompt: login}"},
		"params:\n  prompt: login\n  State: x":          {2, name + `.params: the load balancer cannot add the parameter "State"`, "state"},
		"params: {a b: x}":                              {0, name + `.params: the load balancer cannot add the parameter "a b"`, ""},
		"params: {prompt: [x]}":                         {0, name + ".params.prompt must be a string", ""},
		many + "}":                                      {0, name + ".params has 11 parameters, but a load balancer allows 10", "remove some"},
		"rules: {path: /x}":                             {0, name + ".rules must be a list", ""},
		"rules:\n- path: x\n  on_unauthenticated: deny": {1, name + `.rules[0].path: "x" has the wrong form`, "/public/*"},
		"rules:\n- path: /x\n":                          {1, name + ".rules[0] needs path and on_unauthenticated", "forward"},
		"rules:\n- {on_unauthenticated: deny}":          {1, name + ".rules[0] needs path and on_unauthenticated", ""},
		"rules:\n- path: /x\n  on_unauthenticated: no":  {2, name + `.rules[0].on_unauthenticated`, "forward"},
		"rules:\n- {path: /x, then: deny}":              {1, "unknown setting " + name + ".rules[0].then", "on_unauthenticated, path"},
		"timeout: 8h":                                   {0, "unknown setting " + name + ".timeout", "session_timeout"},
		"rules:\n- {path: '" + "/" + strings.Repeat("x", 128) + "', on_unauthenticated: deny}": {1, name + `.rules[0].path: "/` + strings.Repeat("x", 128) + `" has the wrong form`, ""},
	} {
		t.Run(setting, func(t *testing.T) {
			text := "x-sdev:\n  auth:\n    alb:\n      " + strings.ReplaceAll(strings.TrimSpace(setting), "\n", "\n      ") + "\n" + streamlitOnly
			_, err := config.Load(t.Context(), config.Options{Dir: devtest.Project(t, map[string]string{"compose.yaml": text})})
			e := dev.AsError(err)
			where := fmt.Sprintf("compose.yaml:%d: ", 4+c.line)
			if err == nil || e.Code != dev.CodeXSdev || e.Exit != dev.ExitProject || !strings.HasPrefix(e.Error(), where+c.want) || !strings.Contains(e.Hint, c.hint) || e.Hint == "" {
				t.Errorf("%v\nhint: %s\nwant %s%s", err, e.Hint, where, c.want)
			}
		})
	}
}
