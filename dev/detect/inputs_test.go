package detect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev"
	"sdev/dev/detect"
)

// inputsOf are the inputs of a tree whose app is Home.py, each as "kind name[?]".
func inputsOf(t *testing.T, files map[string]string) (list []string, all dev.Inputs) {
	t.Helper()
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	f, err := detect.Tree(tree)
	if err != nil {
		t.Fatal(err)
	}
	all = f.Inputs()
	for _, i := range all.List {
		optional := ""
		if i.Optional {
			optional = "?"
		}
		list = append(list, fmt.Sprintf("%s %s%s", i.Kind, i.Name, optional))
	}
	return list, all
}

func TestInputs_WhatAProgramReadsFromOutside(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		want []string
	}{
		"environ":             {"import os\nos.environ['A']\nos.environ.get('B')\nos.environ.get('C', 1)\nos.getenv('D')", []string{"variable A", "variable B?", "variable C?", "variable D?"}},
		"imported":            {"from os import environ as e, getenv\nx = e['A']\ny = getenv('B', '')", []string{"variable A", "variable B?"}},
		"another environ":     {"import site\nclass W: environ = {}\nW.environ['A']\nrequest.environ['B']", nil},
		"alias":               {"import os\nenv = os.environ\nenv['A']", []string{"variable A"}},
		"constant":            {"import os\nKEY = 'A'\nos.environ[KEY]", []string{"variable A"}},
		"two constants":       {"import os\nKEY = 'A'\nKEY = 'B'\nos.environ[KEY]", nil},
		"set":                 {"import os\nos.environ['A'] = '1'\ndel os.environ['B']\nos.environ.setdefault('C', 'x')\nif os.environ['D'] == '1': pass", []string{"variable C?", "variable D"}},
		"asked":               {"import os\nif 'A' in os.environ:\n    os.environ['A']\nif 'B' not in os.environ: os.environ['C']", []string{"variable A?", "variable C"}},
		"tried":               {"import os\ntry:\n    x = (\n        os.environ['A'])\nexcept KeyError:\n    x = os.environ['B']", []string{"variable A?", "variable B"}},
		"pop":                 {"import os\nos.environ.pop('A')\nos.environ.pop('B', None)", []string{"variable A", "variable B?"}},
		"f-string":            {"import os\nos.environ[f'{x}_KEY']", nil},
		"secrets":             {"st.secrets['a']\nst.secrets.b\nst.secrets['c']['d']\nst.secrets.e.f\nst.secrets.get('g')\nst.secrets['h'].get('i', 1)", []string{"secret a", "secret b", "secret c.d", "secret e.f", "secret g?", "secret h.i?"}},
		"a table and its key": {"db = st.secrets['db']\nconnect(db['user'], db.password)", []string{"secret db.password", "secret db.user"}},
		"a table":             {"connect(**st.secrets['db'])\nst.secrets.mail.to_dict()", []string{"secret db", "secret mail"}},
		"imported secrets":    {"from streamlit import secrets\nsecrets['a']\nsecrets['b'].upper()", []string{"secret a", "secret b"}},
		"asked secrets":       {"if 'db' in st.secrets:\n    st.secrets['db']['x']", []string{"secret db.x?"}},
		"all secrets":         {"config = dict(st.secrets)", nil},
		"computed secrets":    {"st.secrets[name]\nst.secrets['a'][name]", nil},
		"connections":         {"st.connection('sales', type='sql')\nst.connection('other', type='sql', url='sqlite://')\nst.connection(name)", []string{"secret connections.other?", "secret connections.sales"}},
		"systems manager":     {"import boto3\nssm = boto3.client('ssm')\nssm.get_parameter(Name='/a/b', WithDecryption=True)\nssm.get_parameters(Names=['/c', '/d'])", []string{"parameter /a/b", "parameter /c", "parameter /d"}},
		"secrets manager":     {"import boto3\nboto3.client('secretsmanager').get_secret_value(SecretId='prod/db')", []string{"aws-secret prod/db"}},
		"decouple":            {"from decouple import config\nconfig('A')\nconfig('B', default=1)\nconfig('C', cast=int)", []string{"variable A", "variable B?", "variable C"}},
		"environs":            {"from environs import Env\nenv = Env()\nenv.read_env()\nenv('A')\nenv.int('B', 3)\nenv.str('C', default='x')", []string{"variable A", "variable B?", "variable C?"}},
		"django-environ":      {"import environ\nenv = environ.Env()\nenv('A')\nenv.bool('B')", []string{"variable A", "variable B"}},
		"a comment":           {"# os.environ['A']\n'''os.environ['B']'''", nil},
		"unclosed":            {"import os\nos.environ['A'\nst.secrets[", nil},
		"pydantic": {`from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic import Field

class Settings(BaseSettings):
    """Settings."""
    model_config = SettingsConfigDict(env_prefix="APP_")
    db_url: str
    debug: bool = False
    region: str | None = None
    key: str = Field(alias="API_KEY")
    limit: int = Field(default=3)
    name: str = Field(..., env="NAME")

    @property
    def url(self) -> str:
        x: str = self.db_url
        return x

other: int
`, []string{"variable API_KEY", "variable APP_DB_URL", "variable APP_DEBUG?", "variable APP_LIMIT?", "variable APP_REGION?", "variable NAME"}},
		"not pydantic's": {"class Settings(Base):\n    db_url: str\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := inputsOf(t, map[string]string{"Home.py": "import streamlit as st\nst.title('x')\n" + c.code + "\n"})
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestInputs_SayWhereAndWhatNobodyKnows(t *testing.T) {
	_, all := inputsOf(t, map[string]string{
		"Home.py":     "import streamlit as st\nimport db\nst.title('x')\nst.secrets['a']\nst.secrets[name]\nconfig = dict(st.secrets)\n",
		"db.py":       "import os\nfrom dotenv import load_dotenv\nimport streamlit as st\nload_dotenv()\nst.secrets['a']\nos.environ['MODE'] = 'dev'\nos.getenv(x)\n",
		"unused.py":   "import os\nos.environ['NOBODY']\n",
		"pages/In.py": "import os\nos.environ['PAGE']\n",
	})
	var places []string
	for _, i := range all.List {
		for _, p := range i.Places {
			places = append(places, fmt.Sprintf("%s %s:%d", i.Name, p.File, p.Line))
		}
	}
	if got, want := strings.Join(places, ", "), "a Home.py:4, a db.py:5, PAGE pages/In.py:2"; got != want {
		t.Errorf("inputs %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(all.Computed, all.Whole, all.Sets, all.DotEnv), "[Home.py:5 db.py:7] [Home.py:6] map[MODE:db.py:6] true"; got != want {
		t.Errorf("the rest is %s, want %s", got, want)
	}
}
