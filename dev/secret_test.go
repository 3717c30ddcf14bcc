package dev_test

import (
	"testing"

	"sdev/dev"
)

func TestHoldsSecret_IsStrictAndMayHoldSecretIsCautious(t *testing.T) {
	const no, may, sure = "no", "may", "sure"
	for _, c := range []struct{ name, value, want string }{
		{"DB_PASSWORD", "hunter2", sure},
		{"db_password", "hunter2", sure},
		{"SMTP_PASS", "hunter2", sure},
		{"SSH_PASSPHRASE", "hunter2", sure},
		{"SECRET_KEY", "hunter2", sure}, // of Flask and Django
		{"OPENAI_API_KEY", "sk-1", sure},
		{"APIKEY", "sk-1", sure},
		{"AWS_SECRET_ACCESS_KEY", "wJ4", sure},
		{"COOKIE_SECRET", "hunter2", sure},
		{"GH_TOKEN", "hunter2", sure},
		{"DB", "postgres://bob:hunter2@db/shop", sure},

		{"CACHE", "redis://:hunter2@cache", may},
		{"INDEX", "https://hunter2@pypi.example/simple", may},
		{"AWS_ACCESS_KEY_ID", "AKIAQYLPMN5HHHFPZAM2", may},
		{"AWS_ID", "ASIAQYLPMN5HHHFPZAM2", may},
		{"CERT", "-----BEGIN PRIVATE KEY-----", may},
		{"API_TOKEN", "", may}, // empty now, but somebody will fill it in
		{"DB_PASSWORD", "pa$$word", may},
		{"DB_PASSWORD_PROD", "hunter2", may},
		{"STRIPE_KEY", "hunter2", may},
		{"SENTRY_DSN", "hunter2", may},
		{"TOKEN_URL", "https://id.example.com/?token=hunter2", may},

		{"MAX_TOKENS", "4096", no},
		{"TOKENIZERS_PARALLELISM", "false", no},
		{"TOKEN_URL", "https://id.example.com/oauth2/token", no},
		{"SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:1:secret:x", no},
		{"DB_PASSWORD_FILE", "/run/secrets/db", no},
		{"GOOGLE_APPLICATION_CREDENTIALS", "/secrets/google.json", no},
		{"USE_TOKEN", "yes", no},
		{"MODE", "prod", no},
		{"BYPASS", "x", no},
		{"COMPASS", "north", no},
		{"PWD", "/app", no},
	} {
		holds, mayHold := dev.HoldsSecret(c.name, c.value), dev.MayHoldSecret(c.name, c.value)
		got := no
		switch {
		case holds:
			got = sure
		case mayHold:
			got = may
		}
		if got != c.want || holds && !mayHold {
			t.Errorf("%s=%s: %s (%v, %v), want %s", c.name, c.value, got, holds, mayHold, c.want)
		}
	}
	if dev.HoldsSecret("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D") {
		t.Error("every image of Python would be blocked")
	}
}
