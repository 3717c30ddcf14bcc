package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev/config"
)

const addresses = `services:
  streamlit-local:
    command: streamlit run Home.py --proxy http://ada:pw-command@proxy
    build:
      context: https://pw-context@github.com/a/b.git
      args: {PIP_INDEX_URL: "${PIP_INDEX_URL}", OTHER_INDEX: "${PIP_INDEX_URL}", UV_INDEX_URL: "https://u:pw-literal@pypi.example/simple"}
    labels: {from: "https://u:pw-label@x"}
    environment:
      DATABASE_URL: postgres://shop:${DB_PASSWORD}@db/shop
      CACHE: redis://:pw-cache$$x@cache
      PIP_EXTRA_INDEX_URL: https://a:pw-one@x https://b:pw-two@y https://a:pw-one@z
      ftp_proxy: ada:pw-bare@proxy:21
      PRICE: costs $$5
  db:
    image: postgres
    environment: ["DATABASE_URL=postgres://other:pw-other@db/shop"]
`

// What sdev prints of a model, and how it is read again where the variables that it names are set.
func TestConfig_PrintsNoPasswordAndRunsAllTheSame(t *testing.T) {
	env := map[string]string{"PIP_INDEX_URL": "https://u:pw-index@pypi.example/simple", "DB_PASSWORD": "pw-db", "http_proxy": "http://ada:pw-proxy@proxy:3128", "HTTPS_PROXY": "http://ada:pw-proxy@proxy:3128"}
	var list []string
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	p := loaded(t, addresses, func(o *config.Options) { o.Env = list })
	given := parts(p)
	given.Machine.Proxy = map[string]string{"http_proxy": env["http_proxy"], "HTTPS_PROXY": env["HTTPS_PROXY"], "ALL_PROXY": "socks5://ada:pw-docker@proxy"}
	e, err := config.Overlay(p, given)
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	object, err := e.JSON()
	if err != nil || !json.Valid(object) {
		t.Fatal(err)
	}
	for _, printed := range []string{string(text), string(object)} {
		if i := strings.Index(printed, "pw-"); i >= 0 {
			t.Errorf("a password is printed: %.60s", printed[i:])
		}
	}
	for _, want := range []string{
		"HTTPS_PROXY: ${HTTPS_PROXY} # this machine's proxy; it contains a password, so the environment has to provide it",
		"http_proxy: ${http_proxy} #", "PIP_INDEX_URL: ${PIP_INDEX_URL} #", "OTHER_INDEX: ${PIP_INDEX_URL} #",
		"DATABASE_URL: postgres://shop:${DB_PASSWORD}@db/shop # the environment has to provide its password",
		"UV_INDEX_URL: https://${STREAMLIT_LOCAL_UV_INDEX_URL_LOGIN}@pypi.example/simple # its user and password are left out: set STREAMLIT_LOCAL_UV_INDEX_URL_LOGIN, as user:password, to run this file",
		"DATABASE_URL: postgres://${DB_DATABASE_URL_LOGIN}@db/shop #", "PRICE: costs $$5",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for name, value := range map[string]string{
		"STREAMLIT_LOCAL_UV_INDEX_URL_LOGIN": "u:pw-literal", "DB_DATABASE_URL_LOGIN": "other:pw-other", "STREAMLIT_LOCAL_CACHE_LOGIN": ":pw-cache$x", "STREAMLIT_LOCAL_PIP_EXTRA_INDEX_URL_LOGIN": "a:pw-one", "STREAMLIT_LOCAL_PIP_EXTRA_INDEX_URL_LOGIN_2": "b:pw-two", "STREAMLIT_LOCAL_FTP_PROXY_LOGIN": "ada:pw-bare", "STREAMLIT_LOCAL_COMMAND_4_LOGIN": "ada:pw-command",
		"STREAMLIT_LOCAL_CONTEXT_LOGIN": "pw-context", "STREAMLIT_LOCAL_LABELS_FROM_LOGIN": "u:pw-label", "STREAMLIT_LOCAL_ALL_PROXY_LOGIN": "ada:pw-docker",
	} {
		env[name] = value
	}
	again, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: t.TempDir(), Environment: env, ConfigFiles: []types.ConfigFile{{Filename: "effective.yml", Content: text}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range e.Project.Services {
		got := again.Services[name]
		for key := range want.Environment {
			if value(got, key) != value(want, key) {
				t.Errorf("%s of %s is read as %q, want %q", key, name, value(got, key), value(want, key))
			}
		}
		if strings.Join(got.Command, " ") != strings.Join(want.Command, " ") || got.Labels["from"] != want.Labels["from"] {
			t.Errorf("%s is read with command %q and labels %q", name, got.Command, got.Labels)
		}
	}
	got, want := again.Services["streamlit-local"].Build, e.Project.Services["streamlit-local"].Build
	for key := range want.Args {
		if *got.Args[key] != *want.Args[key] {
			t.Errorf("build argument %s is read as %q", key, *got.Args[key])
		}
	}
	if got.Context != want.Context {
		t.Errorf("the build context is read as %q", got.Context)
	}
}

func TestConfig_IsFitForATerminalAndKeepsItsValues(t *testing.T) {
	const evil = "a\x1b]0;t\x07\x9b2J\u009b2J\u202e\u200b\u2028\U000e0041\x7f\nready: http://x"
	quoted, err := json.Marshal(strings.ToValidUTF8(evil, "?"))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := overlaid(t, "services:\n  streamlit-local:\n    image: x\n    command: streamlit run Home.py\n    environment: {EVIL: "+string(quoted)+"}\n    labels: {"+string(quoted)+": x}\n")
	e.Notes = append(e.Notes, config.Note{Path: []string{"services", "streamlit-local", "image"}, Why: evil}, config.Note{Path: []string{"services", "streamlit-local"}, Why: evil})
	text, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	object, err := e.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{string(text), string(object)} {
		if i := strings.IndexFunc(printed, func(r rune) bool {
			return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u202e\u200b\u2028\U000e0041", r)
		}); i >= 0 || strings.Contains(printed, "\nready") {
			t.Errorf("holds %q:\n%s", printed[max(i, 0):max(i, 0)+4], printed)
		}
	}
	again, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: t.TempDir(), ConfigFiles: []types.ConfigFile{{Filename: "effective.yml", Content: text}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := value(again.Services["streamlit-local"], "EVIL"); got != strings.ToValidUTF8(evil, "?") {
		t.Errorf("the value is read as %q", got)
	}
}

func TestConfig_PrintsNoTokenForAWSKeys(t *testing.T) {
	const token = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	e, app := overlaid(t, composeFile, func(p *config.Parts) {
		p.Machine.AWS = config.AWS{Mode: config.AWSSession, Token: token, Profile: "dev"}
	})
	if value(app, "AWS_CONTAINER_AUTHORIZATION_TOKEN") != token {
		t.Fatalf("the app gets %+v", app.Environment)
	}
	text, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	object, err := e.JSON()
	if err != nil || strings.Contains(string(text)+string(object), token) || !strings.Contains(string(text), "AWS_CONTAINER_AUTHORIZATION_TOKEN: ${AWS_CONTAINER_AUTHORIZATION_TOKEN} # ") {
		t.Errorf("%v\n%s", err, text)
	}
	again, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: t.TempDir(), Environment: map[string]string{"AWS_CONTAINER_AUTHORIZATION_TOKEN": token}, ConfigFiles: []types.ConfigFile{{Filename: "effective.yml", Content: text}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range e.Project.Services {
		for key := range want.Environment {
			if got := again.Services[name]; value(got, key) != value(want, key) {
				t.Errorf("%s of %s is read as %q", key, name, value(got, key))
			}
		}
	}
}
