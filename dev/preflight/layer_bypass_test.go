package preflight_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"sdev/dev"
)

func inUTF16(text string, big, mark bool) string {
	var b bytes.Buffer
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	for _, u := range units {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

func zipOf(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, body := range files {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipOf(t *testing.T, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, body); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// bzip2Of returns awsKey compressed by bzip2; the library only decompresses.
func bzip2Of(t *testing.T) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWcoKxusAAAHOAAAQEgAhb2AwIAAxTAABTRoPKbKQDlgX4Q4RSl6+LuSKcKEhlBWN1g==")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// bytecode imitates a compiled script that uses some names: marshal writes them after their lengths.
func bytecode(names ...string) string {
	text := "\xa7\r\r\n" + strings.Repeat("\x00", 12) + "\xe3\x00\x00\xda\x0fLOCAL_STREAMLIT\xda\x011"
	for _, name := range names {
		text += "\xda" + string([]byte{byte(len(name))}) + name
	}
	return text
}

func TestRun_EveryWayToSwitchTheLoginOffInAnImageIsFound(t *testing.T) {
	const sets, reads = "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n", "import os\nlocal = os.environ.get('LOCAL_STREAMLIT') == '1'\n"
	files := func(pairs ...string) func(*subject) {
		return func(s *subject) {
			for i := 0; i < len(pairs); i += 2 {
				s.inImage(pairs[i], pairs[i+1])
			}
		}
	}
	starts := func(command string, pairs ...string) func(*subject) {
		return func(s *subject) {
			s.config.Config.Entrypoint = strings.Fields(command)
			files(pairs...)(s)
		}
	}
	command := func(words ...string) func(*subject) {
		return func(s *subject) { s.config.Config.Cmd = words }
	}
	site := "usr/local/lib/python3.12/site-packages/"
	for _, test := range []struct {
		name, id, inner string
		fails, passes   func(*subject)
	}{
		{"a script", "bypass.layer", "/app/app.py:2", files("app/app.py", sets), files("app/app.py", reads)},
		{"a constant of another script", "bypass.layer", "/app/app.py:3", files("app/names.py", "FLAG = 'LOCAL_STREAMLIT'\n", "app/app.py", "import os\nfrom names import FLAG\nos.environ[FLAG] = '1'\n"), files("app/names.py", "FLAG = 'LOCAL_STREAMLIT'\n", "app/app.py", "import os\nfrom names import FLAG\nos.environ.get(FLAG)\n")},
		{"parts", "bypass.layer", "/app/app.py:2", files("app/app.py", "import os\nos.environ['LOCAL_' + 'STREAMLIT'] = '1'\n"), files("app/app.py", "import os\nprint('LOCAL_' + 'STREAMLIT')\n")},
		{"a script that is replaced", "bypass.layer", "/app/app.py:2", files("app/app.py", reads, "app/app.py", sets), files("app/app.py", sets, "app/app.py", reads)},
		{"a script that is deleted", "bypass.layer", "/app/boot.py:2", files("app/.wh.boot.py", "", "app/boot.py", sets), files("app/boot.py", sets, "app/.wh.boot.py", "")},
		{"a .pth file", "bypass.layer", "/" + site + "x.pth:1", files(site+"x.pth", "import os; os.environ['LOCAL_STREAMLIT'] = '1'\n"), files(site+"x.pth", "import os; os.environ.get('LOCAL_STREAMLIT')\n/app/lib\n")},
		{"sitecustomize", "bypass.layer", "/" + site + "sitecustomize.py:2", files(site+"sitecustomize.py", sets), files(site+"sitecustomize.py", reads)},
		{"usercustomize", "bypass.layer", "/home/app/.local/lib/python3.12/site-packages/usercustomize.py:2", files("home/app/.local/lib/python3.12/site-packages/usercustomize.py", sets), files("home/app/.local/lib/python3.12/site-packages/usercustomize.py", reads)},
		{"a compiled script", "bypass.layer", "/app/boot.pyc", files("app/boot.pyc", bytecode("os", "environ")), files("app/boot.pyc", bytecode("os", "environ"), "app/boot.py", reads)},
		{"a compiled script that asks", "bypass.layer", "/app/boot.pyc", files("app/boot.pyc", bytecode("os", "environ", "setdefault")), files("app/__pycache__/boot.cpython-312.pyc", bytecode("os", "environ", "get"), "app/boot.py", reads)},
		{"a zip that is run", "bypass.layer", "/app/app.pyz!/__main__.py:2", files("app/app.pyz", "#!/usr/bin/env python3\n"+zipOf(t, map[string]string{"__main__.py": sets})), files("app/app.pyz", "#!/usr/bin/env python3\n"+zipOf(t, map[string]string{"__main__.py": reads}))},
		{"a zip", "bypass.layer", "/app/lib.zip!/boot.py:2", files("app/lib.zip", zipOf(t, map[string]string{"boot.py": sets})), files("app/lib.zip", zipOf(t, map[string]string{"tests/boot.py": sets}))},
		{"a zip that is replaced", "bypass.layer", "/app/lib.zip!/boot.py:2", files("app/lib.zip", zipOf(t, map[string]string{"boot.py": reads}), "app/lib.zip", zipOf(t, map[string]string{"boot.py": sets})), files("app/lib.zip", zipOf(t, map[string]string{"boot.py": sets}), "app/lib.zip", zipOf(t, map[string]string{"boot.py": reads}))},
		{"a directory of variables", "bypass.layer", "/etc/app/env/LOCAL_STREAMLIT sets", files("etc/app/env/LOCAL_STREAMLIT", "1\n"), files("etc/app/env/LOCAL_STREAMLIT", "\n")},
		{"UTF-16", "bypass.layer", "/app/run.sh:2", files("app/run.sh", inUTF16("#!/bin/sh\nexport LOCAL_STREAMLIT=1\n", false, true)), files("app/run.sh", inUTF16("#!/bin/sh\nunset LOCAL_STREAMLIT\n", false, true))},
		{"UTF-16 without its mark", "bypass.layer", "/app/prod.env:1", files("app/prod.env", inUTF16("LOCAL_STREAMLIT=1\n", false, false)), files("app/prod.env", inUTF16("# LOCAL_STREAMLIT=1\n", false, false))},
		{"UTF-16, big end first", "bypass.layer", "/app/prod.env:1", files("app/prod.env", inUTF16("LOCAL_STREAMLIT=1\n", true, false)), files("app/prod.env", inUTF16("LOCAL_STREAMLIT=\n", true, true))},
		{"a script of tests", "bypass.layer", "/app/tests/run.sh:1", starts("sh tests/run.sh", "app/tests/run.sh", "export LOCAL_STREAMLIT=1\n"), starts("streamlit run", "app/tests/run.sh", "export LOCAL_STREAMLIT=1\n")},
		{"a text that is read", "bypass.layer", "/app/flags.txt:1", starts("./run", "app/run", "export $(cat flags.txt)\n", "app/flags.txt", "LOCAL_STREAMLIT=1\n"), starts("./run", "app/run", "true\n", "app/flags.txt", "LOCAL_STREAMLIT=1\n")},
		{"JSON that is loaded", "bypass.layer", "/app/flags.json:1", files("app/flags.json", `{"LOCAL_STREAMLIT": "1"}`, "app/boot.py", "import os, json\nos.environ.update(json.load(open('flags.json')))\n"), files("app/flags.json", `{"LOCAL_STREAMLIT": "1"}`)},
		{"an environment of conda", "bypass.layer", "/opt/conda/conda-meta/state:1", files("opt/conda/conda-meta/state", `{"env_vars": {"LOCAL_STREAMLIT": "1"}}`), files("opt/conda/conda-meta/state", `{"env_vars": {"LOCAL_STREAMLIT": ""}}`)},
		{"a shell's own file", "bypass.layer", "/root/.zshenv:1", files("root/.zshenv", "export LOCAL_STREAMLIT=1\n"), files("root/.zshenv", "unset LOCAL_STREAMLIT\n")},
		{"all services", "bypass.layer", "/etc/environment:1", files("etc/environment", "LOCAL_STREAMLIT=1\n"), files("etc/environment", "LOCAL_STREAMLIT=\n")},
		{"the command", "bypass.command", "", command("sh", "-c", "N=LOCAL_STREAMLIT; export $N=1; streamlit run app.py"), command("sh", "-c", "N=LOCAL_STREAMLIT; unset $N; streamlit run app.py")},
		{"the command, in Python", "bypass.command", "", command("python", "-c", "import os; os.environ['LOCAL_STREAMLIT'] = '1'"), command("python", "-c", "import os; os.environ['LOCAL_STREAMLIT']")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := sound()
			test.fails(s)
			found := ofBypass(s.run(t))
			if len(found) == 0 || found[0].ID != test.id || found[0].Severity != dev.Blocks || !strings.Contains(found[0].Message, test.inner) {
				t.Errorf("found %+v, want %s at %s", found, test.id, test.inner)
			}
			near := sound()
			test.passes(near)
			if found := ofBypass(near.run(t)); len(found) > 0 {
				t.Errorf("its harmless twin draws %+v", found)
			}
		})
	}
}

func TestRun_SecretsOfStreamlitInAnImage(t *testing.T) {
	for body, want := range map[string][]string{
		"LOCAL_STREAMLIT = \"1\"\n":          {"bypass.layer", "secret.toml"},
		"[auth]\nLOCAL_STREAMLIT = \"1\"\n":  {"secret.toml"},
		"LOCAL_STREAMLIT = true\n":           {"secret.toml"},
		"# LOCAL_STREAMLIT = \"1\"\na = 1\n": {"secret.toml"},
	} {
		s := sound()
		s.inImage("app/.streamlit/secrets.toml", body)
		if got := idsOf(s.run(t)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", body, got, want)
		}
	}
}

func TestRun_ACompiledScriptThatOnlyAsksIsAWarning(t *testing.T) {
	s := sound()
	s.inImage("app/boot.pyc", bytecode("os", "environ", "get"))
	if found := s.run(t); len(found) != 1 || found[0].ID != "bypass.layer" || found[0].Severity != dev.Warns {
		t.Errorf("%+v", found)
	}
}

func TestRun_FindsCredentialsHoweverTheyAreWritten(t *testing.T) {
	for name, test := range map[string]struct{ file, body string }{
		"UTF-16":                     {"app/notes.txt", inUTF16("key: "+awsKey+"\n", false, true)},
		"base64":                     {"app/secret.yaml", "data:\n  key: " + base64.StdEncoding.EncodeToString([]byte("id="+awsKey+"\n")) + "\n"},
		"a zip in a zip":             {"app/a.zip", zipOf(t, map[string]string{"b.zip": zipOf(t, map[string]string{"c.txt": awsKey + "\n"})})},
		"a tar, packed, in a tar":    {"app/a.tar", string(tarOf(t, []testFile{{name: "b.tgz", body: gzipOf(t, string(tarOf(t, []testFile{{name: "c.txt", body: awsKey + "\n"}})))}}))},
		"packed twice":               {"app/a.gz", gzipOf(t, gzipOf(t, awsKey+"\n"))},
		"a zip behind a line":        {"app/app.pyz", "#!/usr/bin/python3\n" + zipOf(t, map[string]string{"a.txt": awsKey + "\n"})},
		"UTF-16 in a zip":            {"app/a.zip", zipOf(t, map[string]string{"a.txt": inUTF16(awsKey+"\n", true, true)})},
		"a file that a name betrays": {"app/a.tar", string(tarOf(t, []testFile{{name: "home/.ssh/id_rsa", body: privateKey}}))},
		"bzip2":                      {"app/a.bz2", bzip2Of(t)},
	} {
		s := sound()
		s.inImage(test.file, test.body)
		if found := s.run(t); !slices.Contains(idsOf(found), "secret.layer") {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
