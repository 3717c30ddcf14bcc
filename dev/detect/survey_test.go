package detect_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/detect"
)

func survey(t *testing.T, files map[string]string) detect.Survey {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return found(t, fsys).Survey()
}

func TestSurvey_ImportsAndCalls(t *testing.T) {
	s := survey(t, map[string]string{
		"requirements.txt": "streamlit==1.58.0\nboto3\n",
		"app.py": `import os, json
import streamlit as st
import streamlit.components.v1 as components
from pandas.io import sql
import util.store
from util import store
import boto3

st.set_page_config()
if not st.user.is_logged_in:
    st.login()
ssm = boto3.client("ssm", region_name="us-east-1")
table = session.resource(service_name="dynamodb")
keys = os.path.expanduser("~/.aws/credentials")
client("not-aws")
st.context.cookies["a"]
`,
		"util/__init__.py": "",
		"util/store.py": `import subprocess
from yaml import safe_load
open("w")
open("a.txt", "r")
open(name, "wb")
open(name, encoding="a", mode="a")
path.open("w")
path.open("name.txt")
df.to_csv()
df.to_csv("out.csv")
path.write_text(x)
os.makedirs(d)
subprocess.run(["ls"])
os.system("ls")
`,
		"other.py": "import torch\n",
	})
	var got []string
	for _, i := range s.Imports {
		got = append(got, fmt.Sprintf("%s:%d %s", i.File, i.Line, i.Value))
	}
	for _, c := range s.Calls {
		got = append(got, fmt.Sprintf("%s:%d %s %s", c.File, c.Line, c.What, c.Text))
	}
	if diff := cmp.Diff([]string{
		"app.py:2 streamlit", "app.py:3 streamlit", "app.py:4 pandas", "app.py:7 boto3", "util/store.py:2 yaml",
		"app.py:3 st.components import streamlit.components.v1 as components",
		"app.py:10 st.user if not st.user.is_logged_in:",
		"app.py:11 st.login st.login()",
		`app.py:12 aws:ssm ssm = boto3.client("ssm", region_name="us-east-1")`,
		`app.py:13 aws:dynamodb table = session.resource(service_name="dynamodb")`,
		`app.py:14 aws:files keys = os.path.expanduser("~/.aws/credentials")`,
		`app.py:16 st.context.cookies st.context.cookies["a"]`,
		`util/store.py:5 file:write open(name, "wb")`,
		`util/store.py:6 file:write open(name, encoding="a", mode="a")`,
		`util/store.py:7 file:write path.open("w")`,
		`util/store.py:10 file:write df.to_csv("out.csv")`,
		`util/store.py:11 file:write path.write_text(x)`,
		`util/store.py:12 file:write os.makedirs(d)`,
		`util/store.py:13 subprocess subprocess.run(["ls"])`,
		`util/store.py:14 subprocess os.system("ls")`,
	}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"app.py", "util/store.py", "util/__init__.py"}, s.Modules); diff != "" {
		t.Error(diff)
	}
}

func TestSurvey_AddressesOfPages(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a directory of pages": {map[string]string{
			"Home.py": "import streamlit as st\n", "pages/1_Sales.py": "", "pages/02_📈_Our Plans.py": "", "pages/notes.py": "", "pages/3.py": "", "pages/4_-_x-y.py": "", "pages/__init__.py": "",
		}, "[{Home.py /} {pages/02_📈_Our Plans.py /Our_Plans} {pages/1_Sales.py /Sales} {pages/3.py /3} {pages/4_-_x-y.py /x-y} {pages/notes.py /notes}]"},
		"pages that are named": {map[string]string{
			"app.py": `import streamlit as st
pages = [
    st.Page("views/a.py", title="A (first)", icon="x"), st.Page("views/b.py", url_path="/bee/"),
    st.Page("views/c.py", default=True),
]
st.navigation(pages)
`, "views/a.py": "", "views/b.py": "", "views/c.py": "",
		}, "[{views/a.py /a} {views/b.py /bee} {views/c.py /}]"},
		"the first is the default": {map[string]string{
			"app.py": "import streamlit as st\nst.navigation([st.Page('a.py'), st.Page('b.py', default=False)])\n", "a.py": "", "b.py": "",
		}, "[{a.py /} {b.py /b}]"},
		"pages in paths of several parts": {map[string]string{
			"app.py": `import pathlib, streamlit as st
from pathlib import Path
st.navigation([st.Page(Path("views", "a.py"), url_path="ay"), st.Page(pathlib.Path("views", "b.py"), title="B", default=True), st.Page(Path(x, "c.py"))])
`, "views/a.py": "", "views/b.py": "",
		}, "[{views/a.py /ay} {views/b.py /}]"},
		"no app": {map[string]string{"a.txt": ""}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(survey(t, tc.files).Addresses); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
