//go:build docker

package iap

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sdev/dev"
	"sdev/dev/gateway/door"
	"sdev/dev/oidc"
)

// TestBrowserIAP_SignsInAndOutOnBothHosts is what only a real browser decides: whether the cookies of a sign-in that crosses
// three origins arrive, where a form leads, and what a script of the page gets.
func TestBrowserIAP_SignsInAndOutOnBothHosts(t *testing.T) {
	r := newRig(t, func(c *door.Config) { c.IAP.From = known })
	ctx := chromium(t)
	shows := func(step, want string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		waitFor(t, ctx, step, want)
	}
	click := func(selector string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(selector)) }
	script := func(name, want, code string) {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => { const r = await fetch(`/data`, "+code+"); return r.status + ` ` + r.type })()", chromedp.EvalAwaitPromise))
		if err != nil || got != want {
			t.Errorf("%s gets %q, want %q (%v)", name, got, want, err)
		}
	}
	const xhr = "{headers: {'X-Requested-With': 'XMLHttpRequest'}}"

	shows("a colleague comes", "Sign in to Identity-Aware Proxy", chromedp.Navigate(r.main("/sales/year")))
	shows("picks somebody without the role", "You have no access", click(`button[value="`+bob+`"]`))
	shows("clears the cookie", "You have no access", chromedp.Navigate(r.main("/sales/year?gcp-iap-mode=CLEAR_LOGIN_COOKIE"))) // the provider knows the person
	shows("takes another account", "Sign in to Identity-Aware Proxy", click("main a"))
	shows("picks somebody with the role", "the app", click(`button[value="`+alice+`"]`))
	script("a script of the page", "200 basic", "{}")
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: dev.DoorSession, Times: 1}})
	script("a script whose session has ended", "401 basic", xhr)
	r.do(oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: dev.DoorSession, Times: 1}})
	script("one that follows redirects by hand", "0 opaqueredirect", "{redirect: 'manual'}")

	shows("a guest comes", "People without a password in x-sdev.auth.users", chromedp.Navigate(r.guests("/page")))
	fill := func(password string) chromedp.Action[chromedp.Void] {
		return chromedp.Steps(
			chromedp.SetValue(chromedp.CSS(`input[name="email"]`), greta),
			chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), password+kb.Enter))
	}
	shows("has a wrong password", "The e-mail address or the password is wrong", fill("wrong"))
	shows("has the right one", "the app", fill("correct horse"))
	cookies, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.cookie"))
	if err != nil || !strings.Contains(cookies, cookieUID+"=securetoken.google.com/") || strings.Contains(cookies, cookieSession) {
		t.Errorf("scripts of the page see %q, %v", cookies, err)
	}
	shows("signs out", "You are signed out", chromedp.Navigate(r.guests("/?gcp-iap-mode=GCIP_SIGNOUT")))
	shows("has to sign in again", "People without a password in x-sdev.auth.users", chromedp.Navigate(r.guests("/page")))
}

// waitFor waits until a page shows a text. On the way to it there may be redirects, during which no script runs.
func waitFor(t *testing.T, ctx context.Context, step, want string) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(15 * time.Second)
	for got := ""; ; {
		select {
		case <-ticker.C:
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + ' ' + (document.body ? document.body.innerText : '')"))
			if err == nil && strings.Contains(text, want) {
				return
			}
			got = text
		case <-deadline:
			t.Fatalf("%s: no %q, but %.400s", step, want, got)
		}
	}
}

// chromium starts a browser that ends with the test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}
