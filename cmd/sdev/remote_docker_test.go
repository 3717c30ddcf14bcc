//go:build docker

package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sdev/dev"
)

// remoteEngine starts a container engine with its own network and mount namespaces. As on another machine, its ports are
// not this machine's, and it does not see the directory dir. It returns the engine's address.
func remoteEngine(t *testing.T, dir string) string {
	t.Helper()
	state, err := os.MkdirTemp("", "far") // a short name: a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(state) })
	empty := filepath.Join(state, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	host := "unix://" + state + "/docker.sock"
	log, err := os.Create(filepath.Join(state, "log"))
	if err != nil {
		t.Fatal(err)
	}
	const script = `ip link set lo up 2>/dev/null; echo 1 >/proc/sys/net/ipv4/ip_forward; mount --bind "$2/empty" "$1" &&
exec dockerd -H "$3" --data-root "$2/data" --exec-root "$2/exec" --pidfile "$2/pid"`
	daemon := exec.Command("unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script, "far", dir, state, host)
	daemon.Stdout, daemon.Stderr = log, log
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(log.Name())
			t.Logf("remote engine:\n%s", b)
		}
	})
	await(t, "the remote engine answers", func() bool { return exec.Command("docker", "-H", host, "version").Run() == nil }, func() string { return "" })
	return host
}

// serve is a fake of Streamlit: its page is the content of a file.
const serve = `import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open("/app/code/text").read().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["STREAMLIT_SERVER_PORT"])), Page).serve_forever()
`

// With an engine on another machine, neither mounts nor published ports work. sdev copies the project and forwards the
// page.
func TestDockerRemote_PageAndSavesCrossToAnotherMachine(t *testing.T) {
	p := &project{t: t, dir: t.TempDir(), name: "far", home: t.TempDir()}
	host := remoteEngine(t, p.dir)
	load := exec.Command("sh", "-c", `docker save python:3.11-slim | docker -H "$0" load`, host)
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.guardDir()
	p.write("compose.yml", `name: far
services:
  streamlit:
    image: python:3.11-slim
    command: python3 /app/code/serve.py
    volumes: ["./code:/app/code"]
`)
	p.write("code/serve.py", serve)
	p.write("code/text", "one")
	p.env = []string{"DOCKER_HOST=" + host}

	if out, _, code := p.result("up", "-d", "--json"); code != dev.ExitFailed || !strings.Contains(out, `"code":"engine.far"`) {
		t.Errorf("detached: exit code %d\n%s", code, out)
	}
	up := p.attend()
	url := awaitEvent[dev.Ready](t, up).URL
	page := func() string {
		res, err := http.Get(url)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return string(b)
	}
	if got := page(); got != "one" {
		t.Errorf("the page says %q", got)
	}
	p.write("code/text", "two")
	await(t, "the save arrives", func() bool { return page() == "two" }, up.recent)
	send(t, up.cmd, syscall.SIGINT)
	awaitEvent[dev.Stopped](t, up)
	if _, err := http.Get(url); err == nil {
		t.Error("the page is still served here")
	}

	// With a login sdev forwards the provider too: its address is the same for browser and app.
	up = p.stream("up", "--with-auth=app", "--json")
	ready := awaitEvent[dev.Ready](t, up)
	if text := body(t, ready.Issuer+"/.well-known/openid-configuration"); !strings.Contains(text, `"issuer":"`+ready.Issuer+`"`) {
		t.Errorf("discovery: %s", text)
	}
	inside := p.run(0, "shell", "--", "python3", "-c", "import os, urllib.request; print(urllib.request.urlopen('"+ready.Issuer+"/.well-known/openid-configuration').status)")
	if strings.TrimSpace(inside) != "200" {
		t.Errorf("from inside: %s", inside)
	}
}
