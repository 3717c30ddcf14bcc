//go:build docker

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sdev/dev"
)

// tab is a page of a real browser.
type tab struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in it
}

// openTab opens url in a headless Chromium of its own.
func openTab(t testing.TB, url string) tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1000, 700))
	if strings.HasPrefix(url, "https://") { // the project's own authority, which the browser does not know
		opts = append(opts, chromedp.Flag("ignore-certificate-errors", true))
	}
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := tab{t, ctx}
	if _, err := chromedp.Run(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	// If a network of the machine appears or disappears while a page loads, Chromium aborts loading
	// (ERR_NETWORK_CHANGED) and the page stays blank: load it again, as a user would.
	loaded := time.Now()
	b.until("a page with text", func() bool {
		if time.Since(loaded) > 5*time.Second {
			loaded = time.Now()
			_, _ = chromedp.Run(ctx, chromedp.Navigate(url)) // the next look tells
		}
		return b.text() != ""
	})
	return b
}

// text returns the text that the page shows.
func (b tab) text() string {
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return "" // between two pages there is none
	}
	return s
}

// shows waits until the page shows a text.
func (b tab) shows(what string) {
	b.t.Helper()
	b.until("the tab shows "+what, func() bool { return strings.Contains(b.text(), what) })
}

func (b tab) until(about string, ok func() bool) {
	b.t.Helper()
	await(b.t, about, ok, func() string { return "the tab shows:\n" + b.text() })
}

// home returns the source of a main page with a heading and a text field.
func home(heading string) string {
	return fmt.Sprintf("import streamlit as st\n\nst.title(%q)\nst.write(\"typed: \" + st.text_input(\"Name\", key=\"name\"))\n", heading)
}

func TestBrowser_ASaveIsLiveAndKnownToBe(t *testing.T) {
	p := scaffolded(t)
	const script = "code_package/streamlit/Home.py"
	p.write(script, home("first version"))
	reportsSaves(t, p, p.up(), script)
}

// reportsSaves saves the script of a running app, in which its heading is "first version", and checks what the page shows and
// what sdev says about it.
func reportsSaves(t *testing.T, p *project, ready dev.Ready, script string) {
	t.Helper()
	page := openTab(t, ready.URL)
	page.shows("first version")

	logs := p.follow()
	awaitEvent[dev.SessionOpened](t, logs)
	p.write(script, home("second version")) // right after the page shows
	page.shows("second version")
	changed := awaitEvent[dev.FileChanged](t, logs)
	if len(changed.Paths) != 1 || changed.Paths[0] != script || changed.Action != dev.Live {
		t.Errorf("file.changed = %+v", changed)
	}
	reloaded := awaitEvent[dev.AppReloaded](t, logs)
	if reloaded.Trigger != script || reloaded.Sessions != 1 || reloaded.How != dev.ReloadMount || reloaded.MS <= 0 || reloaded.MS > 5000 {
		t.Errorf("app.reloaded = %+v", reloaded)
	}
	p.write(script, "import streamlit as st\nst.title('x'\n")
	raised := awaitEvent[dev.AppException](t, logs)
	if raised.Exception != "SyntaxError" || raised.File != script || raised.Line != 2 {
		t.Errorf("app.exception of a syntax error = %+v", raised)
	}
	p.write(script, "import streamlit as st\n\nst.title('y')\nprint(1 / 0)\n")
	raised = awaitEvent[dev.AppException](t, logs)
	if raised.Exception != "ZeroDivisionError" || raised.Message != "division by zero" || raised.File != script || raised.Line != 4 {
		t.Errorf("app.exception of a raised error = %+v", raised)
	}
	p.write(script, "import streamlit as st\n\nst.title('z')\nraise ValueError('\\x1b]0;owned\\x07\\x1b[2J\\x9b2J\\u202e\\nready    http://evil/')\n")
	if raised = awaitEvent[dev.AppException](t, logs); raised.Exception != "ValueError" || !strings.Contains(raised.Message, "ready    http://evil/") {
		t.Errorf("app.exception of a hostile error = %+v", raised)
	}
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"logs"}, {"logs", "--json"}} {
		text := p.run(0, args...)
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || dev.IsHidden(r) }); i >= 0 || strings.Contains(text, "\nready    http://evil/") {
			t.Errorf("%s prints the exception as %q", args, text)
		}
	}
	if two := strings.Count(p.run(0, "logs", "--tail", "1", "--json"), "\n"); two > 2 { // of the app and of the gateway
		t.Errorf("--tail 1 gives %d events", two)
	}
	p.write(script, home("third version"))
	awaitEvent[dev.AppReloaded](t, logs)
	page.shows("third version")
}

func TestBrowser_ATabLeftAloneShowsTheRebuiltApp(t *testing.T) {
	p := scaffolded(t)
	p.write("code_package/streamlit/Home.py", "import importlib.util\nimport streamlit as st\n\nst.title('humanize: ' + str(importlib.util.find_spec('humanize') is not None))\n")
	up := p.attend()
	ready := awaitEvent[dev.Ready](t, up)
	page := openTab(t, ready.URL)
	page.shows("humanize: False")

	dockerfile, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	// A dependency that needs no network: a package made on the spot.
	p.write("Dockerfile", strings.Replace(string(dockerfile), "USER app\n", "RUN mkdir -p /opt/extra/humanize && touch /opt/extra/humanize/__init__.py\nENV PYTHONPATH=/app:/opt/extra\nUSER app\n", 1))
	changed := awaitEvent[dev.FileChanged](t, up)
	if changed.Action != dev.Rebuild {
		t.Errorf("file.changed = %+v", changed)
	}
	awaitEvent[dev.BuildDone](t, up)
	page.shows("humanize: True")
	if reloaded := awaitEvent[dev.AppReloaded](t, up); reloaded.How != dev.ReloadRebuild || reloaded.Trigger != "Dockerfile" {
		t.Errorf("app.reloaded = %+v", reloaded)
	}
}

func TestBrowser_ATabLeftAloneShowsTheRestartedApp(t *testing.T) {
	p := scaffolded(t)
	p.write("code_package/streamlit/Home.py", "import os, time\nimport streamlit as st\n\nst.title('started ' + str(os.stat('/proc/1').st_ctime_ns))\nst.text_input('Name', key='name')\n")
	ready := p.up()
	page := openTab(t, ready.URL)
	page.shows("started ")
	before := heading(page)
	p.run(0, "restart")
	page.until("another start in the heading", func() bool { h := heading(page); return strings.HasPrefix(h, "started ") && h != before })

	// After a restart of the gateway by hand, the next up restarts the app too.
	before = heading(page)
	docker(t, "restart", p.name+"-sdev-gateway-1")
	p.up()
	page.until("another start in the heading", func() bool { h := heading(page); return strings.HasPrefix(h, "started ") && h != before })
}

func heading(b tab) string {
	for line := range strings.Lines(b.text()) {
		if strings.HasPrefix(line, "started ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
