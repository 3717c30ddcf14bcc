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

	"github.com/chromedp/chromedp"

	"sdev/dev/devtest"
)

// ways are the times that one thing takes in the ways to do it: with sdev, with the docker command, and with the
// program that COMPOSE names. A way without times is not reported.
type ways struct{ sdev, docker, compose []time.Duration }

func (w ways) report(b *testing.B, what string) {
	b.ReportMetric(float64(median(w.sdev).Milliseconds()), what+"-sdev-ms")
	for name, times := range map[string][]time.Duration{"docker": w.docker, "compose": w.compose} {
		if len(times) > 0 {
			b.ReportMetric(float64(median(times).Milliseconds()), what+"-"+name+"-ms")
			b.ReportMetric(float64(median(w.sdev))/float64(median(times)), what+"/"+name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func timed(work func()) time.Duration {
	start := time.Now()
	work()
	return time.Since(start)
}

// BenchmarkStart measures the life of an app whose image exists, with bytecode in the image and without: the second up
// until the server answers and until a browser shows the page, an up with nothing to do, a restart, a down. All ways run
// the same image, one after the other.
func BenchmarkStart(b *testing.B) {
	for name, compile := range map[string]string{"bytecode=no": "", "bytecode=yes": "RUN python -m compileall -q /opt/venv $(python -c 'import os; print(os.path.dirname(os.__file__))') || true\n"} {
		b.Run(name, func(b *testing.B) {
			const service = "services:\n  streamlit:\n    %s\n    command: streamlit run app.py --server.port=8501\n    init: true\n    ports: ['127.0.0.1:%s:8501']\n    volumes: ['%s:/app']\n" +
				"    environment: {STREAMLIT_SERVER_HEADLESS: 'true', STREAMLIT_BROWSER_GATHER_USAGE_STATS: 'false', STREAMLIT_BROWSER_SERVER_ADDRESS: localhost, PYTHONDONTWRITEBYTECODE: '1'}\n"
			p := adopted(b, devtest.Project(b, map[string]string{
				"Dockerfile": uncompiled + compile, "app.py": "import streamlit as st\nimport pandas\n\nst.title('hello')\n",
				"compose.yaml": fmt.Sprintf(service, "build: .", "8501", "."),
			}))
			page := openTab(b, p.up().URL) // one browser for all
			p.run(0, "down")
			image := p.name + "-streamlit"
			file := filepath.Join(b.TempDir(), "compose.yaml")
			if err := os.WriteFile(file, fmt.Appendf(nil, service, "image: "+image, "", p.dir), 0o600); err != nil {
				b.Fatal(err)
			}
			compose := func(args ...string) {
				if out, err := exec.Command(os.Getenv(composeVariable), append([]string{"-p", p.name + "c", "-f", file}, args...)...).CombinedOutput(); err != nil {
					b.Fatalf("compose %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
			published := func(container string) string {
				address := docker(b, "port", container, "8501")
				return "http://localhost:" + address[strings.LastIndexByte(address, ':')+1:]
			}
			shown := func(start time.Time, url string) time.Duration {
				if _, err := chromedp.Run(page.ctx, chromedp.Navigate(url)); err != nil {
					b.Fatalf("open %s: %v", url, err)
				}
				page.shows("hello")
				return time.Since(start)
			}
			var up, seen, nothing, restart, down ways
			for b.Loop() {
				start, url := time.Now(), ""
				up.sdev = append(up.sdev, timed(func() { url = p.up().URL }))
				seen.sdev = append(seen.sdev, shown(start, url))
				nothing.sdev = append(nothing.sdev, timed(func() { p.run(0, "up", "-d") }))
				restart.sdev = append(restart.sdev, timed(func() { p.run(0, "restart") }))
				down.sdev = append(down.sdev, timed(func() { p.run(0, "down") }))

				id := ""
				start = time.Now()
				up.docker = append(up.docker, timed(func() {
					id = docker(b, "run", "-d", "--init", "-p", "127.0.0.1::8501", "-v", p.dir+":/app", "-e", "STREAMLIT_SERVER_HEADLESS=true", "-e", "STREAMLIT_BROWSER_GATHER_USAGE_STATS=false",
						"-e", "STREAMLIT_BROWSER_SERVER_ADDRESS=localhost", "-e", "PYTHONDONTWRITEBYTECODE=1", image, "streamlit", "run", "app.py", "--server.port=8501")
					answers(b, published(id))
				}))
				seen.docker = append(seen.docker, shown(start, published(id)))
				restart.docker = append(restart.docker, timed(func() { docker(b, "restart", id); answers(b, published(id)) }))
				down.docker = append(down.docker, timed(func() { docker(b, "stop", id); docker(b, "rm", id) }))

				if os.Getenv(composeVariable) == "" {
					continue
				}
				container := func() string {
					return docker(b, "ps", "-q", "--filter", "label=com.docker.compose.project="+p.name+"c")
				}
				start = time.Now()
				up.compose = append(up.compose, timed(func() { compose("up", "-d"); answers(b, published(container())) }))
				seen.compose = append(seen.compose, shown(start, published(container())))
				nothing.compose = append(nothing.compose, timed(func() { compose("up", "-d") }))
				restart.compose = append(restart.compose, timed(func() { compose("restart"); answers(b, published(container())) }))
				down.compose = append(down.compose, timed(func() { compose("down") }))
			}
			up.report(b, "up")
			seen.report(b, "page")
			nothing.report(b, "no-op")
			restart.report(b, "restart")
			down.report(b, "down")
		})
	}
}
