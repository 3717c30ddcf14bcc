package config_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
)

// signingIn makes the parts those of a mode with a login.
func signingIn(mode dev.Mode) func(*config.Parts) {
	return func(p *config.Parts) {
		p.Mode = mode
		p.Login = config.LoginParts{Hosts: []string{"sso.shop.example"},
			Secrets: filepath.Join(p.StateDir, "auth", "secrets.toml"), Mapped: "https://accounts.google.com/o/oauth2/v2/auth (oauth.py:3)"}
	}
}

const plainApp = "services: {streamlit: {image: shop, environment: {A: b}}}"

func TestOverlay_TheGatewayIsTheSameInEveryMode(t *testing.T) {
	p := loaded(t, plainApp)
	gateway := func(mode dev.Mode) any {
		given := parts(p)
		signingIn(mode)(&given)
		e, err := config.Overlay(p, given)
		if err != nil {
			t.Fatal(err)
		}
		return e.Project.Services[config.GatewayService]
	}
	local := gateway(dev.Local)
	for _, mode := range []dev.Mode{dev.AppLogin, dev.Native} {
		if diff := cmp.Diff(local, gateway(mode)); diff != "" {
			t.Errorf("%s: %s", mode, diff)
		}
	}
}

func TestOverlay_OfOwnCodeLeadsToTheParametersAndTheProvider(t *testing.T) {
	e, app := overlaid(t, plainApp, signingIn(dev.AppLogin))
	for name, want := range map[string]string{
		"AWS_ENDPOINT_URL_SSM":    "http://" + e.GatewayConfig.Parameters,
		"OAUTH_REDIRECT_URI":      "http://localhost:8600",
		"AWS_ACCESS_KEY_ID":       "AKIASDEVLOCALONLY000",
		"AWS_DEFAULT_REGION":      "us-east-1",
		"LOCAL_STREAMLIT":         "(unset)",
		"STREAMLIT_SECRETS_FILES": "(unset)",
		"NO_PROXY":                "(unset)",
	} {
		if got := value(app, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var rules dev.IdentityMap
	if err := json.Unmarshal([]byte(value(app, "SDEV_IDENTITY")), &rules); err != nil || rules.At != "http://localhost:8601/at/" || !slices.Equal(rules.Own, []string{"sso.shop.example"}) || len(rules.Paths) == 0 {
		t.Errorf("the rules of the shim: %+v, %v", rules, err)
	}
	if !hasModule(app, "sdev_identity.py") || hasModule(app, "sdev_person.py") {
		t.Errorf("modules of the shim: %+v", app.Configs)
	}
	if e.Issuer != "http://localhost:8601" || app.Labels[dev.LabelMode] != "app" || e.GatewayConfig.ProviderPort != 8601 || e.GatewayConfig.Parameters == e.GatewayConfig.Upstream {
		t.Errorf("%q %v %+v", e.Issuer, app.Labels, e.GatewayConfig)
	}
	if text, err := e.YAML(); err != nil || !strings.Contains(string(text), "oauth.py:3") {
		t.Errorf("what is mapped is not told: %v", err)
	}
}

// hasModule reports whether a module of the shim is mounted.
func hasModule(app types.ServiceConfig, name string) bool {
	return slices.ContainsFunc(app.Configs, func(c types.ServiceConfigObjConfig) bool { return c.Target == "/opt/sdev/shim/"+name })
}

func TestOverlay_APersonIsStUserOnlyWhileTheLoginIsBypassed(t *testing.T) {
	given := func(p *config.Parts) {
		p.Login.Person = map[string]any{"email": "zoe@example.com", "is_logged_in": true}
	}
	_, app := overlaid(t, plainApp, given)
	if got := value(app, "SDEV_PERSON"); got != `{"email":"zoe@example.com","is_logged_in":true}` || !hasModule(app, "sdev_person.py") || app.Labels[dev.LabelPerson] != "zoe@example.com" {
		t.Errorf("%s, %v, %v", got, app.Labels, app.Configs)
	}
	for _, mode := range []dev.Mode{dev.AppLogin, dev.Native} {
		_, app := overlaid(t, plainApp, given, func(p *config.Parts) { p.Mode = mode })
		if got := value(app, "SDEV_PERSON"); got != "(unset)" || hasModule(app, "sdev_person.py") || app.Labels[dev.LabelPerson] != "" {
			t.Errorf("%s: st.user is %s", mode, got)
		}
	}
	_, app = overlaid(t, plainApp)
	if got := value(app, "SDEV_PERSON") + value(app, "SDEV_IDENTITY"); got != "(unset)(unset)" || hasModule(app, "sdev_person.py") || hasModule(app, "sdev_identity.py") {
		t.Errorf("without a person: %s", got)
	}
}

func TestOverlay_OfOwnCodeKeepsTheUsersOwnAWS(t *testing.T) {
	own := func(p *config.Parts) { p.Machine.AWS = config.AWS{Dir: "/home/alice/.aws", HasKeys: true} }
	_, app := overlaid(t, plainApp, signingIn(dev.AppLogin), own)
	if got := value(app, "AWS_ACCESS_KEY_ID"); got != "(unset)" {
		t.Errorf("made-up keys beside real ones: %s", got)
	}
	_, app = overlaid(t, "services: {streamlit: {image: shop, environment: {AWS_ACCESS_KEY_ID: mine}}}", signingIn(dev.AppLogin))
	if got := value(app, "AWS_ACCESS_KEY_ID") + value(app, "AWS_SECRET_ACCESS_KEY"); got != "mine(unset)" {
		t.Errorf("keys of the compose file: %s", got)
	}
	_, app = overlaid(t, plainApp, signingIn(dev.Native))
	if got := value(app, "AWS_ACCESS_KEY_ID") + value(app, "AWS_ENDPOINT_URL_SSM"); got != "(unset)(unset)" {
		t.Errorf("in native mode: %s", got)
	}
}

func TestOverlay_OfStLoginBringsItsSecretsAsAFile(t *testing.T) {
	e, app := overlaid(t, plainApp, signingIn(dev.Native))
	if got := value(app, "STREAMLIT_SECRETS_FILES"); got != "/opt/sdev/secrets.toml" {
		t.Errorf("STREAMLIT_SECRETS_FILES is %s", got)
	}
	if got := value(app, "SDEV_IDENTITY"); got != "(unset)" {
		t.Errorf("the shim maps: %s", got)
	}
	if len(app.Secrets) != 1 || app.Secrets[0].UID != "1000" || *app.Secrets[0].Mode != 0o400 || app.Secrets[0].Target != "/opt/sdev/secrets.toml" || !strings.HasSuffix(e.Project.Secrets[app.Secrets[0].Source].File, "/.sdev/auth/secrets.toml") {
		t.Errorf("%+v", app.Secrets)
	}
}

func TestOverlay_LoginModesUndoTheBypass(t *testing.T) {
	compose := "services: {streamlit: {image: shop, environment: {LOCAL_STREAMLIT: '1'}}}"
	_, app := overlaid(t, compose, signingIn(dev.Native))
	if got := value(app, "LOCAL_STREAMLIT"); got != "" {
		t.Errorf("the compose file's is %q", got)
	}
	_, app = overlaid(t, plainApp, signingIn(dev.Native), func(p *config.Parts) { p.Image.Env = map[string]string{"LOCAL_STREAMLIT": "true"} })
	if got := value(app, "LOCAL_STREAMLIT"); got != "" {
		t.Errorf("the image's is %q", got)
	}
	_, app = overlaid(t, "services: {streamlit: {image: shop, environment: {Local_Streamlit: '1'}}}", signingIn(dev.AppLogin))
	if got := value(app, "Local_Streamlit"); got != "" {
		t.Errorf("in another case: %q", got)
	}
	if got := value(app, "SDEV_LOGIN"); got != "app" {
		t.Errorf("the shim is told %q", got)
	}
	if _, app = overlaid(t, plainApp); value(app, "SDEV_LOGIN") != "(unset)" {
		t.Error("the shim keeps the bypass off without a login")
	}
	p := loaded(t, "services:\n  streamlit:\n    image: shop\n    environment:\n      LOCAL_STREAMLIT: '1'\n")
	if w := p.BypassWarnings(); len(w) != 1 || w[0].Code != dev.CodeAuthBypass || !strings.HasPrefix(w[0].Message, "docker-compose.yml:5: LOCAL_STREAMLIT=1") {
		t.Errorf("%+v", w)
	}
	if w := loaded(t, plainApp).BypassWarnings(); len(w) != 0 {
		t.Errorf("%+v", w)
	}
}

func TestBypass_IsToldWithItsPlace(t *testing.T) {
	for name, c := range map[string]struct {
		compose string
		files   map[string]string
		want    string // how the only warning begins; "" for none
	}{
		"a list in the compose file": {"services:\n  streamlit:\n    image: shop\n    environment:\n      - LOCAL_STREAMLIT=yes\n", nil, "docker-compose.yml:4: LOCAL_STREAMLIT=yes"},
		"in another case":            {"services:\n  streamlit:\n    image: shop\n    environment:\n      local_streamlit: 1\n", nil, "docker-compose.yml:5: local_streamlit=1"},
		"an env_file":                {"services: {streamlit: {image: shop, env_file: [app.env]}}", map[string]string{"app.env": "# settings\nA=b\nexport LOCAL_STREAMLIT=1\n"}, "app.env:3: LOCAL_STREAMLIT=1"},
		"empty":                      {"services: {streamlit: {image: shop, environment: {LOCAL_STREAMLIT: ''}}}", nil, ""},
		"secrets.toml":               {composeFile, map[string]string{".streamlit/secrets.toml": "a = 1\n\n\"LOCAL_STREAMLIT\" = \"1\"\n"}, ".streamlit/secrets.toml:3: "},
		"secrets.toml, in a table":   {composeFile, map[string]string{".streamlit/secrets.toml": "a = 1\n[b]\nLOCAL_STREAMLIT = \"1\"\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"docker-compose.yml": c.compose}
			maps.Copy(files, c.files)
			p := loadedFrom(t, files)
			w := p.BypassWarnings()
			if c.want == "" {
				if len(w) > 0 {
					t.Errorf("%+v", w)
				}
				return
			}
			if len(w) != 1 || w[0].Code != dev.CodeAuthBypass || !strings.HasPrefix(w[0].Message, c.want) || w[0].Hint == "" {
				t.Errorf("%+v", w)
			}
		})
	}
}

func TestOverlay_LoginModesGoPastAProxy(t *testing.T) {
	_, app := overlaid(t, plainApp, signingIn(dev.AppLogin), func(p *config.Parts) {
		p.Machine.Proxy = map[string]string{"HTTP_PROXY": "http://proxy:3128", "http_proxy": "http://proxy:3128", "NO_PROXY": "corp.example"}
	})
	if got := value(app, "NO_PROXY") + " " + value(app, "no_proxy"); got != "corp.example,localhost,127.0.0.1 localhost,127.0.0.1" {
		t.Errorf("NO_PROXY: %s", got)
	}
}

func TestParameters_AreFilledInAndNotPrinted(t *testing.T) {
	const compose = `
x-sdev:
  aws:
    mode: none
    parameters:
      /db/password: ${DB_PASSWORD}
      /plain: {value: open, type: String}
      /number: 7
services: {streamlit: {image: shop}}
`
	p := loaded(t, compose, func(o *config.Options) { o.Env = []string{"DB_PASSWORD=from-the-environment"} })
	want := map[string]dev.Parameter{"/db/password": {Value: "from-the-environment", Secure: true}, "/plain": {Value: "open"}, "/number": {Value: "7", Secure: true}}
	if diff := cmp.Diff(want, p.Settings.AWS.Parameters); diff != "" {
		t.Errorf("%s", diff)
	}
	e, err := config.Overlay(p, parts(p))
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := e.YAML()
	if err != nil || strings.Contains(string(yaml), "from-the-environment") || !strings.Contains(string(yaml), "mode: none") {
		t.Errorf("%v\n%s", err, yaml)
	}
	if text, err := e.JSON(); err != nil || strings.Contains(string(text), "from-the-environment") {
		t.Errorf("%v", err)
	}
}

func TestReservedPorts_TheImagesCommandMayNameOne(t *testing.T) {
	p := loaded(t, "services:\n  streamlit:\n    image: shop\n")
	image := config.ImageFacts{Command: []string{"streamlit", "run", "app.py", "--server.port=8601"}}
	if got := p.ReservedPorts(image); !slices.Contains(got, 8601) {
		t.Errorf("8601 is not in %v", got)
	}
}

func TestReservedPorts_AreThoseOfTheProject(t *testing.T) {
	p := loaded(t, "services: {streamlit: {image: shop, command: streamlit run a.py --server.port 9999, ports: ['8601:8501']}, db: {image: x, ports: ['9100:5432']}}")
	for _, want := range []int{8501, 8601, 9999, 9100, 5432} {
		if !slices.Contains(p.ReservedPorts(config.ImageFacts{}), want) {
			t.Errorf("%d is not in %v", want, p.ReservedPorts(config.ImageFacts{}))
		}
	}
}

func TestParameters_HaveNamesThatTheStoreCanHold(t *testing.T) {
	for _, name := range []string{"/a//b", "a/b", "/a/", "/a/\u00e9", "a b", "", "/"} {
		_, err := load(t, map[string]string{"compose.yaml": streamlitOnly + fmt.Sprintf("x-sdev:\n  aws:\n    parameters:\n      %q: x\n", name)})
		if e := dev.AsError(err); err == nil || e.Code != dev.CodeXSdev || e.Line == 0 || !strings.Contains(e.Message, fmt.Sprintf("%q is not a valid parameter name", name)) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"/a/../b", "plain.name-1_x", "/streamlit/oauth"} {
		if _, err := load(t, map[string]string{"compose.yaml": streamlitOnly + fmt.Sprintf("x-sdev: {aws: {parameters: {%q: x}}}\n", name)}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestOverlay_AnAppWithoutItsClientGetsOne(t *testing.T) {
	e, app := overlaid(t, "services: {streamlit: {image: shop, environment: {A_CLIENT_ID: '', B_CLIENT_ID: mine}}}", signingIn(dev.AppLogin), func(p *config.Parts) {
		p.Login.Client = []string{"A_CLIENT_ID", "B_CLIENT_ID", "CLIENT_SECRET", "Redirect_Uri", "IMAGES_CLIENTID"}
		p.Image.Env = map[string]string{"IMAGES_CLIENTID": "its own"}
	})
	for name, want := range map[string]string{"A_CLIENT_ID": "sdev-local-client", "B_CLIENT_ID": "mine", "CLIENT_SECRET": "sdev-local-secret", "Redirect_Uri": e.URL, "IMAGES_CLIENTID": ""} {
		got := ""
		if v := app.Environment[name]; v != nil {
			got = *v
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
