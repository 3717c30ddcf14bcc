//go:build docker

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// neighbourRules adds a service with all actions of develop.watch beside the scaffolded app. Its image has a user of its
// own, and it prints when it starts. Its last rules concern files of the app.
const neighbourRules = `services:
  worker:
    build: ./worker
    init: true
    develop:
      watch:
        - {action: rebuild, path: worker/requirements.txt}
        - {action: sync+restart, path: worker/settings.ini, target: /work/settings.ini}
        - {action: sync+exec, path: worker/sql, target: /work/sql, exec: {command: "sh -c 'ls /work/sql > /tmp/applied'"}}
        - {action: sync, path: worker/src, target: /work/src, initial_sync: true, ignore: [notes/]}
        - {action: restart, path: code_package, include: ["**/*.py"]}
  bare:
    image: python:3.11-slim
    command: sleep 1000
    init: true
    develop:
      watch:
        - {action: rebuild, path: worker/requirements.txt}
`

func (p *project) inService(service, command string) string {
	p.t.Helper()
	out, err := exec.Command("docker", "exec", p.name+"-"+service+"-1", "sh", "-c", command).CombinedOutput()
	if err != nil {
		return "(" + strings.TrimSpace(string(out)) + ")"
	}
	return strings.TrimSpace(string(out))
}

func (p *project) becomes(service, command, want string) {
	p.t.Helper()
	await(p.t, command+" prints "+want, func() bool { return p.inService(service, command) == want }, func() string { return p.inService(service, command) })
}

func TestDockerNeighbour_EachActionOfDevelopWatch(t *testing.T) {
	p := scaffolded(t)
	p.write("worker/Dockerfile", "FROM python:3.11-slim\nRUN useradd -u 4321 jobs && mkdir /work && chown jobs /work\nUSER jobs\nWORKDIR /work\nCOPY requirements.txt settings.ini ./\nCOPY src src\nCOPY sql sql\nCMD [\"sleep\", \"1000\"]\n")
	for _, f := range []string{"requirements.txt", "settings.ini", "src/a.py", "src/old.py", "src/notes/x.md", "sql/1.sql"} {
		p.write("worker/"+f, "first")
	}
	p.write("docker-compose.override.yml", neighbourRules)
	home := "code_package/streamlit/Home.py"
	up := p.attend()
	if w := awaitEvent[dev.Warning](t, up); !strings.HasPrefix(w.Message, "docker-compose.override.yml:18: services.bare.develop.watch[0] asks for a rebuild, but the service has no build") {
		t.Errorf("warning %+v", w)
	}
	awaitEvent[dev.Ready](t, up)
	started := func(service string) string { // "" while it is being replaced
		out, _ := exec.Command("docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", p.name+"-"+service+"-1").Output()
		return strings.TrimSpace(string(out))
	}
	startedAgain := func(before string) bool { now := started("worker"); return now != "" && now != before }
	saved := func(rule string) dev.FileChanged {
		t.Helper()
		for {
			if ev := awaitEvent[dev.FileChanged](t, up); ev.Service == "worker" && strings.HasPrefix(ev.Rule, "services.worker.develop.watch["+rule+"]") {
				return ev
			}
		}
	}

	p.becomes("worker", "cat src/a.py; ls -d "+dev.ReceiverDir, "first"+dev.ReceiverDir) // the receiver is there
	before := time.Now()
	p.write("worker/src/a.py", "second")
	p.becomes("worker", "cat src/a.py", "second")
	t.Logf("save to container: %d ms", time.Since(before).Milliseconds())
	if ev := saved("3"); ev.Action != dev.Sync || !slices.Equal(ev.Paths, []string{"worker/src/a.py"}) {
		t.Errorf("event %+v", ev)
	}
	info, err := os.Stat(filepath.Join(p.dir, "worker/src/a.py"))
	if err != nil {
		t.Fatal(err)
	}
	const exact = `python3 -c 'import os; s = os.stat("/work/src/a.py"); print(s.st_mtime_ns, s.st_uid)'`
	if got, want := p.inService("worker", exact), fmt.Sprint(info.ModTime().UnixNano(), " 4321"); got != want {
		t.Errorf("time and owner %s, want %s", got, want)
	}
	if err := os.Remove(filepath.Join(p.dir, "worker/src/old.py")); err != nil {
		t.Fatal(err)
	}
	p.write("worker/src/notes/x.md", "ignored")
	p.write("worker/src/b.py", "new") // after the others
	p.becomes("worker", "cat src/b.py; ls src; cat src/notes/x.md", "newa.py\nb.py\nnotes\nfirst")
	p.accept("worker/src")

	p.write("worker/sql/2.sql", "second")
	p.becomes("worker", "cat /tmp/applied", "1.sql\n2.sql")

	was := started("worker")
	p.write("worker/settings.ini", "second")
	await(t, "it restarts", func() bool { return startedAgain(was) }, func() string { return was })
	p.becomes("worker", "cat settings.ini", "second")

	was, app := started("worker"), started("streamlit-local")
	p.write("worker/requirements.txt", "second")
	await(t, "it is replaced", func() bool {
		id, _, _ := strings.Cut(was, " ")
		return startedAgain(was) && !strings.HasPrefix(started("worker"), id)
	}, func() string { return was })
	p.becomes("worker", "cat requirements.txt src/a.py settings.ini src/b.py; ls src", "secondsecondsecondnewa.py\nb.py\nnotes")
	if started("streamlit-local") != app {
		t.Error("the app restarted for a neighbour's file")
	}

	was = started("worker")
	p.write(home, home2)
	if ev := saved("4"); ev.Action != dev.Restart || !slices.Equal(ev.Paths, []string{home}) {
		t.Errorf("event %+v", ev)
	}
	await(t, "it restarts for a file of the app", func() bool { return startedAgain(was) }, func() string { return was })
	if out := p.run(0, "watch", "--explain", home); !strings.Contains(out, "service worker\naction  restart: sdev restarts worker\n") {
		t.Errorf("explained:\n%s", out)
	}
	p.tree.Check("all of this")
}

const home2 = "import streamlit as st\n\nst.title('second')\n"
