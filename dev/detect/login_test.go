package detect_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/detect"
)

func loginOf(t *testing.T, files map[string]string) detect.LoginUse {
	t.Helper()
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	f, err := detect.Tree(tree)
	if err != nil {
		t.Fatal(err)
	}
	return f.Login
}

func TestRequires_GivesTheLineThatNamesAPackage(t *testing.T) {
	f, err := detect.Tree(fstest.MapFS{"app.py": &fstest.MapFile{Data: []byte("import streamlit")}, "requirements.txt": &fstest.MapFile{Data: []byte("streamlit\n# boto3\nBoto3==1.26.27\nboto3_stubs\n")}})
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := f.Requires("boto3"); !ok || at.Place() != "requirements.txt:3" || at.Value != "==1.26.27" {
		t.Errorf("%+v", at)
	}
	if at, ok := f.Requires("botocore"); ok {
		t.Errorf("%+v", at)
	}
}

func facts(list []detect.Fact) string {
	var out []string
	for _, f := range list {
		out = append(out, fmt.Sprintf("%s@%s", f.Value, f.Place()))
	}
	return strings.Join(out, " ")
}

func TestLogin_ProvidersOfStLogin(t *testing.T) {
	l := loginOf(t, map[string]string{"app.py": `
import streamlit as st
st.button("in", on_click=st.login)
st.button(str([1]), on_click=st.login, args=["company"], key="k")
st.button("b", args=("other",), on_click=st.login)
st.button("c", on_click=st.logout, args=["out"])
if st.button("google"):
    st.login("google")
if st.button("again"):
    st.login(provider="google")
st.login("entra"); other.login("no")
login("neither")
`, "pages/1_x.py": "import streamlit as st\nst.login()\n"})
	if got, want := facts(l.Providers), "@app.py:3 company@app.py:4 other@app.py:5 google@app.py:8 entra@app.py:11"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLogin_EndpointsAndParametersAndConstants(t *testing.T) {
	l := loginOf(t, map[string]string{"app.py": `
import streamlit as st
from util import oauth
oauth()
`, "util/__init__.py": "", "util/oauth.py": `
import streamlit_oauth
AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN = "https://oauth2.googleapis.com/token"
KEYS = "https://www.googleapis.com/oauth2/v3/certs"
DOCS = "https://shop.example/docs"
LOCAL = "http://localhost:8080/authorize"
REQUIRE_OAUTH_IN_LOCAL = True
if os.environ["LOCAL_STREAMLIT"] == "1": pass
os.environ["LOCAL_STREAMLIT"] = "1"
PARAMETER = "/shop/oauth"
def oauth():
    get_aws_parameter("/streamlit/oauth")
    ssm.get_parameter(Name="/db/password", WithDecryption=True)
    get_parameter(name)
    get_parameter("no-slash")
`})
	for what, c := range map[string]struct {
		got  []detect.Fact
		want string
	}{
		"endpoints":  {l.Endpoints, "https://accounts.google.com/o/oauth2/v2/auth@util/oauth.py:3 https://oauth2.googleapis.com/token@util/oauth.py:4"},
		"parameters": {l.Parameters, "/shop/oauth@util/oauth.py:11 /streamlit/oauth@util/oauth.py:13 /db/password@util/oauth.py:14"},
		"bypass":     {l.Bypassed, "LOCAL_STREAMLIT@util/oauth.py:10"},
		"constants":  {l.Required, "REQUIRE_OAUTH_IN_LOCAL@util/oauth.py:8"},
	} {
		if got := facts(c.got); got != c.want {
			t.Errorf("%s: got %s, want %s", what, got, c.want)
		}
	}
	if l := loginOf(t, map[string]string{"app.py": "import streamlit as st\nREQUIRE_OAUTH_IN_LOCAL = False\n"}); len(l.Required) != 0 {
		t.Errorf("%+v", l.Required)
	}
}

func TestLogin_VariablesOfTheClient(t *testing.T) {
	l := loginOf(t, map[string]string{
		"app.py": "import os\nimport streamlit as st\nfrom streamlit_oauth import OAuth2Component\nONE = os.environ['GOOGLE_CLIENT_ID']\nTWO = os.environ.get('GOOGLE_CLIENT_SECRET')\n" +
			"THREE = os.getenv(\"REDIRECT_URI\", '')\nFOUR = os.getenv('AUTH0_CLIENT_ID')\nprint('CLIENT_ID')\nst.secrets['CLIENT_SECRET']\nos.getenv('CLIENT_NAME')\n",
		".env": "export AUTH0_CLIENT_ID = 'mine'\nREDIRECT_URI=\n",
	})
	var got []string
	for _, f := range l.Variables {
		got = append(got, f.Value+" "+f.Place())
	}
	want := []string{"GOOGLE_CLIENT_ID app.py:4", "GOOGLE_CLIENT_SECRET app.py:5", "REDIRECT_URI app.py:6"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
