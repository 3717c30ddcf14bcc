//go:build docker

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sdev/dev"
)

// The benchmarks in this file measure copying without mounts. If the variable COMPOSE names a docker compose of version
// 2, its watch does the same work alternately, with the same image.
const composeVariable = "COMPOSE"

// composed is the same project with Compose's watch.
type composed struct {
	*project
	url    string
	remove func()
}

// composeWatch starts the project's image with Compose and a sync rule, in a copy of the project; nil without a Compose.
func composeWatch(b *testing.B, p *project, environment, rules string) *composed {
	b.Helper()
	program := os.Getenv(composeVariable)
	if program == "" {
		return nil
	}
	dir := filepath.Join(b.TempDir(), p.name+"c")
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		b.Fatal(err)
	}
	port := freePort(b)
	model := fmt.Sprintf("name: %sc\nservices:\n  app:\n    image: %s-streamlit-local\n    init: true\n    user: \"0\"\n    ports: [\"127.0.0.1:%d:8501\"]\n    environment: {STREAMLIT_SERVER_RUN_ON_SAVE: 'true', STREAMLIT_SERVER_HEADLESS: 'true', LOCAL_STREAMLIT: '1', STREAMLIT_BROWSER_GATHER_USAGE_STATS: 'false', STREAMLIT_BROWSER_SERVER_ADDRESS: localhost%s}\n    develop:\n      watch:\n%s",
		p.name, p.name, port, environment, rules)
	for _, old := range []string{"docker-compose.yml", "docker-compose.override.yml"} {
		_ = os.Remove(filepath.Join(dir, old)) // the latter may not exist
	}
	if err := os.WriteFile(filepath.Join(dir, "compose.yml"), []byte(model), 0o644); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "--project-directory", dir, "up", "--watch") // what the variable names
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c := &composed{project: &project{t: b, dir: dir, name: p.name + "c"}, url: fmt.Sprintf("http://localhost:%d", port)}
	c.remove = func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		down := exec.Command(program, "--project-directory", dir, "down", "-t", "1") // what the variable names
		down.Dir = dir
		_ = down.Run()
	}
	answers(b, c.url)
	return c
}

const sourceRule = "        - {action: sync, path: code_package, target: /app/code_package}\n"

// spread reports median and 95th percentile of times.
func spread(b *testing.B, who string, times []time.Duration, missed int) {
	b.Helper()
	b.ReportMetric(float64(missed), who+"-missed")
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	b.ReportMetric(float64(median(times).Milliseconds()), who+"-ms")
	b.ReportMetric(float64(times[len(times)*95/100].Milliseconds()), who+"-p95-ms")
	b.ReportMetric(0, "ns/op")
}

// noise writes a file repeatedly until it is stopped.
func noise(dir string, every time.Duration) (stop func()) {
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
				_ = os.WriteFile(filepath.Join(dir, "code_package", "noise.txt"), []byte(strconv.Itoa(n)), 0o644) // the next one tells
			case <-done:
				return
			}
		}
	})
	return func() { close(done); writer.Wait() }
}

func BenchmarkSyncToPage(b *testing.B)           { benchmarkSync(b, 0) }
func BenchmarkSyncToPageUnderNoise(b *testing.B) { benchmarkSync(b, 150*time.Millisecond) }

func benchmarkSync(b *testing.B, every time.Duration) {
	p := scaffolded(b)
	p.write("code_package/streamlit/Home.py", home("start"))
	up := p.attend("--sync")
	sdevTab := openTab(b, awaitEvent[dev.Ready](b, up).URL)
	sdevTab.shows("start")
	other := composeWatch(b, p, "", sourceRule)
	var composeTab tab
	if other != nil {
		defer other.remove()
		composeTab = openTab(b, other.url)
		composeTab.shows("start")
	}
	if every > 0 {
		defer noise(p.dir, every)()
		if other != nil {
			defer noise(other.dir, every)()
		}
	}
	var times pair
	n, sdevMissed, composeMissed := 0, 0, 0
	for b.Loop() {
		n++
		text := "version " + strconv.Itoa(n) + "."
		if took, ok := timeToPage(b, sdevTab, p, text); ok {
			times.sdev = append(times.sdev, took)
		} else {
			sdevMissed++
		}
		if other == nil {
			continue
		}
		if took, ok := timeToPage(b, composeTab, other.project, text); ok {
			times.plain = append(times.plain, took)
		} else {
			composeMissed++
		}
	}
	spread(b, "sdev", times.sdev, sdevMissed)
	if other != nil {
		spread(b, "compose", times.plain, composeMissed)
	}
}

// BenchmarkSyncEverySaveIsSeen saves every 700 ms while Streamlit polls, and counts the saves that the page never shows:
// Streamlit ignores a file whose modification time is not newer.
func BenchmarkSyncEverySaveIsSeen(b *testing.B) {
	const saves = 40
	p := scaffolded(b)
	p.write("code_package/streamlit/Home.py", home("start"))
	p.override("environment: {STREAMLIT_SERVER_FILE_WATCHER_TYPE: poll}\n")
	up := p.attend("--sync")
	sdevTab := openTab(b, awaitEvent[dev.Ready](b, up).URL)
	sdevTab.shows("start")
	other := composeWatch(b, p, ", STREAMLIT_SERVER_FILE_WATCHER_TYPE: poll", sourceRule)
	var composeTab tab
	if other != nil {
		defer other.remove()
		composeTab = openTab(b, other.url)
		composeTab.shows("start")
	}
	n, sdevMissed, composeMissed := 0, 0, 0
	for b.Loop() {
		n++
		sdevMissed += saves - shownOf(b, sdevTab, p, saves)
		if other != nil {
			composeMissed += saves - shownOf(b, composeTab, other.project, saves)
		}
	}
	b.ReportMetric(float64(sdevMissed)/float64(n), "sdev-missed-of-40")
	if other != nil {
		b.ReportMetric(float64(composeMissed)/float64(n), "compose-missed-of-40")
	}
	b.ReportMetric(0, "ns/op")
}

// shownOf makes a number of saves, 700 ms apart, and counts those that the page showed at some time.
func shownOf(b *testing.B, page tab, p *project, saves int) (shown int) {
	b.Helper()
	const collect = `window.seen = new Set(); new MutationObserver(() => { const m = document.body.innerText.match(/poll (\d+)\./); if (m) window.seen.add(m[1]); })
		.observe(document.body, {subtree: true, childList: true, characterData: true}); 0`
	if _, err := chromedp.Run(page.ctx, chromedp.Evaluate[int](collect)); err != nil {
		b.Fatal(err)
	}
	tick := time.NewTicker(700 * time.Millisecond)
	defer tick.Stop()
	for n := range saves {
		p.write("code_package/streamlit/Home.py", home(fmt.Sprintf("poll %d.", n)))
		<-tick.C
	}
	for range 4 { // the last ones may be on their way
		<-tick.C
	}
	shown, err := chromedp.Run(page.ctx, chromedp.Evaluate[int](`window.seen.size`))
	if err != nil {
		b.Fatal(err)
	}
	return shown
}

// BenchmarkSyncWhileBuilding measures a save 1.2 s into a build whose step takes 5 s.
func BenchmarkSyncWhileBuilding(b *testing.B) {
	p := scaffolded(b)
	p.write("code_package/streamlit/Home.py", home("start"))
	up := p.attend("--sync")
	sdevTab := openTab(b, awaitEvent[dev.Ready](b, up).URL)
	sdevTab.shows("start")
	dockerfile, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	n, missed, dead := 0, 0, 0
	for b.Loop() {
		n++
		stop := watchPort(b, sdevTab)
		p.write("Dockerfile", strings.Replace(string(dockerfile), "\nUSER app\n", fmt.Sprintf("\nRUN sleep 5; echo %d-%d\nUSER app\n", os.Getpid(), n), 1))
		awaitEvent[dev.BuildStep](b, up)
		<-time.After(1200 * time.Millisecond)
		if took, ok := timeToPage(b, sdevTab, p, fmt.Sprintf("while %d.", n)); ok {
			times = append(times, took)
		} else {
			missed++
		}
		awaitEvent[dev.Ready](b, up)
		sdevTab.shows(fmt.Sprintf("while %d.", n))
		dead += stop()
	}
	b.ReportMetric(float64(dead)/float64(n), "port-dead-ms")
	spread(b, "sdev", times, missed)
}

// watchPort connects to the app's port every 10 ms until it is stopped, and returns for how many milliseconds it did not
// answer.
func watchPort(b *testing.B, page tab) (stop func() int) {
	b.Helper()
	url, err := chromedp.Run(page.ctx, chromedp.Evaluate[string](`location.origin`))
	if err != nil {
		b.Fatal(err)
	}
	done, dead := make(chan struct{}), 0
	var asker sync.WaitGroup
	asker.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				res, err := http.Get(url + "/")
				if err != nil {
					dead += 10
					continue
				}
				_ = res.Body.Close()
			case <-done:
				return
			}
		}
	})
	return func() int { close(done); asker.Wait(); return dead }
}

// BenchmarkSyncBranchSwitch changes 3,115 files at once, and counts the watches that are held beside a
// .venv of 3,000 directories.
func BenchmarkSyncBranchSwitch(b *testing.B) {
	const files = 3115
	p := scaffolded(b)
	for i := range 3000 {
		if err := os.MkdirAll(filepath.Join(p.dir, ".venv", "lib", fmt.Sprint("pkg", i)), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	up := p.attend("--sync")
	awaitEvent[dev.Ready](b, up)
	var s struct{ Reload struct{ Watches int } }
	await(b, "watches are known", func() bool {
		decode(b, p.run(0, "status", "--json"), &s)
		return s.Reload.Watches > 0
	}, func() string { return fmt.Sprint(s) })
	var times []time.Duration
	n := 0
	for b.Loop() {
		n++
		start := time.Now()
		for i := range files {
			name := filepath.Join(p.dir, fmt.Sprintf("code_package/gen%d/m%d.py", i%60, i))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(name, fmt.Appendf(nil, "x = %d\n", n), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		written := time.Since(start)
		want := fmt.Sprintf("x = %d\n", n)
		count := fmt.Sprintf("grep -rlx 'x = %d' /app/code_package | wc -l", n)
		p.arrives(fmt.Sprintf("/app/code_package/gen%d/m%d.py", (files-1)%60, files-1), want)
		await(b, "all files are there", func() bool { return docker(b, "exec", p.app(), "sh", "-c", count) == fmt.Sprint(files) }, func() string { return "" })
		times = append(times, time.Since(start)-written)
	}
	b.ReportMetric(float64(s.Reload.Watches), "watches")
	spread(b, "after-last-write", times, 0)
}
