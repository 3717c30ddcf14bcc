package assign_test

import (
	"testing"

	"sdev/dev/preflight/assign"
)

func TestData_FindsWhatGivesTheVariableAValue(t *testing.T) {
	for _, test := range []struct {
		name, fails string
		line        int
		passes      string
	}{
		{"a key", "env:\n  LOCAL_STREAMLIT: 1\n", 2, "env:\n  LOCAL_STREAMLIT: \"\"\n"},
		{"a key without a value", "env:\n  LOCAL_STREAMLIT: off\n", 2, "env:\n  LOCAL_STREAMLIT:\n"},
		{"a pair", "- name: LOCAL_STREAMLIT\n  value: \"1\"\n", 1, "- name: LOCAL_STREAMLIT\n  value: \"\"\n"},
		{"a pair the other way round", "- value: \"1\"\n  name: LOCAL_STREAMLIT\n", 2, "- type: string\n  name: LOCAL_STREAMLIT\n"},
		{"a pair of a secret", "- name: LOCAL_STREAMLIT\n  valueFrom: {configMapKeyRef: {name: a}}\n", 1, "- name: LOCAL_STREAMLIT\n"},
		{"an option", "option_settings:\n  - option_name: LOCAL_STREAMLIT\n    value: 1\n", 2, "option_settings:\n  - option_name: LOCAL_STREAMLITE\n    value: 1\n"},
		{"an item", "environment:\n  - LOCAL_STREAMLIT=1\n", 2, "environment:\n  - LOCAL_STREAMLIT=\n"},
		{"a mapping of a value", `{"env": {"LOCAL_STREAMLIT": {"value": "1"}}}`, 1, `{"env": {"LOCAL_STREAMLIT": {"description": "switches the login off"}}}`},
		{"a command", "command: [sh, -c, LOCAL_STREAMLIT=1 streamlit run]\n", 1, "command: [sh, -c, 'test -z $LOCAL_STREAMLIT']\n"},
		{"a script", "run: |\n  set -e\n  export LOCAL_STREAMLIT=1\n", 3, "run: |\n  set -e\n  unset LOCAL_STREAMLIT\n"},
		{"a file of settings", "data:\n  app.env: |\n    A=1\n    LOCAL_STREAMLIT=1\n", 4, "data:\n  README: |\n    # LOCAL_STREAMLIT=1\n"},
		{"a file of data", "data:\n  app.json: |\n    {\"LOCAL_STREAMLIT\": \"1\"}\n", 3, "data:\n  app.json: |\n    {\"LOCAL_STREAMLIT\": \"\"}\n"},
		{"a patch", `[{"op": "add", "path": "/data/LOCAL_STREAMLIT", "value": "1"}]`, 1, `[{"op": "remove", "path": "/data/LOCAL_STREAMLIT"}]`},
		{"a second document", "a: 1\n---\nLOCAL_STREAMLIT: x\n", 3, "a: 1\n---\n# LOCAL_STREAMLIT: x\n"},
		{"an anchor", "x: &x {LOCAL_STREAMLIT: 1}\nenv: *x\n", 1, "x: &x {}\nenv: *x\n"},
		{"an argument", "args: [--set-env-vars, \"A=1,LOCAL_STREAMLIT=1\"]\n", 1, "args: [--remove-env-vars, LOCAL_STREAMLIT]\n"},
		{"what people read", "LOCAL_STREAMLIT: 1\n", 1, "description: set LOCAL_STREAMLIT=1 for development\n"},
		{"what the variable has outside", "LOCAL_STREAMLIT: ${DEBUG:-1}\n", 1, "LOCAL_STREAMLIT: ${LOCAL_STREAMLIT:-}\n"},
	} {
		if found, ok := assign.Data(test.fails, variable); !ok || len(found) != 1 || found[0].Line != test.line {
			t.Errorf("%s: found %+v, %v, want line %d", test.name, found, ok, test.line)
		}
		if found, ok := assign.Data(test.passes, variable); !ok || len(found) > 0 {
			t.Errorf("the harmless twin of %s: found %+v, %v", test.name, found, ok)
		}
	}
	if _, ok := assign.Data("a: {{ .Values.b }}\n- c", variable); ok {
		t.Error("a template is taken for YAML")
	}
}

func TestTOML_FindsWhatGivesTheVariableAValue(t *testing.T) {
	for _, test := range []struct {
		fails  string
		line   int
		passes string
	}{
		{"[env]\nLOCAL_STREAMLIT = \"1\"\n", 2, "[env]\nLOCAL_STREAMLIT = \"\"\n"},
		{"[vars]\n\"LOCAL_STREAMLIT\" = true\n", 2, "[vars]\n# LOCAL_STREAMLIT = true\n"},
		{"vars = { A = 1, LOCAL_STREAMLIT = \"1\" }\n", 1, "vars = { A = \"LOCAL_STREAMLIT\" }\n"},
		{"env = [\n  \"A=1\",\n  \"LOCAL_STREAMLIT=1\",\n]\n", 1, "env = [\"LOCAL_STREAMLIT=\"]\n"},
		{"[[build.env]]\nname = \"LOCAL_STREAMLIT\"\nvalue = \"1\"\n", 2, "[[build.env]]\nname = \"LOCAL_STREAMLIT\"\n"},
		{"cmd = \"LOCAL_STREAMLIT=1 streamlit run\"\n", 1, "description = \"LOCAL_STREAMLIT=1 switches the login off\"\n"},
	} {
		if found, ok := assign.TOML(test.fails, variable); !ok || len(found) != 1 || found[0].Line != test.line {
			t.Errorf("%q: found %+v, %v, want line %d", test.fails, found, ok, test.line)
		}
		if found, ok := assign.TOML(test.passes, variable); !ok || len(found) > 0 {
			t.Errorf("found %+v, %v in %q", found, ok, test.passes)
		}
	}
}

func TestTOML_TakesANameWithTheValueOfItsOwnTable(t *testing.T) {
	for content, want := range map[string]int{
		"[[env]]\nname = \"LOCAL_STREAMLIT\"\na = 1\nb = 2\nc = 3\nvalue = \"1\"\n":                2,
		"env = [\n  {name = \"A\", value = \"1\"},\n  {name = \"LOCAL_STREAMLIT\", value = 1},\n]": 3,
		"[[env]]\nname = \"LOCAL_STREAMLIT\"\n[[env]]\nname = \"A\"\nvalue = \"1\"\n":              0,
		"[[env]]\nname = \"LOCAL_STREAMLIT\"\n# value = \"1\"\n":                                   0,
	} {
		found, ok := assign.TOML(content, variable)
		if !ok || want == 0 && len(found) > 0 || want > 0 && (len(found) != 1 || found[0].Line != want) {
			t.Errorf("%q: found %+v, %v, want line %d", content, found, ok, want)
		}
	}
}

func TestCode_FindsWhatGivesTheVariableAValue(t *testing.T) {
	for _, test := range []struct {
		fails  string
		line   int
		passes string
	}{
		{"environment: {\n  LOCAL_STREAMLIT: '1',\n}", 2, "environment: {\n  // LOCAL_STREAMLIT: '1',\n}"},
		{"const N = 'LOCAL_STREAMLIT';\nnew C({environment: {[N]: '1'}});", 2, "const N = 'LOCAL_STREAMLIT';\nif (process.env[N]) throw 1;"},
		{"const P = 'LOCAL';\nconst e = {[`${P}_STREAMLIT`]: '1'};", 2, "const P = 'LOCAL';\nconsole.log(`${P}_STREAMLIT`);"},
		{"c.addEnvironment('LOCAL_' + 'STREAMLIT', '1');", 1, "c.remove('LOCAL_' + 'STREAMLIT');"},
		{"c.addEnvironment('LOCAL_STREAMLIT', '1');", 1, "/* c.addEnvironment('LOCAL_STREAMLIT', '1'); */"},
		{"process.env.LOCAL_STREAMLIT = '1';", 1, "if (process.env.LOCAL_STREAMLIT === '1') throw 1;"},
		{"process.env['LOCAL_STREAMLIT'] = '1';", 1, "if (process.env['LOCAL_STREAMLIT'] == '1') throw 1;"},
		{"environment = [{ name = \"LOCAL_STREAMLIT\", value = \"1\" }]", 1, "forbidden = [\"LOCAL_STREAMLIT\"]"},
		{"env {\n  name  = \"LOCAL_STREAMLIT\"\n  value = \"1\"\n}", 2, "env {\n  name  = \"LOCAL_STREAMLIT\"\n  value = \"\"\n}"},
		{"locals {\n  flag = \"LOCAL_STREAMLIT\"\n}\nenv = { (local.flag) = \"1\" }", 4, "locals {\n  flag = \"LOCAL_STREAMLIT\"\n}\nenv = {}"},
		{"variable \"flag\" {\n  default = \"LOCAL_STREAMLIT\"\n}\nenv { name = var.flag\nvalue = 1 }", 4, "variable \"flag\" {\n  default = \"LOCAL_STREAMLIT\"\n}\n"},
		{"env = { \"${local.p}_STREAMLIT\" = 1 }\nlocals { p = \"LOCAL\" }", 1, "output = \"${local.p}_STREAMLIT\"\nlocals { p = \"LOCAL\" }"},
		{"LOCAL_STREAMLIT = \"1\"", 1, "LOCAL_STREAMLIT = \"\""},
		{"{ name: 'LOCAL_STREAMLIT'\n  value: '1' }", 1, "{ name: 'LOCAL_STREAMLIT'\n  type: 'string' }"},
		{"environment { LOCAL_STREAMLIT = '1' }", 1, "sh 'test -z $LOCAL_STREAMLIT'"},
	} {
		if found := assign.Code(test.fails, variable); len(found) != 1 || found[0] != test.line {
			t.Errorf("%q: found %v, want line %d", test.fails, found, test.line)
		}
		if found := assign.Code(test.passes, variable); len(found) > 0 {
			t.Errorf("found %v in %q", found, test.passes)
		}
	}
}

func FuzzPython(f *testing.F) {
	for _, src := range []string{"import os\nos.environ['A' 'B'] = f\"{x!r:>{w}}\"\n", "def f(a, *b, c=1): return a[::-1]\nf(*x, **y)\n", "a = b = (c, [d, {e: f for e in g}])\n", "x = '''\n\\", "exec('exec(\"a=1\")')\n", "((((((((", "a.b.c[d](e)|=f\n"} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, found := range assign.Python(map[string]string{"a.py": src, "b.py": "from a import *\n" + src}, variable) {
			if found.Line < 1 || found.File == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}

func FuzzSettings(f *testing.F) {
	for _, src := range []string{"A=1 export B=\"${A:-c}\" <<EOF\nx\nEOF\n", "a: &b {c: *b}\n", "[a.b]\nc = [{d = 1}]\n", "const a = `${b}` + 'c'; /* */", "'", "$((1 << 2))", "if a; then b | c >> d; fi"} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		lines := append(assign.Shell(src, variable), assign.Code(src, variable)...)
		for _, parse := range []func(string, string) ([]assign.Setting, bool){assign.Data, assign.TOML} {
			found, _ := parse(src, variable)
			for _, s := range found {
				lines = append(lines, s.Line)
			}
		}
		for _, n := range lines {
			if n < 1 || n > 1+len(src) {
				t.Errorf("line %d of %q", n, src)
			}
		}
	})
}
