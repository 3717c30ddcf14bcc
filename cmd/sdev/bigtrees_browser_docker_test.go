//go:build docker

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
)

// besidePage fills a directory with what projects have beside their page: more directories than a queue of the kernel
// holds events for, when a program reads them all.
func besidePage(t testing.TB, dir string) {
	t.Helper()
	for at, n := range map[string]int{
		"node_modules/pkg%d/lib/dist":             1500,
		".git/objects/%02x":                       256,
		"data/part=%d":                            2000,
		"env38/lib/python3.8/site-packages/mod%d": 1500,
	} {
		for i := range n {
			sub := filepath.Join(dir, fmt.Sprintf(at, i))
			if err := os.MkdirAll(sub, 0o755); err != nil {
				t.Fatal(err)
			}
			for j := range 2 {
				if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("part%d.bin", j)), []byte("x"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// serves writes a compose file that runs a version of Streamlit as a user.
func (p *project) serves(version, user string) {
	p.t.Helper()
	p.write("compose.yaml", fmt.Sprintf("services:\n  streamlit:\n    build: .\n    user: '%s'\n    command: /opt/%s/bin/streamlit run app.py\n    ports: ['8501:8501']\n    volumes: ['./app:/app']\n", user, version))
}

// TestBrowserBigTrees_SavesAreLive covers the versions that take any version of watchdog, and the newest.
func TestBrowserBigTrees_SavesAreLive(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"Dockerfile": streamlitsFile(), ".dockerignore": "app/*\n!app/app.py\n", "app/app.py": ""})
	besidePage(t, filepath.Join(dir, "app"))
	p := adopted(t, dir)
	for _, version := range []string{"1.12.0", "1.28.0", "1.67.0"} {
		t.Run(version, func(t *testing.T) {
			p.within(t)
			p.write("app/app.py", "import streamlit as st\n\nst.write(\"on \" + st.__version__)\n")
			p.serves(version, "0:0")
			up := p.attend()
			page := openTab(t, awaitEvent[dev.Ready](t, up).URL)
			page.shows("on " + version)
			p.saves(t, page, up, "app/app.py", "import streamlit as st\n\nst.title(%q)\n")
			p.run(0, "down")
		})
	}
}

// TestBrowserBigTrees_WithoutFileWatchesSavesAreLiveToo runs the app as a user that has used up what the system allows.
func TestBrowserBigTrees_WithoutFileWatchesSavesAreLiveToo(t *testing.T) {
	p := adopted(t, devtest.Project(t, map[string]string{"Dockerfile": streamlitsFile(), "app/app.py": "import streamlit as st\n\nst.title('begin')\n"}))
	user := fmt.Sprintf("%d:1000", 40000+os.Getpid()%10000) // nobody else's, so that only this test feels the limit
	p.serves("1.67.0", user)
	p.run(0, "up", "-d") // builds the image
	other := docker(t, "run", "-d", "--user", user, "--entrypoint", "python3", p.name+"-streamlit", "-c",
		"import ctypes, time\nlibc = ctypes.CDLL(None)\nwhile libc.inotify_init() >= 0: pass\nprint('full', flush=True)\ntime.sleep(600)")
	t.Cleanup(func() { docker(t, "rm", "-f", other) })
	await(t, "no more watchers", func() bool { return docker(t, "logs", other) == "full" }, func() string { return docker(t, "logs", other) })
	up := p.attend()
	p.run(0, "restart") // now the app finds the limit
	page := openTab(t, awaitEvent[dev.Ready](t, up).URL)
	page.shows("begin")
	save := func(mark string) {
		p.write("app/app.py", fmt.Sprintf("import streamlit as st\n\nst.title(%q)\n", mark))
	}
	// Comparing begins with a look at the directory, in a thread of its own: the very first save may come before that.
	again := time.NewTicker(3 * time.Second)
	defer again.Stop()
	save("seen")
	page.until("the tab shows the first save", func() bool {
		select {
		case <-again.C:
			p.write("app/app.py", "import streamlit as st\n\n# once more\nst.title('seen')\n")
		default:
		}
		return strings.Contains(page.text(), "seen")
	})
	for _, mark := range []string{"first", "second", "third"} {
		save(mark)
		page.shows(mark)
	}
	if out := docker(t, "logs", p.name+"-streamlit-1"); strings.Count(out, "allows this user no more file watches") != 1 {
		t.Errorf("the app's log:\n%s", out)
	}
}
