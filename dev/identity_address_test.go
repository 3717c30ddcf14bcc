package dev_test

import (
	"testing"

	"sdev/dev"
)

func TestIsIdentityAddress_KnowsLoginsByHostAndByPath(t *testing.T) {
	for address, want := range map[string]bool{
		"https://accounts.google.com":                                       true,
		"https://Accounts.Google.com:443/o/oauth2/auth":                     true,
		"https://shop.auth.eu-west-1.amazoncognito.com":                     true,
		"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a":           true,
		"https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_a":      true,
		"https://cognito-idp.cn-north-1.amazonaws.com.evil.example/a":       false,
		"https://shop.eu.auth0.com/api/v2/":                                 true,
		"https://login.microsoftonline.com/common":                          true,
		"https://shop.b2clogin.com/shop.onmicrosoft.com/policy":             true,
		"https://github.com/login/oauth/authorize":                          true,
		"https://github.com/login/oauth/access_token":                       true,
		"https://sso.shop.example/realms/shop/protocol/openid-connect/auth": true,
		"https://sso.shop.example/.well-known/openid-configuration":         true,
		"https://login.shop.example/oauth2/token":                           true,
		"https://github.com/streamlit/streamlit":                            false,
		"https://api.github.com/user":                                       false, // programs ask for it too
		"https://www.googleapis.com/auth/userinfo.email":                    false, // a scope
		"https://api.shop.example/token":                                    false,
		"https://api.shop.example/logout":                                   false,
		"https://evilokta.com":                                              false,
		"https://accounts.google.com.evil.example/":                         false,
		"http://accounts.google.com/":                                       false,
		"https://localhost:9000/oauth2/authorize":                           false,
		"https://keycloak/realms/shop/protocol/openid-connect/auth":         false, // a container of the project
		"https://127.0.0.1/oauth2/authorize":                                false,
		"https://host.docker.internal/oauth2/authorize":                     false,
		"": false,
	} {
		if got := dev.IsIdentityAddress(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

func TestIdentityRole_IsTheEndpointThatAnswers(t *testing.T) {
	for address, want := range map[[2]string]string{
		{"accounts.google.com", "/o/oauth2/v2/auth"}:                                  "authorize",
		{"oauth2.googleapis.com", "/token"}:                                           "token",
		{"oauth2.googleapis.com", "/revoke"}:                                          "revoke",
		{"www.googleapis.com", "/oauth2/v3/certs"}:                                    "jwks",
		{"www.googleapis.com", "/oauth2/v1/certs"}:                                    "certificates",
		{"www.googleapis.com", "/oauth2/v2/userinfo"}:                                 "userinfo",
		{"people.googleapis.com", "/v1/people/me"}:                                    "userinfo",
		{"people.googleapis.com", "/v1/people/me/connections"}:                        "",
		{"openidconnect.googleapis.com", "/v1/userinfo"}:                              "userinfo",
		{"shop.auth.eu-west-1.amazoncognito.com", "/login"}:                           "authorize",
		{"shop.auth.eu-west-1.amazoncognito.com", "/oauth2/userInfo"}:                 "userinfo",
		{"shop.auth.eu-west-1.amazoncognito.com", "/logout"}:                          "end_session",
		{"cognito-idp.eu-west-1.amazonaws.com", "/eu-west-1_a/.well-known/jwks.json"}: "jwks",
		{"login.microsoftonline.com", "/t/oauth2/v2.0/authorize"}:                     "authorize",
		{"login.microsoftonline.com", "/t/oauth2/v2.0/logout"}:                        "end_session",
		{"login.microsoftonline.com", "/t/discovery/v2.0/keys"}:                       "jwks",
		{"login.microsoftonline.com", "/common/discovery/instance"}:                   "instances",
		{"graph.microsoft.com", "/oidc/userinfo"}:                                     "userinfo",
		{"graph.microsoft.com", "/v1.0/me"}:                                           "userinfo",
		{"graph.microsoft.com", "/v1.0/me/messages"}:                                  "",
		{"dev-1.okta.com", "/oauth2/default/v1/token"}:                                "token",
		{"dev-1.okta.com", "/oauth2/default/v1/introspect"}:                           "introspect",
		{"shop.auth0.com", "/v2/logout"}:                                              "end_session",
		{"shop.auth0.com", "/oauth/token/"}:                                           "token",
		{"shop.auth0.com", "/api/v2/users"}:                                           "",
		{"sso.shop.example", "/realms/a/protocol/openid-connect/certs"}:               "jwks",
		{"sso.shop.example", "/realms/a/.well-known/openid-configuration"}:            "discovery",
		{"www.linkedin.com", "/oauth/v2/authorization"}:                               "authorize",
		{"www.linkedin.com", "/oauth/v2/accessToken"}:                                 "token",
		{"github.com", "/login"}:                                                      "",
	} {
		if got := dev.IdentityRole(address[0], address[1]); got != want {
			t.Errorf("%v: %q, want %q", address, got, want)
		}
	}
}
