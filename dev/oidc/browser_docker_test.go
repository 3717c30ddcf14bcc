//go:build docker

package oidc

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowser_SignsInWithoutScripts is what only a real browser decides: whether it sends the form of
// a page without referrer, follows it to another origin, runs the one script that is allowed, and
// lets the app's window watch its popup.
func TestBrowser_SignsInWithoutScripts(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if err := q.ParseForm(); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<p id=end>" + q.Method + " code=" + map[bool]string{true: "yes", false: "no"}[q.Form.Get("code") != ""] + " error=" + url.QueryEscape(q.Form.Get("error")) + "</p>"))
	}))
	t.Cleanup(app.Close)
	back := strings.Replace(app.URL, "127.0.0.1", "localhost", 1) + "/callback"
	r := newRig(t, func(c *Config) { c.Clients[0].RedirectURIs = []string{back} })
	ctx := chromium(t)
	address := func(pairs ...string) string {
		return r.p.cfg.Issuer + "/authorize?" + asked(append(pairs, "redirect_uri", back)...).Encode()
	}
	for _, step := range []struct {
		name, address string
		act           chromedp.Action[chromedp.Void]
		want          string
	}{
		{"one click", address(), chromedp.Click(chromedp.CSS(`button[value="bob@example.com"]`)), "GET code=yes error="},
		{"already signed in", address("prompt", "none"), nil, "GET code=yes error="},
		{"by a form", address("prompt", "login", "response_mode", "form_post"), chromedp.Click(chromedp.CSS(`button[value="alice@example.com"]`)), "POST code=yes error="},
		{"by a form, at once", address("response_mode", "form_post"), nil, "POST code=yes error="},
		{"by the keyboard", address("prompt", "select_account"), chromedp.SendKeys(chromedp.CSS(`button[name="pick"]`), kb.Enter), "GET code=yes error="},
		{"deny", address("prompt", "login"), chromedp.Click(chromedp.CSS(`button[name="deny"]`)), "GET code=no error=access_denied"},
		{"someone else", address("prompt", "login"), chromedp.Steps(
			chromedp.Click(chromedp.CSS("summary")), chromedp.SendKeys(chromedp.CSS(`input[name="email"]`), "carol@example.com"+kb.Enter),
		), "GET code=yes error="},
	} {
		steps := []chromedp.Action[chromedp.Void]{chromedp.Navigate(step.address)}
		if step.act != nil {
			steps = append(steps, chromedp.WaitVisible(chromedp.CSS("form")), step.act)
		}
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		got, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("#end")))
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
	popup(t, ctx, app.URL, address("prompt", "login"))
}

// popup has the app's page open the sign-in, as streamlit-oauth does, and keep hold of its window.
func popup(t *testing.T, ctx context.Context, app, address string) {
	t.Helper()
	err := chromedp.Do(ctx,
		chromedp.Navigate(strings.Replace(app, "127.0.0.1", "localhost", 1)),
		chromedp.Evaluate[chromedp.Void]("window.popup = window.open(`"+address+"`, 'signin'); true"),
		// While the popup shows another origin its location cannot be read; a window that was cut off
		// looks closed.
		chromedp.Poll[chromedp.Void](`(() => { try { window.popup.location.href; return false } catch { return true } })()`, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(10*time.Second)),
	)
	if err != nil {
		t.Fatal(err)
	}
	if watched, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!window.popup.closed`)); err != nil || !watched {
		t.Errorf("the app lost its popup: %v, %v", watched, err)
	}
}

// chromium starts a browser that ends with the test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-popup-blocking", true))...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}
