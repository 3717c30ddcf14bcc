package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// wheel returns the files of an installed package.
func wheel(name, metadata string, files map[string]string) map[string]string {
	info := strings.ReplaceAll(name, "-", "_") + "-1.2.dist-info/"
	out := map[string]string{info + "METADATA": "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.2\n" + metadata}
	record := info + "METADATA,,\n"
	for file, text := range files {
		out[file] = text
		record += file + ",,\n"
	}
	out[info+"RECORD"] = record
	return out
}

// TestComponentsScript_FindsWhatPackagesDeclare runs the script on packages like those that exist.
func TestComponentsScript_FindsWhatPackagesDeclare(t *testing.T) {
	const forStreamlit = "Requires-Dist: streamlit (>=1.0)\n"
	site := map[string]string{}
	for _, files := range []map[string]string{
		wheel("streamlit", "", map[string]string{"streamlit/c.py": "declare_component('own', path='x')\n"}),
		wheel("pandas", "", map[string]string{"pandas/c.py": "declare_component('other', path='x')\n"}),
		wheel("streamlit-oauth", forStreamlit, map[string]string{
			"streamlit_oauth/__init__.py":        "b = components.declare_component(\n  'authorize_button',\n  path=p)\n",
			"streamlit_oauth/frontend/a/b.js":    "x=window.open(u);setInterval(()=>x.location.href)",
			"streamlit_oauth/frontend/index.htm": "<script>localStorage.a=document.cookie</script>",
			"streamlit_oauth/frontend/x.txt":     "sessionStorage",
		}),
		wheel("st-two", "", map[string]string{
			"st_two/more/part.py": "from streamlit.components.v2 import component\nc = component('page', js='x')\nself.component('no')\ndef component(a): pass\n",
			"st_two/old.py":       "f = declare_component(name=NAME, path=p)\ng = st.components.v2.component(\"both\")\n",
			"st_two/plain.js":     "const storage = 1",
		}),
		wheel("chart-kit", "Summary: Charts for Streamlit\n", map[string]string{
			"chart_kit/pyproject.toml": "[project]\nname = \"chart-kit\"\n[[tool.streamlit.component.components]]\nname = \"line\"\nasset_dir = \"a\"\n",
		}),
		wheel("streamlit-none", "", map[string]string{"streamlit_none/a.py": "import streamlit\n", "streamlit_none/a.js": "localStorage"}),
		wheel("streamlit-gone", "", map[string]string{}),
	} {
		for name, text := range files {
			site[name] = text
		}
	}
	site["streamlit_gone-1.2.dist-info/RECORD"] += "streamlit_gone/missing.py,,\n"
	cmd := exec.CommandContext(t.Context(), "python3", "-S", "-")
	cmd.Stdin = strings.NewReader(componentsScript)
	cmd.Env = []string{"PYTHONPATH=" + devtest.Project(t, site), "PATH=/usr/bin:/bin:/usr/local/bin"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := func(name, of string, inPage bool, needs ...any) map[string]any {
		return map[string]any{"name": name, "package": of, "version": "1.2", "in_page": inPage, "needs": append([]any{}, needs...)}
	}
	want := []map[string]any{
		c("chart-kit.line", "chart-kit", true), c("both", "st-two", true), c("page", "st-two", true), c("st_two.old.…", "st-two", false),
		c("streamlit_oauth.authorize_button", "streamlit-oauth", false, "document.cookie", "localStorage", "location of its popup"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// answering is a container in which every program prints a text, and fails if it is an error.
type answering struct {
	out, err string
	seen     plan.Exec
}

func (a *answering) Run(_ context.Context, x plan.Exec) (int, error) {
	a.seen = x
	_, _ = io.WriteString(x.Out, a.out)
	_, _ = io.WriteString(x.Err, a.err)
	if a.err != "" {
		return 1, nil
	}
	return 0, nil
}

func TestInspectComponents_OfTheCodeAndOfTheContainer(t *testing.T) {
	p, _, err := identityOf(t, map[string]string{
		"Home.py":          "import streamlit as st\nst.components.v1.declare_component('own', path='x')\nst.components.v2.component(name)\n",
		"requirements.txt": "streamlit\nStreamlit-OAuth==0.1.14\n",
	}, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	app := &answering{out: `[{"name": "streamlit_oauth.authorize_button", "package": "streamlit-oauth", "version": "0.1.14", "in_page": false, "needs": ["location of its popup"]}]`}
	all, err := InspectComponents(t.Context(), app, p, "shop-app")
	if err != nil {
		t.Fatal(err)
	}
	const want = "own (Home.py:2), a component (Home.py:3), streamlit_oauth.authorize_button (streamlit-oauth 0.1.14, requirements.txt:2)"
	if got := ListComponents(all); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var script bytes.Buffer
	if _, err := script.ReadFrom(app.seen.In); err != nil || script.String() != componentsScript || app.seen.Container != "shop-app" {
		t.Errorf("ran %+v, %v", app.seen, err)
	}
	for _, bad := range []*answering{{err: "Traceback\nImportError: no metadata\n"}, {out: "no list"}} {
		all, err := InspectComponents(t.Context(), bad, p, "shop-app")
		if err == nil || len(all) != 2 {
			t.Errorf("%+v: %v, %v", bad, all, err)
		}
		if bad.err != "" && err.Error() != "ImportError: no metadata; the project lists streamlit-oauth (requirements.txt:2)" {
			t.Errorf("error %v", err)
		}
	}
}

func TestIsolationWarnings_SayWhatIsNotIsolatedAndWhatMayBreak(t *testing.T) {
	framed := Component{Name: "a.b", Package: "a 1", Needs: []string{"localStorage"}}
	for name, c := range map[string]struct {
		all  []Component
		want []string
	}{
		"nothing":                     {nil, nil},
		"one that needs nothing":      {[]Component{{Name: "a.b", Package: "a 1"}}, nil},
		"two of a package":            {[]Component{framed, {Name: "a.c", Package: "a 1", Needs: framed.Needs}}, []string{"files name what these do not have: a 1: localStorage"}},
		"one in the page":             {[]Component{{Name: "c", Place: "Home.py:3", InPage: true, Needs: framed.Needs}}, []string{"not isolated: c (Home.py:3)"}},
		"many in the page":            {make11(), []string{"and 1 more"}},
		"both kinds, and odd letters": {[]Component{framed, {Name: "x\x1b[2J", Package: "y\n 1", InPage: true}}, []string{"not isolated: x (y", "a 1: localStorage"}},
	} {
		got := isolationWarnings(c.all, nil)
		if len(got) != len(c.want) {
			t.Fatalf("%s: %+v", name, got)
		}
		for i, w := range got {
			if w.Code != dev.CodeComponent || w.Hint == "" || !strings.Contains(w.Message, c.want[i]) || strings.ContainsAny(w.Message, "\x1b\n") {
				t.Errorf("%s: %+v, want %q", name, w, c.want[i])
			}
		}
	}
}

func TestCheckApp_WarnsOfComponentsOnlyIfTheyAreIsolated(t *testing.T) {
	p, _, err := identityOf(t, map[string]string{"Home.py": "import streamlit as st\nst.components.v2.component('own', js='x')\n"}, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	app := &answering{out: `[{"name": "x.y", "package": "x", "version": "1", "in_page": false, "needs": ["localStorage"]}]`}
	link := &gatewayLink{exec: execer{app}, config: gatewayConfig{project: p}}
	if got := link.CheckApp(t.Context(), engine.Project{Mode: dev.Local, Container: "shop-app"}); len(got) != 0 {
		t.Errorf("trusted: %+v", got)
	}
	got := link.CheckApp(t.Context(), engine.Project{Mode: dev.Local, Container: "shop-app", Isolate: true})
	if len(got) != 2 || !strings.Contains(got[0].Message, "own (Home.py:2)") || !strings.Contains(got[1].Message, "x 1: localStorage") {
		t.Errorf("isolated: %+v", got)
	}
	app.err = "no Python"
	if got := link.CheckApp(t.Context(), engine.Project{Mode: dev.Local, Container: "shop-app", Isolate: true}); len(got) != 2 || !strings.Contains(got[0].Message, "unknown: no Python") || !strings.Contains(got[1].Message, "own (Home.py:2)") {
		t.Errorf("without Python: %+v", got)
	}
}

// execer is an Execer that only runs programs.
type execer struct{ Runner }

func (execer) Stream(context.Context, string, bool, ...string) (io.ReadWriteCloser, error) {
	return nil, errors.ErrUnsupported
}

func (execer) Command(context.Context, string, dev.Exec) (string, int, error) {
	return "", 0, errors.ErrUnsupported
}

func (execer) Versions(context.Context, string, ...string) (map[string]string, error) {
	return nil, errors.ErrUnsupported
}

func make11() []Component {
	all := make([]Component, 11)
	for i := range all {
		all[i].InPage = true
	}
	return all
}

func TestRunPython_AnErrorOfTheEngineIsReturned(t *testing.T) {
	broken := errors.New("engine gone")
	if _, err := RunPython(t.Context(), failing{broken}, "shop-app", ""); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Run(context.Context, plan.Exec) (int, error) { return 0, f.err }
