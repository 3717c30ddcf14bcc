//go:build docker

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// database is a server that takes a second until it answers, and knows a password. What it is asked
// to remember stays in its volume.
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

// client asks the database one thing, and prints the answer.
const client = `import socket, sys
with socket.create_connection((sys.argv[1], 5432), 2) as s:
    s.sendall((" ".join(sys.argv[2:]) + "\n").encode())
    print(s.makefile().read().strip())
`

// neighbours is what the scaffolded app gets around itself: a database that is healthy after about
// a second, though its own interval is much longer, and a migration that has to be done before.
const neighbours = `services:
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

// shopWithDatabase is a scaffolded project with neighbours.
func shopWithDatabase(t testing.TB) *project {
	t.Helper()
	p := scaffolded(t)
	p.write("db/Dockerfile", "FROM python:3.11-slim\nARG FLAVOUR\nENV FLAVOUR=$FLAVOUR\nCOPY db.py client.py /\nCMD [\"python3\", \"/db.py\"]\n")
	p.write("db/db.py", database)
	p.write("db/client.py", client)
	p.write("db/password", "1234\n")
	p.write("docker-compose.override.yml", neighbours)
	t.Cleanup(func() { docker(t, "image", "rm", "-f", p.name+"-db") })
	return p
}

// plans gives what the commands of a stream of events set out to do, one operation a line.
func plans(t testing.TB, out string) string {
	t.Helper()
	var b strings.Builder
	for _, e := range parse(t, out) {
		if made, ok := e.Event.(dev.PlanMade); ok {
			for _, op := range made.Operations {
				fmt.Fprintf(&b, "%s %s (%s)\n", op.Verb, op.Object, op.Reason)
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
	p := shopWithDatabase(t)
	p.run(0, "up", "-d") // builds; what follows is measured without
	p.run(0, "down", "--volumes")
	start := time.Now()
	made := plans(t, p.run(0, "up", "-d", "--json"))
	t.Logf("up of app, database and migration: %s", time.Since(start))
	for _, want := range []string{
		"wait container " + p.name + "-db-1 (healthy, migrate and streamlit-local depend on it)\n",
		"wait container " + p.name + "-migrate-1 (completed with exit code 0, streamlit-local depends on it)\n",
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

	// Nothing changed, nothing is done, and quickly.
	start = time.Now()
	if again := plans(t, p.run(0, "up", "-d", "--json")); again != "" {
		t.Errorf("the second time:\n%s", again)
	}
	t.Logf("up with nothing to do: %s", time.Since(start))

	// What changed is named, and only what has to be is replaced. The data stays.
	p.write("docker-compose.override.yml", strings.Replace(neighbours, "GREETING: hello", "GREETING: hi", 1))
	const why = " (environment GREETING changed)\n"
	db, app, job := "container "+p.name+"-db-1", "container "+p.app(), "container "+p.name+"-migrate-1"
	want := "remove " + db + why + "create " + db + why + "start " + db + why +
		"wait " + db + " (healthy, migrate and streamlit-local depend on it)\nstart " + job + " (db is made anew)\n" +
		"wait " + job + " (completed with exit code 0, streamlit-local depends on it)\nrestart " + app + " (db is made anew, and it is to restart with it)\n"
	if made = plans(t, p.run(0, "up", "-d", "--json")); made != want {
		t.Errorf("plan:\n%swant\n%s", made, want)
	}
	if got := ask("1234", "again"); got != "migrated\nasked\nmigrated\nagain" {
		t.Errorf("the database remembers %q", got)
	}
	// A neighbour is built anew when what it is made of changed.
	p.write("db/db.py", database+"# changed\n")
	if made = plans(t, p.run(0, "up", "-d", "--json")); !strings.HasPrefix(made, "build image "+p.name+"-db (what it is built from changed)\nremove "+db+" (its image changed)\n") {
		t.Errorf("plan:\n%s", made)
	}
	p.run(0, "down", "--volumes")
	if left := p.remains(); left != "" {
		t.Errorf("left: %s", left)
	}
}
