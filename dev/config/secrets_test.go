package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"sdev/dev"
	"sdev/dev/config"
)

func nativeLogin() config.NativeLogin {
	return config.NativeLogin{RedirectURI: "http://localhost:8501/oauth2callback", Metadata: "http://localhost:8601/.well-known/openid-configuration", ClientID: "streamlit",
		Keys: config.LoginKeys{Client: "the-client-secret", Cookie: "the-cookie-secret"}}
}

// secretsOf makes the secrets of a project whose own are these; "" for none.
func secretsOf(t *testing.T, own string, n config.NativeLogin) (p *config.Project, got map[string]any, clients []string, err error) {
	t.Helper()
	p = loaded(t, composeFile)
	if own != "" {
		if err := os.MkdirAll(filepath.Join(p.Dir, ".streamlit"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.Dir, ".streamlit", "secrets.toml"), []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clients, err = p.WriteSecrets(n)
	if err != nil {
		return p, nil, nil, err
	}
	file := p.SecretsPath()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := toml.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return p, got, clients, nil
}

func TestSecrets_OfAProjectWithoutAny(t *testing.T) {
	_, got, clients, err := secretsOf(t, "", nativeLogin())
	want := map[string]any{"auth": map[string]any{
		"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "the-cookie-secret",
		"client_id": "streamlit", "client_secret": "the-client-secret", "server_metadata_url": "http://localhost:8601/.well-known/openid-configuration",
	}}
	if err != nil || !reflect.DeepEqual(got, want) || fmt.Sprint(clients) != "[streamlit]" {
		t.Errorf("%v %v %v", got, clients, err)
	}
}

func TestSecrets_KeepEverythingButWhereTheLoginLeads(t *testing.T) {
	n := nativeLogin()
	n.Providers = []string{"entra", "google"}
	own := `
db_password = "s3cret"
since = 2024-05-06
[auth]
redirect_uri = "https://shop.example/oauth2callback"
cookie_secret = "theirs"
expose_tokens = ["id", "access"]
[auth.client_kwargs]
prompt = "login"
[auth.google]
client_id = "their-google-id"
client_secret = "their-secret"
server_metadata_url = "https://accounts.google.com/.well-known/openid-configuration"
authorize_url = "https://accounts.google.com/o/oauth2/v2/auth"
client_kwargs = { scope = "openid email" }
[connections.db]
url = "postgres://x"
`
	p, got, clients, err := secretsOf(t, own, n)
	if err != nil {
		t.Fatal(err)
	}
	auth := got["auth"].(map[string]any)
	google := auth["google"].(map[string]any)
	if got["db_password"] != "s3cret" || fmt.Sprint(got["since"]) != "2024-05-06" || fmt.Sprint(got["connections"]) != "map[db:map[url:postgres://x]]" {
		t.Errorf("the rest: %v", got)
	}
	if fmt.Sprint(auth["expose_tokens"]) != "[id access]" || fmt.Sprint(auth["client_kwargs"]) != "map[prompt:login]" || fmt.Sprint(google["client_kwargs"]) != "map[scope:openid email]" {
		t.Errorf("settings of the login: %v", auth)
	}
	if google["client_id"] != "their-google-id" || google["client_secret"] != "the-client-secret" || google["server_metadata_url"] != n.Metadata || google["authorize_url"] != nil {
		t.Errorf("google: %v", google)
	}
	if entra := auth["entra"].(map[string]any); entra["client_id"] != "streamlit" {
		t.Errorf("named by the code: %v", entra)
	}
	if auth["client_id"] != nil || auth["redirect_uri"] != n.RedirectURI || auth["cookie_secret"] != "the-cookie-secret" {
		t.Errorf("a default provider that nobody has: %v", auth)
	}
	if fmt.Sprint(clients) != "[streamlit their-google-id]" {
		t.Errorf("clients %v", clients)
	}
	if b, err := os.ReadFile(filepath.Join(p.Dir, ".streamlit", "secrets.toml")); err != nil || string(b) != own {
		t.Errorf("their own file changed: %v", err)
	}
}

// Streamlit makes a variable of what stands at the top level.
func TestSecrets_LeaveTheBypassOut(t *testing.T) {
	_, got, _, err := secretsOf(t, "LOCAL_STREAMLIT = \"1\"\nlocal_streamlit = 1\nkey = \"value\"\n[own]\nLOCAL_STREAMLIT = \"1\"\n", nativeLogin())
	_, upper := got["LOCAL_STREAMLIT"]
	_, lower := got["local_streamlit"]
	own, _ := got["own"].(map[string]any)
	if err != nil || upper || lower || got["key"] != "value" || own["LOCAL_STREAMLIT"] != "1" {
		t.Errorf("%v %v", got, err)
	}
}

func TestSecrets_MayBeginWithAByteOrderMark(t *testing.T) {
	_, got, _, err := secretsOf(t, "\ufeffdb = \"a\"\r\n", nativeLogin())
	if err != nil || got["db"] != "a" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestSecrets_BrokenOnesAreToldWithTheirLineAndNothingOfThem(t *testing.T) {
	for name, c := range map[string]struct {
		own  string
		line int
	}{
		"unclosed":    {"a = 1\npassword = \"hunter2\n", 2},
		"no value":    {"hunter2\n", 1},
		"no quotes":   {"[auth]\ncookie_secret = hunter2\n", 2},
		"twice":       {"a = \"hunter2\"\na = \"hunter2\"\n", 2},
		"bad escape":  {"a = \"hunter2\\q\"\n", 1},
		"no table":    {"auth = \"hunter2\"\n", 0},
		"not a table": {"[hunter2\n", 1},
	} {
		_, _, _, err := secretsOf(t, c.own, nativeLogin())
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeAuthSecrets || e.File != ".streamlit/secrets.toml" || e.Exit != dev.ExitProject || c.line != 0 && e.Line != c.line {
			t.Errorf("%s: %+v", name, err)
			continue
		}
		if strings.Contains(e.Error()+e.Hint, "hunter2") {
			t.Errorf("%s: quotes a secret: %s", name, e)
		}
	}
}

func TestLoginKeys_StayAndAreNotPrinted(t *testing.T) {
	p := loaded(t, composeFile)
	one, err := p.LoginKeys()
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.LoginKeys()
	if err != nil || one != two || one.Client == one.Cookie || len(one.Client) < 20 {
		t.Errorf("they differ, or are too simple: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %s %#v", one, one, one, one); strings.Contains(text, one.Client) {
		t.Error("the keys are printed")
	}
	file := filepath.Join(p.Dir, ".sdev", "auth", "client.json")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if three, err := p.LoginKeys(); err != nil || three.Client == "" || three == one {
		t.Errorf("after a broken file: %v", err)
	}
}
