//go:build docker

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sdev/dev"
)

// Each benchmark alternates between sdev and a plain way to the same result, with the same image. It reports both
// medians and their ratio: on a shared machine only the ratio is meaningful. Run them with: make bench

// pair collects the times of sdev and of the plain way.
type pair struct{ sdev, plain []time.Duration }

func (p pair) report(b *testing.B) {
	sdev, plain := median(p.sdev), median(p.plain)
	b.ReportMetric(float64(sdev.Milliseconds()), "sdev-ms")
	b.ReportMetric(float64(plain.Milliseconds()), "plain-ms")
	b.ReportMetric(float64(sdev)/float64(plain), "ratio")
	b.ReportMetric(0, "ns/op")
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// plainRun starts the project's image without sdev and returns its address.
func plainRun(tb testing.TB, p *project, dir string) (url string, remove func()) {
	tb.Helper()
	id := docker(tb, "run", "-d", "--init", "-p", "127.0.0.1::8501", "-v", dir+"/code_package:/app/code_package",
		"-e", "STREAMLIT_SERVER_RUN_ON_SAVE=true", "-e", "STREAMLIT_SERVER_HEADLESS=true", "-e", "LOCAL_STREAMLIT=1",
		"-e", "STREAMLIT_BROWSER_GATHER_USAGE_STATS=false", "-e", "STREAMLIT_BROWSER_SERVER_ADDRESS=localhost", p.name+"-streamlit-local")
	address := docker(tb, "port", id, "8501")
	return "http://localhost:" + address[strings.LastIndexByte(address, ':')+1:], func() { docker(tb, "rm", "-f", id) }
}

func answers(tb testing.TB, url string) {
	tb.Helper()
	await(tb, url+" answers", func() bool {
		res, err := http.Get(url + "/_stcore/health")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, func() string { return "" })
}

func BenchmarkSaveToPage(b *testing.B) {
	p := scaffolded(b)
	p.write("code_package/streamlit/Home.py", home("start"))
	ready := p.up()
	other := b.TempDir()
	if err := os.CopyFS(other, os.DirFS(p.dir)); err != nil {
		b.Fatal(err)
	}
	url, remove := plainRun(b, p, other)
	defer remove()
	answers(b, url)
	sdevTab, plain := openTab(b, ready.URL), openTab(b, url)
	sdevTab.shows("start")
	plain.shows("start")
	there := &project{t: b, dir: other}

	var times pair
	n, missedOurs, missedPlain := 0, 0, 0
	for b.Loop() {
		n++
		text := "version " + strconv.Itoa(n)
		if took, ok := timeToPage(b, sdevTab, p, text); ok {
			times.sdev = append(times.sdev, took)
		} else {
			missedOurs++
		}
		if took, ok := timeToPage(b, plain, there, text); ok {
			times.plain = append(times.plain, took)
		} else {
			missedPlain++
		}
	}
	b.ReportMetric(float64(missedOurs), "sdev-missed")
	b.ReportMetric(float64(missedPlain), "plain-missed")
	if len(times.sdev) == 0 || len(times.plain) == 0 {
		b.Fatalf("no save was shown at all: %d missed through sdev, %d without", missedOurs, missedPlain)
	}
	times.report(b)
}

// missedAfter is the time after which a save counts as never shown. Streamlit itself sometimes loses a save, with sdev or
// without; the benchmark counts those.
const missedAfter = 10 * time.Second

// timeToPage saves a page and returns the time until the browser shows it; ok is false for a save that it never shows.
func timeToPage(tb testing.TB, page tab, p *project, text string) (took time.Duration, ok bool) {
	tb.Helper()
	const appears = `new Promise(done => { const seen = () => document.body.innerText.includes(%q) && done(true);
		new MutationObserver(seen).observe(document.body, {subtree: true, childList: true, characterData: true}); seen(); })`
	ctx, cancel := context.WithTimeout(page.ctx, missedAfter)
	defer cancel()
	shown := make(chan error, 1)
	go func() {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(appears, text), chromedp.EvalAwaitPromise))
		shown <- err
	}()
	start := time.Now()
	p.write("code_package/streamlit/Home.py", home(text))
	switch err := <-shown; {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, false
	case err != nil:
		tb.Fatal(err)
	}
	return time.Since(start), true
}

func BenchmarkUpToAnswer(b *testing.B) {
	p := scaffolded(b)
	p.up()
	p.run(0, "down")
	var times pair
	for b.Loop() {
		start := time.Now()
		p.run(0, "up", "-d")
		times.sdev = append(times.sdev, time.Since(start))
		p.run(0, "down")
		start = time.Now()
		url, remove := plainRun(b, p, p.dir)
		answers(b, url)
		times.plain = append(times.plain, time.Since(start))
		remove()
	}
	times.report(b)
}

// BenchmarkUpWithNothingToDo is measured against a bare request to the engine.
func BenchmarkUpWithNothingToDo(b *testing.B) {
	p := scaffolded(b)
	p.up()
	var times pair
	for b.Loop() {
		start := time.Now()
		p.run(0, "up", "-d")
		times.sdev = append(times.sdev, time.Since(start))
		start = time.Now()
		docker(b, "ps", "--filter", "label=com.docker.compose.project="+p.name)
		times.plain = append(times.plain, time.Since(start))
	}
	times.report(b)
}

// BenchmarkInterrupt measures the time from the interrupt to the exit, with all containers removed, against "docker rm
// -f" after "docker stop" of the same image.
func BenchmarkInterrupt(b *testing.B) {
	p := scaffolded(b)
	var times pair
	for b.Loop() {
		up := p.attend()
		awaitEvent[dev.Ready](b, up)
		start := time.Now()
		if err := up.cmd.Process.Signal(syscall.SIGINT); err != nil {
			b.Fatal(err)
		}
		_ = up.cmd.Wait() // exit code 130
		times.sdev = append(times.sdev, time.Since(start))
		if left := docker(b, "ps", "-aq", "--filter", "label=com.docker.compose.project="+p.name); left != "" {
			b.Fatalf("left behind: %s", left)
		}
		url, remove := plainRun(b, p, p.dir)
		answers(b, url)
		start = time.Now()
		docker(b, "stop", docker(b, "ps", "-lq"))
		remove()
		times.plain = append(times.plain, time.Since(start))
	}
	times.report(b)
}

// BenchmarkRebuildToOpenTab measures the time from a changed Dockerfile to the new page in an open tab. There is no plain
// way: with other tools that tab stays dead.
func BenchmarkRebuildToOpenTab(b *testing.B) {
	p := scaffolded(b)
	p.write("code_package/streamlit/Home.py", "import os\nimport streamlit as st\n\nst.title('built ' + os.environ.get('BUILT', '0'))\n")
	up := p.attend()
	page := openTab(b, awaitEvent[dev.Ready](b, up).URL)
	page.shows("built 0")
	dockerfile, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	n := 0
	for b.Loop() {
		n++
		start := time.Now()
		p.write("Dockerfile", strings.Replace(string(dockerfile), "\nUSER app\n", fmt.Sprintf("\nENV BUILT=%d\nUSER app\n", n), 1))
		page.shows(fmt.Sprintf("built %d", n))
		took = append(took, time.Since(start))
	}
	b.ReportMetric(float64(median(took).Milliseconds()), "sdev-ms")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkHelp(b *testing.B) {
	var times pair
	for b.Loop() {
		start := time.Now()
		if err := exec.Command(os.Getenv(programVariable), "--help").Run(); err != nil {
			b.Fatal(err)
		}
		times.sdev = append(times.sdev, time.Since(start))
		start = time.Now()
		if err := exec.Command("docker", "--help").Run(); err != nil {
			b.Fatal(err)
		}
		times.plain = append(times.plain, time.Since(start))
	}
	times.report(b)
}

// BenchmarkIdle measures the cost of a running "sdev up" while nothing happens: the share of a core and the bytes
// printed, over some seconds with a tab open.
func BenchmarkIdle(b *testing.B) {
	p := scaffolded(b)
	up := p.attend()
	page := openTab(b, awaitEvent[dev.Ready](b, up).URL)
	page.shows("Home")
	for len(up.lines) > 0 {
		<-up.lines
	}
	gateway := docker(b, "inspect", "-f", "{{.State.Pid}}", p.name+"-sdev-gateway-1")
	for b.Loop() {
		const span = 20 * time.Second
		cpu, cpuGateway := cpuTime(b, strconv.Itoa(up.cmd.Process.Pid)), cpuTime(b, gateway)
		timer := time.NewTimer(span)
		<-timer.C
		b.ReportMetric(100*float64(cpuTime(b, strconv.Itoa(up.cmd.Process.Pid))-cpu)/float64(span), "%cpu-sdev")
		b.ReportMetric(100*float64(cpuTime(b, gateway)-cpuGateway)/float64(span), "%cpu-gateway")
		b.ReportMetric(float64(len(up.lines)), "events")
	}
	b.ReportMetric(0, "ns/op")
}

// cpuTime returns the CPU time that a process has used: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms.
func cpuTime(tb testing.TB, pid string) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		tb.Fatal(err)
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
