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

// pure are packages of Python alone that need no others and that neither Streamlit nor pytest needs, under names that are also those
// of their modules.
var pure = []string{"inflection", "humanize", "tabulate", "parse", "munch", "boltons", "sortedcontainers", "xmltodict", "shortuuid", "tinydb", "polib"}

const countPure = `import importlib.util
import streamlit as st

st.title(str(sum(importlib.util.find_spec(name) is not None for name in %q.split())) + " packages")
`

// BenchmarkPackageToOpenTab measures the time from a list with one package more, whose files are in the builder's cache,
// to the open tab that has it. There is no plain way: with other tools that tab stays dead.
func BenchmarkPackageToOpenTab(b *testing.B) {
	page := fmt.Sprintf(countPure, strings.Join(pure, " "))
	b.Run("pip", func(b *testing.B) {
		p := copyTree(b, "flat")
		p.write("streamlit_app.py", page)
		benchmarkPackages(b, p, func(names []string) (save func()) {
			return func() { p.write("requirements.txt", "streamlit==1.58.0\n"+strings.Join(names, "\n")+"\n") }
		})
	})
	b.Run("uv", func(b *testing.B) {
		environment := b.TempDir()
		for _, command := range [][]string{{"python3", "-m", "venv", environment}, {filepath.Join(environment, "bin/pip"), "install", "-q", "uv"}} {
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				b.Fatalf("%v: %v\n%s", command, err, out)
			}
		}
		p := scaffolded(b)
		p.write("code_package/streamlit/Home.py", page)
		before, err := os.ReadFile(filepath.Join(p.dir, "pyproject.toml"))
		if err != nil {
			b.Fatal(err)
		}
		benchmarkPackages(b, p, func(names []string) (save func()) {
			list := ""
			for _, name := range names {
				list += fmt.Sprintf("    %q,\n", name)
			}
			changed := strings.Replace(string(before), "dependencies = [\n", "dependencies = [\n"+list, 1)
			if changed == string(before) && list != "" {
				b.Fatalf("no list of dependencies in:\n%s", before)
			}
			elsewhere := b.TempDir() // both files change at the same time
			for name, content := range map[string]string{"pyproject.toml": changed, "uv.lock": p.read("uv.lock")} {
				if err := os.WriteFile(filepath.Join(elsewhere, name), []byte(content), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			if out, err := exec.Command(filepath.Join(environment, "bin/uv"), "lock", "-q", "--project", elsewhere).CombinedOutput(); err != nil {
				b.Fatalf("uv lock: %v\n%s", err, out)
			}
			lock, err := os.ReadFile(filepath.Join(elsewhere, "uv.lock"))
			if err != nil {
				b.Fatal(err)
			}
			return func() {
				p.write("pyproject.toml", changed)
				p.write("uv.lock", string(lock))
			}
		})
	})
}

// benchmarkPackages adds one package after the other, and begins again when it has added all. list makes a list, and
// returns what saves it.
func benchmarkPackages(b *testing.B, p *project, list func(names []string) (save func())) {
	up := p.attend()
	tab := openTab(b, awaitEvent[dev.Ready](b, up).URL)
	tab.shows("0 packages")
	shows := func(n int) time.Duration {
		save := list(pure[:n])
		return timed(func() {
			save()
			tab.shows(fmt.Sprintf("%d packages", n))
		})
	}
	shows(len(pure)) // fills the builder's cache
	shows(0)
	var took []time.Duration
	n := 0
	for b.Loop() {
		if n++; n > len(pure) {
			shows(0)
			n = 1
		}
		took = append(took, shows(n))
	}
	b.ReportMetric(float64(median(took).Milliseconds()), "sdev-ms")
	b.ReportMetric(0, "ns/op")
}
