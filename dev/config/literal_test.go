package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/config"
)

func TestLiteral_OnlyWhatStandsInTheFiles(t *testing.T) {
	p, err := load(t, map[string]string{
		"docker-compose.yml": `x-env: &env {COMMON: "1", OWN: "no"}
services:
  streamlit:
    image: a
    env_file: [app.env]
    environment:
      <<: *env
      OWN: "yes"
      PLAIN: text
      NUMBER: 8
      DOLLAR: a$$b
      HERE:
      FILLED: a-${HERE}
      CHANGED: before
  db:
    image: b
    environment: [A=1, B, "C=$HERE"]
`,
		"docker-compose.override.yml": "services:\n  streamlit:\n    environment: [\"CHANGED=${HERE}\", MORE=x=y]\n",
		"app.env":                     "FROM_FILE=secret\n",
	}, func(o *config.Options) { o.Env = []string{"HERE=secret"} })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"COMMON": "1", "OWN": "yes", "PLAIN": "text", "NUMBER": "8", "DOLLAR": "a$b", "MORE": "x=y"}
	if diff := cmp.Diff(want, p.Literal("streamlit")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"A": "1"}, p.Literal("db")); diff != "" {
		t.Error(diff)
	}
}
