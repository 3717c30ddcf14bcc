package detect_test

import (
	"testing"

	"sdev/dev/detect"
)

// authOf lists how people sign in, each with its place.
func authOf(t *testing.T, files map[string]string) string {
	t.Helper()
	return facts(filesFound(t, files).Auth)
}

func TestDoors_AreFoundWhereTheirHeadersAreRead(t *testing.T) {
	for code, want := range map[string]string{
		// Each door, in any case and by any access.
		"h = st.context.headers['x-amzn-oidc-data']":                             "alb@app.py:3",
		"h = st.context.headers.get('X-Amzn-Oidc-Data', '')":                     "alb@app.py:3",
		"h = st.context.headers.get(\n  'X-AMZN-OIDC-ACCESSTOKEN'\n)":            "alb@app.py:4",
		"h = st.context.headers['X-Goog-IAP-JWT-Assertion']":                     "iap@app.py:3",
		"h = st.context.headers.get('x-goog-iap-jwt-assertion')":                 "iap@app.py:3",
		"h = st.context.headers['Cf-Access-Jwt-Assertion']":                      "cloudflare@app.py:3",
		"h = st.context.headers.get('cf-access-jwt-assertion')":                  "cloudflare@app.py:3",
		"h = 'Cf-Access-Authenticated-User-Email' in st.context.headers":         "cloudflare@app.py:3",
		"h = st.context.headers.get_all('X-Goog-Authenticated-User-Email')":      "iap@app.py:3",
		"h = st.context.headers.to_dict()\nu = h.get('x-amzn-oidc-identity')":    "alb@app.py:4",
		"HEADER = 'x-amzn-oidc-data'\n\nh = st.context.headers[HEADER]":          "alb@app.py:3",
		"h = dict(st.context.headers)\nu = h['X-Goog-Iap-Jwt-Assertion']":        "iap@app.py:4",
		"c = st.context\nu = c.headers['Cf-Access-Jwt-Assertion']":               "cloudflare@app.py:4",
		"h = getattr(st.context, 'headers')\nu = h['x-amzn-oidc-data']":          "alb@app.py:4",
		"from streamlit import context\nu = context.headers['x-amzn-oidc-data']": "alb@app.py:4",
		// Several of them, each once.
		"h = st.context.headers\na = h['x-amzn-oidc-data']\nb = h['x-amzn-oidc-identity']\nc = h['cf-access-jwt-assertion']": "alb@app.py:4 cloudflare@app.py:6",
		"DOORS = {'x-amzn-oidc-data': alb, 'cf-access-jwt-assertion': access}\nfor d in DOORS: st.context.headers.get(d)":    "alb@app.py:3 cloudflare@app.py:3",
		// The line is that of the name, and not of a sentence about it.
		"def who():\n  \"\"\"Verify x-amzn-oidc-data.\"\"\"\n  return st.context.headers['x-amzn-oidc-data']": "alb@app.py:5",
		// No door.
		"h = st.context.headers['Accept-Language']":                                                                  "none@",
		"h = st.context.headers.get('User-Agent')":                                                                   "none@",
		"h = st.context.headers":                                                                                     "none@",
		"for k, v in st.context.headers.items(): print(k, v)":                                                        "none@",
		"\"\"\"x-amzn-oidc-data is not read\"\"\"\nh = st.context.headers['Host']":                                   "none@",
		"h = st.context.headers['Host']\n# x-amzn-oidc-data":                                                         "none@",
		"x = 'x-amzn-oidc-data'":                                                                                     "none@",
		"h = st.context.headers['Host']\nrequests.get(u, headers={'Cf-Access-Jwt-Assertion': token})":                "none@",
		"h = st.context.headers['Host']\nheaders = {'Accept': 'x', 'Cf-Access-Jwt-Assertion': token}":                "none@",
		"h = st.context.headers['Host']\nrequest.add['Cf-Access-Jwt-Assertion'] = token":                             "none@",
		"l = st.context.locale\nr = requests.get(u).headers['ETag']":                                                 "none@",
		"h = st.context.headers['Host']\nif h['Cf-Access-Jwt-Assertion'] == token: pass":                             "cloudflare@app.py:4",
		"t = st.context.headers['Cf-Access-Jwt-Assertion']\nrequests.get(u, headers={'Cf-Access-Jwt-Assertion': t})": "cloudflare@app.py:3",
	} {
		if got := authOf(t, map[string]string{"app.py": "import streamlit as st\n\n" + code + "\n"}); got != want {
			t.Errorf("%s\nis %q, want %q", code, got, want)
		}
	}
}

func TestDoors_AreFoundThroughOtherModules(t *testing.T) {
	const page = "import streamlit as st\nfrom lib import who\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a constant elsewhere": {map[string]string{
			"app.py": "import streamlit as st\nfrom lib.names import HEADER\nst.context.headers.get(HEADER)\n", "lib/__init__.py": "", "lib/names.py": "#\nHEADER = \"X-Goog-IAP-JWT-Assertion\"\n",
		}, "iap@lib/names.py:2"},
		"a class of settings": {map[string]string{
			"app.py": "import streamlit as st\nfrom lib import Settings\nst.context.headers[Settings().header]\n", "lib.py": "class Settings:\n  header: str = 'x-amzn-oidc-data'\n",
		}, "alb@lib.py:2"},
		"a helper that reads them": {map[string]string{
			"app.py": page + "who.person()\n", "lib/__init__.py": "", "lib/who.py": "import streamlit as st\ndef person():\n  return st.context.headers['Cf-Access-Jwt-Assertion']\n",
		}, "cloudflare@lib/who.py:3"},
		"a helper that is given them": {map[string]string{
			"app.py": page + "who.person(st.context.headers)\n", "lib/__init__.py": "", "lib/who.py": "def person(headers):\n  return headers.get('x-amzn-oidc-data')\n",
		}, "alb@lib/who.py:2"},
		"a helper that is given the context": {map[string]string{
			"app.py": page + "who.person(st.context)\n", "lib/__init__.py": "", "lib/who.py": "def person(context):\n  return context.headers.get('x-amzn-oidc-data')\n",
		}, "alb@lib/who.py:2"},
		"a helper for a page": {map[string]string{
			"app.py": "import streamlit as st\n", "pages/1_a.py": page + "who.person(st.context.headers)\n", "lib/__init__.py": "", "lib/who.py": "def person(headers):\n  return headers['x-amzn-oidc-data']\n",
		}, "alb@lib/who.py:2"},
		"a helper that nothing imports": {map[string]string{
			"app.py": "import streamlit as st\nst.context.headers['Host']\n", "lib/__init__.py": "", "lib/who.py": "def person(headers):\n  return headers['x-amzn-oidc-data']\n",
		}, "none@"},
		"a client of a service behind a door": {map[string]string{
			"app.py": page + "st.context.headers['User-Agent']\nwho.ask()\n", "lib/__init__.py": "", "lib/who.py": "def ask():\n  return requests.get(URL, headers={'Cf-Access-Jwt-Assertion': TOKEN})\n",
		}, "none@"},
		"headers of other proxies, in a script that does not read the request's": {map[string]string{
			"app.py": page + "st.context.headers['Host']\n", "lib/__init__.py": "", "lib/who.py": "H = 'X-Forwarded-Email'\n",
		}, "none@"},
	} {
		if got := authOf(t, c.files); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The table of an adopted project has a row for every kind of login.
func TestTable_ListsEveryLogin(t *testing.T) {
	f := filesFound(t, map[string]string{"app.py": "import streamlit as st\nst.login()\nst.context.headers['x-amzn-oidc-data']\nimport msal\n"})
	var got []detect.Setting
	for _, row := range f.Table() {
		if row.Name == "auth" {
			got = append(got, row)
		}
	}
	want := []detect.Setting{{Name: "auth", Value: "native", Source: "it uses st.login (app.py:2)"}, {Name: "auth", Value: "alb", Source: "it reads the header of an ALB (app.py:3)"}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("rows %+v, want %+v", got, want)
	}
}
