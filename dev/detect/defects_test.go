package detect_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
)

// Each defect is found at its place, and its fix is no defect. The goldens of the trees have the defects of real
// projects.
func TestTree_PointsAtKnownDefects(t *testing.T) {
	const compose = "services:\n  streamlit:\n    image: x:1\n"
	for name, c := range map[string]struct {
		file, bad, good string
		want            string // id and line of bad
	}{
		"empty entry, in front":   {"Dockerfile", "FROM x:1\nENV PYTHONPATH=:/app\n", "FROM x:1\nENV PYTHONPATH=/app:/lib\n", "pythonpath.empty-entry 2"},
		"empty entry, unset":      {"Dockerfile", "FROM x:1\nENV PYTHONPATH \"${PYTHONPATH}:/app\"\n", "FROM x:1\nENV PYTHONPATH=/lib\nENV PYTHONPATH \"${PYTHONPATH}:/app\"\n", "pythonpath.empty-entry 2"},
		"empty entry, in compose": {"compose.yaml", compose + "    environment:\n      PYTHONPATH: '/app:'\n", compose + "    environment:\n      PYTHONPATH: '/app'\n", "pythonpath.empty-entry 5"},
		"writable credentials":    {"compose.yaml", compose + "    volumes:\n      - ~/.aws:/root/.aws\n", compose + "    volumes:\n      - ~/.aws:/root/.aws:ro\n", "aws.writable 5"},
		"bypass, as a list":       {"compose.yaml", compose + "    environment: [LOCAL_STREAMLIT=0]\n", compose + "    environment: [OTHER=1]\n", "bypass.shipped 4"},
		"an image of tomorrow":    {"compose.yaml", "services:\n  streamlit:\n    image: x:latest\n", compose, "compose.latest 3"},
		"an old key":              {"compose.yaml", compose + "version: '3'\n", compose, "compose.version 4"},
		"no exec":                 {"start.sh", "#!/bin/sh\nstreamlit run app.py\n", "#!/bin/sh\nexec streamlit run app.py\n", "start.no-exec 2"},
		"installs":                {"start.sh", "#!/bin/sh\nuv pip install x && exec streamlit run app.py\n", "#!/bin/sh\n# pip install x\nexec streamlit run app.py\n", "start.installs 2"},
		"prune":                   {"Makefile", "clean:\n\tdocker system prune -f\n", "clean:\n\tdocker compose down\n", "make.prune 2"},
		"not pinned":              {"requirements.txt", "pandas\nstreamlit>=1\n", "pandas\nstreamlit==1.58.0\n", "deps.unpinned 2"},
		"python too old":          {"pyproject.toml", "[project]\nrequires-python = \"==3.9.*\"\ndependencies = [\"streamlit==1.58.0\"]\n", "[project]\nrequires-python = \">=3.9\"\ndependencies = [\"streamlit==1.58.0\"]\n", "python.too-old 2"},
		"the newest needs more":   {"pyproject.toml", "[project]\nrequires-python = \"==3.10.*\"\ndependencies = [\"streamlit==1.67.0\"]\n", "[project]\nrequires-python = \"==3.10.*\"\ndependencies = [\"streamlit==1.65.0\"]\n", "python.too-old 2"},
		"streamlit too old":       {"requirements.txt", "streamlit==0.51.0\n", "streamlit==1.12.0\n", "streamlit.too-old 1"},
		"streamlit 1 too old":     {"requirements.txt", "streamlit==1.11.1\n", "streamlit==1.12\n", "streamlit.too-old 1"},
		"unverified":              {"app.py", app + "import jwt\njwt.decode(t, options={'verify_signature': False})\n", app + "import jwt\njwt.decode(t, key)\n", "jwt.unverified 3"},
		"decoded":                 {"app.py", app + "import base64\nbase64.b64decode(x['id_token'])\n", app + "import base64\nbase64.b64decode(picture)\n", "jwt.b64decode 3"},
		"decoded, not verified": {"app.py", app + "import base64\nfrom cryptography.hazmat.primitives.asymmetric import ec\nbase64.urlsafe_b64decode(x['id_token'])\n",
			app + "import base64\nfrom cryptography.hazmat.primitives.asymmetric import ec\nbase64.urlsafe_b64decode(x['id_token'])\nkey.verify(raw, text, ec.ECDSA(sha))\n", "jwt.unverified 4"},
		"the last redirect": {"app.py", app + "c['redirect_uris'][-1]\n", app + "c['redirect_uris'][0]\n", "oauth.last-redirect 2"},
		"a shadow":          {"lib/streamlit/__init__.py", "", "", "import.shadow 1"},
	} {
		look := func(content string) (out []string) {
			t.Helper()
			fsys := fstest.MapFS{"app.py": {Data: []byte(app)}}
			fsys[c.file] = &fstest.MapFile{Data: []byte(content), Mode: 0o755}
			for _, d := range found(t, fsys).Defects {
				if d.File != c.file || d.What == "" || d.Fix == "" {
					t.Errorf("%s: %+v", name, d)
				}
				out = append(out, fmt.Sprint(d.ID, " ", d.Line))
			}
			return out
		}
		if got := look(c.bad); !slices.Contains(got, c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
		if got := look(c.good); len(got) > 0 && c.bad != c.good {
			t.Errorf("%s: its cure has %q", name, got)
		}
	}
}
