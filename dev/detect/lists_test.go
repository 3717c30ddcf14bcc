package detect_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev/detect"
	"sdev/dev/devtest"
)

// TestRecipe_InstallsEveryKindOfList has a tree for each kind of list, what the Dockerfile must say, and what it must
// not.
func TestRecipe_InstallsEveryKindOfList(t *testing.T) {
	const app = "import streamlit as st\n"
	rows := map[string]struct {
		files     map[string]string
		want, not []string
	}{
		"apt packages, with comments and several on a line": {
			map[string]string{"app.py": app, "requirements.txt": "streamlit\n", "packages.txt": "# system\nffmpeg # for video\nlibgl1 libglib2.0-0\n-o\n$(id)\n"},
			[]string{"apt-get install -y --no-install-recommends ffmpeg libgl1 libglib2.0-0 \\"}, []string{"-o ", "$(id)"}},
		"apt packages beside the entry script": {
			map[string]string{"ui/app.py": app, "ui/requirements.txt": "streamlit\n", "ui/packages.txt": "ffmpeg\n"}, []string{"recommends ffmpeg"}, nil},
		"setup.py": {
			map[string]string{"app.py": app, "setup.py": "from setuptools import setup\nsetup(name='x', install_requires=['streamlit>=1.50', 'six'], python_requires='>=3.12')\n"},
			[]string{"COPY . /app", "-e /app", "FROM python:3.12-slim"}, []string{"streamlit watchdog", "FROM sdev-previous"}},
		"setup.cfg": {
			map[string]string{"app.py": app, "setup.cfg": "[metadata]\nname = x\n[options]\ninstall_requires =\n    streamlit\n    six\n", "setup.py": "from setuptools import setup\nsetup()\n"},
			[]string{"-e /app"}, []string{"streamlit watchdog"}},
		"a list beside setup.py": {
			map[string]string{"app.py": app, "setup.py": "setup()\n", "requirements.txt": "streamlit\n"}, []string{"-r /app/requirements.txt"}, []string{"-e /app"}},
		"a local package below": {
			map[string]string{"app.py": app, "requirements.txt": "streamlit\n-e ./lib\n", "lib/setup.py": "setup()\n"}, []string{"COPY . /app", "cd /app \\"}, nil},
		"a local package, seen from the root": {
			map[string]string{"ui/app.py": app, "ui/requirements.txt": "streamlit\n./libs/core\n", "libs/core/pyproject.toml": "[project]\n"}, []string{"COPY . /app", "cd /app \\"}, nil},
		"the project above the list, seen from the root": {
			map[string]string{"gallery/app.py": app, "gallery/requirements.txt": "streamlit\n-e ./\n", "pyproject.toml": "[project]\nname = \"extras\"\ndependencies = [\"streamlit\"]\n"}, []string{"cd /app \\", "-r /app/gallery/requirements.txt"}, []string{"cd /app/gallery"}},
		"a local package beside the list": {
			map[string]string{"ui/app.py": app, "ui/requirements.txt": "streamlit\n-e ../libs/core\n", "libs/core/pyproject.toml": "[project]\n"}, []string{"cd /app/ui \\"}, nil},
		"a wheel of the project": {
			map[string]string{"app.py": app, "requirements.txt": "streamlit\nwheels/core-1.0-py3-none-any.whl\n", "wheels/core-1.0-py3-none-any.whl": "x"}, []string{"COPY . /app"}, nil},
		"a list elsewhere": {
			map[string]string{"app.py": app, "docker/requirements.txt": "streamlit\nsix\n"}, []string{"COPY [\"docker/requirements.txt\"", "-r /app/docker/requirements.txt"}, []string{"streamlit watchdog"}},
		"one of several lists": {
			map[string]string{"app.py": app, "requirements/base.txt": "six\n", "requirements/prod.txt": "-r base.txt\nstreamlit\n", "requirements/dev.txt": "pytest\n"}, []string{"requirements/prod.txt", "requirements/base.txt"}, []string{"dev.txt"}},
		"requirements-app.txt": {
			map[string]string{"app.py": app, "requirements-app.txt": "streamlit\n", "requirements-dev.txt": "pytest\n"}, []string{"-r /app/requirements-app.txt"}, []string{"requirements-dev"}},
		"a list without streamlit": {
			map[string]string{"app.py": app, "requirements.txt": "six\n"}, []string{"-r /app/requirements.txt streamlit watchdog"}, nil},
		"a script's own list": {
			map[string]string{"app.py": "# /// script\n# requires-python = \">=3.12\"\n# dependencies = [\n#   \"streamlit>=1.50\",\n#   \"six<2\",\n# ]\n# ///\n" + app},
			[]string{"'streamlit>=1.50' 'six<2'", "FROM python:3.12-slim"}, []string{"streamlit watchdog"}},
		"PEP 621 without a lock": {
			map[string]string{"app.py": app, "pyproject.toml": "[project]\nname = \"x\"\nrequires-python = \">=3.12\"\ndependencies = [\"streamlit\"]\n"}, []string{"-r /app/pyproject.toml", "FROM python:3.12-slim"}, []string{"-e "}},
		"a dependency group": {
			map[string]string{"app.py": app, "pyproject.toml": "[project]\nname = \"x\"\n[dependency-groups]\nui = [\"streamlit\"]\n"}, []string{"-r /app/pyproject.toml --group ui"}, nil},
		"pdm": {
			map[string]string{"app.py": app, "pyproject.toml": "[project]\nname = \"x\"\ndependencies = [\"streamlit\"]\n", "pdm.lock": "[[package]]\nname = \"streamlit\"\nversion = \"1.58.0\"\n"},
			[]string{"/opt/pdm/bin/pdm export --prod", "uv pip sync"}, nil},
		"a workspace of uv": {
			map[string]string{"uv.lock": "[[package]]\nname = \"streamlit\"\nversion = \"1.58.0\"\n", "pyproject.toml": "[tool.uv.workspace]\nmembers = [\"apps/*\", \"libs/*\"]\n",
				"apps/ui/pyproject.toml": "[project]\nname = \"ui\"\ndependencies = [\"streamlit\", \"core\"]\n[tool.uv.sources]\ncore = { workspace = true }\n", "apps/ui/app.py": app, "libs/core/pyproject.toml": "[project]\nname = \"core\"\n"},
			[]string{"COPY . /app", "cd /app/apps/ui \\", "uv sync --frozen --no-dev \\"}, []string{"--no-install-project"}},
		".python-version beside the entry": {
			map[string]string{"ui/app.py": app, "ui/requirements.txt": "streamlit\n", "ui/.python-version": "3.13\n", ".python-version": "3.10\n"}, []string{"FROM python:3.13-slim"}, nil},
		"runtime.txt": {
			map[string]string{"app.py": app, "requirements.txt": "streamlit\n", "runtime.txt": "python-3.10.4\n"}, []string{"FROM python:3.10-slim"}, nil},
		"conda": {
			map[string]string{"app.py": app, "environment.yml": "dependencies: [python=3.11, streamlit]\n"}, []string{"micromamba install"}, []string{"sdev-previous"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for file, text := range row.files {
				fsys[file] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
			}
			r, ok := found(t, fsys).Recipe()
			if !ok {
				t.Fatal("no recipe")
			}
			for _, want := range row.want {
				if !strings.Contains(r.Text, want) {
					t.Errorf("%q is not in\n%s", want, r.Text)
				}
			}
			for _, not := range row.not {
				if strings.Contains(r.Text, not) {
					t.Errorf("%q is in\n%s", not, r.Text)
				}
			}
		})
	}
}

func TestDerived_AreTheImportsThatNeedAPackage(t *testing.T) {
	f := found(t, fstest.MapFS{
		"app.py": {Data: []byte("import os, streamlit as st\nimport numpy as np\nfrom PIL import Image\nimport cv2, yaml\nfrom sklearn.svm import SVC\nfrom google.cloud import storage, bigquery\n" +
			"from dotenv import load_dotenv\nfrom bs4 import BeautifulSoup\nfrom streamlit_option_menu import option_menu\nfrom helpers import x\nimport numpy.linalg\n")},
		"helpers.py":    {Data: []byte("import json\nimport pandas\nfrom . import y\n")},
		"unrelated.py":  {Data: []byte("import torch\n")},
		"pages/more.py": {Data: []byte("import plotly.express as px\n")},
	})
	const want = "PyYAML beautifulsoup4 google-cloud-bigquery google-cloud-storage numpy opencv-python-headless pandas pillow plotly python-dotenv scikit-learn streamlit-option-menu"
	var got []string
	for _, p := range f.Derived {
		got = append(got, p.Value)
		if p.File == "" || p.Line == 0 {
			t.Errorf("%s has no place", p.Value)
		}
	}
	if slices.Sort(got); strings.Join(got, " ") != want {
		t.Errorf("\ngot  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestRecipe_MirrorsWhatItInstallsFromAbove(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"lib/setup.py": "setup()\n", "common.txt": "six\n",
		"apps/web/app.py": "import streamlit\n", "apps/web/requirements.txt": "-r ../../common.txt\nstreamlit\n-e ../../lib\n",
	})
	f, err := detect.Dir(dir + "/apps/web")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := f.Recipe()
	if r.Context != "../.." || r.Workdir != "/app/apps/web" || !slices.Equal(r.Mounts, []detect.Mount{{From: ".", To: "/app/apps/web"}, {From: "../../lib", To: "/app/lib"}}) {
		t.Errorf("context %q, workdir %q, mounts %v", r.Context, r.Workdir, r.Mounts)
	}
	for _, want := range []string{`COPY ["common.txt", "/app/common.txt"]`, `COPY ["lib", "/app/lib"]`, `COPY ["apps/web", "/app/apps/web"]`, "cd /app/apps/web "} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("%q is not in\n%s", want, r.Text)
		}
	}
}

func TestManagers_NameTheFileThatListsStreamlit(t *testing.T) {
	for files, want := range map[string]string{
		"-- requirements.txt --\npandas\nstreamlit\n":                                                                            "requirements.txt lists streamlit (requirements.txt:2)",
		"-- requirements.txt --\n-r base.txt\n-- base.txt --\n\nstreamlit\n":                                                     "base.txt:2 lists streamlit (requirements.txt)",
		"-- setup.py --\nfrom setuptools import setup\nsetup()\n-- setup.cfg --\n[options]\ninstall_requires =\n    streamlit\n": "setup.cfg:3 lists streamlit (setup.py)",
		"-- requirements.txt --\npandas\n":                                                                                       "requirements.txt exists (requirements.txt)",
	} {
		f := found(t, treeOf("-- app.py --\nimport streamlit as st\nst.title('x')\n"+files))
		if got := f.Managers[0].Source(); got != want {
			t.Errorf("%s\ngot %s, want %s", files, got, want)
		}
	}
}
