//go:build docker

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sdev/dev"
)

// What a user does with sdev on a machine without a container engine: DOCKER_HOST leads nowhere in these tests.

// onHost creates a project with a list of packages that runs without a container engine.
func onHost(t testing.TB) *project {
	t.Helper()
	p := adoptedOnHost(t, t.TempDir())
	p.write("requirements.txt", "streamlit[auth]==1.58.0\nhttpx\n")
	return p
}

// adoptedOnHost makes a directory a project that runs without a container engine. Its processes end with the test.
func adoptedOnHost(t testing.TB, dir string) *project {
	t.Helper()
	name := fmt.Sprintf("t%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
	p := &project{t: t, dir: filepath.Join(t.TempDir(), name), name: name, home: t.TempDir(), env: []string{"DOCKER_HOST=unix:///nowhere/engine.sock"}}
	p.env = append(p.env, "XDG_STATE_HOME="+filepath.Join(p.home, "state"))
	if err := os.Rename(dir, p.dir); err != nil {
		t.Fatal(err)
	}
	p.guardDir()
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := p.command("logs").CombinedOutput()
			t.Logf("logs:\n%s", text)
		}
		p.run(0, "down", "--volumes")
		if left := p.processes(); left != "" {
			t.Errorf("down leaves processes:\n%s", left)
		}
	})
	return p
}

// processes lists the processes that belong to the project: they work in its directory, or on its state.
func (p *project) processes() string {
	p.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		p.t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		command, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil {
			continue // no process, or one that has ended meanwhile
		}
		words := string(bytes.ReplaceAll(command, []byte{0}, []byte(" ")))
		dir, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd")) // of other users' processes it is unknown
		if strings.Contains(words, p.home) || strings.HasPrefix(dir, p.dir) || strings.HasPrefix(dir, p.home) {
			list = append(list, e.Name()+" "+words)
		}
	}
	return strings.Join(list, "\n")
}

func TestBrowserProcess_ASaveIsLiveAndKnownToBe(t *testing.T) {
	p := onHost(t)
	p.write("Home.py", home("first version"))
	reportsSaves(t, p, p.up("--runtime", "process"), "Home.py")
}

// anotherApp starts a process that looks like an app with the bypass on, which is none of the project's.
func anotherApp(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "python3", "-c", "import time; time.sleep(1000)", "streamlit", "run")
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "LOCAL_STREAMLIT=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the end of the test's context kills it
}

func TestBrowserProcess_StLoginFromTheFirstClickToTheLogout(t *testing.T) {
	anotherApp(t)
	p := onHost(t)
	p.write("compose.yaml", "services:\n  streamlit:\n    build: .\n    ports: [\"8501:8501\"]\n")
	p.write("Dockerfile", nativeDockerfile)
	p.write("Home.py", nativeApp)
	nativeLogin(t, p, "--runtime", "process")
}

// The login code that sdev init writes, which speaks OpenID Connect itself.
func TestBrowserProcess_TheScaffoldVerifiesAndSwitches(t *testing.T) {
	p := adoptedOnHost(t, t.TempDir())
	p.run(0, "init", "--yes", "--no-git")
	scaffoldsLogin(t, p, "--runtime", "process")
}

// Trees whose image says what a process has to find out by itself: a context above the project, a working directory above the
// mounts, a start script, a package of a workspace.
func TestBrowserProcess_ProjectsOfOthersRunAsTheyAre(t *testing.T) {
	for _, w := range wildTrees(t) {
		if !slices.Contains([]string{"base-path", "context-above", "context-copied", "monorepo", "navigation", "own-port", "start-script", "workspace"}, w.name) {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			dir, _ := unpacked(t, filepath.Join("testdata/wild", w.name+".txtar"))
			p := adoptedOnHost(t, dir)
			p.flags = w.flags()
			delete(w.values, "says")     // it is about containers
			delete(w.values, "services") // only the app's run
			w.values["mode"] = []string{"--local --runtime process"}
			w.runs(t, p)
		})
	}
}

func TestBrowserProcess_AnUploadArrives(t *testing.T) {
	p := onHost(t)
	p.write("Home.py", `import hashlib

import streamlit as st

file = st.file_uploader("Report")
if file:
    st.write(f"{file.name} has {file.size} bytes, {hashlib.sha256(file.getvalue()).hexdigest()}")
`)
	report := filepath.Join(t.TempDir(), "report.bin")
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB: more than one read
	if err := os.WriteFile(report, content, 0o600); err != nil {
		t.Fatal(err)
	}
	page := openTab(t, p.up("--runtime", "process").URL)
	page.shows("Report")
	if _, err := chromedp.Run(page.ctx, chromedp.SetUploadFiles(`input[type=file]`, []string{report})); err != nil {
		t.Fatal(err)
	}
	page.shows(fmt.Sprintf("report.bin has %d bytes, %x", len(content), sha256.Sum256(content)))
}

func TestBrowserProcess_TheDashboardShowsSaves(t *testing.T) {
	p := onHost(t)
	p.write("Home.py", home("one"))
	tm := p.terminal(100, 30, "up", "--local", "--runtime", "auto")
	tm.sees("● running", "BYPASS ON", "no tab open", "streamlit", "sdev-gateway")
	b := openTab(t, p.url())
	dashboardShowsSaves(t, p, tm, b, "Home.py")

	tm.keys("r")
	tm.sees("restarted streamlit in")
	b.shows("three")

	tm.keys("q")
	code, left := tm.ended()
	if code != dev.ExitOK || !strings.Contains(left, p.name+" still runs at "+p.url()) || tm.vt.IsAltScreen() {
		t.Errorf("exit code %d\n%s", code, left)
	}
	b.shows("three")
}

// TestBrowserProcess_NothingOutlivesAKilledSdev kills an attached sdev, the gateway and the app, one after the other.
func TestBrowserProcess_NothingOutlivesAKilledSdev(t *testing.T) {
	p := onHost(t)
	p.write("Home.py", home("one"))
	up := p.attend("--runtime", "process")
	ready := awaitEvent[dev.Ready](t, up)
	page := openTab(t, ready.URL)
	page.shows("one")
	if err := up.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "all processes end", func() bool { return p.processes() == "" }, p.processes)
	u, err := url.Parse(ready.URL)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", u.Host); err == nil {
		conn.Close()
		t.Error("somebody still listens at the page's port")
	}

	again := p.up()
	if again.URL != ready.URL {
		t.Errorf("the page was at %s, and is now at %s", ready.URL, again.URL)
	}
	page.goes(again.URL)
	page.shows("one")
}
