//go:build docker

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"sdev/dev/devtest"
)

// behindDoor is an app that shows what its identity module verified, what Streamlit knows about the user, and which
// identity headers it got.
const behindDoor = `import streamlit as st
from %MODULE% import person

who = person()
st.title("Hello " + who.email)
st.write("user " + ", ".join(f"{k}={v}" for k, v in sorted(st.user.to_dict().items()) if k in ("sub", "email")))
st.write("headers " + ", ".join(sorted(k.lower() for k in st.context.headers if k.lower().startswith(%BEGINS%))))
st.write("forged " + str("mallory" in " ".join(st.context.headers.values())))
st.write("bypass " + str(bool(__import__("os").environ.get("LOCAL_STREAMLIT"))))
`

// doorProject is a project with an app behind a front door, whose identity module is the one that the bundle of a target
// has, unchanged.
func doorProject(t testing.TB, module, begins, compose string) *project {
	t.Helper()
	code, err := os.ReadFile(filepath.FromSlash("../../templates/targets/" + module))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSuffix(filepath.Base(module), ".py")
	return adopted(t, devtest.Project(t, map[string]string{
		"image/Dockerfile": loginsFile, "app/" + filepath.Base(module): string(code),
		"app/app.py":   strings.NewReplacer("%MODULE%", name, "%BEGINS%", begins).Replace(behindDoor),
		"compose.yaml": compose + "services:\n  streamlit:\n    build: ./image\n    command: streamlit run app.py\n    ports: ['8501:8501']\n    volumes: ['./app:/app']\n",
	}))
}

// picks signs a person in at the sign-in page that this tab shows.
func (b tab) picks(email string) {
	b.t.Helper()
	b.shows(email)
	b.click(button(email))
}

// forgets drops all cookies of the browser.
func (b tab) forgets() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
}

// TestBrowserDoor_ALB goes through a load balancer from the sign-in to the end of the session.
func TestBrowserDoor_ALB(t *testing.T) {
	p := doorProject(t, "ecs-cognito/alb_identity.py", `"x-amzn-oidc"`, `x-sdev:
  auth:
    users: [{email: alice@example.com, groups: [board]}, {email: bob@example.com}]
    policies: [{path: /closed/*, allow: {}}]
`)
	ready := p.signingIn("--with-auth") // which the code says
	page := openTab(t, ready.URL)
	page.picks("alice@example.com")
	page.shows("Hello alice@example.com")
	page.shows("user sub=")
	page.shows("headers x-amzn-oidc-accesstoken, x-amzn-oidc-data, x-amzn-oidc-identity")
	page.shows("forged False")
	page.shows("bypass False")

	// The door and what it said are in the status.
	if out := p.run(0, "status"); !strings.Contains(out, "an ALB in front of the app; the app was told: alice@example.com") {
		t.Errorf("sdev status:\n%s", out)
	}
	// A path that is closed to everybody.
	other := page.another(ready.URL + "/closed/plans")
	other.shows("Closed")

	// An open tab goes on after the session has ended; a new page needs a sign-in.
	p.run(0, "auth", "clock", "+169h")
	p.replace("app/app.py", "Hello ", "Still here, ")
	page.shows("Still here, alice@example.com")
	page.goes(ready.URL)
	page.shows("Pick who you are")
	p.run(0, "auth", "clock", "reset")

	// The session is in the cookies: whoever loses them has signed out.
	page.forgets()
	page.goes(ready.URL)
	page.picks("bob@example.com")
	page.shows("Still here, bob@example.com")

	// The verifier refuses what the door breaks.
	p.run(0, "auth", "fault", "set", "door-signer")
	page.goes(ready.URL)
	page.shows("Please sign in.")
	p.run(0, "auth", "fault", "clear")
	page.goes(ready.URL)
	page.shows("Still here, bob@example.com")
}
