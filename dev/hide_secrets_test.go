package dev_test

import (
	"testing"

	"sdev/dev"
)

func TestHideSecrets_HidesSecretsAndKeepsTheRest(t *testing.T) {
	for text, want := range map[string]string{
		"the known-secret is out":                                             "the *** is out",
		"abc stays":                                                           "abc stays", // known, but any word
		"postgres://ada:pa55word@db/shop":                                     "postgres://***@db/shop",
		"Authorization: Bearer abcdefgh12345":                                 "Authorization: ***",
		"bearer of bad news":                                                  "bearer of bad news",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln and more":                  "*** and more",
		"AKIAIOSFODNN7EXAMPLE":                                                "***",
		"API_KEY=abc123def":                                                   "API_KEY=***",
		"GET /cb?access_token=abc123def&x=1":                                  "GET /cb?access_token=***&x=1",
		`"client_secret": "abcdef"`:                                           `"client_secret": "***"`,
		`os.environ["DB_PASSWORD"] = "hunter2"`:                               `os.environ["DB_PASSWORD"] = "***"`,
		`client-secret: 'abcdef'`:                                             `client-secret: '***'`,
		`token = get_token("user")`:                                           `token = get_token("user")`,
		`login(password=password, user="ada")`:                                `login(password=password, user="ada")`,
		`password = st.text_input("Password", type="password")`:               `password = st.text_input("Password", type="password")`,
		`st.secrets["API_KEY"]`:                                               `st.secrets["API_KEY"]`,
		"KEY: -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nx": "KEY: ***\nx",
		"-----BEGIN RSA PRIVATE KEY-----\nabc":                                "***",
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nweb  abc=\nweb  -----END PRIVATE KEY-----\nafter": "***\nafter",
		"-----BEGIN CERTIFICATE-----\nabc":                                                   "-----BEGIN CERTIFICATE-----\nabc",
	} {
		if got := dev.HideSecrets(text, []string{"known-secret", "abc"}); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
