package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/devtest"
	"sdev/dev/engine"
)

const (
	ownLogin    = "import streamlit as st\nfrom streamlit_oauth import OAuth2Component\nURL = \"https://accounts.google.com/o/oauth2/v2/auth\"\nclient = get_parameter(\"/streamlit/oauth\")\n"
	doorLogin   = "import streamlit as st\nx = st.context.headers['X-Amzn-Oidc-Data']\n"
	nativeLogin = "import streamlit as st\nst.button('in', on_click=st.login, args=['google'])\nst.provider(\"google\")\n"
)

// loginOf returns the login setup of a project with a script.
func loginOf(t *testing.T, script, compose string, o Options) (*config.Project, loginSetup, error) {
	t.Helper()
	dir := devtest.Project(t, map[string]string{"Home.py": script, "requirements.txt": "streamlit\nboto3==1.26.27\n", "compose.yml": compose + "\nname: shop\nservices:\n  streamlit: {image: shop, command: streamlit run Home.py}\n"})
	p, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newLoginSetup(p, o)
	return p, s, err
}

func TestLogin_TheModeComesFromFlagSettingsOrCode(t *testing.T) {
	for name, c := range map[string]struct {
		script, compose, flag string
		want                  dev.Mode
		message               string // the expected assumption; "" for none
	}{
		"bypassed":           {ownLogin, "", "", dev.Local, ""},
		"own code":           {ownLogin, "", DetectAuth, dev.AppLogin, "login mode app: streamlit_oauth is imported (Home.py:2)"},
		"st.login":           {nativeLogin, "", DetectAuth, dev.Native, "login mode native: it uses st.login (Home.py:2)"},
		"asked for":          {nativeLogin, "x-sdev: {auth: {mode: native}}", "app", dev.AppLogin, ""},
		"door, and st.user":  {doorLogin + "st.write(st.user)\n", "", DetectAuth, dev.ALBLogin, "login mode alb: it reads the header of an ALB (Home.py:2)"},
		"door":               {doorLogin, "", DetectAuth, dev.ALBLogin, "login mode alb: it reads the header of an ALB (Home.py:2)"},
		"said":               {"import streamlit", "x-sdev: {auth: {mode: native}}", DetectAuth, dev.Native, ""},
		"both, and asked":    {ownLogin + nativeLogin, "", "native", dev.Native, ""},
		"bypass that is set": {ownLogin, "", "app", dev.AppLogin, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, s, err := loginOf(t, c.script, c.compose, Options{Auth: c.flag})
			if err != nil || s.mode != c.want {
				t.Fatalf("%q, %v", s.mode, err)
			}
			reported := slices.ContainsFunc(s.warnings, func(w dev.Warning) bool { return w.Code == dev.CodeAssumed && w.Message == c.message })
			if c.message != "" && !reported || c.message == "" && slices.ContainsFunc(s.warnings, func(w dev.Warning) bool { return strings.HasPrefix(w.Message, "login mode") }) {
				t.Errorf("warnings: %+v", s.warnings)
			}
		})
	}
}

func TestLogin_AnUnclearModeIsAnErrorWithItsEvidence(t *testing.T) {
	for name, c := range map[string]struct{ script, message, hint string }{
		"none":  {"import streamlit", "no login", "--with-auth=app"},
		"two":   {ownLogin + nativeLogin, "Home.py:2", "--with-auth=native"},
		"other": {"import streamlit as st\nx = st.context.headers['X-Ms-Client-Principal']\n", "azure", "--local"},
	} {
		_, _, err := loginOf(t, c.script, "", Options{Auth: DetectAuth})
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeAuthMode || e.Exit != dev.ExitProject || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestLogin_AsIsOneOfThePeople(t *testing.T) {
	_, s, err := loginOf(t, ownLogin, "x-sdev: {auth: {users: [{email: Dora@example.com}]}}", Options{Auth: "app", As: "dora@EXAMPLE.com"})
	if err != nil || s.current != "Dora@example.com" {
		t.Errorf("%q, %v", s.current, err)
	}
	_, _, err = loginOf(t, ownLogin, "", Options{Auth: "app", As: "nobody@example.com"})
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Exit != dev.ExitUsage || !strings.Contains(e.Hint, "@") {
		t.Errorf("%+v", err)
	}
}

func TestLogin_OfOwnCodeIsAGoogleClientInTheParameterStore(t *testing.T) {
	p, s, err := loginOf(t, ownLogin, "x-sdev: {aws: {parameters: {/db/password: pass, /plain: {value: v, type: String}}}}", Options{Auth: "app"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.provider(p, runFacts{ports: engine.Ports{App: 8501, Provider: 8601}, page: "http://localhost:8501/shop"})
	if err != nil {
		t.Fatal(err)
	}
	client := l.Parameters["/streamlit/oauth"]
	var file struct{ Web map[string]any }
	if err := json.Unmarshal([]byte(client.Value), &file); err != nil || !client.Secure {
		t.Fatalf("%v, %+v", err, client)
	}
	uris := fmt.Sprint(file.Web["redirect_uris"])
	const want = "[http://localhost:8501/shop/component/streamlit_oauth.authorize_button/index.html http://localhost:8501/shop/component/streamlit_oauth.authorize_button http://localhost:8501/shop/oauth2callback http://localhost:8501/shop/ http://localhost:8501/shop]"
	if uris != want || file.Web["auth_uri"] != "http://localhost:8601/authorize" || file.Web["issuer"] != "http://localhost:8601" || file.Web["client_id"] != "streamlit" || file.Web["client_secret"] != l.Clients[0].Secret {
		t.Errorf("%+v", file.Web)
	}
	if l.Issuer != "http://localhost:8601" || l.Profile != "google" || len(l.People) < 2 || l.Clients[1].ID != OutsideClient || !l.Clients[1].Loopback {
		t.Errorf("%s %s %v", l.Issuer, l.Profile, l.Clients)
	}
	if l.Parameters["/db/password"] != (dev.Parameter{Value: "pass", Secure: true}) || l.Parameters["/plain"] != (dev.Parameter{Value: "v"}) || len(l.Parameters) != 3 {
		t.Errorf("%+v", l.Parameters)
	}
	again, err := s.provider(p, runFacts{ports: engine.Ports{App: 8501, Provider: 8601}, page: "http://localhost:8501/shop"})
	if err != nil || !isKeptAs(l, again) {
		t.Errorf("the same settings differ: %v", err)
	}
}

func isKeptAs(a, b dev.LoginSettings) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && string(one) == string(two)
}

func TestLogin_AClientOfTheProjectsOwnIsKnownToTheProvider(t *testing.T) {
	const own = `{"web":{"client_id":"mine","client_secret":"s","redirect_uris":["http://localhost:8501/back"]}}`
	p, s, err := loginOf(t, ownLogin, "x-sdev: {aws: {parameters: {/streamlit/oauth: '"+own+"'}}}", Options{Auth: "app"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.provider(p, runFacts{ports: engine.Ports{App: 8501, Provider: 8601}, page: "http://localhost:8501"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(l.Clients, func(c dev.Client) bool { return c.ID == "mine" })
	if i < 0 || l.Clients[i].Secret != "s" || !slices.Contains(l.Clients[i].RedirectURIs, "http://localhost:8501/back") || l.Parameters["/streamlit/oauth"].Value != own {
		t.Errorf("%d of %v", i, l.Clients)
	}
}

func TestLogin_SettingsThatTheProviderWouldRefuseAreAnErrorAtOnce(t *testing.T) {
	const own = `{"web":{"client_id":"mine","client_secret":"s3cret","redirect_uris":["http://localhost:8501/#back"]}}`
	p, s, err := loginOf(t, ownLogin, "x-sdev: {aws: {parameters: {/streamlit/oauth: '"+own+"'}}}", Options{Auth: "app"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.provider(p, runFacts{ports: engine.Ports{App: 8501, Provider: 8601}, page: "http://localhost:8501"})
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeAuthInvalid || !strings.Contains(e.Message, "http://localhost:8501/#back") || strings.Contains(e.Error(), "s3cret") {
		t.Errorf("%+v", err)
	}
}

func TestLogin_Bypassed(t *testing.T) {
	p, s, err := loginOf(t, ownLogin, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := s.provider(p, runFacts{ports: engine.Ports{App: 8501, Provider: 8601}, page: "http://localhost:8501"}); err != nil || !isKeptAs(l, dev.LoginSettings{Mode: dev.Local}) {
		t.Errorf("%v", err)
	}
}

func TestCheckInstalled_OldPackages(t *testing.T) {
	_, s, err := loginOf(t, ownLogin, "", Options{Auth: "app"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.checkInstalled(map[string]string{"botocore": "1.29.27"})
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeAuthBoto3 || e.File != "requirements.txt" || e.Line != 2 || !strings.Contains(e.Hint, "boto3>=1.28") {
		t.Errorf("%+v", err)
	}
	for _, v := range []string{"1.31.0", "1.44.5", "2.0", "", "odd"} {
		if _, err := s.checkInstalled(map[string]string{"botocore": v}); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	s.mode = dev.Native
	for have, want := range map[string]int{"1.57.3": 1, "1.58.0": 0, "1.67.0": 0, "": 0} {
		got, err := s.checkInstalled(map[string]string{"streamlit": have, "Authlib": "1.9.9", "httpx": "0.28", "botocore": "1.0"})
		if err != nil || len(got) != want {
			t.Errorf("%s: %v, %v", have, got, err)
		}
	}
	if got, _ := s.checkInstalled(map[string]string{"streamlit": "1.67.0"}); len(got) != 2 || !strings.Contains(got[0].Message, "Authlib") {
		t.Errorf("%v", got)
	}
}

func TestBypassWarnings_NameAStreamlitThatIsTooOld(t *testing.T) {
	for version, want := range map[string]string{
		"==1.11.0": "requirements.txt:1: Streamlit 1.11.0 is older than 1.12, the oldest version that sdev supports: saves may not be live",
		"==1.12.0": "", ">=1.11": "", "": "",
	} {
		p, s, err := identityOf(t, map[string]string{"Home.py": "import streamlit\n", "requirements.txt": "streamlit" + version + "\n"}, "", Options{})
		if err != nil {
			t.Fatal(err)
		}
		w := s.bypassWarnings(inspected(t, p))
		if want == "" && len(w) > 0 || want != "" && (len(w) != 1 || w[0].Code != dev.CodeReloadStreamlit || w[0].Message != want || w[0].Hint == "") {
			t.Errorf("streamlit%s: %+v", version, w)
		}
	}
}

func TestBypassWarnings_NameALoginThatCannotBeBypassed(t *testing.T) {
	p, s, err := loginOf(t, "import streamlit\nREQUIRE_OAUTH_IN_LOCAL = True\n", "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w := s.bypassWarnings(inspected(t, p)); len(w) != 1 || w[0].Code != dev.CodeAuthBypass || !strings.HasPrefix(w[0].Message, "Home.py:2: REQUIRE_OAUTH_IN_LOCAL = True") {
		t.Errorf("%+v", w)
	}
	s.mode = dev.AppLogin
	if w := s.bypassWarnings(inspected(t, p)); len(w) != 0 {
		t.Errorf("where it is not bypassed: %+v", w)
	}
}

func TestLogin_SaysWhichVariablesOfTheClientNothingSets(t *testing.T) {
	const script = "import os\n" + ownLogin + "ID = os.environ.get('GOOGLE_CLIENT_ID')\nSECRET = os.environ.get('GOOGLE_CLIENT_SECRET')\n"
	p, s, err := loginOf(t, script, "", Options{Auth: "app"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.warnings, func(w dev.Warning) bool {
		return strings.HasSuffix(w.Message, "are those of a client of the local provider: GOOGLE_CLIENT_ID (Home.py:6), GOOGLE_CLIENT_SECRET (Home.py:7)")
	}) {
		t.Errorf("%+v", s.warnings)
	}
	if got := s.overlay(p, engine.Ports{}).Client; !slices.Equal(got, []string{"GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"}) {
		t.Errorf("variables %v", got)
	}
}

// inspected is what the project's code says.
func inspected(t *testing.T, p *config.Project) *detect.Findings {
	t.Helper()
	found, _, err := inspect(p)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
