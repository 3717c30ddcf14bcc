//go:build docker

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// database is a server that answers after a second and requires a password. It stores values in its volume.
const database = `import os, socketserver, time
password = open("/run/secrets/password").read().strip()
class Ask(socketserver.StreamRequestHandler):
    def handle(self):
        word, _, rest = self.rfile.readline().decode().strip().partition(" ")
        if word == "ping": self.wfile.write(b"pong\n")
        elif word == password: open("/data/log", "a").write(rest + "\n"); self.wfile.write(open("/data/log").read().encode())
        else: self.wfile.write(b"denied\n")
print("starting", flush=True)
time.sleep(1)
socketserver.ThreadingTCPServer.allow_reuse_address = True
print("ready", flush=True)
socketserver.ThreadingTCPServer(("", 5432), Ask).serve_forever()
`

// client sends the database one command and prints the answer.
const client = `import socket, sys
with socket.create_connection((sys.argv[1], 5432), 2) as s:
    s.sendall((" ".join(sys.argv[2:]) + "\n").encode())
    print(s.makefile().read().strip())
`

// otherServices adds services to the scaffolded app: a database that is healthy after about a second, although the
// interval of its health check is much longer, and a migration that must complete before the app starts.
const otherServices = `services:
  streamlit-local:
    depends_on:
      db: {condition: service_healthy, restart: true}
      migrate: {condition: service_completed_successfully}
    secrets: [password]
    networks:
      default: {}
      back: {aliases: [dashboard]}
  db:
    build:
      context: ./db
      args: {FLAVOUR: plain}
    secrets: [password]
    volumes: [data:/data]
    networks:
      back: {aliases: [postgres, store]}
    mem_limit: 200m
    cpus: 0.5
    init: true
    healthcheck:
      test: [CMD, python3, /client.py, localhost, ping]
      interval: 30s
    environment:
      GREETING: hello
  migrate:
    image: python:3.11-slim
    command: [python3, /client.py, store, "1234", migrated]
    volumes: ["./db/client.py:/client.py:ro"]
    networks: [back]
    depends_on:
      db: {condition: service_healthy}
networks:
  back:
    internal: true
volumes:
  data:
secrets:
  password:
    file: ./db/password
`

// projectWithDatabase creates a scaffolded project with otherServices.
func projectWithDatabase(t testing.TB) *project {
	t.Helper()
	p := scaffolded(t)
	p.write("db/Dockerfile", "FROM python:3.11-slim\nARG FLAVOUR\nENV FLAVOUR=$FLAVOUR\nCOPY db.py client.py /\nCMD [\"python3\", \"/db.py\"]\n")
	p.write("db/db.py", database)
	p.write("db/client.py", client)
	p.write("db/password", "1234\n")
	p.write("docker-compose.override.yml", otherServices)
	t.Cleanup(func() { docker(t, "image", "rm", "-f", p.name+"-db") })
	return p
}

// plans returns all operations of the plans in a stream of events, images included, one per line.
func plans(t testing.TB, out string) string {
	t.Helper()
	var b strings.Builder
	for _, e := range parse(t, out) {
		if made, ok := e.Event.(dev.PlanMade); ok {
			for _, op := range made.Operations {
				b.WriteString(op.Verb + " " + op.Object + " (" + op.Reason + ")\n")
			}
		}
	}
	return b.String()
}

func parse(t testing.TB, out string) []dev.Stamped {
	t.Helper()
	var all []dev.Stamped
	for line := range strings.Lines(out) {
		var s dev.Stamped
		if err := s.UnmarshalJSON([]byte(line)); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, s)
	}
	return all
}

func TestDockerUp_ServicesWaitForEachOther(t *testing.T) {
	p := projectWithDatabase(t)
	p.run(0, "up", "-d") // builds the images, which is not part of the measurement
	p.run(0, "down", "--volumes")
	start := time.Now()
	made := plans(t, p.run(0, "up", "-d", "--json"))
	t.Logf("up of app, database and migration: %s", time.Since(start))
	for _, want := range []string{
		"wait container " + p.name + "-db-1 (until healthy; migrate and streamlit-local depend on it)\n",
		"wait container " + p.name + "-migrate-1 (until completed with exit code 0; streamlit-local depends on it)\n",
	} {
		if !strings.Contains(made, want) {
			t.Errorf("plan:\n%slacks %s", made, want)
		}
	}
	// The app sees the secret, and reaches the database by its alias; the database has its limits.
	ask := func(words ...string) string {
		return strings.TrimSpace(p.run(0, append([]string{"shell", "--", "python3", "-c", client, "postgres"}, words...)...))
	}
	if got := ask("1234", "asked"); got != "migrated\nasked" {
		t.Errorf("the database remembers %q", got)
	}
	if got := strings.TrimSpace(p.run(0, "shell", "--", "cat", "/run/secrets/password")); got != "1234" {
		t.Errorf("the app's secret is %q", got)
	}
	if got := docker(t, "inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", p.name+"-db-1"); got != "209715200 500000000" {
		t.Errorf("limits: %s", got)
	}
	if got := docker(t, "exec", p.name+"-db-1", "python3", "-c", "import socket; print(socket.gethostbyname('dashboard') == socket.gethostbyname('streamlit-local'))"); got != "True" {
		t.Errorf("the app's alias: %s", got)
	}

	// If nothing changed, up does nothing, and is fast.
	start = time.Now()
	if again := plans(t, p.run(0, "up", "-d", "--json")); again != "" {
		t.Errorf("the second time:\n%s", again)
	}
	t.Logf("up with nothing to do: %s", time.Since(start))

	// The plan names what changed, and replaces only what it must. The data stays.
	p.write("docker-compose.override.yml", strings.Replace(otherServices, "GREETING: hello", "GREETING: hi", 1))
	const why = " (environment GREETING changed)\n"
	db, app, job := "container "+p.name+"-db-1", "container "+p.app(), "container "+p.name+"-migrate-1"
	want := "remove " + db + why + "create " + db + why + "start " + db + why +
		"wait " + db + " (until healthy; migrate and streamlit-local depend on it)\nstart " + job + " (db is recreated)\n" +
		"wait " + job + " (until completed with exit code 0; streamlit-local depends on it)\nrestart " + app + " (it restarts with db, which is recreated)\n"
	if made = plans(t, p.run(0, "up", "-d", "--json")); made != want {
		t.Errorf("plan:\n%swant\n%s", made, want)
	}
	if got := ask("1234", "again"); got != "migrated\nasked\nmigrated\nagain" {
		t.Errorf("the database remembers %q", got)
	}
	// A service is rebuilt when its inputs have changed.
	p.write("db/db.py", database+"# changed\n")
	if made = plans(t, p.run(0, "up", "-d", "--json")); !strings.HasPrefix(made, "build image "+p.name+"-db (its sources changed)\nremove "+db+" (its image changed)\n") {
		t.Errorf("plan:\n%s", made)
	}
	p.run(0, "down", "--volumes")
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// If another service fails, the error names it and contains its output, within a second.
func TestDockerUp_OtherServicesThatFail(t *testing.T) {
	p := scaffolded(t)
	p.run(0, "up", "-d") // builds the app's image; the rest is about the other services
	for name, c := range map[string]struct {
		service, condition string
		code               dev.Code
		says               []string
	}{
		"a dependency that ends": {"command: [python3, -c, \"print('no space left'); exit(3)\"]", "service_completed_successfully", dev.CodeServiceExited,
			[]string{"service db ended with exit code 3", "no space left"}},
		"a dependency that is unhealthy": {"command: [sleep, '60']\ninit: true\nhealthcheck: {test: [CMD, python3, -c, \"print('disk full'); exit(1)\"], interval: 200ms, retries: 1}", "service_healthy", dev.CodeServiceUnhealthy,
			[]string{"service db is unhealthy", "disk full"}},
		"a program for another machine": {"command: [/strange]\nvolumes: ['./strange:/strange:ro']", "service_completed_successfully", dev.CodeServiceExited,
			[]string{"exec format error"}},
	} {
		t.Run(name, func(t *testing.T) {
			p.write("strange", "\x7fELF\x02\x01\x01\x00 for nothing that exists")
			if err := os.Chmod(filepath.Join(p.dir, "strange"), 0o755); err != nil {
				t.Fatal(err)
			}
			p.accept("strange")
			p.write("docker-compose.override.yml", "services:\n  streamlit-local:\n    environment: {STEP: "+name+"}\n    depends_on: {db: {condition: "+c.condition+"}}\n  db:\n    image: python:3.11-slim\n"+indent(c.service, "    ")+"\n")
			start := time.Now()
			out, errs, code := p.result("up", "-d", "--json")
			took := time.Since(start)
			all := parse(t, out)
			failed, ok := all[len(all)-1].Event.(dev.Failed)
			if !ok || code != dev.ExitNotReady || failed.Code != c.code || failed.Hint == "" {
				t.Fatalf("exit code %d, %+v\n%s%s", code, failed, out, errs)
			}
			for _, want := range c.says {
				if !strings.Contains(failed.Message+failed.Hint, want) {
					t.Errorf("%q lacks %q", failed.Message, want)
				}
			}
			t.Logf("told after %s", took)
			if took > 20*time.Second { // a third of what waiting for it to the end would take
				t.Errorf("it took %s", took)
			}
		})
	}

	// If no service depends on it, there is a warning, and the app runs.
	p.write("docker-compose.override.yml", "services:\n  db:\n    image: python:3.11-slim\n    command: [python3, -c, \"print('bye'); exit(7)\"]\n")
	warned := false
	for _, e := range parse(t, p.run(0, "up", "-d", "--json")) {
		if w, ok := e.Event.(dev.Warning); ok && w.Code == dev.CodeServiceExited && strings.Contains(w.Message, "service db ended with exit code 7") && strings.Contains(w.Message, "bye") {
			warned = true
		}
	}
	if !warned {
		t.Error("no word of a service that ended at once")
	}
}

// sdev takes over the containers that Debian's docker-compose started, and the data stays.
func TestDockerUp_TakesOverWhatDockerComposeStarted(t *testing.T) {
	p := scaffolded(t)
	db := "  db:\n    image: python:3.11-slim\n    init: true\n    command: [sleep, '300']\n    volumes: ['data:/data']\n"
	p.write("../compose.yml", "version: \"3.7\"\nservices:\n"+db+"volumes: {data: {}}\n")
	p.write("docker-compose.override.yml", "services:\n"+db+"volumes: {data: {}}\n")
	compose := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("docker-compose", append([]string{"-f", filepath.Join(filepath.Dir(p.dir), "compose.yml"), "-p", p.name}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("docker-compose %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	compose("up", "-d")
	compose("exec", "-T", "db", "sh", "-c", "echo kept > /data/word")
	made := plans(t, p.run(0, "up", "-d", "--json"))
	if !strings.Contains(made, "(sdev did not create it)\n") || strings.Contains(made, "create volume "+p.name+"_data") {
		t.Errorf("plan:\n%s", made)
	}
	if got := docker(t, "exec", p.name+"-db-1", "cat", "/data/word"); got != "kept" {
		t.Errorf("the volume holds %q", got)
	}
	if out := compose("ps"); !strings.Contains(out, p.name+"-db-1") {
		t.Errorf("docker-compose ps:\n%s", out)
	}
	if got := strings.TrimSpace(compose("exec", "-T", "db", "cat", "/data/word")); got != "kept" {
		t.Errorf("docker-compose exec: %q", got)
	}
}
