package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev/devtest"
)

// BenchmarkProcessUp measures "sdev up -d --runtime process", with an environment that exists, against the plain program in
// the same environment: each until the page and the health check answer, one after the other in each round. It asks a
// package index once.
func BenchmarkProcessUp(b *testing.B) {
	dir := devtest.Project(b, map[string]string{"Home.py": "import streamlit as st\nst.title('hello')\n", "requirements.txt": "streamlit\nwatchdog\n"})
	home := b.TempDir()
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "XDG_") || strings.HasPrefix(entry, "HOME=") })
	env = append(env, "HOME="+home)
	port := freeAddress(b)
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.CommandContext(b.Context(), name, args...)
		c.Dir, c.Env = dir, env
		return c
	}
	sdev := func(args ...string) time.Duration {
		begun := time.Now()
		if out, err := command(os.Getenv(programVariable), args...).CombinedOutput(); err != nil {
			b.Fatalf("sdev %v: %v\n%s", args, err, out)
		}
		return time.Since(begun)
	}
	sdev("up", "-d", "--runtime", "process", "--port", port)
	sdev("down")
	made, err := filepath.Glob(filepath.Join(home, ".cache", "sdev-environments", "environments", "*", "bin", "streamlit"))
	if err != nil || len(made) != 1 {
		b.Fatalf("environments with Streamlit: %v, %v", made, err)
	}
	plain := func() time.Duration {
		c := command(made[0], "run", "Home.py", "--server.port", port, "--server.address", "127.0.0.1", "--server.headless", "true", "--browser.serverAddress", "localhost", "--browser.gatherUsageStats", "false")
		begun := time.Now()
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		for tick := time.NewTicker(5 * time.Millisecond); !answersAt(b.Context(), "http://127.0.0.1:"+port+"/") || !answersAt(b.Context(), "http://127.0.0.1:"+port+"/_stcore/health"); {
			<-tick.C
		}
		took := time.Since(begun)
		_ = c.Process.Kill() // it runs
		_ = c.Wait()         // it was killed
		return took
	}
	var ours, theirs []time.Duration
	for b.Loop() {
		theirs = append(theirs, plain())
		ours = append(ours, sdev("up", "-d", "--runtime", "process", "--port", port))
		sdev("down")
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	up, run := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(float64(up.Milliseconds()), "up-ms")
	b.ReportMetric(float64(run.Milliseconds()), "streamlit-run-ms")
	b.ReportMetric(float64(up)/float64(run), "up/run")
	b.ReportMetric(0, "ns/op")
}

// freeAddress returns a port of this machine that is free, and whose followers are likely to be.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
	return port
}

func answersAt(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}
