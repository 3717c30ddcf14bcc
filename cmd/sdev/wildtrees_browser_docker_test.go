//go:build docker

package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sdev/dev"
)

// wildTree is one of testdata/wild: a small project in the way of other people's, and what a user sees of it. The lines
// before its files say "NAME: VALUE":
//
//	kind      what is particular about it
//	flags     flags for every command; \x20 is a space within one
//	mode      flags of up that choose the login; --local if absent
//	saves     the file in which the test replaces "version one" by "version two"
//	adds      a package that the file then imports, and that the image lacks
//	reports   that file as the report of the save names it, if it is not the same
//	shows     another text on the page
//	says      a text among the warnings; each line adds one
//	services  all services that run
//	open      the page to open: an address, or a path below the app's
//	login     the button or the link that leads to the sign-in page
//	blank     a text of the warning that says why the page stays blank after the sign-in
//	fails     a text of the error with which up ends, for a project that cannot run as it is
//	not       a text that this error must not contain
//	chosen    flags that choose an app then
type wildTree struct {
	name   string
	values map[string][]string
}

func wildTrees(t testing.TB) []wildTree {
	t.Helper()
	files, err := filepath.Glob("testdata/wild/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d trees, %v", len(files), err)
	}
	var trees []wildTree
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w := wildTree{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), values: map[string][]string{}}
		for line := range strings.Lines(string(archive.Comment)) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
			if !ok {
				t.Fatalf("%s: %q is no NAME: VALUE", file, line)
			}
			w.values[name] = append(w.values[name], value)
		}
		trees = append(trees, w)
	}
	return trees
}

// value returns the last value of a name; "" if the tree has none.
func (w wildTree) value(name string) string {
	if all := w.values[name]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// flags returns the flags that the tree needs with each command.
func (w wildTree) flags() []string {
	fields := strings.Fields(w.value("flags"))
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(f, `\x20`, " ")
	}
	return fields
}

// streamlitBase is the image that the trees start from: Streamlit and libraries for logins, installed by uv and thus
// without bytecode, as many images are.
const streamlitBase = `FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH UV_LINK_MODE=copy
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca; fi; \
    pip install --disable-pip-version-check --break-system-packages uv && uv venv -q --seed /opt/venv && \
    uv pip install -q --python /opt/venv/bin/python streamlit authlib httpx requests-oauthlib python-dotenv
`

// TestBrowserWild_EachTreeRunsAsItIs brings up each tree unchanged, looks at its page, saves in it, signs in where it has a
// login, and takes it down. No command changes a file of the tree.
func TestBrowserWild_EachTreeRunsAsItIs(t *testing.T) {
	baseImage(t, "streamlit-base:1", t.TempDir(), streamlitBase)
	for _, w := range wildTrees(t) {
		t.Run(w.name, func(t *testing.T) {
			dir, _ := unpacked(t, filepath.Join("testdata/wild", w.name+".txtar"))
			p := adopted(t, dir)
			p.flags = w.flags()
			if text := w.value("fails"); text != "" {
				out, errs, code := p.result("up", "-d")
				if code == 0 || !strings.Contains(errs, text) || w.value("not") != "" && strings.Contains(errs, w.value("not")) {
					t.Errorf("exit code %d, want an error with %q and without %q:\n%s%s", code, text, w.value("not"), out, errs)
				}
				p.flags = strings.Fields(w.value("chosen"))
				return
			}
			w.runs(t, p)
		})
	}
}

func (w wildTree) runs(t *testing.T, p *project) {
	mode := []string{"--local"}
	if m := w.value("mode"); m != "" {
		mode = strings.Fields(m)
	}
	up := p.stream(append(append([]string{"up"}, mode...), "--json")...)
	ready := awaitEvent[dev.Ready](t, up)
	var warnings []string
	for _, s := range up.seen {
		if e, ok := s.Event.(dev.Warning); ok {
			warnings = append(warnings, e.Message)
		}
	}
	t.Logf("ready after %d ms; warnings: %q", ready.MS, warnings)
	for _, text := range w.values["says"] {
		if !slices.ContainsFunc(warnings, func(m string) bool { return strings.Contains(m, text) }) {
			t.Errorf("no warning says %q", text)
		}
	}
	if want := strings.Fields(w.value("services")); len(want) > 0 {
		if slices.Sort(ready.Services); !slices.Equal(ready.Services, want) {
			t.Errorf("services %v, want %v", ready.Services, want)
		}
	}
	address := ready.URL
	if open := w.value("open"); strings.HasPrefix(open, "http") {
		address = open
	} else if open != "" && !strings.HasSuffix(strings.TrimSuffix(address, "/"), open) {
		t.Errorf("the app's address is %s, want one that ends in %s", address, open)
	}
	page := openTab(t, address)
	page.shows("version one")
	if text := w.value("shows"); text != "" {
		page.shows(text)
	}
	if login := w.value("login"); login != "" {
		page.click(button(login))
		page.shows("admin@example.com")
		page.click(button("admin@example.com"))
	}
	if text := w.value("blank"); text != "" {
		for e := (dev.Warning{}); !strings.Contains(e.Message, text); {
			e = awaitEvent[dev.Warning](t, up)
		}
	} else {
		if w.value("login") != "" {
			page.shows("signed in: admin@example.com")
		}
		w.saves(t, p, page, up)
	}

	if err := up.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	awaitEvent[dev.Stopped](t, up)
	p.run(0, "down", "--volumes")
	if left := p.remains(); left != "" {
		t.Errorf("down --volumes leaves %s", left)
	}
}

// saves replaces the heading of the page, right after it is shown, and waits until the tab shows the new one and a report
// says so.
func (w wildTree) saves(t *testing.T, p *project, page tab, up *events) {
	file := w.value("saves")
	source, err := os.ReadFile(filepath.Join(p.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(source), "version one", "version two", 1)
	if changed == string(source) {
		t.Fatalf("%s does not contain the heading", file)
	}
	p.write(file, changed)
	page.shows("version two")
	if e := awaitEvent[dev.AppReloaded](t, up); e.Trigger != cmp.Or(w.value("reports"), file) {
		t.Errorf("app.reloaded = %+v", e)
	} else {
		t.Logf("live after %d ms (%s)", e.MS, e.How)
	}
	if name := w.value("adds"); name != "" {
		p.write(file, "import "+name+"\n"+strings.Replace(changed, "version two", "version three", 1))
		page.shows("version three")
	}
}
