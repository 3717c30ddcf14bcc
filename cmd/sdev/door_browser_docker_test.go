//go:build docker

package main

import (
	"fmt"
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

// TestBrowserDoor_IAP goes through Identity-Aware Proxy by both of its hosts: as a colleague, and as a guest.
func TestBrowserDoor_IAP(t *testing.T) {
	p := doorProject(t, "cloud-run/iap_identity.py", `"x-goog"`, `x-sdev:
  auth:
    users: [{email: alice@example.com, groups: [board]}, {email: bob@example.com, password: opensesame}]
    policies: [{path: /board/*, allow: {groups: [board]}}]
    iap: {external: {host: guests.localhost, cidrs: [127.0.0.0/8]}}
`)
	ready := p.signingIn("--with-auth")
	page := openTab(t, ready.URL)
	page.picks("alice@example.com")
	page.shows("Hello alice@example.com")
	page.shows("user email=accounts.google.com:alice@example.com, sub=accounts.google.com:")
	page.shows("headers x-goog-authenticated-user-email, x-goog-authenticated-user-id, x-goog-iap-jwt-assertion")
	page.shows("forged False")

	// A guest signs in at the other host, with a password, and IAM does not count there.
	guest := page.another(strings.Replace(ready.URL, "localhost", "guests.localhost", 1))
	guest.shows("E-mail address")
	guest.fills("email", "bob@example.com")
	guest.fills("password", "opensesame")
	guest.click(button("Sign in"))
	guest.shows("Hello bob@example.com")
	guest.shows("user email=securetoken.google.com/")

	// Open tabs go on after the sessions have ended. A new page needs a sign-in, which for a colleague has ended as well.
	p.run(0, "auth", "clock", "+800h")
	p.replace("app/app.py", "Hello ", "Still here, ")
	page.shows("Still here, alice@example.com")
	guest.shows("Still here, bob@example.com")
	page.goes(ready.URL)
	page.shows("Pick who you are")
	p.run(0, "auth", "clock", "reset")

	// A colleague without the role is refused, and may sign in as somebody else.
	page.forgets()
	page.goes(ready.URL + "/board/plans")
	page.picks("bob@example.com")
	page.shows("has no access to this page")

	// The verifier refuses what the proxy breaks.
	p.run(0, "auth", "fault", "set", "door-audience")
	page.goes(ready.URL)
	page.shows("Please sign in.")
}

// TestBrowserDoor_Access goes through Cloudflare Access over TLS: a department sees its own path and no other.
func TestBrowserDoor_Access(t *testing.T) {
	p := doorProject(t, "cloudflare/access_identity.py", `"cf-access"`, `x-sdev:
  auth:
    users: [{email: alice@example.com, groups: [marketing]}, {email: bob@example.com, groups: [sales]}]
    policies: [{path: /marketing/*, allow: {groups: [marketing]}}, {path: /sales/*, allow: {groups: [sales]}}]
`)
	ready := p.signingIn("--with-auth", "--tls")
	if !strings.HasPrefix(ready.URL, "https://localhost:") || !strings.Contains(p.run(0, "status"), ready.URL) {
		t.Errorf("the page is at %s", ready.URL)
	}
	page := openTab(t, ready.URL)
	page.picks("alice@example.com")
	page.shows("Hello alice@example.com")
	page.shows("user email=alice@example.com")
	page.shows("headers cf-access-authenticated-user-email, cf-access-jwt-assertion")
	page.shows("forged False")
	page.goes(ready.URL + "/marketing")
	page.shows("Hello alice@example.com")
	page.goes(ready.URL + "/sales")
	page.shows("alice@example.com")
	page.gone("Hello")

	// An open tab goes on after the session has ended.
	page.goes(ready.URL)
	page.shows("Hello alice@example.com")
	p.run(0, "auth", "clock", "+800h")
	p.replace("app/app.py", "Hello ", "Still here, ")
	page.shows("Still here, alice@example.com")
	p.run(0, "auth", "clock", "reset")

	page.goes(ready.URL + "/cdn-cgi/access/logout")
	page.goes(ready.URL)
	page.picks("bob@example.com")
	page.shows("Still here, bob@example.com")
	p.run(0, "auth", "fault", "set", "door-key")
	page.goes(ready.URL)
	page.shows("Please sign in.")
}

// fills types into an input of a form.
func (b tab) fills(name, text string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(document.querySelector('input[name=%q]').value = %q) !== null`, name, text))); err != nil {
		b.t.Fatal(err)
	}
}
