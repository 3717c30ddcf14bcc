package config_test

import (
	"fmt"
	"strings"
	"testing"

	"sdev/dev"
)

func namesOf(t *testing.T, files map[string]string) (string, error) {
	t.Helper()
	list, err := loadedFrom(t, files).SecretNames()
	var out []string
	for _, n := range list {
		out = append(out, fmt.Sprintf("%s %s:%d", n.Name, n.File, n.Line))
	}
	return strings.Join(out, ", "), err
}

func TestSecretNames_AreKeysWithTheirTablesAndLines(t *testing.T) {
	const compose = "services:\n  web:\n    image: shop\n    command: streamlit run Home.py\n"
	for name, c := range map[string]struct {
		compose, file, text, want string
	}{
		"none":        {compose, "other.toml", "", ""},
		"keys":        {compose, ".streamlit/secrets.toml", "\ufeffa = 1\n\n# c\n[db]\nuser = \"x\"\n[db.more]\n\"a b\" = [1,\n2]\nlast.one = '''x\ny'''\n", "a .streamlit/secrets.toml:1, db.user .streamlit/secrets.toml:5, db.more.a b .streamlit/secrets.toml:7, db.more.last.one .streamlit/secrets.toml:9"},
		"inline":      {compose, ".streamlit/secrets.toml", "db = {user = 1, more = {x = 2}}\n", "db.user .streamlit/secrets.toml:1, db.more.x .streamlit/secrets.toml:1"},
		"mounted":     {compose + "    volumes: [\"./dev.toml:/app/.streamlit/secrets.toml:ro\"]\n", "dev.toml", "a = 1\n", "a dev.toml:1"},
		"as a secret": {compose + "    secrets: [{source: st, target: /app/.streamlit/secrets.toml}]\nsecrets: {st: {file: ./dev.toml}}\n", "dev.toml", "a = 1\n", "a dev.toml:1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := namesOf(t, map[string]string{"compose.yaml": c.compose, c.file: c.text})
			if err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
	_, err := namesOf(t, map[string]string{"compose.yaml": compose, ".streamlit/secrets.toml": "a = 1\nb = hunter2\n"})
	if e := dev.AsError(err); e.Code != dev.CodeAuthSecrets || e.Line != 2 || strings.Contains(e.Error(), "hunter2") {
		t.Errorf("%+v", e)
	}
}
