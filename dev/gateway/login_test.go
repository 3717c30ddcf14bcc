package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"sdev/dev"
	"sdev/dev/oidc"
)

// recorder collects events.
type recorder struct {
	mu     sync.Mutex
	events []dev.Event
}

func (t *recorder) emit(e dev.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
}

func aLogin() dev.LoginSettings {
	return dev.LoginSettings{Mode: dev.AppLogin, Issuer: "http://localhost:8601", Profile: "plain", People: []dev.Person{{Email: "dora@example.com"}},
		Clients:    []dev.Client{{ID: "streamlit", Secret: "xyzzy", RedirectURIs: []string{"http://localhost:8501"}}},
		Parameters: map[string]dev.Parameter{"/streamlit/oauth": {Value: "client", Secure: true}}}
}

func identityAt(state string) *loginServer {
	return newLoginServer(Config{Project: "shop", ProviderPort: 8601, State: state}, new(recorder).emit)
}

// fetch requests a path of the provider's origin under a host name.
func fetch(i *loginServer, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://"+host+path, nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w
}

const discovery = "/.well-known/openid-configuration"

func TestLoginServer_NobodySignsInBeforeItHasALogin(t *testing.T) {
	i := identityAt(t.TempDir())
	if err := i.load(); err != nil || i.mode() != dev.Local {
		t.Fatalf("%v, mode %s", err, i.mode())
	}
	if w := fetch(i, "localhost:8601", discovery); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "--with-auth") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if st, err := i.do(t.Context(), oidc.Command{Do: oidc.DoState}); err != nil || st.Issuer != "" {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := i.do(t.Context(), oidc.Command{Do: oidc.DoRotate}); err == nil {
		t.Error("a provider that is not there took a command")
	}
}

func TestLoginServer_ContinuesWithTheLastLogin(t *testing.T) {
	state := t.TempDir()
	first := identityAt(state)
	if switched, err := first.set(t.Context(), aLogin()); err != nil || !switched {
		t.Fatalf("%v, switched %v", err, switched)
	}
	keys := fetch(first, "localhost:8601", "/jwks").Body.String()
	info, err := os.Stat(filepath.Join(state, dev.LoginFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	second := identityAt(state)
	if err := second.load(); err != nil || second.mode() != dev.AppLogin {
		t.Fatalf("%v, mode %s", err, second.mode())
	}
	if got := fetch(second, "localhost:8601", "/jwks").Body.String(); got != keys || keys == "" {
		t.Errorf("keys %s, before %s", got, keys)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"Name":"/streamlit/oauth","WithDecryption":true}`))
	r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256")
	if second.parameters.ServeHTTP(w, r); !strings.Contains(w.Body.String(), `"Value":"client"`) {
		t.Errorf("parameters: %s", w.Body)
	}
	if switched, err := second.set(t.Context(), aLogin()); err != nil || switched {
		t.Errorf("the same login a second time: %v, switched %v", err, switched)
	}
	// Bypassed and back again: the same keys.
	if switched, err := second.set(t.Context(), dev.LoginSettings{Mode: dev.Local}); err != nil || !switched || fetch(second, "localhost:8601", "/jwks").Code != http.StatusServiceUnavailable {
		t.Errorf("bypassed: %v, switched %v", err, switched)
	}
	if _, err := second.set(t.Context(), aLogin()); err != nil || fetch(second, "localhost:8601", "/jwks").Body.String() != keys {
		t.Errorf("back again: %v", err)
	}
}

func TestLoginServer_RemovesAnUnreadableLogin(t *testing.T) {
	for name, content := range map[string]string{"no JSON": "{", "no login that can be": `{"mode":"app","issuer":"nonsense"}`} {
		state := t.TempDir()
		file := filepath.Join(state, dev.LoginFile)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		i := identityAt(state)
		if err := i.load(); err == nil || i.mode() != dev.Local {
			t.Errorf("%s: %v, mode %s", name, err, i.mode())
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: the file still exists, so the host would not send the login again", name)
		}
	}
}

func TestLoginServer_ARefusedLoginChangesNothing(t *testing.T) {
	i := identityAt(t.TempDir())
	if _, err := i.set(t.Context(), aLogin()); err != nil {
		t.Fatal(err)
	}
	bad := aLogin()
	bad.People = append(bad.People, bad.People[0])
	if _, err := i.set(t.Context(), bad); err == nil {
		t.Error("the same person twice is accepted")
	}
	if b, err := os.ReadFile(i.file()); err != nil || strings.Count(string(b), "dora@example.com") != 1 {
		t.Errorf("%s, %v", b, err)
	}
	if w := fetch(i, "localhost:8601", discovery); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
}

func TestLoginServer_HasOneName(t *testing.T) {
	i := identityAt("")
	if _, err := i.set(t.Context(), aLogin()); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"localhost:8601": http.StatusOK, "LOCALHOST:8601": http.StatusOK,
		"127.0.0.1:8601": http.StatusTemporaryRedirect, "[::1]:8601": http.StatusTemporaryRedirect,
		"localhost": http.StatusMisdirectedRequest, "localhost:8501": http.StatusMisdirectedRequest, "streamlit:8601": http.StatusMisdirectedRequest, "sdev-gateway:8601": http.StatusMisdirectedRequest,
		"evil.example:8601": http.StatusMisdirectedRequest, "localhost.evil.example:8601": http.StatusMisdirectedRequest,
	} {
		w := fetch(i, host, discovery)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", host, w.Code, want)
		}
		if to := w.Header().Get("Location"); to != "" && to != "http://localhost:8601"+discovery {
			t.Errorf("%s leads to %s", host, to)
		}
	}
}

func TestControl_TheLoginComesOverTheSocketAndShowsInTheStatus(t *testing.T) {
	r := newRig(t, newFakeApp(t))
	st, err := Call(t.Context(), r.control, Request{Do: DoStatus})
	if err != nil || st.Mode != dev.Local || st.Auth.Issuer != "" {
		t.Fatalf("%+v, %v", st, err)
	}
	login := aLogin()
	if st, err = Call(t.Context(), r.control, Request{Do: DoLogin, Login: &login}); err != nil || st.Mode != dev.AppLogin || st.Auth.Issuer != login.Issuer || len(st.Auth.People) != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	if text, err := json.Marshal(st); err != nil || strings.Contains(string(text), "xyzzy") {
		t.Errorf("the status has the client's secret: %s, %v", text, err)
	}
	if st, err = Call(t.Context(), r.control, Request{Do: DoAuth, Auth: oidc.Command{Do: oidc.DoUse, Email: "DORA@example.com"}}); err != nil || st.Auth.Current == "" || st.Refused != nil {
		t.Errorf("%+v, %v", st, err)
	}
	if st, err = Call(t.Context(), r.control, Request{Do: DoAuth, Auth: oidc.Command{Do: oidc.DoUse, Email: "nobody@example.com"}}); err != nil || st.Refused == nil || st.Refused.Hint == "" {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := Call(t.Context(), r.control, Request{Do: DoLogin}); err == nil {
		t.Error("no login at all was accepted")
	}
}

// The cookie is one of Streamlit's, signed with the secret "secret".
func TestStream_KnowsTheUserOfATab(t *testing.T) {
	const cookie = "_streamlit_user=IntcImVtYWlsXCI6XCJkb3JhQGV4YW1wbGUuY29tXCIsXCJpc19sb2dnZWRfaW5cIjp0cnVlfSI.awQz-Q.TimsPBSaiV2Z0WMu-NKyiNyWWas"
	for secret, want := range map[string]string{"secret": "dora@example.com", "another": "", "": ""} {
		app := newFakeApp(t)
		app.start()
		r := newRig(t, app)
		login := aLogin()
		login.Cookies = secret
		r.call(Request{Do: DoLogin, Login: &login})
		c, _, err := websocket.Dial(t.Context(), "ws://"+r.addr+"/_stcore/stream", &websocket.DialOptions{Subprotocols: []string{"streamlit", "token"}, Host: r.host, HTTPHeader: http.Header{"Cookie": {cookie}}})
		if err != nil {
			t.Fatal(err)
		}
		if e := await(r, func(dev.SessionOpened) bool { return true }); e.User != want {
			t.Errorf("opened by %q, want %q", e.User, want)
		}
		c.CloseNow()
		if e := await(r, func(dev.SessionClosed) bool { return true }); e.User != want {
			t.Errorf("closed by %q, want %q", e.User, want)
		}
	}
}

func TestLoginServer_PeopleOfTheSettingsReplaceThoseOfCommands(t *testing.T) {
	i := identityAt(t.TempDir())
	login := aLogin()
	if _, err := i.set(t.Context(), login); err != nil {
		t.Fatal(err)
	}
	who := func(i *loginServer) string {
		t.Helper()
		st, err := i.do(t.Context(), oidc.Command{Do: oidc.DoState})
		if err != nil || len(st.People) != 1 {
			t.Fatalf("%+v, %v", st.People, err)
		}
		return st.People[0].Email
	}
	added := []dev.Person{{Email: "late@example.com"}}
	if _, err := i.do(t.Context(), oidc.Command{Do: oidc.DoPeople, People: added}); err != nil || who(i) != "late@example.com" {
		t.Fatal(err)
	}
	var stored dev.LoginSettings // the host compares it with its own
	if b, err := os.ReadFile(i.file()); err != nil || json.Unmarshal(b, &stored) != nil || len(stored.People) != 1 || stored.People[0].Email != "late@example.com" {
		t.Errorf("kept are %+v, %v", stored.People, err)
	}
	next := identityAt(i.state)
	if err := next.load(); err != nil || who(next) != "late@example.com" {
		t.Errorf("after a restart: %v", err)
	}
	if _, err := next.set(t.Context(), login); err != nil || who(next) != "dora@example.com" {
		t.Errorf("the settings say dora again, and there is %s, %v", who(next), err)
	}
}

func TestLoginServer_ARemovedStateDirectoryIsAnErrorWithAHint(t *testing.T) {
	i := identityAt(t.TempDir())
	i.state = filepath.Join(i.state, "file", "below") // not even root can create that
	if err := os.WriteFile(filepath.Dir(i.state), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, login := range []dev.LoginSettings{{Mode: dev.Local}, aLogin()} {
		_, err := i.set(t.Context(), login)
		if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeAuthState || !strings.Contains(e.Hint, "sdev down") || !strings.Contains(e.Message, ".sdev/auth") {
			t.Errorf("mode %s: %+v", login.Mode, err)
		}
	}
}
