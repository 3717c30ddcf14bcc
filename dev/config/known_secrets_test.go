package config_test

import (
	"slices"
	"testing"

	"sdev/dev/config"
	"sdev/dev/devtest"
)

func TestKnownSecrets_AreThoseThatSdevCanName(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"compose.yaml":            "name: shop\nservices:\n  web:\n    image: shop:1\n    command: streamlit run src/Home.py\n    environment: {DB_PASSWORD: in-compose, PAGE: shop, TOKEN_FILE: /run/token}\n  db:\n    image: postgres\n    environment: [POSTGRES_PASSWORD=of-the-database]\n",
		"src/Home.py":             "import streamlit\n",
		".streamlit/secrets.toml": "title = \"Shop\"\napi_key = \"in-secrets\"\n[db]\npassword = \"nested\"\n[[many]]\ntoken = \"in-a-list\"\n",
	})
	p, err := config.Load(t.Context(), config.Options{Dir: dir, Env: []string{"HOME=/home/ada", "SHOP_API_KEY=of-this-machine"}})
	if err != nil {
		t.Fatal(err)
	}
	login, err := p.LoginKeys()
	if err != nil {
		t.Fatal(err)
	}
	got := p.KnownSecrets()
	for _, want := range []string{"in-compose", "of-the-database", "in-secrets", "nested", "in-a-list", "of-this-machine", login.Client, login.Outside, login.Cookie} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, not := range []string{"", "shop", "Shop", "/run/token", "/home/ada"} {
		if slices.Contains(got, not) {
			t.Errorf("%q is no secret", not)
		}
	}
	if p.AWSToken() == "" || !slices.Contains(p.KnownSecrets(), p.AWSToken()) {
		t.Error("the project's token is missing")
	}
}
