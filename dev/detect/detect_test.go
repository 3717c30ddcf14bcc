package detect_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"sdev/dev/detect"
	"sdev/dev/devtest"
)

// tree returns the files of testdata/trees/NAME.txtar; scripts are executable, as in a repository.
func tree(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "trees", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		file := &fstest.MapFile{Data: f.Data, Mode: 0o644}
		if strings.HasSuffix(f.Name, ".sh") {
			file.Mode = 0o755
		}
		fsys[f.Name] = file
	}
	return fsys
}

func found(t *testing.T, fsys fstest.MapFS) *detect.Findings {
	t.Helper()
	f, err := detect.Tree(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func values(facts []detect.Fact) string {
	var out []string
	for _, f := range facts {
		out = append(out, f.Value)
	}
	return strings.Join(out, " ")
}

// TestTree_KnowsTheUsualLayouts is a table of trees with what must be found in each.
func TestTree_KnowsTheUsualLayouts(t *testing.T) {
	rows := []struct{ tree, entry, pages, roots, manager, python, streamlit, auth, app string }{
		{"document000", "code_package/streamlit/Home.py", "code_package/streamlit/pages/1_First_App.py", ".", "pip", "3.11", "any", "streamlit-oauth", "streamlit streamlit-local"},
		{"flat", "streamlit_app.py", "", "", "pip", "", "1.58.0", "none", ""},
		{"flat-no-list", "sales dashboard.py", "", "", "", "", "", "none", ""},
		{"pages", "👋_Home.py", "pages/1_📈_Plots.py pages/2_Maps.py", "", "pip", "", "any", "none", ""},
		{"navigation-uv", "app/main.py", "app/views/overview.py app/views/detail.py", "src", "uv", "3.11", "1.58.0", "native", ""},
		{"poetry", "report/ui.py", "", ".", "poetry", "3.11", "1.57.0", "none", ""},
		{"pipenv", "web/dashboard.py", "", "", "pipenv", "3.12", "1.60.0", "none", ""},
		{"conda", "app.py", "", "", "conda", "3.10", "1.58", "streamlit-authenticator", ""},
		{"compose-database", "ui/start.py", "", ".", "pip", "3.11", "1.58.0", "none", "web"},
		{"dockerfile-only", "streamlit_app.py", "", "", "pip", "3.12", "any", "none", ""},
		{"dockerfile-own", "source/board.py", "", ".", "pip", "3.11", "1.58.0", "none", ""},
		{"dockerfile-foreign", "app.py", "", "", "pip", "", "1.58.0", "none", ""},
		{"dockerfile-stages", "src/app.py", "", "", "uv", "3.13", "1.66.1", "none", ""},
		{"headers", "frontend/app.py", "", "", "pip", "", "any", "alb cloudflare", ""},
		{"ambiguous", "app.py or main.py", "", "", "pip", "", "any", "none", ""},
		{"scripts", "services/ui/view.py", "", "", "pip", "", "any", "none", ""},
		{"pep621", "tool/ui/app.py", "", ".", "pyproject", "3.10", "any", "none", ""},
		{"custom-names", "dash/index.py", "", "", "pip", "", "any", "none", "ui"},
		{"none", "", "", "", "pip", "", "", "none", ""},
	}
	for _, want := range rows {
		t.Run(want.tree, func(t *testing.T) {
			f := found(t, tree(t, want.tree))
			got := want
			got.entry, got.app, got.manager = "", "", ""
			if e, ok := f.Entry(); ok {
				got.entry = e.Path
			}
			if f.Ambiguous {
				got.entry += " or " + f.Entries[1].Path
			}
			if len(f.Managers) > 0 {
				got.manager = f.Managers[0].Value
			}
			var apps []detect.Fact
			for _, c := range f.Composes {
				for _, s := range c.Services {
					if s.App.Value != "" {
						apps = append(apps, s.App)
					}
				}
			}
			got.pages, got.roots, got.auth, got.app = values(f.Pages), values(f.Roots), values(f.Auth), values(apps)
			got.python, got.streamlit = f.Python.Value, f.Streamlit.Value
			if got != want {
				t.Errorf("\ngot  %q\nwant %q", got, want)
			}
			devtest.Golden(t, want.tree+".txt", report(f))
		})
	}
}

// report is everything that is concluded, with the reasons, and the recipe.
func report(f *detect.Findings) string {
	var b strings.Builder
	for _, e := range f.Entries {
		fmt.Fprintf(&b, "entry %s\n", e.Path)
		for _, r := range e.Reasons {
			fmt.Fprintf(&b, "      because %s\n", r.Source())
		}
	}
	for _, s := range f.Table() {
		fmt.Fprintf(&b, "%-12s %s: %s\n", s.Name, s.Value, s.Source)
	}
	for _, c := range f.Composes {
		for _, s := range c.Services {
			fmt.Fprintf(&b, "service %s %s\n", s.Name, s.App.Source())
		}
	}
	for _, d := range f.Defects {
		fmt.Fprintf(&b, "defect %s %s:%d: %s\n       fix: %s\n", d.ID, d.File, d.Line, d.What, d.Fix)
	}
	for _, l := range f.Unread {
		fmt.Fprintf(&b, "left %s\n", l.Source())
	}
	if r, ok := f.Recipe(); ok {
		fmt.Fprintf(&b, "recipe: dockerfile %q, context %q, workdir %q, command %q, path %q, mounts %v, hidden %v\n%s", r.Dockerfile, r.Context, r.Workdir, r.Command, r.PythonPath, r.Mounts, r.Hidden, r.Text)
	}
	return b.String()
}

func TestDockerIgnore_LeavesInWhatADockerfileCopies(t *testing.T) {
	tree := fstest.MapFS{"app.py": {Data: []byte("import streamlit as st\n")}}
	if got := found(t, tree).DockerIgnore(); !slices.Contains(got, ".env") || !slices.Contains(got, ".sdev") {
		t.Errorf("ignored: %q", got)
	}
	tree["Dockerfile"] = &fstest.MapFile{Data: []byte("FROM python:3.12\nCOPY .env app.py /app/\n")}
	if got := found(t, tree).DockerIgnore(); slices.Contains(got, ".env") || !slices.Contains(got, ".aws") {
		t.Errorf("ignored beside a Dockerfile that copies .env: %q", got)
	}
}
