package detect_test

import (
	"reflect"
	"testing"
	"testing/fstest"

	"sdev/dev/detect"
)

func TestEnvironment_FollowsTheListOfTheProject(t *testing.T) {
	const home = "import streamlit\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  detect.Environment
		ok    bool
	}{
		"pip": {map[string]string{"Home.py": home, "requirements.txt": "-r base.txt\nstreamlit==1.58.0\n", "base.txt": "pandas\n"},
			detect.Environment{Dir: ".", Manager: "pip", File: "requirements.txt", Files: []string{"base.txt", "requirements.txt"}, Args: []string{"-r", "requirements.txt"}}, true},
		"no list": {map[string]string{"Home.py": home},
			detect.Environment{Dir: ".", Args: []string{"streamlit", "watchdog"}}, true},
		"st.login without a list": {map[string]string{"Home.py": home + "streamlit.login()\n"},
			detect.Environment{Dir: ".", Args: []string{"streamlit[auth]", "httpx", "watchdog"}}, true},
		"uv's sources without a lock": {map[string]string{"Home.py": home, "pyproject.toml": "[project]\nname = \"shop\"\ndependencies = [\"streamlit\", \"words\"]\n[tool.uv.sources]\nwords = {path = \"libs/words\"}\n", "libs/words/pyproject.toml": "[project]\nname = \"words\"\n"},
			detect.Environment{Dir: ".", Manager: "pyproject", File: "pyproject.toml", Files: []string{"pyproject.toml"}, UVVersion: "0.13.9", Args: []string{"."}, UV: []string{"-r", "pyproject.toml"}, Source: true}, true},
		"uv": {map[string]string{"Home.py": home, "pyproject.toml": "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"streamlit\"]\n", "uv.lock": "version = 1\n"},
			detect.Environment{Dir: ".", Manager: "uv", File: "pyproject.toml", Files: []string{"pyproject.toml", "uv.lock"}, Python: ">=3.11", Locked: true, UVVersion: "0.13.9"}, true},
		"pyproject": {map[string]string{"Home.py": home, "pyproject.toml": "[project]\nname = \"shop\"\ndependencies = [\"pandas>2; python_version > '3.8'\"]\n[project.optional-dependencies]\nui = [\"streamlit>=1.40\", \"altair\"]\nother = [\"x\"]\n"},
			detect.Environment{Dir: ".", Manager: "pyproject", File: "pyproject.toml", Files: []string{"pyproject.toml"},
				Args: []string{"pandas>2; python_version > '3.8'", "streamlit>=1.40", "altair"}, UV: []string{"-r", "pyproject.toml", "--extra", "ui"}}, true},
		"a group that includes others": {map[string]string{"Home.py": home, "pyproject.toml": "[project]\nname = \"shop\"\ndependencies = [\"pandas\"]\n[dependency-groups]\nbase = [\"altair\", {include-group = \"ui\"}]\nui = [{include-group = \"base\"}, \"streamlit\"]\n"},
			detect.Environment{Dir: ".", Manager: "pyproject", File: "pyproject.toml", Files: []string{"pyproject.toml"},
				Args: []string{"pandas", "altair", "streamlit"}, UV: []string{"-r", "pyproject.toml", "--group", "ui"}}, true},
		"a list that only a build knows": {map[string]string{"Home.py": home, "requirements.txt": "streamlit\n", "lib/pyproject.toml": "[project]\nname = \"lib\"\ndynamic = [\"dependencies\"]\n"},
			detect.Environment{Dir: ".", Manager: "pip", File: "requirements.txt", Files: []string{"requirements.txt"}, Args: []string{"-r", "requirements.txt"}}, true},
		"setup": {map[string]string{"Home.py": home, "setup.py": "from setuptools import setup\nsetup(install_requires=['streamlit'])\n", "pyproject.toml": "[build-system]\nrequires = [\"setuptools\"]\n"},
			detect.Environment{Dir: ".", Manager: "setup", File: "setup.py", Files: []string{"pyproject.toml", "setup.py"}, Args: []string{"-e", "."}, Source: true}, true},
		"the project itself": {map[string]string{"Home.py": home, "requirements.txt": "streamlit\n-e .\n", "setup.py": "setup()\n"},
			detect.Environment{Dir: ".", Manager: "pip", File: "requirements.txt", Files: []string{"requirements.txt"}, Args: []string{"-r", "requirements.txt"}, Source: true}, true},
		"imports without a list": {map[string]string{"Home.py": home + "import numpy\n"},
			detect.Environment{Dir: ".", Args: []string{"streamlit", "watchdog", "numpy"}, Guessed: []string{"numpy"}}, true},
		"outside the tree": {map[string]string{"Home.py": home, "requirements.txt": "streamlit\n-e ../lib\n"},
			detect.Environment{Manager: "pip", File: "requirements.txt"}, false},
		"conda": {map[string]string{"Home.py": home, "environment.yml": "dependencies: [python=3.11, streamlit]\n"},
			detect.Environment{Manager: "conda", File: "environment.yml"}, false},
	} {
		tree := fstest.MapFS{}
		for file, content := range c.files {
			tree[file] = &fstest.MapFile{Data: []byte(content)}
		}
		found, err := detect.Tree(tree)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := found.Environment()
		if !c.ok {
			got = detect.Environment{Manager: got.Manager, File: got.File}
		}
		if ok != c.ok || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %t\nwant %+v, %t", name, got, ok, c.want, c.ok)
		}
	}
}
