//go:build docker

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// read returns the content of a file in the app's container.
func (p *project) read(path string) string {
	p.t.Helper()
	out, err := exec.Command("docker", "exec", p.app(), "cat", path).CombinedOutput()
	if err != nil {
		return "(" + strings.TrimSpace(string(out)) + ")"
	}
	return string(out)
}

// arrives waits until a file in the app's container has the content.
func (p *project) arrives(path, content string) {
	p.t.Helper()
	await(p.t, path+" has arrived", func() bool { return p.read(path) == content }, func() string { return p.read(path) })
}

func (p *project) leaves(path string) {
	p.t.Helper()
	await(p.t, path+" is gone", func() bool { return strings.Contains(p.read(path), "No such file") }, func() string { return p.read(path) })
}

func TestBrowser_ASyncedSaveIsLiveAndKnownToBe(t *testing.T) {
	p := scaffolded(t)
	p.write("code_package/streamlit/Home.py", home("first version"))
	up := p.attend("--sync")
	page := openTab(t, awaitEvent[dev.Ready](t, up).URL)
	page.shows("first version")
	var s struct {
		Reload struct {
			How     dev.ReloadMethod
			Watches int
		}
	}
	await(t, "the gateway knows who watches", func() bool {
		decode(t, p.run(0, "status", "--json"), &s)
		return s.Reload.How == dev.ReloadSync && s.Reload.Watches > 0
	}, func() string { return fmt.Sprint(s) })
	p.write("code_package/streamlit/Home.py", home("second version"))
	page.shows("second version")
	changed := awaitEvent[dev.FileChanged](t, up)
	if len(changed.Paths) != 1 || changed.Paths[0] != "code_package/streamlit/Home.py" || changed.Action != dev.Sync {
		t.Errorf("file.changed = %+v", changed)
	}
	if r := awaitEvent[dev.AppReloaded](t, up); r.How != dev.ReloadSync || r.Sessions != 1 || r.Trigger != "code_package/streamlit/Home.py" || r.MS > 5000 {
		t.Errorf("app.reloaded = %+v", r)
	}
	p.write("code_package/streamlit/Home.py", "import streamlit as st\n\nst.title('y')\nprint(1 / 0)\n")
	if e := awaitEvent[dev.AppException](t, up); e.File != "code_package/streamlit/Home.py" || e.Line != 4 {
		t.Errorf("app.exception = %+v", e)
	}
}

// If the container is stopped, killed or removed by hand while files are copied, it still ends up with all of them.
func TestDockerSync_SurvivesChangesOfTheContainer(t *testing.T) {
	p := scaffolded(t)
	p.write("code_package/old.py", "old")
	up := p.attend("--sync")
	awaitEvent[dev.Ready](t, up)
	for _, what := range [][]string{{"kill"}, {"restart", "-t", "1"}, {"rm", "-f"}} {
		name := "code_package/" + what[0] + "/m%d.py"
		for i := range 300 {
			p.write(fmt.Sprintf(name, i), fmt.Sprint(what[0], i))
			if i == 100 {
				docker(t, append(what, p.app())...)
			}
		}
		p.arrivesAgain(fmt.Sprintf("/app/"+name, 299), fmt.Sprint(what[0], 299))
		count := strings.Count(docker(t, "exec", p.app(), "sh", "-c", "ls /app/code_package/"+what[0]), "\n") + 1
		if count != 300 {
			t.Errorf("after %s: %d of 300 files", what[0], count)
		}
	}
	if err := os.Remove(filepath.Join(p.dir, "code_package/old.py")); err != nil {
		t.Fatal(err)
	}
	p.accept("code_package/old.py")
	p.leaves("/app/code_package/old.py")
	docker(t, "stop", "-t", "1", p.app())
	if err := os.RemoveAll(filepath.Join(p.dir, "code_package/kill")); err != nil {
		t.Fatal(err)
	}
	p.accept("code_package/kill")
	docker(t, "start", p.app())
	p.leaves("/app/code_package/kill") // the directory too
	if got := docker(t, "exec", p.app(), "find", "/app/code_package", "-name", ".sdev-*"); got != "" {
		t.Errorf("left behind:\n%s", got)
	}
}

// arrivesAgain does the same as arrives, for a container that a save may have to start.
func (p *project) arrivesAgain(path, content string) {
	p.t.Helper()
	saves := time.NewTicker(time.Second)
	defer saves.Stop()
	n := 0
	await(p.t, path+" has arrived", func() bool {
		select {
		case <-saves.C:
			n++
			p.write("code_package/nudge.py", fmt.Sprint(n))
		default:
		}
		return p.read(path) == content
	}, func() string { return p.read(path) })
}

// Files belong to the user of the container's process, in every form of the user setting.
func TestDockerSync_FilesBelongToTheUser(t *testing.T) {
	p := scaffolded(t)
	dockerfile, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	made := "RUN groupadd -g 1777 appgroup && useradd -u 1555 -g 1777 appuser\nUSER app\n"
	p.write("Dockerfile", strings.Replace(string(dockerfile), "USER app\n", made, 1))
	for user, want := range map[string]string{"0": "0:0", "1000": "1000:", "1234:1235": "1234:1235", "appuser": "1555:1777", "appuser:appgroup": "1555:1777", "1234:appgroup": "1234:1777"} {
		p.override(fmt.Sprintf("user: %q\n", user))
		p.run(0, "up", "-d", "--sync")
		got := docker(t, "exec", p.app(), "stat", "-c", "%u:%g", "/app/code_package/streamlit/Home.py", "/app/code_package/streamlit")
		mine := docker(t, "exec", p.app(), "sh", "-c", "echo $(id -u):$(id -g)")
		for line := range strings.Lines(got) {
			if owner := strings.TrimSpace(line); !strings.HasPrefix(owner, want) || owner != mine {
				t.Errorf("user %q: owner %s, want %s; the process is %s", user, owner, want, mine)
			}
		}
	}
}

func TestDockerSync_FullDiskAndWhatItLeaves(t *testing.T) {
	p := scaffolded(t)
	p.override("tmpfs: [\"/small:size=256k,mode=1777\"]\ndevelop:\n  watch:\n    - {action: sync, path: data, target: /small, initial_sync: true}\n")
	p.write("data/a.txt", "a")
	p.admit("data")
	up := p.attend()
	awaitEvent[dev.Ready](t, up)
	p.arrives("/small/a.txt", "a")
	p.write("data/big.bin", strings.Repeat("x", 1<<20))
	p.write("data/b.txt", "b")
	w := awaitEvent[dev.Warning](t, up)
	for w.Code != dev.CodeSyncFailed {
		w = awaitEvent[dev.Warning](t, up)
	}
	if !strings.Contains(w.Message, "/small/big.bin: no space left on device") {
		t.Errorf("%+v", w)
	}
	p.arrives("/small/b.txt", "b")
	if got := docker(t, "exec", p.app(), "ls", "-A", "/small"); got != "a.txt\nb.txt" {
		t.Errorf("on the disk that was full:\n%s", got)
	}
	p.write("data/big.bin", "short now")
	p.arrives("/small/big.bin", "short now")
}

// admit removes directories from .dockerignore; refuse adds patterns.
func (p *project) admit(dirs ...string) {
	p.t.Helper()
	for _, f := range dirs {
		p.refuse("!" + f)
	}
}

func (p *project) refuse(pattern string) {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, ".dockerignore"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(".dockerignore", string(b)+pattern+"\n")
}

// All actions of develop.watch, in a project whose source is also mounted.
func TestDockerSync_DevelopWatchInFull(t *testing.T) {
	p := scaffolded(t)
	p.write("shared/lib.py", "one")
	p.write("settings/app.conf", "one")
	p.write("assets/in.txt", "one")
	p.write("assets/skip.log", "never")
	p.override(`develop:
  watch:
    - {action: sync, path: shared, target: /opt/shared, initial_sync: true}
    - {action: sync+restart, path: settings, target: /opt/settings}
    - action: sync+exec
      path: assets
      target: /opt/assets
      ignore: ["*.log"]
      exec: {command: sh -c 'cat /opt/assets/in.txt > /tmp/made; echo made', user: root}
`)
	p.admit("shared", "settings", "assets")
	p.refuse("shared/secret*")
	p.write("shared/secret.py", "kept out of the image, and so of the copies")
	up := p.attend()
	awaitEvent[dev.Ready](t, up)
	p.arrives("/opt/shared/lib.py", "one")
	started := docker(t, "inspect", "-f", "{{.State.StartedAt}}", p.app())

	p.write("shared/lib.py", "two")
	if c := awaitEvent[dev.FileChanged](t, up); c.Action != dev.Sync || !strings.HasPrefix(c.Rule, "develop.watch[") {
		t.Errorf("file.changed = %+v", c)
	}
	p.arrives("/opt/shared/lib.py", "two")
	p.write("assets/in.txt", "two")
	p.arrives("/tmp/made", "two")
	if c := awaitEvent[dev.FileChanged](t, up); c.Action != dev.SyncExec {
		t.Errorf("file.changed = %+v", c)
	}
	if got := docker(t, "inspect", "-f", "{{.State.StartedAt}}", p.app()); got != started {
		t.Error("the app was restarted for what only had to be copied")
	}
	p.write("settings/app.conf", "two")
	if c := awaitEvent[dev.FileChanged](t, up); c.Action != dev.SyncRestart {
		t.Errorf("file.changed = %+v", c)
	}
	awaitEvent[dev.Ready](t, up)
	p.arrives("/opt/settings/app.conf", "two")
	if got := docker(t, "inspect", "-f", "{{.State.StartedAt}}", p.app()); got == started {
		t.Error("the app was not restarted")
	}
	for _, path := range []string{"/opt/shared/secret.py", "/opt/assets/skip.log"} {
		if got := p.read(path); !strings.Contains(got, "No such file") {
			t.Errorf("%s was copied: %s", path, got)
		}
	}
}

// sdev copies the project by itself to an engine that does not see this machine's files.
func TestDockerSync_AnEngineWithoutOurFiles(t *testing.T) {
	p := scaffolded(t)
	// The engine does not see the files at this path, because it is a mount in only sdev's namespace.
	view := filepath.Join(t.TempDir(), p.name)
	if err := os.Mkdir(view, 0o755); err != nil {
		t.Fatal(err)
	}
	p.seenAt(view)
	defer func() { p.wrap = nil }()
	up := p.attend()
	w := awaitEvent[dev.Warning](t, up)
	for w.Code != dev.CodeWatchSilent {
		w = awaitEvent[dev.Warning](t, up)
	}
	if !strings.Contains(w.Message, "the engine cannot see "+view) {
		t.Errorf("%+v", w)
	}
	awaitEvent[dev.Ready](t, up)
	p.write("code_package/streamlit/Home.py", home("copied"))
	p.arrives("/app/code_package/streamlit/Home.py", home("copied"))
	out, _, _ := p.result("watch", "--explain", "code_package/streamlit/Home.py")
	if !strings.Contains(out, "copy    /app/code_package/streamlit/Home.py") {
		t.Errorf("explained as:\n%s", out)
	}
}

// seenAt makes the project appear at another path, only for sdev.
func (p *project) seenAt(view string) {
	p.wrap = []string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" "$1" && cd "$1" && shift && exec "$@"`, p.dir, view}
}

// sdev names a file that the user may not read, and copies the others.
func TestDockerSync_UnreadableFile(t *testing.T) {
	p := scaffolded(t)
	p.override("volumes: [./data:/data]\n")
	p.write("data/a.txt", "a")
	p.write("data/secret.txt", "not yours")
	p.asUser(1234, 2345)
	secret := filepath.Join(p.dir, "data/secret.txt")
	if err := os.Lchown(secret, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p.guardDir()
	out, _, code := p.result("up", "-d", "--sync", "--json")
	if code != 0 || !strings.Contains(out, `"code":"sync.failed"`) || !strings.Contains(out, "data/secret.txt: permission denied") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if got := p.read("/data/a.txt"); got != "a" {
		t.Errorf("the file beside it: %q", got)
	}
}
