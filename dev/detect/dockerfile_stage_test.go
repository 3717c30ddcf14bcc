package detect

import (
	"slices"
	"testing"
	"testing/fstest"
)

// TestSources_PassThroughStages wants the source mounted where the last stage has it, although another stage copied it
// from the context, and the environment below it visible.
func TestSources_PassThroughStages(t *testing.T) {
	for name, c := range map[string]struct {
		dockerfile string
		mounts     []Mount
		hidden     []string
	}{
		"the whole directory": {"FROM python:3.12 AS build\nWORKDIR /app\nRUN python -m venv /app/venv\nCOPY ui/ /app/\nFROM python:3.12-slim\nWORKDIR /app\nCOPY --from=build /app /app\nCMD [\"streamlit\", \"run\", \"Home.py\"]\n",
			[]Mount{{"ui", "/app"}}, []string{"/app/venv"}},
		"to another place, by number": {"FROM python:3.12\nWORKDIR /src\nCOPY . .\nRUN uv sync\nFROM python:3.12-slim\nWORKDIR /srv\nCOPY --chown=1:1 --from=0 /src ./\nCMD streamlit run ui/Home.py\n",
			[]Mount{{".", "/srv"}}, []string{"/srv/.venv"}},
		"a part of it": {"FROM python:3.12 AS build\nCOPY . /src\nRUN uv sync\nFROM python:3.12-slim\nCOPY --from=build /src/.venv /opt/venv\nCOPY --from=build /src/ui /srv/ui\nCMD streamlit run /srv/ui/Home.py\n",
			[]Mount{{"ui", "/srv/ui"}}, nil},
		"by two stages": {"FROM python:3.12 AS one\nCOPY ui /a\nFROM python:3.12 AS two\nCOPY --from=one /a /b\nFROM python:3.12\nCOPY --from=two /b /c\nCMD streamlit run /c/Home.py\n",
			[]Mount{{"ui", "/c"}}, nil},
		"from another image": {"FROM python:3.12\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/\nCMD streamlit run /c/Home.py\n", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Tree(fstest.MapFS{
				"Dockerfile": {Data: []byte(c.dockerfile)}, "requirements.txt": {Data: []byte("streamlit==1.58.0\n")},
				"ui/Home.py": {Data: []byte("import streamlit as st\nst.write('a')\n")}, "ui/pages/1_More.py": {Data: []byte("import streamlit as st\n")},
			})
			if err != nil {
				t.Fatal(err)
			}
			in, _ := f.Sources(".", "Dockerfile", "")
			mounts, hidden := in.Mounts, in.Hidden
			if !slices.Equal(mounts, c.mounts) || !slices.Equal(hidden, c.hidden) {
				t.Errorf("mounts %v, hidden %v; want %v, %v", mounts, hidden, c.mounts, c.hidden)
			}
			if e, ok := f.Entry(); c.mounts != nil && (!ok || e.Why().File != "Dockerfile") {
				t.Errorf("the entry is %s, %+v; want the reason in the Dockerfile", e.Path, e.Why())
			}
		})
	}
}

// TestTree_TakesTheDockerfileOfTheScript wants the Dockerfile that runs the script, from the directory that holds what it
// copies, and not one of another program that says in a comment what it is not.
func TestTree_TakesTheDockerfileOfTheScript(t *testing.T) {
	const app = "import streamlit as st\nst.write('a')\n"
	f, err := Tree(fstest.MapFS{
		"talk/Dockerfile": {Data: []byte("# A static site. No Streamlit.\nFROM nginx:1.27\nCOPY site/ /usr/share/nginx/html/\n")}, "talk/site/index.html": {},
		"app.py": {Data: []byte(app)}, "shop/app.py": {Data: []byte(app)}, "shop/deploy/ui/requirements.txt": {Data: []byte("streamlit==1.58.0\n")},
		"shop/deploy/ui/Dockerfile": {Data: []byte("FROM python:3.11\nWORKDIR /app\nCOPY deploy/ui/requirements.txt /app/\nRUN pip install -r requirements.txt\nCOPY . /app\nCMD [\"python\", \"-m\", \"streamlit\", \"run\", \"app.py\"]\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, ok := f.Entry()
	r, hasRecipe := f.Recipe()
	if !ok || e.Path != "shop/app.py" || !hasRecipe || r.Context != "shop" || r.Dockerfile != "deploy/ui/Dockerfile" || !slices.Equal(r.Mounts, []Mount{{"shop", "/app"}}) {
		t.Errorf("entry %s (%+v), recipe %+v", e.Path, e.Why(), r)
	}
}

// TestTree_TakesNoDockerfileOfAnotherDirectory wants none for a script outside the directory that a Dockerfile is built from.
func TestTree_TakesNoDockerfileOfAnotherDirectory(t *testing.T) {
	f, err := Tree(fstest.MapFS{
		"app.py": {Data: []byte("import streamlit as st\n")}, "shop/server.py": {Data: []byte("import mcp\n")}, "shop/deploy/mcp/requirements.txt": {Data: []byte("mcp\n")},
		"shop/deploy/mcp/Dockerfile": {Data: []byte("FROM python:3.11\nCOPY deploy/mcp/requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := f.Recipe(); !ok || r.Dockerfile != "" {
		t.Errorf("recipe %+v", r)
	}
}

func TestSources_AnImageWithTheSourceAtItsRoot(t *testing.T) {
	for name, c := range map[string]struct{ dockerfile, want string }{
		"a relative command": {"FROM python:3.11\nCOPY . .\nCMD [\"streamlit\", \"run\", \"ui/app.py\"]\n", ".:/app in /app"},
		"a directory":        {"FROM python:3.11\nCOPY ui/ /\nCMD streamlit run app.py\n", "ui:/app in /app"},
		"the root itself":    {"FROM python:3.11\nWORKDIR /\nCOPY . .\nCMD streamlit run ui/app.py\n", ".:/app in /app"},
		"an absolute one":    {"FROM python:3.11\nCOPY . .\nCMD streamlit run /ui/app.py\n", "nothing"},
		"elsewhere":          {"FROM python:3.11\nCOPY . /srv\nCMD streamlit run /srv/ui/app.py\n", ".:/srv in "},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Tree(fstest.MapFS{"ui/app.py": {Data: []byte("import streamlit as st\nst.title('x')\n")}, "Dockerfile": {Data: []byte(c.dockerfile)}})
			if err != nil {
				t.Fatal(err)
			}
			got := "nothing"
			if in, ok := f.Sources(".", "Dockerfile", ""); ok {
				got = in.Mounts[0].From + ":" + in.Mounts[0].To + " in " + in.Workdir
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
