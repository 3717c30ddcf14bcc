package assign_test

import (
	"slices"
	"strings"
	"testing"

	"sdev/dev/preflight/assign"
)

const variable = "LOCAL_STREAMLIT"

func TestPython_FindsWhatGivesTheVariableAValue(t *testing.T) {
	for _, test := range []struct{ name, fails, passes string }{
		{"an entry", `import os
os.environ["LOCAL_STREAMLIT"] = "1"`, `import os
os.environ["LOCAL_STREAMLIT"] = ""`},
		{"an entry in bytes", `os.environb[b"LOCAL_STREAMLIT"] = b"1"`, `x = os.environb[b"LOCAL_STREAMLIT"]`},
		{"a name by a constant", `import os
N = "LOCAL_STREAMLIT"
os.environ[N] = "1"`, `import os
N = "LOCAL_STREAMLIT"
if os.environ.get(N): pass`},
		{"a constant that comes later", `import os
def go():
    os.environ[N] = "1"
N = "LOCAL_STREAMLIT"`, `import os
def go():
    return os.environ[N]
N = "LOCAL_STREAMLIT"`},
		{"a name of parts", `import os
os.environ["LOCAL_" + "STREAMLIT"] = "1"`, `import os
x = os.environ["LOCAL_" + "STREAMLIT"]`},
		{"a name of neighbours", `import os
os.environ["LOCAL_" "STREAMLIT"] = "1"`, `import os
os.environ["LOCAL_" "STREAMLITE"] = "1"`},
		{"a name in an f-string", `import os
p = "LOCAL"
os.environ[f"{p}_STREAMLIT"] = "1"`, `import os
p = "LOCAL"
x = os.environ.get(f"{p}_STREAMLIT", "")`},
		{"a name by join", `import os
os.environ["_".join(["LOCAL", "STREAMLIT"])] = "1"`, `import os
print("_".join(["LOCAL", "STREAMLIT"]))`},
		{"a name by format", `import os
os.environ["{}_{}".format("LOCAL", "STREAMLIT")] = "1"`, `import os
print("{}_{}".format("LOCAL", "STREAMLIT"))`},
		{"a name by percent", `import os
os.environ["LOCAL_%s" % "STREAMLIT"] = "1"`, `import os
print("LOCAL_%s" % "STREAMLIT")`},
		{"a name in lower case", `import os
os.environ["local_streamlit".upper()] = "1"`, `import os
os.environ["local_streamlit"] = "1"`},
		{"a name backwards", `import os
os.environ["TILMAERTS_LACOL"[::-1]] = "1"`, `import os
os.environ["TILMAERTS_LACOL"] = "1"`},
		{"a name in base64", `import os, base64
os.environ[base64.b64decode("TE9DQUxfU1RSRUFNTElU").decode()] = "1"`, `import base64
base64.b64decode("TE9DQUxfU1RSRUFNTElU")`},
		{"a name with an escape", `import os
os.environ["LOCAL\x5fSTREAMLIT"] = "1"`, `import os
os.environ[r"LOCAL\x5fSTREAMLIT"] = "1"`},
		{"a name of a list", `import os
for flag in ("DEBUG", "LOCAL_STREAMLIT"):
    os.environ[flag] = "1"`, `import os
for flag in ("DEBUG", "LOCAL_STREAMLIT"):
    os.environ.pop(flag, None)`},
		{"a name of a class", `import os
class Flags:
    LOCAL = "LOCAL_STREAMLIT"
os.environ[Flags.LOCAL] = "1"`, `import os
class Flags:
    LOCAL = "LOCAL_STREAMLIT"
os.environ.pop(Flags.LOCAL)`},
		{"a name of an enumeration", `import os
class Flags(Enum):
    LOCAL = "LOCAL_STREAMLIT"
os.environ[Flags.LOCAL.value] = "1"`, `class Flags(Enum):
    LOCAL = "LOCAL_STREAMLIT"
print(Flags.LOCAL.value)`},
		{"a name that a function is handed", `import os
def switch(name, value):
    os.environ[name] = value
switch("LOCAL_STREAMLIT", "1")`, `import os
def switch(name, value):
    os.environ[name] = value
def read(name):
    return os.environ.get(name)
read("LOCAL_STREAMLIT")`},
		{"a name that a function gives", `import os
def flag():
    return "LOCAL_STREAMLIT"
os.environ[flag()] = "1"`, `def flag():
    return "LOCAL_STREAMLIT"
print(flag())`},
		{"names that are alike in two functions", `import os
def a():
    name = "LOCAL_STREAMLIT"
    os.environ[name] = "1"`, `import os
def a():
    name = "LOCAL_STREAMLIT"
    return os.getenv(name)
def b():
    name = "DEBUG"
    os.environ[name] = "1"`},
		{"update by a mapping", `import os
os.environ.update({"LOCAL_STREAMLIT": "1"})`, `import os
os.environ.update({"LOCAL_STREAMLIT": ""})`},
		{"update by a name", `import os
os.environ.update(LOCAL_STREAMLIT="1", DEBUG="1")`, `import os
os.environ.update(DEBUG="LOCAL_STREAMLIT")`},
		{"update by pairs", `import os
os.environ.update([("LOCAL_STREAMLIT", "1")])`, `import os
os.environ.update([("DEBUG", "LOCAL_STREAMLIT")])`},
		{"update by a mapping with a name", `import os
FLAGS = {"A": "1", "LOCAL_STREAMLIT": "yes please"}
os.environ.update(FLAGS)`, `HELP = {"A": "1", "LOCAL_STREAMLIT": "yes please"}
print(HELP)`},
		{"a mapping that grows", `import os
flags = {}
flags["LOCAL_STREAMLIT"] = "yes please"
os.environ.update(flags)`, `flags = {}
flags["LOCAL_STREAMLIT"] = "yes please"
print(flags)`},
		{"update by what zip makes", `import os
os.environ.update(dict(zip(["LOCAL_STREAMLIT"], ["1"])))`, `print(dict(zip(["LOCAL_STREAMLIT"], ["1"])))`},
		{"update by a comprehension", `import os
os.environ.update({k: "1" for k in ["LOCAL_STREAMLIT"]})`, `print([k for k in ["LOCAL_STREAMLIT"]])`},
		{"a loop over a mapping", `import os
for k, v in {"LOCAL_STREAMLIT": "yes please"}.items():
    os.environ[k] = v`, `for k, v in {"LOCAL_STREAMLIT": "yes please"}.items():
    print(k, v)`},
		{"joined by a bar", `import os
os.environ |= {"LOCAL_STREAMLIT": "1"}`, `import os
x = os.environ | {"LOCAL_STREAMLIT": ""}`},
		{"setdefault", `import os
os.environ.setdefault("LOCAL_STREAMLIT", "1")`, `import os
os.environ.setdefault("DEBUG", "LOCAL_STREAMLIT")`},
		{"putenv", `import os
os.putenv("LOCAL_STREAMLIT", "1")`, `import os
os.unsetenv("LOCAL_STREAMLIT")`},
		{"a method by its inner name", `import os
os.environ.__setitem__("LOCAL_STREAMLIT", "1")`, `import os
os.environ.__getitem__("LOCAL_STREAMLIT")`},
		{"environ under another name", `from os import environ as e
e["LOCAL_STREAMLIT"] = "1"`, `from shop import settings as e
e["LOCAL_STREAMLIT"] = ""`},
		{"os under another name", `import os as o
o.environ["LOCAL_STREAMLIT"] = "1"`, `import os as o
del o.environ["LOCAL_STREAMLIT"]`},
		{"environ in a variable", `import os
e = os.environ
e["LOCAL_STREAMLIT"] = "1"`, `import os
e = os.environ
print(e["LOCAL_STREAMLIT"] == "1")`},
		{"environ of everything", `from os import *
environ["LOCAL_STREAMLIT"] = "1"`, `from os import *
print("LOCAL_STREAMLIT" in environ)`},
		{"putenv under another name", `from os import putenv as p
p("LOCAL_STREAMLIT", "1")`, `from os import getenv as p
p("LOCAL_STREAMLIT", "")`},
		{"os by its name", `__import__("os").environ["LOCAL_STREAMLIT"] = "1"`, `__import__("os").environ["LOCAL_STREAMLIT"]`},
		{"os by importlib", `import importlib
importlib.import_module("os").environ["LOCAL_STREAMLIT"] = "1"`, `import importlib
importlib.import_module("os").environ.get("LOCAL_STREAMLIT")`},
		{"environ by getattr", `import os
getattr(os, "environ")["LOCAL_STREAMLIT"] = "1"`, `import os
getattr(os, "environ")["LOCAL_STREAMLIT"]`},
		{"environ of an object", `import os
class A:
    def __init__(self):
        self.env = os.environ
    def go(self):
        self.env["LOCAL_STREAMLIT"] = "1"`, `import os
class A:
    def __init__(self):
        self.env = os.environ
    def go(self):
        return self.env["LOCAL_STREAMLIT"]`},
		{"another environ", `import os
os.environ = {**os.environ, "LOCAL_STREAMLIT": "yes please"}`, `import os
x = {**os.environ, "LOCAL_STREAMLIT": ""}`},
		{"a fallback", `import os
if os.getenv("LOCAL_STREAMLIT", "1") == "1": pass`, `import os
if os.getenv("LOCAL_STREAMLIT", "0") == "1": pass`},
		{"a fallback of environ", `import os
local = os.environ.get("LOCAL_STREAMLIT", "true")`, `import os
local = os.environ.get("LOCAL_STREAMLIT", "false").lower() == "true"`},
		{"a fallback that is no text", `import os
local = os.getenv("LOCAL_STREAMLIT", True)`, `import os
local = os.getenv("LOCAL_STREAMLIT", False)`},
		{"a fallback by name", `import os
local = os.getenv("LOCAL_STREAMLIT", default="yes")`, `import os
local = os.getenv("LOCAL_STREAMLIT", default=None)`},
		{"a fallback of a constant", `import os
ON = "1"
local = os.getenv("LOCAL_STREAMLIT", ON)`, `import os
OFF = ""
local = os.getenv("LOCAL_STREAMLIT", OFF)`},
		{"a fallback that is compared", `import os
local = os.getenv("LOCAL_STREAMLIT", "on").lower() in ("1", "on")`, `import os
local = os.getenv("LOCAL_STREAMLIT", "production").lower() in ("1", "on")`},
		{"a nought that nothing is compared with", `import os
if os.getenv("LOCAL_STREAMLIT", "0"):
    pass`, `import os
if int(os.getenv("LOCAL_STREAMLIT", "0")):
    pass`},
		{"or", `import os
local = os.environ.get("LOCAL_STREAMLIT") or "1"`, `import os
local = os.environ.get("LOCAL_STREAMLIT") or ""`},
		{"a fallback of a library", `from decouple import config
local = config("LOCAL_STREAMLIT", default=True, cast=bool)`, `from decouple import config
local = config("LOCAL_STREAMLIT", default=False, cast=bool)`},
		{"a fallback of another library", `local = env.bool("LOCAL_STREAMLIT", True)`, `local = env.bool("LOCAL_STREAMLIT", False)`},
		{"what a program is started with", `import os, subprocess
subprocess.run(["streamlit"], env={**os.environ, "LOCAL_STREAMLIT": "1"})`, `import os, subprocess
subprocess.run(["streamlit"], env={**os.environ, "LOCAL_STREAMLIT": ""})`},
		{"by dict", `import os, subprocess
subprocess.Popen("streamlit", env=dict(os.environ, LOCAL_STREAMLIT="1"))`, `import os, subprocess
subprocess.Popen("streamlit", env=dict(os.environ))`},
		{"by dict of all", `import os, subprocess
e = dict(**os.environ, LOCAL_STREAMLIT="a value")
subprocess.Popen("streamlit", env=e)`, `e = dict(LOCAL_STREAMLIT="a value")
print(e)`},
		{"a copy", `import os
env = os.environ.copy()
env["LOCAL_STREAMLIT"] = "1"`, `import os
env = os.environ.copy()
env.pop("LOCAL_STREAMLIT", "1")`},
		{"exec with an environment", `import os
os.execvpe("streamlit", ["streamlit"], {"LOCAL_STREAMLIT": "a value"})`, `import os
os.execvpe("streamlit", ["streamlit", "LOCAL_STREAMLIT"], {})`},
		{"a command", `import os
os.system("LOCAL_STREAMLIT=1 streamlit run app.py")`, `import os
os.system("test -z $LOCAL_STREAMLIT")`},
		{"a command in words", `import subprocess
subprocess.run(["env", "LOCAL_STREAMLIT=1", "streamlit"])`, `import subprocess
subprocess.run(["env", "-u", "LOCAL_STREAMLIT", "streamlit"])`},
		{"patch.dict", `from unittest.mock import patch
patch.dict("os.environ", {"LOCAL_STREAMLIT": "1"}).start()`, `from unittest.mock import patch
patch.dict("os.environ", {"LOCAL_STREAMLIT": ""}).start()`},
		{"monkeypatch", `monkeypatch.setenv("LOCAL_STREAMLIT", "1")`, `monkeypatch.delenv("LOCAL_STREAMLIT", raising=False)`},
		{"monkeypatch of an entry", `import os
monkeypatch.setitem(os.environ, "LOCAL_STREAMLIT", "1")`, `import os
monkeypatch.delitem(os.environ, "LOCAL_STREAMLIT")`},
		{"a library in C", `import ctypes
ctypes.CDLL(None).setenv(b"LOCAL_STREAMLIT", b"1", 1)`, `import ctypes
ctypes.CDLL(None).unsetenv(b"LOCAL_STREAMLIT")`},
		{"a program in a text", `exec('import os; os.environ["LOCAL_STREAMLIT"] = "1"')`, `print('import os; os.environ["LOCAL_STREAMLIT"] = "1"')`},
		{"a mapping of nobody's", `DEFAULTS = {"LOCAL_STREAMLIT": "1"}`, `DEFAULTS = {"LOCAL_STREAMLIT": "0"}`},
		{"spread names", "import os\nos.environ.update(**{'LOCAL_STREAMLIT': 'a value'})", "print(**{'LOCAL_STREAMLIT': 'a value'})"},
		{"a call in a list", "import os\n[os.environ.__setitem__(k, v) for k, v in [('LOCAL_STREAMLIT', '1')]]", "print([k for k, v in [('LOCAL_STREAMLIT', '1')]])"},
		{"map of a lambda", "import os\nlist(map(lambda k: os.environ.__setitem__(k, '1'), ['LOCAL_STREAMLIT']))", "import os\nlist(map(lambda k: os.environ.get(k), ['LOCAL_STREAMLIT']))"},
		{"further names", "import os\ndef env(**kw):\n    os.environ.update(kw)\nenv(LOCAL_STREAMLIT='1')", "def env(**kw):\n    print(kw)\nenv(LOCAL_STREAMLIT='1')"},
		{"further arguments", "import os\ndef env(*pairs):\n    for k, v in pairs:\n        os.environ[k] = v\nenv(('LOCAL_STREAMLIT', 'a value'))", "def env(*pairs):\n    print(pairs)\nenv(('LOCAL_STREAMLIT', 'a value'))"},
		{"environ that is handed on", "import os\ndef go(e):\n    e['LOCAL_STREAMLIT'] = '1'\ngo(os.environ)", "import os\ndef go(e):\n    return e['LOCAL_STREAMLIT']\ngo(os.environ)"},
		{"a method in a variable", "import os\nput = os.environ.setdefault\nput('LOCAL_STREAMLIT', '1')", "import os\nput = os.environ.pop\nput('LOCAL_STREAMLIT', '1')"},
		{"a method with some arguments", "import os\nfrom functools import partial\nput = partial(os.environ.setdefault, 'LOCAL_STREAMLIT')", "import os\nfrom functools import partial\nget = partial(os.environ.get, 'LOCAL_STREAMLIT')"},
		{"os among the modules", "import sys\nsys.modules['os'].environ['LOCAL_STREAMLIT'] = '1'", "import sys\nsys.modules['os'].environ['LOCAL_STREAMLIT']"},
		{"os among the globals", "import os\nglobals()['os'].environ['LOCAL_STREAMLIT'] = '1'", "import os\nglobals()['os'].environ['LOCAL_STREAMLIT']"},
		{"environ in the mapping of os", "import os\nos.__dict__['environ']['LOCAL_STREAMLIT'] = '1'", "import os\nvars(os)['environ']['LOCAL_STREAMLIT']"},
		{"a setting of pydantic", "class Settings(BaseSettings):\n    LOCAL_STREAMLIT: bool = True", "class Settings(BaseSettings):\n    LOCAL_STREAMLIT: bool = False"},
		{"a field of pydantic", "class Settings(BaseSettings):\n    local: bool = Field(True, env='LOCAL_STREAMLIT')", "class Settings(BaseSettings):\n    local: bool = Field(False, env='LOCAL_STREAMLIT')"},
		{"a name of numbers", "import os\nos.environ[chr(76) + 'OCAL_' + ''.join(map(chr, [83, 84, 82, 69, 65, 77, 76, 73, 84]))] = '1'", "print(chr(76) + 'OCAL_STREAMLIT')"},
		{"a name of a template", "import os\nfrom string import Template\nos.environ[Template('${a}_STREAMLIT').substitute(a='LOCAL')] = '1'", "from string import Template\nprint(Template('${a}_STREAMLIT').substitute(a='LOCAL'))"},
		{"a name that grows", "import os\nN = 'LOCAL'\nN += '_STREAMLIT'\nos.environ[N] = '1'", "N = 'LOCAL'\nN += '_STREAMLIT'\nprint(N)"},
		{"a name of a mapping", "import os\nN = {'flag': 'LOCAL_STREAMLIT'}\nos.environ[N['flag']] = '1'", "import os\nN = {'flag': 'LOCAL_STREAMLIT'}\nos.environ.get(N['flag'])"},
		{"a name of an object", "import os\nclass A:\n    flag = 'LOCAL_STREAMLIT'\n    def go(self):\n        os.environ[self.flag] = '1'", "import os\nclass A:\n    flag = 'LOCAL_STREAMLIT'\n    def go(self):\n        return os.environ[self.flag]"},
		{"a mapping of keys", "import os\nos.environ |= dict.fromkeys(['LOCAL_STREAMLIT'], '1')", "print(dict.fromkeys(['LOCAL_STREAMLIT'], '1'))"},
		{"a mapping that is updated", "import os\nF = dict()\nF.update(LOCAL_STREAMLIT='a value')\nos.environ.update(F)", "F = dict()\nF.update(LOCAL_STREAMLIT='a value')\nprint(F)"},
		{"numbered names", "import os\nfor i, k in enumerate(['LOCAL_STREAMLIT']):\n    os.environ[k] = '1'", "import os\nfor i, k in enumerate(['LOCAL_STREAMLIT']):\n    os.environ.pop(k, None)"},
		{"a fallback of a fallback", "import os\nx = os.environ.get('LOCAL_STREAMLIT', os.environ.get('X', '1'))", "import os\nx = os.environ.get('LOCAL_STREAMLIT', os.environ.get('X', '0')) == '1'"},
		{"a condition", "import os\nx = os.environ['LOCAL_STREAMLIT'] if 'LOCAL_STREAMLIT' in os.environ else '1'", "import os\nx = os.environ['LOCAL_STREAMLIT'] if 'LOCAL_STREAMLIT' in os.environ else '0'"},
		{"a file that is written", "with open('.env', 'w') as f:\n    f.write('LOCAL_STREAMLIT=1\\n')", "import streamlit as st\nst.write('LOCAL_STREAMLIT=1')"},
		{"a file that is written by its path", "import pathlib\npathlib.Path('.env').write_text('LOCAL_STREAMLIT=1')", "import pathlib\npathlib.Path('.env').write_text('# LOCAL_STREAMLIT=1')"},
		{"another object's environ", "import os\nmock.patch.object(os, 'environ', {'LOCAL_STREAMLIT': '1'})", "import os\nmock.patch.object(os, 'environ', {'LOCAL_STREAMLIT': ''})"},
		{"behind a decorator", "import os\n@st.cache_resource\ndef f():\n    return os.environ.setdefault(\n        'LOCAL_STREAMLIT',\n        '1')", "import os\n@st.cache_resource\ndef f():\n    return os.environ.get(\n        'LOCAL_STREAMLIT',\n        '')"},
		{"a walrus", `import os
if (n := "LOCAL_STREAMLIT"): os.environ[n] = "1"`, `import os
if (n := "LOCAL_STREAMLIT"): os.environ.pop(n)`},
		{"two names at once", `import os
a, b = "LOCAL_STREAMLIT", "1"
os.environ[a] = b`, `import os
a, b = "LOCAL_STREAMLIT", "DEBUG"
os.environ[b] = a`},
		{"with a type", `import os
N: str = "LOCAL_STREAMLIT"
os.environ[N] = "1"`, `N: str = "LOCAL_STREAMLIT"`},
		{"behind an if", `import os
if not os.getenv("LOCAL_STREAMLIT"): os.environ["LOCAL_STREAMLIT"] = "1"`, `import os
if not os.getenv("LOCAL_STREAMLIT"): st.login()`},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := assign.Python(map[string]string{"app.py": test.fails}, variable)
			found = slices.DeleteFunc(found, func(f assign.Found) bool { return f.Kind == assign.Loads || f.Kind == assign.EntryOther })
			if len(found) == 0 || found[0].Line < 1 || found[0].Line > 1+strings.Count(test.fails, "\n") || found[0].File != "app.py" {
				t.Errorf("found %+v", found)
			}
			near := assign.Python(map[string]string{"app.py": test.passes}, variable)
			if near = slices.DeleteFunc(near, func(f assign.Found) bool { return f.Kind == assign.Loads || f.Kind == assign.EntryOther }); len(near) > 0 {
				t.Errorf("its harmless twin: found %+v", near)
			}
		})
	}
}

func TestPython_FollowsNamesFromOneScriptToAnother(t *testing.T) {
	for name, test := range map[string]struct{ app, settings string }{
		"a constant":          {"import os\nfrom settings import FLAG\nos.environ[FLAG] = '1'", "FLAG = 'LOCAL_STREAMLIT'"},
		"a constant, renamed": {"import os\nfrom .settings import FLAG as f\nos.environ[f] = '1'", "FLAG = 'LOCAL_STREAMLIT'"},
		"of the module":       {"import os\nimport shop.settings as s\nos.environ[s.FLAG] = '1'", "FLAG = 'LOCAL_STREAMLIT'"},
		"environ itself":      {"from settings import env\nenv['LOCAL_STREAMLIT'] = '1'", "import os\nenv = os.environ"},
		"a function":          {"from settings import switch\nswitch('LOCAL_STREAMLIT')", "import os\ndef switch(name):\n    os.environ[name] = '1'"},
		"all names":           {"import os\nfrom settings import *\nos.environ[FLAG] = '1'", "FLAG = 'LOCAL_STREAMLIT'"},
	} {
		if found := assign.Python(map[string]string{"app.py": test.app, "shop/settings.py": test.settings}, variable); len(found) == 0 {
			t.Errorf("%s: nothing found", name)
		}
	}
}

func TestPython_NamesWhatIsLoadedIntoTheEnvironment(t *testing.T) {
	for src, want := range map[string]string{
		"load_dotenv('prod.env')": "prod.env",
		"load_dotenv()":           ".env",
		"import os, json\nos.environ.update(json.load(open('flags.json')))":                                                  "flags.json",
		"import os, json\nwith open('flags.json') as f:\n    os.environ.update(json.load(f))":                                "flags.json",
		"import os, json\nfor k, v in json.load(open('flags.json')).items():\n    os.environ[k] = str(v)":                    "flags.json",
		"import os, yaml, pathlib\nP = pathlib.Path(__file__).parent / 'a.yml'\nos.environ |= yaml.safe_load(P.read_text())": "a.yml",
		"import os\nfor line in open('conf.txt'):\n    k, v = line.split('=')\n    os.environ[k] = v":                        "conf.txt",
		"import os, tomllib\nwith open('a.toml', 'rb') as f:\n    c = tomllib.load(f)['env']\nos.environ.update(c)":          "a.toml",
		"import os, dotenv\nos.environ.update(dotenv.dotenv_values('x.env'))":                                                "x.env",
		"import io, dotenv\ndotenv.load_dotenv(stream=io.StringIO('LOCAL_STREAMLIT=1'))":                                     "LOCAL_STREAMLIT=1",
	} {
		found := assign.Python(map[string]string{"app.py": src}, variable)
		if len(found) == 0 || found[0].Kind != assign.Loads || !slices.Contains(found[0].Names, want) {
			t.Errorf("%s: found %+v, want %s", src, found, want)
		}
	}
}

func TestShell_FindsWhatGivesTheVariableAValue(t *testing.T) {
	for fails, passes := range map[string]string{
		"export LOCAL_STREAMLIT=1":                               "unset LOCAL_STREAMLIT",
		"LOCAL_STREAMLIT=1 exec streamlit run app.py":            "LOCAL_STREAMLIT= exec streamlit run app.py",
		"exec env LOCAL_STREAMLIT=1 streamlit":                   "exec env -u LOCAL_STREAMLIT streamlit",
		"env -S 'LOCAL_STREAMLIT=1 streamlit'":                   "env -S 'streamlit $LOCAL_STREAMLIT=1'",
		": ${LOCAL_STREAMLIT:=1}":                                ": ${LOCAL_STREAMLIT:=}",
		"N=LOCAL_STREAMLIT\nexport $N=1":                         "N=LOCAL_STREAMLIT\necho $N=1",
		"P=LOCAL\nexport \"${P}_STREAMLIT=1\"":                   "P=LOCAL\nunset \"${P}_STREAMLIT\"",
		"export LOCAL_\"STREAMLIT\"=1":                           "export 'LOCAL_STREAMLITE'=1",
		"declare -x LOCAL_STREAMLIT=1":                           "declare -x LOCAL_STREAMLIT",
		"setenv LOCAL_STREAMLIT 1":                               "unsetenv LOCAL_STREAMLIT",
		"set -gx LOCAL_STREAMLIT 1":                              "set -e LOCAL_STREAMLIT",
		"printf -v LOCAL_STREAMLIT 1":                            "printf '%s' LOCAL_STREAMLIT",
		"eval \"export LOCAL_STREAMLIT=1\"":                      "eval \"test -z $LOCAL_STREAMLIT\"",
		"sh -c 'LOCAL_STREAMLIT=1 streamlit run app.py'":         "sh -c 'test \"$LOCAL_STREAMLIT\" = 1'",
		"echo LOCAL_STREAMLIT=1 >> /etc/environment":             "echo 'LOCAL_STREAMLIT=1 is for development'",
		"cat > .env <<EOF\nLOCAL_STREAMLIT=1\nEOF":               "cat <<EOF\nLOCAL_STREAMLIT is for development\nEOF",
		"if true; then export A=1 LOCAL_STREAMLIT=1; fi":         "if [ \"$LOCAL_STREAMLIT\" = 1 ]; then exit 1; fi",
		"docker run \\\n  -e LOCAL_STREAMLIT=1 x":                "docker run \\\n  -e LOCAL_STREAMLIT= x",
		"gcloud run deploy --set-env-vars=A=1,LOCAL_STREAMLIT=1": "gcloud run deploy --remove-env-vars=LOCAL_STREAMLIT",
		"$env:LOCAL_STREAMLIT = \"1\"":                           "Remove-Item Env:LOCAL_STREAMLIT",
		"export LOCAL_STREAMLIT=${DEBUG:-1}":                     "export LOCAL_STREAMLIT=${LOCAL_STREAMLIT:-}",
		"environment=LOCAL_STREAMLIT=\"1\"":                      "# environment=LOCAL_STREAMLIT=\"1\"",
		"Environment=\"LOCAL_STREAMLIT=1\"":                      "; Environment=LOCAL_STREAMLIT=",
		"read -r LOCAL_STREAMLIT <<< 1; export LOCAL_STREAMLIT":  "[[ $LOCAL_STREAMLIT == 1 ]] && exit 1",
		"set -a\nLOCAL_STREAMLIT=1":                              "case $LOCAL_STREAMLIT in 1) exit 1;; esac",
		"true && LOCAL_STREAMLIT=1 streamlit | tee log":          "test -n \"$LOCAL_STREAMLIT\" || LOCAL_STREAMLIT=\"\" streamlit | tee log",
	} {
		if len(assign.Shell(fails, variable)) == 0 {
			t.Errorf("nothing found in %q", fails)
		}
		if found := assign.Shell(passes, variable); len(found) > 0 {
			t.Errorf("found %v in %q", found, passes)
		}
	}
}
