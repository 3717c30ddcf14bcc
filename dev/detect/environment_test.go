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
		"uv": {map[string]string{"Home.py": home, "pyproject.toml": "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"streamlit\"]\n", "uv.lock": "version = 1\n"},
			detect.Environment{Dir: ".", Manager: "uv", File: "pyproject.toml", Files: []string{"pyproject.toml", "uv.lock"}, Python: ">=3.11", Locked: true}, true},
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
