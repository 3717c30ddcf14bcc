package dev_test

import (
	"testing"

	"sdev/dev"
)

func TestProfileAt_KnowsProvidersByTheirAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"https://accounts.google.com/o/oauth2/v2/auth":                    "google",
		"https://oauth2.googleapis.com/token":                             "google",
		"https://shop.auth.eu-west-1.amazoncognito.com/oauth2/token":      "cognito",
		"https://id.example.com/realms/shop/protocol/openid-connect/auth": "keycloak",
		"https://login.microsoftonline.com/common/oauth2/v2.0/authorize":  "entra",
		"https://login.microsoftonline.us/common/oauth2/v2.0/authorize":   "entra",
		"https://accounts.google.com.example.org/openid/authorize":        "",
		"https://id.example.com/oauth2/authorize":                         "",
		"":                           "",
		"https://id.example.com/%zz": "",
		"https://id.example.com/realms/shop/protocol/openid-connect/a/auth": "",
	} {
		if got, ok := dev.ProfileAt(address); got != want || ok != (want != "") {
			t.Errorf("%q is of %q, %v; want %q", address, got, ok, want)
		}
	}
}
