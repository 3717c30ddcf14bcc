//go:build docker

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ownView serves the engine as if it had only the containers of projects whose names begin with prefix, and returns its
// address: what works on "all" projects must not reach those of other tests.
func ownView(t *testing.T, prefix string) (host string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "view") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", realEngine)
	}}
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(res *http.Response) error {
		if !strings.HasSuffix(res.Request.URL.Path, "/containers/json") || res.StatusCode != http.StatusOK {
			return nil
		}
		var all []map[string]any
		if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(c map[string]any) bool {
			labels, _ := c["Labels"].(map[string]any)
			project, _ := labels["com.docker.compose.project"].(string)
			return !strings.HasPrefix(project, prefix)
		})
		b, err := json.Marshal(all)
		if err != nil {
			return err
		}
		res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		res.Header.Del("Content-Length")
		return nil
	}
	server := &http.Server{Handler: proxy}
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return "unix://" + socket
}

// git runs git in the project's directory.
func (p *project) git(args ...string) {
	p.t.Helper()
	line := append([]string{"-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "-C", p.dir}, args...)
	if out, err := exec.Command("git", line...).CombinedOutput(); err != nil {
		p.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Two worktrees of one repository run side by side. In one browser both stay signed in, and a save shows in the tab of its
// own worktree only.
func TestBrowserCheckouts_TwoWorktreesWithLoginsInOneBrowser(t *testing.T) {
	p := native(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	p.write("compose.yaml", "name: "+p.name+"\nservices:\n  streamlit:\n    build: .\n    ports: [\"8501:8501\"]\n    volumes: [\".:/app\", \"data:/data\"]\n"+
		"  store:\n    build: .\n    container_name: "+p.name+"-fixed\n    command: python -m http.server 8000\n    ports: [\""+port+":8000\"]\nvolumes: {data: {name: "+p.name+"-data}}\n")
	p.run(0, "auth", "users", "add", "zoe@example.com", "--name", "Zoë Müller")
	p.run(0, "auth", "users", "add", "admin@example.com", "--name", "Admin")
	branch := filepath.Join(t.TempDir(), "branch")
	p.git("init", "-q")
	p.git("add", ".")
	p.git("commit", "-q", "-m", "shop")
	p.git("worktree", "add", "-q", branch)
	p.guardDir()
	second := &project{t: t, dir: branch, home: p.home}
	second.guardDir()

	first := p.signingIn("--with-auth")
	t.Cleanup(func() { // before the worktree is removed
		if _, err := os.Stat(branch); err == nil {
			second.run(0, "down", "--volumes")
		}
	})
	out := second.run(0, "up", "-d", "--with-auth")
	var status struct{ Project, Plain, URL string }
	decode(t, second.run(0, "status", "--json"), &status)
	second.name = status.Project
	t.Cleanup(func() {
		_ = exec.Command("docker", "image", "rm", second.name+"-streamlit", second.name+"-store").Run()
	})
	own, ok := strings.CutPrefix(second.name, p.name+"-")
	if !ok || status.Plain != p.name || !strings.HasPrefix(status.URL, "http://"+second.name+".localhost:") {
		t.Fatalf("the second worktree is %+v", status)
	}
	for _, said := range []string{"project " + p.name + " belongs to " + p.dir + ", so this checkout runs beside it, as " + second.name, "container " + p.name + "-fixed → " + p.name + "-fixed-" + own,
		"volume " + p.name + "-data → " + p.name + "-data-" + own, "service store is at port ", "the page of this checkout is at " + second.name + ".localhost"} {
		if !strings.Contains(out, said) {
			t.Errorf("up does not say %q:\n%s", said, out)
		}
	}

	page := openTab(t, first.URL)
	page.click(button("Log in"))
	page.shows("zoe@example.com")
	page.click(button("zoe@example.com"))
	page.shows("Hello zoe@example.com")
	other := page.another(status.URL)
	other.click(button("Log in"))
	other.shows("admin@example.com")
	other.click(button("admin@example.com"))
	other.shows("Hello admin@example.com")
	page.goes(first.URL)
	page.shows("Hello zoe@example.com")
	other.goes(status.URL)
	other.shows("Hello admin@example.com")

	second.write("Home.py", strings.ReplaceAll(nativeApp, "Hello", "Welcome"))
	other.shows("Welcome admin@example.com")
	p.write("Home.py", strings.ReplaceAll(nativeApp, "Hello", "Good day"))
	page.shows("Good day zoe@example.com")
	if text := page.text() + other.text(); strings.Contains(page.text(), "Welcome") || strings.Contains(other.text(), "Good day") {
		t.Errorf("a save reached the other tab:\n%s", text)
	}

	everything := &project{t: t, dir: t.TempDir(), home: p.home, env: []string{"DOCKER_HOST=" + ownView(t, p.name)}}
	table := everything.run(0, "status", "--all")
	t.Logf("sdev status --all:\n%s", table)
	for _, has := range []string{first.URL, status.URL, p.dir, branch} {
		if !strings.Contains(table, has) {
			t.Errorf("the table has no %s", has)
		}
	}
	volumes := append(p.volumes(), second.volumes()...)
	slices.Sort(volumes)
	if want := []string{p.name + "-data", p.name + "-data-" + own}; !slices.Equal(volumes, want) {
		t.Errorf("volumes %v, want %v", volumes, want)
	}

	// What docker compose created stays, and so does nothing of a worktree that is gone.
	compose := p.name + "-compose"
	docker(t, "run", "-d", "--name", compose, "--label", "com.docker.compose.project="+compose, "--label", "com.docker.compose.service=db", p.name+"-streamlit", "sleep", "600")
	t.Cleanup(func() { docker(t, "rm", "-f", compose) })
	p.tree.Check("two worktrees side by side")
	second.tree.Check("two worktrees side by side")
	if err := os.RemoveAll(branch); err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Project string
		Gone    bool
	}
	decode(t, everything.run(0, "status", "--all", "--json"), &all)
	if len(all) != 2 || all[0].Project != p.name || all[0].Gone || all[1].Project != second.name || !all[1].Gone {
		t.Errorf("after the worktree was removed: %+v", all)
	}
	everything.run(0, "down", "--all", "--volumes")
	for _, one := range []*project{p, second} {
		if left := one.remains(); left != "" {
			t.Errorf("left of %s: %s", one.name, left)
		}
	}
	if state := docker(t, "inspect", "-f", "{{.State.Running}}", compose); state != "true" {
		t.Errorf("the container of docker compose runs: %s", state)
	}
	p.tree.Check("down --all")
}
