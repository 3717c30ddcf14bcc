//go:build docker

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"sdev/dev"
)

// A session with the dashboard: start, watch while a page is edited and broken, leave, come back.
func TestBrowserDashboard_ShowsAndSteersWhatRuns(t *testing.T) {
	p := scaffolded(t)
	page := filepath.Join("code_package", "streamlit", "Home.py")
	p.write(page, home("one"))
	tm := p.terminal(100, 30, "up", "--local")
	tm.sees("● running", "BYPASS ON", "no tab open", "streamlit-local", "sdev-gateway")
	b := openTab(t, p.url())
	dashboardShowsSaves(t, p, tm, b, page)

	tm.keys("s") // a shell takes the terminal, and gives it back
	tm.sees("returns to the dashboard", "#")
	tm.keys("echo in-the-$((40+2)); exit 3\r")
	tm.sees("● running", "LAST SAVE")

	tm.keys("r")
	tm.sees("restarted streamlit-local in")
	b.shows("three")

	tm.keys("q")
	code, left := tm.ended()
	if code != dev.ExitOK || !strings.Contains(left, p.name+" still runs at "+p.url()) || tm.vt.IsAltScreen() ||
		len(p.ids()) != 2 {
		t.Errorf("exit code %d, runs %v\n%s", code, p.ids(), left)
	}
}

// dashboardShowsSaves edits and breaks a page, in which the heading is "one", and checks what the dashboard shows of that.
func dashboardShowsSaves(t *testing.T, p *project, tm *screen, b tab, page string) {
	t.Helper()
	b.shows("one")
	tm.sees("1 tab open", "main page")

	// Streamlit may miss a save while it shows a page for the first time.
	last := time.Time{}
	b.until("the tab shows two", func() bool {
		if now := time.Now(); now.Sub(last) > 3*time.Second {
			p.write(page, home("two")+"# "+now.String()+"\n") // the same content would be no change
			last = now
		}
		return strings.Contains(b.text(), "two")
	})
	tm.sees("live in ", page)
	p.write(page, home("two")+"\nst.write(1 / 0)\n")
	tm.sees("✗ exception", "ZeroDivisionError", page+":", "› ", "│ st.write(1 / 0)")
	p.write(page, home("three"))
	b.shows("three")
	tm.sees("● running")

	tm.keys("2") // the log
	tm.sees("● follows", "raised", "ZeroDivisionError: division by zero")
	tm.keys("/Uvicorn\r")
	tm.sees("match 1 of 1", "‖ paused")
	tm.keys("G")
	tm.sees("● follows")
	tm.keys("1")
	tm.sees("LAST SAVE")
}

func TestDockerDashboard_JoinsStartsAndStops(t *testing.T) {
	p := scaffolded(t)
	p.up()
	tm := p.terminal(80, 24, "ui")
	tm.sees("● running", "no sdev supervises", "saves    mounted")
	idle := tm.bytes.Load()
	tm.keys("3")
	tm.sees("the image is up to date")
	if tm.bytes.Load() == idle {
		t.Error("nothing was written for another pane")
	}
	tm.keys("x") // the login, and back
	tm.sees("LOGIN: APP", "mode app after")
	tm.keys("4")
	tm.sees("the next login shows the sign-in page", "PEOPLE", "user@example.com")
	tm.keys("j\r")
	tm.sees("the next login is user@example.com", "is signed in at the next login")
	tm.keys("fwrong-aud\r")
	tm.sees("ACTIVE FAULTS", "wrong-aud takes effect once")
	tm.keys("x")
	tm.sees("BYPASS ON", "mode local after")
	tm.keys("\x03") // it did not start the project, so it does not stop it
	if code, left := tm.ended(); code != dev.ExitOK || !strings.Contains(left, "still runs") || len(p.ids()) != 2 {
		t.Fatalf("exit code %d, runs %v\n%s", code, p.ids(), left)
	}

	tm = p.terminal(80, 24) // sdev alone
	tm.sees("● running")
	tm.keys("u")
	tm.sees("ready after")
	tm.keys("D")
	tm.sees("Stop and remove")
	tm.keys("y")
	tm.sees("○ not running", "stopped and removed in")
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
	tm.keys("u")
	tm.sees("● running", "ready after")
	tm.keys("\x03")
	if code, left := tm.ended(); code != dev.ExitOK || !strings.Contains(left, "stopped") || p.remains() != "" {
		t.Errorf("exit code %d, left %q\n%s", code, p.remains(), left)
	}
}

// An error stays on the screen, and the program exits with it.
func TestDockerDashboard_ShowsWhyNothingRuns(t *testing.T) {
	p := scaffolded(t)
	p.write("Dockerfile", "FROM python:3.11-slim AS dev\nRUN echo telling-line && exit 3\n")
	tm := p.terminal(80, 24, "up")
	tm.sees("✗ failed", "telling-line", "RUN echo")
	tm.keys("q")
	if code, left := tm.ended(); code != dev.ExitFailed || !strings.Contains(left, "sdev: ") || p.remains() != "" {
		t.Errorf("exit code %d\n%s", code, left)
	}
}

// A terminal that can only show lines gets lines.
func TestDockerDashboard_IsNotForEveryTerminal(t *testing.T) {
	p := scaffolded(t)
	for _, c := range []struct {
		env  string
		args []string
	}{{"TERM=dumb", []string{"up"}}, {"TERM=xterm", []string{"up", "--no-tui"}}} {
		cmd := p.command(c.args...)
		cmd.Env = append(cmd.Env, c.env)
		file, err := pty.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		shown := make([]byte, 0, 1<<16)
		for !strings.Contains(string(shown), "http://localhost:") {
			b := make([]byte, 4096)
			n, err := file.Read(b)
			if err != nil {
				t.Fatalf("%v: %v\n%s", c.args, err, shown)
			}
			shown = append(shown, b[:n]...)
		}
		if strings.Contains(string(shown), "\x1b[?1049h") {
			t.Errorf("%s %v: the dashboard was shown", c.env, c.args)
		}
		_ = cmd.Process.Signal(os.Interrupt)
		_, _ = io.Copy(io.Discard, file) // ends with an error when the program does
		_ = cmd.Wait()
		file.Close()
	}
}
