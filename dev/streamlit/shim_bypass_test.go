package streamlit

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"sdev/dev"
)

// started runs Python as an app's container does in a mode with a login.
func started(t *testing.T, code string, env []string, path ...string) (out, errs string) {
	t.Helper()
	shim := tree(t, map[string]string{ShimName: string(Shim())})
	cmd := exec.CommandContext(t.Context(), "python3", "-c", code)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", ShimLogin+"=native", "PYTHONPATH="+strings.Join(append([]string{shim}, path...), string(os.PathListSeparator)))
	cmd.Env = append(cmd.Env, env...)
	var said strings.Builder
	cmd.Stderr = &said
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(string(b)), said.String()
}

// secretsModule sets variables as Streamlit does (streamlit/runtime/secrets.py, 1.58).
const secretsModule = `
import os
def parse(secrets):
    for k, v in secrets.items():
        if type(v) in (str, int, float):
            os.environ[k] = str(v)
`

// The login is on whoever tries to bypass it, and it is said who.
func TestShim_KeepsTheBypassOff(t *testing.T) {
	const look = "\nimport os, subprocess, sys\n" +
		"print([k for k in os.environ if k.upper() == 'LOCAL_STREAMLIT'], os.environ.get('LOCAL_STREAMLIT'), 'LOCAL_STREAMLIT' in os.environ, os.getenv('LOCAL_STREAMLIT', ''), os.environb.get(b'LOCAL_STREAMLIT'),\n" +
		"      subprocess.run([sys.executable, '-I', '-c', \"import os; print('LOCAL_STREAMLIT' in os.environ)\"], capture_output=True, text=True).stdout)"
	site := tree(t, map[string]string{
		"streamlit/__init__.py": "", "streamlit/runtime/__init__.py": "", "streamlit/runtime/secrets.py": secretsModule,
		"site-packages/dotenv.py": "import os\ndef load_dotenv():\n    os.environ['LOCAL_STREAMLIT'] = '1'\n",
		"page.py":                 "import os\n\nos.environ['LOCAL_STREAMLIT'] = '1'\n",
		"loads.py":                "import dotenv\ndotenv.load_dotenv()\n",
		"usercustomize.py":        "",
	})
	for name, c := range map[string]struct {
		code string
		env  []string
		who  string // "" where there is nothing to tell
	}{
		"nobody":                      {"", nil, ""},
		"the code":                    {"import page", nil, site + "/page.py:3"},
		"secrets.toml":                {"import streamlit.runtime.secrets as s\ns.parse({'LOCAL_STREAMLIT': '1', 'other': 2})\nassert os.environ['other'] == '2'", nil, "the top level of Streamlit's secrets"},
		"secrets.toml, as a number":   {"import streamlit.runtime.secrets as s\ns.parse({'LOCAL_STREAMLIT': 1})", nil, "the top level of Streamlit's secrets"},
		"load_dotenv":                 {"import loads", nil, site + "/loads.py:2"},
		"setdefault":                  {"assert os.environ.setdefault('LOCAL_STREAMLIT', '1') == ''", nil, "<string>:2"},
		"setdefault of bytes":         {"assert os.environb.setdefault(b'LOCAL_STREAMLIT', b'1') == b''", nil, "<string>:2"},
		"update":                      {"os.environ.update({'LOCAL_STREAMLIT': '1', 'A': 'b'})\nassert os.environ['A'] == 'b'", nil, "<string>:2"},
		"update by keyword":           {"os.environ.update(LOCAL_STREAMLIT='yes')", nil, "<string>:2"},
		"|=":                          {"os.environ |= {'LOCAL_STREAMLIT': '1'}", nil, "<string>:2"},
		"bytes":                       {"os.environb[b'LOCAL_STREAMLIT'] = b'1'", nil, "<string>:2"},
		"putenv":                      {"os.putenv('LOCAL_STREAMLIT', '1')", nil, "<string>:2"},
		"another case":                {"os.environ['local_streamlit'] = '1'", nil, "<string>:2"},
		"unittest's patch":            {"from unittest import mock\nmock.patch.dict(os.environ, LOCAL_STREAMLIT='1').start()", nil, "<string>:3"},
		"an empty value":              {"os.environ['LOCAL_STREAMLIT'] = ''", nil, ""},
		"the environment":             {"", []string{"LOCAL_STREAMLIT=1"}, "the environment that Python was started with"},
		"the environment, lower case": {"", []string{"Local_Streamlit=1"}, "the environment that Python was started with"},
		"an empty one":                {"", []string{"LOCAL_STREAMLIT="}, ""},
		"a child of its own":          {"import subprocess, sys\nassert subprocess.run([sys.executable, '-c', \"import os; print('LOCAL_STREAMLIT' in os.environ)\"], capture_output=True, text=True, env={**os.environ, 'LOCAL_STREAMLIT': '1'}).stdout == 'False\\n'", nil, ""},
		"twice from one place":        {"for i in range(3): os.environ['LOCAL_STREAMLIT'] = '1'", nil, "<string>:2"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs := started(t, "import os\n"+c.code+look, c.env, site, site+"/site-packages")
			if want := "[] None False  None False"; out != want {
				t.Errorf("the app sees %q, want %q", out, want)
			}
			var told []string
			for line := range strings.Lines(errs) {
				w, ok := dev.ParseShimWarning(strings.TrimSuffix(line, "\n"))
				if !ok || w.Code != dev.CodeAuthBypass || w.Hint == "" {
					t.Errorf("printed %q", line)
				}
				told = append(told, w.Message)
			}
			if c.who == "" && len(told) > 0 || c.who != "" && (len(told) != 1 || !strings.HasSuffix(told[0], "set by "+c.who)) {
				t.Errorf("told %q, want %q", told, c.who)
			}
		})
	}
}

// Whoever looks into the process sees that the bypass is kept off, and who tried.
func TestShim_NotesWhoTriedToBypass(t *testing.T) {
	const notes = "\nfor n in os.listdir('/proc/self/fd'):\n    f = '/proc/self/fd/' + n\n    if os.path.islink(f) and os.readlink(f).startswith('/memfd:sdev-login'): print(open(f).read(), end='')"
	out, _ := started(t, "import os\nos.environ['LOCAL_STREAMLIT'] = '1'"+notes, []string{"LOCAL_STREAMLIT=1"})
	if want := "the environment that Python was started with\n<string>:2"; out != want {
		t.Errorf("noted %q, want %q", out, want)
	}
}

// Without a login the bypass is sdev's own.
func TestShim_LeavesTheBypassAloneWithoutALogin(t *testing.T) {
	out, errs := started(t, "import os; print(os.environ['LOCAL_STREAMLIT'], os.environ.setdefault('LOCAL_STREAMLIT', '2'))", []string{"LOCAL_STREAMLIT=1", ShimLogin + "="})
	if out != "1 1" || errs != "" {
		t.Errorf("%q, %q", out, errs)
	}
}

// A login costs a start of Python next to nothing.
func TestShim_ImportsNothingToKeepTheBypassOff(t *testing.T) {
	const list = "import sys; print(sorted(sys.modules))"
	with, _ := started(t, list, nil)
	without, _ := started(t, list, []string{ShimLogin + "="})
	if with != without {
		t.Errorf("with a login: %s\nwithout: %s", with, without)
	}
}
