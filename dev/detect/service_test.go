package detect_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"sdev/dev/detect"
)

// treeOf returns the files of a text in txtar's format.
func treeOf(text string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(text)).Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o755}
	}
	return fsys
}

const (
	page = "import streamlit as st\n\nst.title('page')\n"
	api  = "from fastapi import FastAPI\n\napp = FastAPI()\n"
)

// Each row is a project in which one service, or several, run Streamlit. Wanted are the surest candidates with the
// script that runs in each.
func TestCandidates_ACommandIsFollowedToThePage(t *testing.T) {
	for name, c := range map[string]struct{ tree, want string }{
		"a start script of the image": {`
-- compose.yaml --
services:
  db: {image: "postgres:16"}
  api: {build: ./api}
  web: {build: .}
-- Dockerfile --
FROM python:3.12
WORKDIR /srv
COPY . .
CMD ["./start.sh"]
-- start.sh --
#!/bin/sh
python wait.py
exec streamlit run ui/page.py
-- ui/page.py --
` + page + `
-- api/Dockerfile --
FROM python:3.12
CMD uvicorn main:app
-- api/main.py --
` + api, "web ui/page.py start.sh:3"},
		"a start script of the compose file, which goes into a directory": {`
-- compose.yaml --
services:
  web:
    image: python:3.12
    working_dir: /code
    volumes: [".:/code"]
    command: bash scripts/run.sh
  api: {image: acme/api}
-- scripts/run.sh --
cd ui
streamlit run page.py
-- ui/page.py --
` + page + `
-- page.py --
` + api, "web ui/page.py scripts/run.sh:2"},
		"a stage that a target names": {`
-- compose.yaml --
services:
  web: {build: {context: ., target: ui}}
  api: {build: {context: ., target: api}}
-- Dockerfile --
FROM python:3.12 AS base
WORKDIR /app
COPY . .
FROM base AS ui
CMD ["streamlit", "run", "page.py"]
FROM base AS api
CMD ["uvicorn", "api:app"]
-- page.py --
` + page, "web page.py Dockerfile:5"},
		"the last stage, whose command is that of an earlier one": {`
-- compose.yaml --
services:
  web: {build: .}
  job: {build: ., command: python job.py}
-- Dockerfile --
FROM python:3.12 AS app
WORKDIR /app
COPY src/ .
CMD streamlit run page.py
FROM app
USER nobody
-- src/page.py --
` + page + `
-- job.py --
print()
`, "web src/page.py Dockerfile:4"},
		"an entrypoint of the image with the compose file's arguments": {`
-- compose.yaml --
services:
  one: {build: ., command: "b.py --server.port 80"}
  two: {build: ., entrypoint: [uvicorn, "api:app"]}
-- Dockerfile --
FROM python:3.12
COPY . /app
WORKDIR /app
ENTRYPOINT ["streamlit", "run"]
CMD ["a.py"]
-- a.py --
` + page + `
-- b.py --
` + page, "one b.py compose.yaml:2"},
		"arguments that stand before the entrypoint": {`
-- compose.yaml --
services:
  web: {build: .}
-- Dockerfile --
FROM python:3.12
WORKDIR /app
COPY . .
CMD ["streamlit", "run", "page.py"]
ENTRYPOINT ["tini", "--"]
-- page.py --
` + page, "web page.py Dockerfile:4"},
		"the context is a directory, and there is a program of the same name at the root": {`
-- compose.yaml --
services:
  back: {build: ./backend}
  front: {build: ./frontend}
-- app.py --
import aws_cdk as cdk
-- backend/Dockerfile --
FROM python:3.12
CMD gunicorn app:app
-- backend/app.py --
import flask
-- frontend/Dockerfile --
FROM python:3.12
WORKDIR /app
COPY . .
CMD streamlit run app.py
-- frontend/app.py --
` + page, "front frontend/app.py frontend/Dockerfile:4"},
		"a Dockerfile in a directory of its own": {`
-- compose.yaml --
services:
  ui: {build: {context: ., dockerfile: docker/Dockerfile.streamlit}}
  api: {build: {context: ., dockerfile: docker/Dockerfile.api}}
-- docker/Dockerfile.streamlit --
FROM python:3.12
COPY src/ /src/
CMD ["python", "-m", "streamlit", "run", "/src/app/main.py"]
-- docker/Dockerfile.api --
FROM python:3.12
CMD ["fastapi", "run", "api/main.py"]
-- src/app/main.py --
` + page + `
-- api/main.py --
` + api, "ui src/app/main.py docker/Dockerfile.streamlit:3"},
		"uv": {`
-- compose.yaml --
services:
  a: {image: img, command: uv run --frozen streamlit run page.py}
  b: {image: other}
-- page.py --
` + page, "a page.py compose.yaml:2"},
		"poetry": {`
-- compose.yaml --
services:
  a: {image: img, command: [poetry, run, python, -m, streamlit, run, page.py]}
  b: {image: other}
-- page.py --
` + page, "a page.py compose.yaml:2"},
		"a launcher in Python": {`
-- compose.yaml --
services:
  a: {build: .}
  b: {image: other}
-- Dockerfile --
FROM python:3.12
WORKDIR /app
COPY . .
CMD ["python", "-u", "run.py"]
-- run.py --
import sys
from streamlit.web import cli as stcli
sys.argv = ["streamlit", "run", "ui/page.py", "--server.port=8501"]
sys.exit(stcli.main())
-- ui/page.py --
` + page, "a ui/page.py run.py:3"},
		"a launcher that is a module": {`
-- compose.yaml --
services:
  a: {build: .}
-- Dockerfile --
FROM python:3.12
WORKDIR /app
COPY . .
CMD python -m shop.serve
-- shop/serve.py --
from pathlib import Path
from streamlit.web import bootstrap
bootstrap.run(str(Path(__file__).parent / "ui.py"), False, [], {})
-- shop/ui.py --
` + page, "a shop/ui.py shop/serve.py:3"},
		"a declared command": {`
-- compose.yaml --
services:
  a: {build: .}
-- Dockerfile --
FROM python:3.12
WORKDIR /app
COPY . .
CMD ["uv", "run", "dashboard"]
-- pyproject.toml --
[project]
name = "shop"
[project.scripts]
dashboard = "shop.cli:main"
-- src/shop/cli.py --
import subprocess, os
def main():
    here = os.path.dirname(__file__)
    subprocess.run(["streamlit", "run", os.path.join(here, "pages_ui", "start.py")])
-- src/shop/pages_ui/start.py --
` + page, "a src/shop/pages_ui/start.py src/shop/cli.py:4"},
		"make": {`
-- compose.yaml --
services:
  a: {build: ., command: make serve}
-- Dockerfile --
FROM python:3.12
WORKDIR /app
COPY . .
-- Makefile --
APP ?= page.py
test:
	streamlit run other.py
serve: test
	@uv run streamlit run $(APP)
-- page.py --
` + page, "a page.py Makefile:5"},
		"supervisord": {`
-- compose.yaml --
services:
  a: {build: .}
-- Dockerfile --
FROM python:3.12
WORKDIR /app
COPY . .
COPY docker/supervisord.conf /etc/supervisor/supervisord.conf
CMD ["/usr/bin/supervisord", "-c", "/etc/supervisor/supervisord.conf"]
-- docker/supervisord.conf --
[supervisord]
nodaemon=true
[program:api]
command=uvicorn api:app
[program:ui]
directory=/app/ui
command=streamlit run page.py
-- ui/page.py --
` + page, "a ui/page.py docker/supervisord.conf:7"},
		"honcho": {`
-- compose.yaml --
services:
  a: {image: img, command: honcho start}
-- Procfile --
api: uvicorn api:app
web: streamlit run page.py
-- page.py --
` + page, "a page.py Procfile:2"},
		"one image, three apps, by their commands": {`
-- compose.yaml --
services:
  shop: {build: ., image: shop, command: streamlit run shop.py}
  admin: {image: shop, command: streamlit run admin.py}
  stats: {image: shop, command: streamlit run stats.py}
-- Dockerfile --
FROM python:3.12
COPY . /app
WORKDIR /app
-- shop.py --
` + page + `
-- admin.py --
` + page + `
-- stats.py --
` + page, "shop shop.py compose.yaml:2, admin admin.py compose.yaml:3, stats stats.py compose.yaml:4"},
		"one image, two apps, by a variable": {`
-- compose.yaml --
services:
  shop: {build: ., image: shop}
  admin: {image: shop, environment: {APP: admin.py}}
-- Dockerfile --
FROM python:3.12
COPY . /app
WORKDIR /app
CMD ["./start.sh"]
-- start.sh --
#!/bin/sh
streamlit run "${APP:-shop.py}"
-- shop.py --
` + page + `
-- admin.py --
` + page, "shop shop.py start.sh:2, admin admin.py start.sh:2"},
		"a Dockerfile in the compose file": {`
-- compose.yaml --
services:
  ui:
    build:
      context: ui
      dockerfile_inline: |
        FROM python:3.12
        WORKDIR /app
        COPY . .
        CMD ["streamlit", "run", "page.py"]
  api: {image: acme/api}
-- ui/page.py --
` + page, "ui ui/page.py compose.yaml:2"},
		"an image beside a build, by its port": {`
-- compose.yaml --
services:
  ui: {image: "ghcr.io/acme/board:1", ports: ["80:8501"]}
  api: {build: ./api}
-- api/Dockerfile --
FROM python:3.12
CMD uvicorn main:app
`, "ui  compose.yaml:2"},
		"an image beside a build, by its variables": {`
-- compose.yaml --
services:
  ui: {image: "ghcr.io/acme/board:1", environment: [STREAMLIT_SERVER_PORT=80]}
  streamlit-api: {build: ./api}
-- api/Dockerfile --
FROM python:3.12
CMD uvicorn main:app
`, "ui  compose.yaml:2"},
		"a database with Streamlit in its name": {`
-- compose.yaml --
services:
  streamlit-db: {image: "postgres:16"}
  web: {build: ./web}
-- web/Dockerfile --
FROM acme/python
CMD ["/opt/serve"]
-- web/main.py --
` + page, "web  web/main.py:1"},
		"nothing of Streamlit": {`
-- compose.yaml --
services:
  web: {image: nginx}
  api: {build: .}
-- Dockerfile --
FROM python:3.12
CMD uvicorn main:app
`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := found(t, treeOf(c.tree))
			if got := surest(f); got != c.want {
				t.Errorf("\ngot  %q\nwant %q", got, c.want)
			}
		})
	}
}

// surest formats the surest candidates of the compose file: service, script and place.
func surest(f *detect.Findings) string {
	var out []string
	most := 0
	for _, c := range f.Candidates(f.Composes[0].Launches()) {
		if c.Sure > most {
			out, most = nil, c.Sure
		}
		if c.Sure == most {
			out = append(out, fmt.Sprintf("%s %s %s", c.Service, c.Script, c.Why.Place()))
		}
	}
	return strings.Join(out, ", ")
}
