//go:build docker

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"sdev/dev"
	"sdev/dev/devtest"
)

// A whole login, as a user sees it: real Streamlit and its real OAuth libraries in a real container, the sign-in page in
// a real browser.

// signingIn starts the project in a mode with a login and returns its last event, which must be ready.
func (p *project) signingIn(flags ...string) dev.Ready {
	p.t.Helper()
	out := p.run(0, append([]string{"up", "-d", "--json"}, flags...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last dev.Stamped
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		p.t.Fatalf("last line of up: %v\n%s", err, out)
	}
	ready, ok := last.Event.(dev.Ready)
	if !ok || ready.Issuer == "" {
		p.t.Fatalf("last event of up is %+v\n%s", last.Event, out)
	}
	return ready
}

// button returns a JavaScript expression for a button with a text, in the page itself or in a component's frame.
func button(text string) string {
	return fmt.Sprintf(`[document, ...[...document.querySelectorAll("iframe")].map(f => f.contentDocument)]
		.flatMap(d => d ? [...d.querySelectorAll("button, a")] : [])
		.find(b => b.innerText.toLowerCase().includes(%q))`, strings.ToLower(text))
}

// link returns a JavaScript expression for a link of Streamlit's navigation.
func link(path string) string { return fmt.Sprintf(`document.querySelector('a[href$=%q]')`, path) }

// still is the number of consecutive checks in which an element must keep its position: Streamlit moves elements while
// it draws them.
const still = 10

// click clicks an element with the mouse, once it exists and no longer moves.
func (b tab) click(element string) {
	b.t.Helper()
	var at []float64
	looks := 0
	b.until("an element to click: "+element, func() bool {
		before := at
		var err error
		at, err = chromedp.Run(b.ctx, chromedp.Evaluate[[]float64](`(() => {
			const e = `+element+`;
			if (!e) return null;
			e.scrollIntoView({block: "center"});
			const r = e.getBoundingClientRect();
			if (r.width === 0) return null;
			let x = r.x + r.width / 2, y = r.y + r.height / 2;
			for (let w = e.ownerDocument.defaultView; w !== window; w = w.parent) {
				const f = w.frameElement.getBoundingClientRect();
				x += f.x; y += f.y;
			}
			return [x, y];
		})()`))
		looks++
		if err != nil || len(at) != 2 || !slices.Equal(at, before) {
			looks = 0
		}
		return looks >= still
	})
	if err := chromedp.Do(b.ctx, chromedp.MouseClickXY(at[0], at[1])); err != nil {
		b.t.Fatal(err)
	}
}

// opens clicks an element and returns the window that opens.
func (b tab) opens(element string) tab {
	b.t.Helper()
	opened := chromedp.WaitNewTarget(b.ctx, func(i *target.Info) bool { return i.Type == "page" })
	b.click(element)
	select {
	case id := <-opened:
		ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
		b.t.Cleanup(cancel)
		return tab{b.t, ctx}
	case <-time.After(devtest.Patience):
		b.t.Fatalf("no window opened; the tab shows:\n%s", b.text())
	}
	return tab{}
}

// another opens an address in a new tab of the same browser.
func (b tab) another(url string) tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	other := tab{b.t, ctx}
	other.goes(url)
	return other
}

func (b tab) goes(url string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(url)); err != nil {
		b.t.Fatalf("open %s: %v", url, err)
	}
}

// gone waits until the page shows some text, but not this one.
func (b tab) gone(what string) {
	b.t.Helper()
	b.until("the tab does not show "+what, func() bool { text := b.text(); return text != "" && !strings.Contains(text, what) })
}

// signsIn opens the sign-in page in a window of its own, as streamlit-oauth does, and picks a person there.
func (b tab) signsIn(pick string) {
	b.t.Helper()
	popup := b.opens(button("Continue with Google"))
	popup.shows("admin@example.com")
	popup.click(button(pick))
}

// loginLog returns the logged events about logins, each as one line of text.
func (p *project) loginLog() string {
	p.t.Helper()
	var b strings.Builder
	for line := range strings.Lines(p.run(0, "logs", "--json")) {
		var s dev.Stamped
		if json.Unmarshal([]byte(line), &s) == nil && strings.HasPrefix(s.Event.Type(), "auth.") {
			fmt.Fprintf(&b, "%s %+v\n", s.Event.Type(), s.Event)
		}
	}
	return b.String()
}

// mustLog waits until the log has events: it may be a little behind the page.
func (p *project) mustLog(what ...string) {
	p.t.Helper()
	var loginLog string
	await(p.t, fmt.Sprintf("the log has %q", what), func() bool {
		loginLog = p.loginLog()
		return !slices.ContainsFunc(what, func(w string) bool { return !strings.Contains(loginLog, w) })
	}, func() string { return loginLog })
}

// TestBrowserAuth_Document000LogsInAsItsArticleHasIt runs the unchanged project of the article, which has Google's
// endpoints in its code.
func TestBrowserAuth_Document000LogsInAsItsArticleHasIt(t *testing.T) {
	micromamba(t)
	p := copyTree(t, "document000")
	ready := p.signingIn("--with-auth")
	if ready.Mode != dev.AppLogin {
		t.Errorf("mode %s", ready.Mode)
	}
	page := openTab(t, ready.URL+"/First_App")
	page.signsIn("deny")
	page.shows("access_denied") // the article's code does not catch it
	page.goes(ready.URL + "/First_App")
	page.signsIn("admin@example.com")
	page.shows("First streamlit app")
	p.mustLog("auth.denied {User: Client:streamlit", "auth.login {User:admin@example.com Client:streamlit Reason:picked")
	page.click(link("/"))
	page.gone("First streamlit app")
	page.click(link("First_App"))
	page.shows("First streamlit app") // the login survives a change of the page
	page.click(button("Logout"))
	page.gone("First streamlit app")

	// The article's logout does not reach the provider, which signs the same person in without the sign-in page until
	// they sign out there.
	page.opens(button("Continue with Google"))
	page.shows("First streamlit app")
	p.mustLog("auth.login {User:admin@example.com Client:streamlit Reason:already signed in")
	page.click(button("Logout"))
	page.gone("First streamlit app")
	provider := page.another(ready.Issuer)
	provider.click(button("Sign out"))
	provider.gone("admin@example.com")

	// Nor does the article's code verify the token: a token for another app signs people in.
	p.run(0, "auth", "fault", "set", "wrong-aud", "--times", "1")
	page.signsIn("user@example.com")
	page.shows("First streamlit app")
	p.mustLog("auth.fault {Fault:wrong-aud", "auth.login {User:user@example.com")

	checked := p.run(0, "auth", "check")
	t.Logf("sdev auth check:\n%s", checked)
}

func TestBrowserAuth_TheScaffoldVerifiesAndSwitches(t *testing.T) {
	scaffoldsLogin(t, scaffolded(t))
}

// scaffoldsLogin tests the login code that sdev init writes: it refuses the token that document 000 accepts. The tab stays
// open while the mode changes. The flags name the runtime.
func scaffoldsLogin(t *testing.T, p *project, flags ...string) {
	t.Helper()
	ready := p.up(flags...)
	page := openTab(t, ready.URL+"/First_App")
	page.shows("Login is off")

	start := time.Now()
	login := p.signingIn("--with-auth")
	if login.URL != ready.URL {
		t.Errorf("the app moved from %s to %s", ready.URL, login.URL)
	}
	page.gone("Login is off")
	t.Logf("from --local to --with-auth, until the open tab shows it: %v", time.Since(start).Round(10*time.Millisecond))

	page.signsIn("deny")
	page.shows("access_denied")
	p.run(0, "auth", "fault", "set", "wrong-aud", "--times", "1")
	page.signsIn("admin@example.com")
	page.shows("Audience doesn't match")
	p.run(0, "auth", "fault", "set", "bad-signature", "--times", "1")
	page.signsIn("admin@example.com") // the app asks to select an account, so the page shows again
	page.shows("Signature verification failed")
	p.mustLog("auth.denied {User: Client:streamlit", "auth.fault {Fault:wrong-aud", "auth.fault {Fault:bad-signature")
	page.signsIn("admin@example.com")
	page.shows("Signed in as admin@example.com")
	page.click(button("Logout"))
	page.gone("Signed in as")

	// With "sdev auth use" nobody sees the sign-in page: the window closes by itself.
	p.run(0, "auth", "use", "user@example.com")
	page.opens(button("Continue with Google"))
	page.shows("Signed in as user@example.com")

	start = time.Now()
	p.up()
	page.shows("Login is off")
	t.Logf("from --with-auth to --local, until the open tab shows it: %v", time.Since(start).Round(10*time.Millisecond))
}

// nativeApp is an app with Streamlit's own login, and nothing else.
const nativeApp = `import streamlit as st

if not st.user.is_logged_in:
    st.title("Please log in")
    st.button("Log in", on_click=st.login)
    st.button("Company account", on_click=st.login, args=["company"])
    st.stop()
st.title(f"Hello {st.user.email}")
st.write("name: " + str(st.user.get("name")))
st.write("claims: " + str(len(str(st.user.to_dict()))))
st.button("Log out", on_click=st.logout)
`

const nativeDockerfile = `FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca; fi; \
    python -m venv /opt/venv && pip install --disable-pip-version-check --cache-dir=/root/.cache/pip streamlit[auth]==1.58.0 httpx
WORKDIR /app
COPY . .
CMD ["streamlit", "run", "Home.py"]
`

// native creates a project whose app has Streamlit's own login.
func native(t testing.TB) *project {
	t.Helper()
	name := fmt.Sprintf("t%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
	p := &project{t: t, dir: filepath.Join(t.TempDir(), name), name: name, home: t.TempDir()}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.guardDir()
	p.write("compose.yaml", "services:\n  streamlit:\n    build: .\n    ports: [\"8501:8501\"]\n")
	p.write("Dockerfile", nativeDockerfile)
	p.write("Home.py", nativeApp)
	p.write("requirements.txt", "streamlit[auth]==1.58.0\nhttpx\n")
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := p.command("logs").CombinedOutput()
			t.Logf("logs:\n%s", text)
		}
		p.run(0, "down", "--volumes")
		_ = exec.Command("docker", "image", "rm", p.name+"-streamlit").Run() // it may never have been built
	})
	return p
}

func TestBrowserAuth_NativeLoginFromTheFirstClickToTheLogout(t *testing.T) {
	nativeLogin(t, native(t))
}

// nativeLogin signs people in and out of the app of [native], on the runtime that the first flags name.
func nativeLogin(t *testing.T, p *project, flags ...string) {
	t.Helper()
	p.run(0, "auth", "users", "add", "zoe@example.com", "--name", "Zoë Müller", "--group", "sales")
	p.run(0, "auth", "users", "add", "admin@example.com", "--name", "Admin", "--group", "admin")
	ready := p.signingIn(append([]string{"--with-auth"}, flags...)...)
	if ready.Mode != dev.Native {
		t.Errorf("mode %s", ready.Mode)
	}
	page := openTab(t, ready.URL)
	page.shows("Please log in")
	page.click(button("Log in"))
	page.shows("zoe@example.com")
	page.click(button("zoe@example.com"))
	page.shows("Hello zoe@example.com")
	page.shows("name: Zoë Müller")
	page.goes(ready.URL)
	page.shows("Hello zoe@example.com") // a reload keeps it
	second := page.another(ready.URL)
	second.shows("Hello zoe@example.com") // and so does a second tab

	page.click(button("Log out"))
	page.shows("Please log in")
	p.mustLog("auth.login {User:zoe@example.com", "auth.logout {User:zoe@example.com")

	// The app restarts while somebody is at the sign-in page: the login then continues.
	page.click(button("Log in"))
	page.shows("admin@example.com")
	p.run(0, "restart")
	page.click(button("admin@example.com"))
	page.shows("Hello admin@example.com")
	page.click(button("Log out"))
	page.shows("Please log in")

	// The claims are larger than one cookie can be.
	p.run(0, "auth", "fault", "set", "huge-claims", "--times", "1")
	page.click(button("Log in"))
	page.shows("admin@example.com")
	page.click(button("admin@example.com"))
	page.shows("Hello admin@example.com")
	page.until("claims of more than 4 KB", func() bool {
		_, after, _ := strings.Cut(page.text(), "claims: ")
		var n int
		_, err := fmt.Sscan(after, &n)
		return err == nil && n > 4096
	})
	page.click(button("Log out"))
	page.shows("Please log in")

	// A provider that the code names has the same people.
	page.click(button("Company account"))
	page.shows("zoe@example.com")
	page.click(button("zoe@example.com"))
	page.shows("Hello zoe@example.com")
	page.click(button("Log out"))
	page.shows("Please log in")

	// A person added to the compose file is on the sign-in page at once.
	p.run(0, "auth", "users", "add", "late@example.com")
	p.run(0, "auth", "use", "late@example.com")
	page.click(button("Log in"))
	page.shows("Hello late@example.com")
	page.click(button("Log out"))
	page.shows("Please log in")
	p.signingIn("--with-auth", "--as", "zoe@example.com")
	page.click(button("Log in"))
	page.shows("Hello zoe@example.com")
	t.Logf("sdev auth check:\n%s", p.run(0, "auth", "check"))
}
