//go:build docker

package main

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkProcessSaveToPage measures from a save to the open tab, by process and with the plain program in the same environment,
// one after the other in each round.
func BenchmarkProcessSaveToPage(b *testing.B) {
	p := adoptedOnHost(b, b.TempDir())
	p.write("requirements.txt", "streamlit\nwatchdog\n")
	p.write("code_package/streamlit/Home.py", home("start"))
	ready := p.up("--runtime", "process")
	environment := strings.TrimSpace(p.run(0, "shell", "--", "printenv", "VIRTUAL_ENV"))
	there := &project{t: b, dir: b.TempDir()}
	there.write("code_package/streamlit/Home.py", home("start"))
	port := freeAddress(b)
	server := exec.CommandContext(b.Context(), filepath.Join(environment, "bin", "streamlit"), "run", "code_package/streamlit/Home.py", "--server.port", port, "--server.address", "127.0.0.1",
		"--server.headless", "true", "--server.runOnSave", "true", "--browser.gatherUsageStats", "false")
	server.Dir = there.dir
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	url := "http://127.0.0.1:" + port
	answers(b, url)
	sdevTab, plain := openTab(b, ready.URL), openTab(b, url)
	sdevTab.shows("start")
	plain.shows("start")

	var times pair
	for n := 0; b.Loop(); n++ {
		text := "version " + strconv.Itoa(n) + "."
		took, ok := timeToPage(b, sdevTab, p, text)
		plainTook, plainOK := timeToPage(b, plain, there, text)
		if !ok || !plainOK {
			b.Fatalf("round %d: shown %t, without sdev %t", n, ok, plainOK)
		}
		times.sdev, times.plain = append(times.sdev, took), append(times.plain, plainTook)
	}
	times.report(b)
}
