//go:build docker

package main

import (
	"testing"

	"sdev/dev"
)

// The projects that sdev init makes, in a real container and a real browser. What their pages and modules do with tokens
// is tested without an engine: see templates/foreign_test.go.

func TestBrowserScaffold_StLoginSignsInAndOut(t *testing.T) {
	p := scaffolded(t, "--auth", "native", "--deps", "pip")
	page := openTab(t, p.up().URL)
	page.shows("Login is off")

	ready := p.signingIn("--with-auth")
	if ready.Mode != dev.Native {
		t.Errorf("mode %s", ready.Mode)
	}
	page.gone("Login is off")
	page.click(button("Sign in"))
	page.shows("user@example.com")
	page.click(button("user@example.com"))
	page.shows("Signed in as user@example.com")
	page.shows("Your app runs")
	page.click(button("Sign out"))
	page.gone("Signed in as")

	p.run(0, "auth", "fault", "set", "unverified-email", "--times", "1")
	page.click(button("Sign in"))
	page.shows("admin@example.com")
	page.click(button("admin@example.com"))
	page.shows("has not verified your e-mail address")
	page.gone("Your app runs")
}

func TestBrowserScaffold_BehindADoorRunsWithItsLoginBypassed(t *testing.T) {
	p := scaffolded(t, "--auth", "alb")
	page := openTab(t, p.up().URL)
	page.shows("Login is off")
	page.shows("Your app runs")
}
