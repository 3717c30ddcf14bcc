//go:build docker

package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sdev/dev"
)

// hostile is an app in a tab, with a hostile component in a frame and one in the page.
type hostile struct {
	tab
	app  *project
	args string // of the attack
}

// outcome is what came of each part of an attack, and what the component shows.
type outcome struct {
	Parts  map[string]string `json:"outcome"`
	Word   string            `json:"word"`
	Origin string            `json:"origin"`
}

// aims collects the addresses that the attack needs.
func (h *hostile) aims(ready dev.Ready) {
	h.t.Helper()
	u, err := url.Parse(ready.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	inspected, err := exec.Command("docker", "inspect", "-f", "{{json .Config.Env}}", h.app.gateway()).Output()
	if err != nil {
		h.t.Fatal(err)
	}
	var env []string
	var config dev.GatewayConfig
	if err := json.Unmarshal(inspected, &env); err != nil {
		h.t.Fatal(err)
	}
	for _, v := range env {
		if text, ok := strings.CutPrefix(v, dev.GatewayConfigEnv+"="); ok {
			err = json.Unmarshal([]byte(text), &config)
		}
	}
	if err != nil || config.Base != "/tools" {
		h.t.Fatalf("%v: %+v", err, config)
	}
	ports := []string{config.Upstream[strings.LastIndexByte(config.Upstream, ':')+1:], config.Parameters[strings.LastIndexByte(config.Parameters, ':')+1:]}
	args, err := json.Marshal(map[string]any{"base": config.Base, "issuer": fmt.Sprintf("http://localhost:%d", config.ProviderPort), "ports": ports})
	if err != nil {
		h.t.Fatal(err)
	}
	h.args = string(args)
	if u.Path != "/tools" {
		h.t.Errorf("the app is at %s", ready.URL)
	}
}

// evaluate runs JavaScript in the page and waits until it sets window.told.
func (h *hostile) evaluate(js string) outcome {
	h.t.Helper()
	if _, err := chromedp.Run(h.ctx, chromedp.Evaluate[any](`(() => { window.told = ""; `+js+`; return null })()`)); err != nil {
		h.t.Fatal(err)
	}
	text := ""
	h.until("an outcome", func() bool {
		got, err := chromedp.Run(h.ctx, chromedp.Evaluate[string](`window.told || ""`))
		text = got
		return err == nil && got != ""
	})
	var out outcome
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		h.t.Fatalf("%v: %s", err, text)
	}
	return out
}

// inFrame lets the component in the frame attack.
func (h *hostile) inFrame() outcome {
	h.t.Helper()
	h.shows("the frame answered")
	return h.evaluate(`addEventListener("message", m => { if (m.data.outcome) window.told = JSON.stringify(m.data) }, {once: false});
		document.querySelector("iframe[src*=streamlit_evil]").contentWindow.postMessage({attack: ` + h.args + `}, "*")`)
}

// inPage lets the component in the page attack.
func (h *hostile) inPage() outcome {
	h.t.Helper()
	h.shows("the frame answered")
	h.until("the component in the page", func() bool {
		ok, err := chromedp.Run(h.ctx, chromedp.Evaluate[bool](`typeof window.attack === "function"`))
		return err == nil && ok
	})
	return h.evaluate(`attack(` + h.args + `).then(outcome => { window.told = JSON.stringify({outcome}) })`)
}

// reaches checks that an attack gets all of what has the app's origin but for some parts, or none of it, and never more.
func (h *hostile) reaches(who string, got outcome, origin bool, but ...string) {
	h.t.Helper()
	if len(got.Parts) < 20 {
		h.t.Errorf("%s: only %v", who, got.Parts)
	}
	of := []string{"cookie", "storage", "page", "app", "app blindly", "stream", "upload", "app in a frame", "popup", "another component"}
	for part, what := range got.Parts {
		if want := origin && slices.Contains(of, part) && !slices.Contains(but, part); strings.HasPrefix(what, "got ") != want {
			h.t.Errorf("%s: %s: %s", who, part, what)
		}
	}
}

// reopen loads the app again, in the same browser.
func (h *hostile) reopen(ready dev.Ready) {
	h.t.Helper()
	if _, err := chromedp.Run(h.ctx, chromedp.Navigate(ready.URL)); err != nil {
		h.t.Fatal(err)
	}
	h.shows("the frame answered")
}

// TestBrowserComponents_AHostileOneReachesNoMoreThanTheAppsOriginAndIsolatedNothing runs a hostile component, in a frame
// and in the page, in a mode with a login and without, trusted and isolated.
func TestBrowserComponents_AHostileOneReachesNoMoreThanTheAppsOriginAndIsolatedNothing(t *testing.T) {
	baseImage(t, "streamlit-base:1", t.TempDir(), streamlitBase)
	dir, _ := unpacked(t, "testdata/components.txtar")
	p := adopted(t, dir)
	ready := p.signingIn("--with-auth")
	h := &hostile{app: p, tab: openTab(t, ready.URL)}
	h.aims(ready)
	h.shows("the frame answered") // with a run of its own, which would take the place of the click's
	h.click(button("Log in"))
	h.shows("admin@example.com")
	h.click(button("admin@example.com"))
	h.shows("signed in: admin@example.com")
	h.reaches("a trusted frame", h.inFrame(), true)
	h.reaches("the page", h.inPage(), true)
	h.checks("components in frames reach cookies", "streamlit_evil.frame (streamlit-evil 6.6, requirements.txt:2)", "components in the app's page (st.components.v2) reach cookies")

	p.replace("compose.yaml", "components: trust", "components: isolate")
	ready = p.signingIn("--with-auth")
	h.reopen(ready)
	h.shows("signed in: admin@example.com")
	got := h.inFrame()
	if got.Origin != "null" { // the service worker of the trusted frame may not answer any more
		t.Errorf("the isolated frame has the origin %s", got.Origin)
	}
	h.reaches("an isolated frame", got, false)
	if !strings.Contains(got.Word, "with its own data") || !strings.Contains(got.Word, "hello") {
		t.Errorf("the isolated frame shows %q", got.Word)
	}
	h.reaches("the page beside an isolated frame", h.inPage(), true, "popup") // of the frame's files, which have the policy
	h.checks("components in frames are isolated", "streamlit_evil.frame", "what they do not have: streamlit-evil 6.6: /_stcore/, document.cookie, localStorage", "nothing isolates them: page (streamlit-evil 6.6")
	said := p.run(0, "logs", "--json")
	if !strings.Contains(said, `"code":"component.isolated","message":"the isolated component streamlit_evil.frame requests /tools/_stcore/host-config of the app (connect-src)`) {
		t.Errorf("the log says\n%s", said)
	}

	up := p.run(0, "up", "--local", "-d", "--json")
	for _, text := range []string{"not isolated: page (streamlit-evil 6.6, requirements.txt:2)", "what these do not have: streamlit-evil 6.6: "} {
		if !strings.Contains(up, text) {
			t.Errorf("up does not say %q:\n%s", text, up)
		}
	}
	h.reopen(ready)
	h.reaches("an isolated frame, in local mode", h.inFrame(), false)
	p.replace("compose.yaml", "components: isolate", "components: trust")
	p.run(0, "up", "--local", "-d")
	h.reopen(ready)
	h.reaches("a trusted frame, in local mode", h.inFrame(), true)
	h.reaches("the page, in local mode", h.inPage(), true)
}

// checks checks what "sdev auth check" says of components.
func (h *hostile) checks(texts ...string) {
	h.t.Helper()
	out := h.app.run(0, "auth", "check", "--json")
	for _, text := range texts {
		if !strings.Contains(out, text) {
			h.t.Errorf("auth check does not say %q:\n%s", text, out)
		}
	}
}
