package detect_test

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"sdev/dev/detect"
)

const (
	runsApp  = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nCMD streamlit run app.py\n"
	twoApps  = "\n-- a/Dockerfile --\n" + runsApp + "-- a/requirements.txt --\nstreamlit==1.41.0\n-- a/app.py --\n" + page + "\n-- b/Dockerfile --\n" + runsApp + "-- b/requirements.txt --\nstreamlit==1.58.0\n-- b/app.py --\n" + page
	noImages = "\n-- a/requirements.txt --\nstreamlit==1.41.0\n-- a/app.py --\n" + page + "\n-- b/requirements.txt --\nstreamlit==1.58.0\n-- b/app.py --\n" + page + "\n-- b/.streamlit/config.toml --\n[theme]\n"
)

// Everything belongs to the script that runs. Wanted are the Dockerfile, the version of Streamlit, the settings, and
// where and how it is started; "ambiguous" stands for an app that must be chosen.
func TestTree_EverythingBelongsToTheEntry(t *testing.T) {
	for name, c := range map[string]struct{ tree, entry, want string }{
		"the second of two apps":    {twoApps, "b/app.py", "b/Dockerfile 1.58.0  b []"},
		"the first of two apps":     {twoApps, "a/app.py", "a/Dockerfile 1.41.0  a []"},
		"two apps":                  {twoApps, "", "ambiguous a/app.py b/app.py"},
		"two apps without images":   {noImages, "", "ambiguous a/app.py b/app.py"},
		"one of those":              {noImages, "b/app.py", " 1.58.0 b/.streamlit/config.toml . /app/b [streamlit run app.py]"},
		"the other, without config": {noImages, "a/app.py", " 1.41.0  . /app/a [streamlit run app.py]"},
		"one is better known": {twoApps + "\n-- README.md --\nstreamlit run b/app.py\n-- b/pages/1.py --\n" + page, "",
			"ambiguous b/app.py a/app.py"},
		"an example beside the app": {"\n-- Dockerfile --\n" + runsApp + "-- app.py --\n" + page + "\n-- requirements.txt --\nstreamlit==1.50.0\n-- examples/x/requirements.txt --\nstreamlit==1.10.0\n-- examples/x/streamlit_app.py --\n" + page, "",
			"Dockerfile 1.50.0  . []"},
		"an app below others whose names say nothing": {"\n-- requirements.txt --\nstreamlit==1.50.0\n-- stock.py --\nimport streamlit as st\nst.set_page_config()\n-- visits.py --\nimport streamlit as st\nst.set_page_config()\n-- check/requirements.txt --\nstreamlit==1.58.0\n-- check/app.py --\nimport streamlit as st\nst.set_page_config()\n", "",
			"ambiguous check/app.py stock.py visits.py"},
		"an app below a module that uses Streamlit": {"\n-- requirements.txt --\nstreamlit==1.50.0\n-- helpers.py --\n" + page + "\n-- check/requirements.txt --\nstreamlit==1.58.0\n-- check/app.py --\nimport streamlit as st\nst.set_page_config()\n", "",
			" 1.58.0  . /app [streamlit run check/app.py]"},
		"a list of another app above": {"\n-- requirements.txt --\nstreamlit==1.10.0\n-- app.py --\nimport flask\n-- ui/requirements.txt --\nstreamlit==1.58.0\n-- ui/main.py --\n" + page, "",
			" 1.58.0  . /app [streamlit run ui/main.py]"},
		"infrastructure at the root": {"\n-- app.py --\nimport aws_cdk as cdk\napp = cdk.App()\n-- requirements.txt --\naws-cdk-lib==2.1.0\n-- docker/Dockerfile --\n" + runsApp + "-- docker/app.py --\n" + page + "\n-- docker/requirements.txt --\nstreamlit==1.20.0\n-- README.md --\ncd docker\nstreamlit run app.py\n", "",
			"docker/Dockerfile 1.20.0  docker []"},
		"a Dockerfile of another server above": {"\n-- Dockerfile --\nFROM python:3.12\nCOPY . /app\nRUN pip install -r requirements.txt\nCMD [\"uvicorn\", \"api:app\"]\n-- requirements.txt --\nfastapi\n-- api.py --\n" + api + "\n-- ui/requirements.txt --\nstreamlit==1.58.0\n-- ui/app.py --\n" + page, "",
			" 1.58.0  . /app [streamlit run ui/app.py]"},
		"Dockerfiles in a directory of their own": {"\n-- docker/api.Dockerfile --\nFROM python:3.12\nCMD uvicorn api:app\n-- docker/ui.Dockerfile --\nFROM python:3.12\nWORKDIR /app\nCOPY src src\nCMD streamlit run src/app.py\n-- src/app.py --\n" + page + "\n-- requirements.txt --\nstreamlit\n", "",
			"docker/ui.Dockerfile any  . []"},
		"one Dockerfile above both, which runs one": {"\n-- Dockerfile --\nFROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD streamlit run a/app.py\n-- a/app.py --\n" + page + "\n-- b/app.py --\n" + page + "\n-- requirements.txt --\nstreamlit==1.58.0\n", "b/app.py",
			"Dockerfile 1.58.0  . [streamlit run /app/b/app.py]"},
		"and the other has a project of its own": {"\n-- Dockerfile --\nFROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD streamlit run a/app.py\n-- a/app.py --\n" + page + "\n-- b/app.py --\n" + page + "\n-- b/requirements.txt --\nstreamlit==1.58.0\n", "b/app.py",
			" 1.58.0  . /app [streamlit run b/app.py]"},
		"a version of Python of its own": {noImages + "\n-- .python-version --\n3.9\n-- b/.python-version --\n3.13\n", "b/app.py",
			" 1.58.0 b/.streamlit/config.toml . /app/b [streamlit run app.py] 3.13"},
	} {
		t.Run(name, func(t *testing.T) {
			f := found(t, treeOf(c.tree))
			if c.entry != "" && !f.Choose(c.entry, detect.Fact{Why: "--entry"}) {
				t.Fatal("no such script")
			}
			if got := strings.TrimSuffix(belongings(f), " "); got != c.want {
				t.Errorf("\ngot  %q\nwant %q", got, c.want)
			}
		})
	}
}

func belongings(f *detect.Findings) string {
	if f.Ambiguous {
		out := "ambiguous"
		for _, e := range f.Entries {
			if !strings.Contains(e.Path, "pages") {
				out += " " + e.Path
			}
		}
		return out
	}
	r, _ := f.Recipe()
	dockerfile := ""
	if r.Dockerfile != "" {
		dockerfile = path.Join(r.Context, r.Dockerfile)
	}
	out := fmt.Sprintf("%s %s %s %s", dockerfile, f.Streamlit.Value, f.Settings.Value, r.Context)
	if r.Workdir != "" {
		out += " " + r.Workdir
	}
	out += fmt.Sprint(" ", r.Command)
	if f.Python.File != "" && path.Base(f.Python.File) == ".python-version" {
		out += " " + f.Python.Value
	}
	return out
}
