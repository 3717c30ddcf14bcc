package auth

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

func TestAuthClock_ReadsOffsets(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"+2h": 2 * time.Hour, "2h": 2 * time.Hour, "-30m": -30 * time.Minute, "+1h30m": 90 * time.Minute, "reset": 0, "0": 0,
		"+1d": 24 * time.Hour, "-2d3h": -51 * time.Hour, "400d": 9600 * time.Hour,
	} {
		got, err := readClock([]string{text})
		if err != nil || got.Do != "clock" || got.Clock != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if got, err := readClock(nil); err != nil || got.Do != "state" {
		t.Errorf("nothing: %+v, %v", got, err)
	}
	for _, text := range []string{"", "soon", "+2", "2 h", "-d", "dd"} {
		if _, err := readClock([]string{text}); dev.AsError(err).Code != dev.CodeUsage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// "-30m" is an offset, though it looks like flags, and nothing else on a command line changes.
func TestAuthClock_TakesAnOffsetWithAMinus(t *testing.T) {
	for line, want := range map[string]string{
		"auth clock -30m":           "auth clock --earlier=-30m",
		"auth clock --json -1.5h":   "auth clock --json --earlier=-1.5h",
		"-C shop auth clock -2d":    "-C shop auth clock --earlier=-2d",
		"auth clock -f x +2h":       "auth clock -f x +2h",
		"auth clock -- -30m":        "auth clock -- -30m",
		"shell -- clock -1":         "shell -- clock -1",
		"logs clock --tail -1":      "logs clock --tail -1",
		"auth explain /clock":       "auth explain /clock",
		"auth users add -1@x.org":   "auth users add -1@x.org",
		"auth fault set slow clock": "auth fault set slow clock",
	} {
		if got := strings.Join(MarkOffsets(strings.Fields(line)), " "); got != want {
			t.Errorf("%s became %s", line, got)
		}
	}
}

func TestAuthFault_IsSaidInWords(t *testing.T) {
	for want, f := range map[string]oidc.Fault{
		"deny until it is cleared": {Name: "deny"},
		"deny, once":               {Name: "deny", Times: 1},
		"slow by=2s ms=3 for a@x.org at client tool, 3 times":        {Name: "slow", Params: map[string]string{"ms": "3", "by": "2s"}, User: "a@x.org", Client: "tool", Times: 3},
		"deny for alice@example.com until it is cleared":             {Name: "deny", User: "alice@example.com"},
		"huge-claims kilobytes=12 at client streamlit, 2 times":      {Name: "huge-claims", Params: map[string]string{"kilobytes": "12"}, Client: "streamlit", Times: 2},
		"huge-claims kilobytes=4 at client tool until it is cleared": {Name: "huge-claims", Params: map[string]string{"kilobytes": "4"}, Client: "tool"},
	} {
		if got := faultText(f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// wellSeen is a login with which nothing is wrong.
func wellSeen(mode dev.Mode) loginCheck {
	at := time.Unix(1_700_000_000, 0)
	s := providerView{Issuer: "http://localhost:8601", Keys: []string{"k1", "k2"}}
	return loginCheck{
		mode: mode, issuer: "http://localhost:8601", origin: "http://localhost:8501",
		state: oidc.State{Issuer: "http://localhost:8601", Keys: []oidc.Key{{ID: "k2"}, {ID: "k1"}}},
		host:  s,
		app: containerView{providerView: s, Guarded: true, Time: 1_700_000_000.5, Redirects: []string{"http://localhost:8501/", "http://localhost:8501"}, asked: at, answered: at.Add(time.Second),
			Versions: map[string]string{"streamlit": "1.58.0", "botocore": "1.31.0", "Authlib": "1.9.9", "httpx": "0.28.1"}},
	}
}

func TestAuthCheck_FindsNothingWhereNothingIsWrong(t *testing.T) {
	for _, mode := range []dev.Mode{dev.AppLogin, dev.Native} {
		seenIDs := map[string]bool{}
		for _, f := range wellSeen(mode).findings() {
			if !f.OK || f.Evidence == "" || f.Fix != "" || seenIDs[f.ID] {
				t.Errorf("%s: %+v", mode, f)
			}
			seenIDs[f.ID] = true
		}
	}
}

func TestAuthCheck_FindsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil    func(*loginCheck)
		mode     dev.Mode
		id       string
		evidence string
		blocks   bool
	}{
		"the host does not reach it":    {func(l *loginCheck) { l.host = providerView{Error: "refused"} }, dev.AppLogin, "issuer.host", "http://localhost:8601 does not answer this machine: refused", true},
		"the app does not reach it":     {func(l *loginCheck) { l.app.Error = "timed out" }, dev.AppLogin, "issuer.app", "http://localhost:8601 does not answer the app's container: timed out", true},
		"the app says nothing":          {func(l *loginCheck) { l.appError = errors.New("no python") }, dev.Native, "issuer.app", "http://localhost:8601 does not answer the app's container: no python", true},
		"another issuer for the app":    {func(l *loginCheck) { l.app.Issuer = "http://other" }, dev.AppLogin, "issuer.same", "from the app's container, the issuer is http://other, but should be http://localhost:8601", true},
		"another issuer for the host":   {func(l *loginCheck) { l.host.Issuer = "http://other" }, dev.AppLogin, "issuer.same", "from this machine, the issuer is http://other, but should be http://localhost:8601", true},
		"a key is not published":        {func(l *loginCheck) { l.app.Keys = []string{"k1"} }, dev.AppLogin, "keys.same", `the published keys are ["k1"], but the provider has ["k1" "k2"]`, true},
		"the app's clock is behind":     {func(l *loginCheck) { l.app.Time -= 60 }, dev.AppLogin, "clock.same", "the app's clock is 1m0s behind this machine's", false},
		"the app's clock is ahead":      {func(l *loginCheck) { l.app.Time += 60 }, dev.AppLogin, "clock.same", "the app's clock is 1m0s ahead of this machine's", false},
		"the provider's clock is off":   {func(l *loginCheck) { l.state.Clock = 2 * time.Hour }, dev.AppLogin, "clock.same", "the provider's clock is off by 2h0m0s, because you set it", false},
		"another redirect address":      {func(l *loginCheck) { l.app.Redirects = append(l.app.Redirects, "http://127.0.0.1:8501") }, dev.AppLogin, "redirect.origin", "the app is at http://localhost:8501, but its redirect addresses are http://127.0.0.1:8501", true},
		"no redirect address":           {func(l *loginCheck) { l.app.Redirects = nil }, dev.AppLogin, "redirect.origin", "the app is at http://localhost:8501, but its redirect addresses are ", true},
		"unreadable redirect addresses": {func(l *loginCheck) { l.app.RedirectsError = "KeyError: web" }, dev.AppLogin, "redirect.origin", "the app cannot read its redirect addresses: KeyError: web", true},
		"a bypass":                      {func(l *loginCheck) { l.app.Bypass = "1" }, dev.Native, "bypass.off", "LOCAL_STREAMLIT=1 is set for the app", true},
		"a bypass that is kept off": {func(l *loginCheck) {
			l.app.SetBy = []string{"the top level of Streamlit's secrets", "/app/Home.py:3"}
		}, dev.AppLogin, "bypass.off", "LOCAL_STREAMLIT is set by the top level of Streamlit's secrets, /app/Home.py:3; sdev keeps it off here, but it would bypass the login of the deployed app", true},
		"a counted request": {func(l *loginCheck) {
			l.state.Unmapped = []oidc.Unmapped{{Address: "https://login.live.com/x", Count: 2}}
		}, dev.AppLogin, "addresses.mapped", "the app uses a real identity provider: 2 requests to https://login.live.com/x", true},
		"a login that nothing can map": {func(l *loginCheck) { l.fixed = []dev.Warning{{Message: "a script signs in", Hint: "h"}} }, dev.AppLogin, "addresses.mapped", "the app uses a real identity provider: a script signs in", true},
		"a process without the shim":   {func(l *loginCheck) { l.app.Guarded = false }, dev.AppLogin, "bypass.off", "sdev cannot keep LOCAL_STREAMLIT off in the app's process, so its code or secrets may set it", true},
		"a process of somebody else's": {func(l *loginCheck) { l.app.Guarded, l.app.BypassError = false, "PermissionError" }, dev.AppLogin, "bypass.off", "cannot read the environment of the app's process: PermissionError", false},
		"an old boto3":                 {func(l *loginCheck) { l.app.Versions["botocore"] = "1.29.27" }, dev.AppLogin, "boto3.version", "botocore 1.29.27 ignores AWS_ENDPOINT_URL_SSM, so it sends requests to the real AWS", true},
		"an oldish Streamlit":          {func(l *loginCheck) { l.app.Versions["streamlit"] = "1.57.0" }, dev.Native, "streamlit.version", "streamlit 1.57.0: before 1.58, users lose their login when the app restarts", false},
		"an old Streamlit":             {func(l *loginCheck) { l.app.Versions["streamlit"] = "1.41.1" }, dev.Native, "streamlit.version", "streamlit 1.41.1 has no st.login", true},
		"no Streamlit":                 {func(l *loginCheck) { delete(l.app.Versions, "streamlit") }, dev.Native, "streamlit.version", "the container's Python has no streamlit", false},
		"no Authlib":                   {func(l *loginCheck) { delete(l.app.Versions, "Authlib") }, dev.Native, "authlib.version", "Authlib is not installed, and st.login needs it", true},
		"no httpx":                     {func(l *loginCheck) { delete(l.app.Versions, "httpx") }, dev.Native, "authlib.version", "httpx is not installed, and st.login needs it", true},
		"shared cookies":               {func(l *loginCheck) { l.others = []string{"http://localhost:8502"} }, dev.Native, "cookies.shared", "cookies ignore ports, so these apps share them: http://localhost:8502", false},
		"groups of nobody":             {func(l *loginCheck) { l.unknown = []string{"sales"} }, dev.AppLogin, "policies.groups", "policies name groups without members: sales", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := wellSeen(c.mode)
			c.spoil(&l)
			all := l.findings()
			i := slices.IndexFunc(all, func(f finding) bool { return f.ID == c.id })
			if i < 0 || all[i].OK || all[i].Evidence != c.evidence || all[i].Fix == "" || all[i].Blocks != c.blocks {
				t.Errorf("%+v", all)
			}
			for j, f := range all {
				if j != i && !f.OK {
					t.Errorf("and %+v", f)
				}
			}
		})
	}
}

func TestAuthCheck_NeedsNoBoto3(t *testing.T) {
	l := wellSeen(dev.AppLogin)
	delete(l.app.Versions, "botocore")
	if slices.ContainsFunc(l.findings(), func(f finding) bool { return !f.OK }) {
		t.Errorf("%+v", l.findings())
	}
}

func TestAuthCheck_FindsGroupsOfNobody(t *testing.T) {
	policies := []dev.Policy{{Allow: dev.Allow{Groups: []string{"a", "b"}}}, {Allow: dev.Allow{Groups: []string{"b", "c"}}}}
	got := unknownGroups(policies, []dev.Person{{Groups: []string{"c"}}, {Groups: []string{"a", "d"}}})
	if !slices.Equal(got, []string{"b"}) {
		t.Errorf("%q", got)
	}
}

func TestAuthFindings_AreTheContract(t *testing.T) {
	b, err := json.Marshal(finding{ID: "bypass.off", OK: true, Evidence: "e"})
	if want := `{"id":"bypass.off","ok":true,"evidence":"e","fix":"","blocks":false}`; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
}
