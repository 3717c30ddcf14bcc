//go:build docker

package gateway

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/streamlit"
)

const homePage = `import streamlit as st
st.title("Home one")
n = st.number_input("n", value=1)
if st.button("go"):
    st.write("clicked")
st.write("n is", n)
`

const firstPage = `import streamlit as st
from parts.helper import WORD
st.title("First one")
st.write(WORD)
st.write("hello " + st.text_input("name"))
`

// TestBrowser_RealStreamlit tests the whole path without fakes: Chromium, the gateway, and Streamlit as a process of
// this machine, in the oldest and the newest supported version.
func TestBrowser_RealStreamlit(t *testing.T) {
	for _, version := range []string{"1.67.0", "1.58.0"} {
		t.Run(version, func(t *testing.T) {
			s := newServer(t, version)
			r := newRigAt(t, s.addr, map[string]string{"Home.py": homePage, "pages/1_First_App.py": firstPage, "parts/helper.py": "WORD = 'before'\n"}, "")
			s.dir = r.root
			p := newPage(t)

			p.open("http://" + r.host + "/")
			p.shows("Starting the app")
			r.call(Request{Do: DoAnnounce, Announce: dev.Announcement{How: dev.AnnounceExit, Text: "exit code 3"}})
			p.shows("exit code 3")
			s.start()
			p.loads("Home one")
			p.types("input[type=number]", "42")
			p.shows("n is 42")
			saveAndSee(t, r, p)
			restartAndSee(t, r, p, s)
			breakAndSee(t, r, p)
			twoTabs(t, r, p)
			killOnSecondPage(t, r, p, s)
			saveImported(t, r, p)
		})
	}
}

func saveAndSee(t *testing.T, r *rig, p *page) {
	p.press("button", "go")
	p.shows("clicked")
	devtest.Write(t, filepath.Join(r.root, "Home.py"), strings.Replace(homePage, "one", "saved", 1))
	p.shows("Home saved")
	await(r, anyOf[dev.FileChanged])
	got := await(r, anyOf[dev.AppReloaded])
	if got.Trigger != "Home.py" || got.Sessions != 1 || got.How != dev.ReloadMount || got.MS > 5000 {
		t.Errorf("a save: %+v", got)
	}
	t.Logf("save to script finished: %d ms", got.MS)
}

func restartAndSee(t *testing.T, r *rig, p *page, s *server) {
	p.press("button", "go")
	p.shows("clicked")
	r.call(Request{Do: DoAnnounce, Announce: dev.Announcement{How: dev.AnnounceRestart, Trigger: ".streamlit/config.toml"}})
	began := time.Now()
	s.stop(os.Interrupt)
	devtest.Write(t, filepath.Join(r.root, "Home.py"), strings.Replace(homePage, "one", "restarted", 1))
	s.start()
	p.shows("Home restarted")
	t.Logf("restart to page: %v", time.Since(began))
	got := await(r, anyOf[dev.AppReloaded])
	if got.Trigger != ".streamlit/config.toml" || got.Sessions != 1 || got.How != dev.ReloadRestart {
		t.Errorf("a restart: %+v", got)
	}
	p.shows("n is 42")
	p.hides("clicked")
}

func breakAndSee(t *testing.T, r *rig, p *page) {
	home := filepath.Join(r.root, "Home.py")
	for _, tt := range []struct {
		code string
		want dev.AppException
	}{
		{"def f():\n    return 1 / 0\nf()\n", dev.AppException{Exception: "ZeroDivisionError", Message: "division by zero", File: "Home.py", Line: 8}},
		{"if True\n", dev.AppException{Exception: "SyntaxError", Message: "expected ':'", File: "Home.py", Line: 7}},
	} {
		devtest.Write(t, home, homePage+tt.code)
		p.shows(tt.want.Exception)
		if got := await(r, anyOf[dev.AppException]); got != tt.want {
			t.Errorf("%+v, want %+v", got, tt.want)
		}
	}
	devtest.Write(t, home, homePage)
	p.shows("Home one")
	await(r, anyOf[dev.AppReloaded])
}

func twoTabs(t *testing.T, r *rig, p *page) {
	q := newPage(t)
	q.open("http://" + r.host + "/")
	q.loads("Home one")
	devtest.Write(t, filepath.Join(r.root, "Home.py"), strings.Replace(homePage, "one", "twice", 1))
	q.shows("Home twice")
	p.shows("Home twice")
	await(r, func(e dev.AppReloaded) bool { return e.Sessions == 2 })
	q.close() // navigating away is not enough: the browser keeps the page connected for its back button
	await(r, func(e dev.SessionClosed) bool { return e.Sessions == 1 })
}

// saveImported saves a module in a directory without __init__.py, through another file, as editors do. This needs the
// start-up shim: without it Streamlit watches the directory, looks for the removed file, and takes seconds.
func saveImported(t *testing.T, r *rig, p *page) {
	p.shows("before")
	beside := filepath.Join(r.root, "parts", ".helper.py.tmp")
	devtest.Write(t, beside, "WORD = 'after'\n")
	if err := os.Rename(beside, filepath.Join(r.root, "parts", "helper.py")); err != nil {
		t.Fatal(err)
	}
	p.shows("after")
	got := await(r, anyOf[dev.AppReloaded])
	if got.Trigger != "parts/helper.py" || got.Sessions != 1 || got.MS > 1000 {
		t.Errorf("an imported module: %+v", got)
	}
	t.Logf("save of an imported module to script finished: %d ms", got.MS)
}

func killOnSecondPage(t *testing.T, r *rig, p *page, s *server) {
	p.press("a", "First App")
	p.shows("First one")
	p.types("input[type=text]", "bob")
	p.shows("hello bob")
	s.stop(os.Kill)
	devtest.Write(t, filepath.Join(r.root, "pages/1_First_App.py"), strings.Replace(firstPage, "one", "again", 1))
	s.start()
	p.shows("First again")
	p.shows("hello bob")
	if got := await(r, anyOf[dev.AppReloaded]); got.How != dev.ReloadRestart {
		t.Errorf("a restart without an announcement: %+v", got)
	}
}

// server is a real Streamlit server of one version.
type server struct {
	t         *testing.T
	bin, addr string
	dir, shim string
	cmd       *exec.Cmd
}

// newServer installs a version of Streamlit, unless it is installed already.
func newServer(t *testing.T, version string) *server {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	venv := filepath.Join(cache, "sdev-test", "streamlit-"+version)
	done := filepath.Join(venv, "complete")
	if _, err := os.Stat(done); err != nil {
		command(t, "python3", "-m", "venv", "--clear", venv)
		command(t, filepath.Join(venv, "bin", "pip"), "install", "-q", "streamlit=="+version)
		devtest.Write(t, done, version)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	shim := devtest.Project(t, map[string]string{streamlit.ShimName: string(streamlit.Shim())})
	return &server{t: t, bin: filepath.Join(venv, "bin", "streamlit"), addr: l.Addr().String(), shim: shim}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// start starts the server with sdev's settings and others.
func (s *server) start(settings ...string) {
	s.t.Helper()
	var port int
	if _, err := fmt.Sscan(s.addr[strings.LastIndex(s.addr, ":")+1:], &port); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(s.bin, "run", "Home.py")
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), "PYTHONPATH="+s.shim)
	for name, value := range streamlit.DevEnv(port) {
		s.cmd.Env = append(s.cmd.Env, name+"="+value)
	}
	s.cmd.Env = append(s.cmd.Env, settings...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.stop(os.Kill) })
}

func (s *server) stop(sig os.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	_ = s.cmd.Wait() // Wait returns an error for a process that a signal ends
	s.cmd = nil
}

// page is a tab of a headless Chromium of its own.
type page struct {
	t     *testing.T
	ctx   context.Context //nolint:containedctx // chromedp keeps the tab in it
	close context.CancelFunc
}

func newPage(t *testing.T) *page {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
	alloc, cancelAlloc := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancelAlloc)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	return &page{t: t, ctx: ctx, close: cancel}
}

func (p *page) open(url string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatal(err)
	}
}

// loads waits for the app's first content. If anything on this machine creates or removes a container's network,
// Chromium aborts loading, and Streamlit's page stays blank. So loads loads a blank page again.
func (p *page) loads(text string) {
	p.t.Helper()
	p.becomes(fmt.Sprintf(`(() => {
		const shown = document.body ? document.body.innerText : "";
		if (shown.includes(%q)) return true;
		if (shown.trim() === "" && performance.now() > 4000) location.reload();
		return false;
	})()`, text))
}

// idle waits until the page has processed its last run and accepts input.
func (p *page) idle() {
	p.t.Helper()
	p.becomes(`document.querySelector("[data-testid=stApp]")?.getAttribute("data-test-script-state") === "notRunning"`)
}

// types replaces a field's text. Text that is typed while the page is redrawn gets lost, so types checks the field before
// it enters the text.
func (p *page) types(selector, text string) {
	p.t.Helper()
	p.idle()
	for range 10 {
		p.becomes(fmt.Sprintf(`(() => { const field = document.querySelector(%q); field?.select(); return field !== null })()`, selector))
		if err := chromedp.Do(p.ctx, chromedp.SendKeys(selector, text)); err != nil {
			p.t.Fatal(err)
		}
		if ok, err := p.is(fmt.Sprintf(`document.querySelector(%q).value === %q`, selector, text)); err != nil || !ok {
			continue
		}
		if err := chromedp.Do(p.ctx, chromedp.SendKeys(selector, "\r")); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	p.t.Fatalf("%s does not take %q", selector, text)
}

func (p *page) press(tag, text string) {
	p.t.Helper()
	p.idle()
	p.becomes(fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll(%q)].find(e => e.innerText.trim() === %q);
		found?.click();
		return found !== undefined;
	})()`, tag, text))
}

func (p *page) is(js string) (bool, error) { return chromedp.Run(p.ctx, chromedp.Evaluate[bool](js)) }

func (p *page) shows(text string) {
	p.t.Helper()
	p.becomes(fmt.Sprintf(`!!document.body && document.body.innerText.includes(%q)`, text))
}

// showsBefore reports whether the page shows a text before late delivers a value.
func (p *page) showsBefore(late <-chan time.Time, text string) bool {
	p.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if ok, err := p.is(fmt.Sprintf(`!!document.body && document.body.innerText.includes(%q)`, text)); err == nil && ok {
			return true
		}
		select {
		case <-look.C:
		case <-late:
			return false
		case <-p.t.Context().Done():
			return false
		}
	}
}

func (p *page) hides(text string) {
	p.t.Helper()
	p.becomes(fmt.Sprintf(`!document.body.innerText.includes(%q)`, text))
}

// becomes waits until a JavaScript expression is true. It ignores errors, because the page may be replaced meanwhile.
func (p *page) becomes(js string) {
	p.t.Helper()
	limit := time.After(devtest.Patience)
	for {
		ok, err := p.is(js)
		if ok {
			return
		}
		select {
		case <-limit:
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
			p.t.Fatalf("never true: %s (%v); the page says:\n%s", js, err, text)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
