//go:build docker

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// Events in the life of a terminal and of an engine while the dashboard runs.

// If the engine goes away, the dashboard says so, with a hint. Once the engine is back, the dashboard continues.
func TestDockerDashboard_OutlivesItsEngine(t *testing.T) {
	p := scaffolded(t)
	p.up()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listen := func() *devtest.Relay {
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		return devtest.RelayTo(t, l, realEngine)
	}
	engine := listen()
	behind := *p
	behind.env = []string{"DOCKER_HOST=unix://" + socket}
	tm := behind.terminal(60, 20, "up") // the smallest screen on which everything fits
	tm.sees("● running", "BYPASS", "http://localhost:")
	engine.Close()
	tm.sees("✗ engine lost", "✗ the container engine at", "hint: start Docker", "from the engine's last answer")
	tm.keys("r")
	tm.sees("not now: the container engine does not answer")
	tm.keys("2")
	tm.sees("error the container engine at")
	tm.keys("1")
	listen()
	tm.sees("● running", "http://localhost:")
	tm.seesNot("no sdev supervises")
	p.write(filepath.Join("code_package", "streamlit", "Home.py"), home("again"))
	tm.sees("LAST SAVE", "Home.py saved, the next tab shows it")
	tm.keys("q")
	if code, left := tm.ended(); code != dev.ExitOK || !strings.Contains(left, "still runs") {
		t.Errorf("exit code %d\n%s", code, left)
	}
}

// Ctrl-Z gives the terminal to the shell, as it was before; fg brings the dashboard back.
func TestDockerDashboard_GoesToTheBackgroundAndComesBack(t *testing.T) {
	p := scaffolded(t)
	p.up()
	program := p.command("ui")
	shell := exec.Command("bash", "--norc", "--noprofile", "-i")
	shell.Dir, shell.Env = program.Dir, append(program.Env, "PS1=shell> ")
	tm := p.terminalOf(shell, 80, 24)
	tm.sees("shell>")
	tm.keys("stty -a | md5sum; " + program.Path + " ui\r")
	tm.sees("● running", "LAST SAVE")
	tm.keys("2")
	tm.sees("● follows")
	for range 2 {
		tm.keys("\x1a")
		tm.sees("Stopped", "shell>")
		tm.seesNot("● follows")
		tm.keys("echo the-keys-$((40+2)); stty -a | md5sum\r")
		tm.sees("the-keys-42", "-")
		tm.keys("fg\r")
		tm.sees("● follows")
	}
	tm.keys("q")
	tm.sees("still runs")
	before, after := sums(tm.screen())
	if before == "" || before != after {
		t.Errorf("the terminal's settings were %q, are %q\n%s", before, after, tm.screen())
	}
	tm.keys("exit\r")
	tm.ended()
}

// sums are the first and the last checksum on a screen.
func sums(screen string) (first, last string) {
	for line := range strings.Lines(screen) {
		if sum, ok := strings.CutSuffix(strings.TrimSpace(line), "  -"); ok {
			if first == "" {
				first = sum
			}
			last = sum
		}
	}
	return first, last
}

// A terminal that is closed ends the dashboard, and with it what it started.
func TestDockerDashboard_EndsWithItsTerminal(t *testing.T) {
	p := scaffolded(t)
	tm := p.terminal(10, 3, "up")
	tm.sees("running")
	tm.file.Close()
	_ = tm.cmd.Wait() // a signal may have ended it
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
	if ws, ok := tm.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		t.Errorf("killed by %s", ws.Signal())
	}
}

// In a directory without a project sdev asks the questions of init, and then shows the new project.
func TestDockerDashboard_BeginsWithTheQuestionsWhereThereIsNothing(t *testing.T) {
	p := &project{t: t, dir: filepath.Join(t.TempDir(), "sales"), name: "sales", home: t.TempDir()}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tm := p.terminal(100, 40)
	tm.sees("What is the project called?")
	tm.keys("\r")
	tm.sees("Who may see the app")
	tm.keys("\x1b[B\r")
	tm.sees("Which package manager?")
	tm.keys("\r")
	tm.sees("○ not running", p.name+" is not running", "u  start it")
	tm.keys("q")
	code, left := tm.ended()
	if code != dev.ExitOK || !strings.Contains(left, "created \""+p.name+"\"") || !strings.Contains(left, "next: sdev up --local") {
		t.Errorf("exit code %d\n%s", code, left)
	}
	tm = p.terminal(100, 40) // now there is one
	tm.sees("○ not running")
	tm.keys("q")
	tm.ended()
}

// The dashboard shows who signs in, and which claims the app received.
func TestBrowserDashboard_SignsSomebodyIn(t *testing.T) {
	p := native(t)
	p.run(0, "auth", "users", "add", "zoe@example.com", "--name", "Zoë Müller", "--group", "sales")
	opened := filepath.Join(t.TempDir(), "opened")
	browser := filepath.Join(t.TempDir(), "browser")
	if err := os.WriteFile(browser, []byte("#!/bin/sh\nprintf %s \"$1\" >"+opened+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "BROWSER="+browser)
	tm := p.terminal(120, 40, "up", "--with-auth")
	tm.sees("● running", "LOGIN: NATIVE")
	tm.keys("4")
	tm.sees("PEOPLE", "zoe@example.com", "nobody signed in yet")
	tm.keys("O")
	tm.sees("the next login is zoe@example.com", "; opened http://localhost:")
	await(t, "a browser", func() bool { b, _ := os.ReadFile(opened); return string(b) == p.url() }, tm.screen)

	page := openTab(t, p.url())
	page.click(button("Log in"))
	page.shows("Zoë Müller")
	tm.sees("signed in", "SESSION OF ZOË MÜLLER", "zoe@example.com", "sales", "login   zoe@example.com")
	tm.keys("1")
	tm.sees("TABS", "main page", "zoe@example.com")
	tm.keys("\x03")
	tm.ended()
}
