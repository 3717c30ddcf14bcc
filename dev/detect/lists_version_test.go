package detect_test

import (
	"testing"
	"testing/fstest"
)

// TestTree_KeepsTheStandardLibraryVisible wants no import root for a module that comes with Python: it would hide the
// module from every package.
func TestTree_KeepsTheStandardLibraryVisible(t *testing.T) {
	f := found(t, fstest.MapFS{
		"ui/app.py":           {Data: []byte("import logging\nimport json.decoder\nimport streamlit as st\nfrom core.api import routes\n")},
		"core/api/routes.py":  {Data: []byte("import logging\n")},
		"core/api/logging.py": {Data: []byte("")},
		"src/json/decoder.py": {Data: []byte("")},
	})
	if got := values(f.Roots); got != "." {
		t.Errorf("import roots: %q, want only the one of core.api", got)
	}
}

// TestTree_ReadsEveryLineOfStreamlit wants the pinned version, whichever line of the lists has it.
func TestTree_ReadsEveryLineOfStreamlit(t *testing.T) {
	f := found(t, fstest.MapFS{
		"app.py":           {Data: []byte("import streamlit as st\n")},
		"requirements.txt": {Data: []byte("streamlit\npandas==2.2.0\nstreamlit==1.32.1\nstreamlit>=1.30\n")},
	})
	if f.Streamlit.Value != "1.32.1" || f.Streamlit.Line != 3 {
		t.Errorf("streamlit %q in line %d, want the version in line 3", f.Streamlit.Value, f.Streamlit.Line)
	}
	for _, d := range f.Defects {
		if d.ID == "deps.unpinned" {
			t.Errorf("%s:%d: %s", d.File, d.Line, d.What)
		}
	}
}

// TestTree_ReadsConstraints wants the version that a constraint file fixes, whether the list or the Dockerfile names the
// file.
func TestTree_ReadsConstraints(t *testing.T) {
	const constraints = "# fixed\npandas==2.2.0\nstreamlit==1.58.0\n"
	for name, fsys := range map[string]fstest.MapFS{
		"list":       {"requirements.txt": {Data: []byte("-c pins/all.txt\nstreamlit\n")}, "pins/all.txt": {Data: []byte(constraints)}},
		"Dockerfile": {"requirements.txt": {Data: []byte("streamlit\n")}, "constraints.txt": {Data: []byte(constraints)}, "Dockerfile": {Data: []byte("FROM python:3.11\nCOPY . /app\nRUN pip install -U pip \\\n    && pip install -r requirements.txt -c constraints.txt\nCMD streamlit run app.py\n")}},
		"variable":   {"requirements.txt": {Data: []byte("streamlit\n")}, "constraints.txt": {Data: []byte(constraints)}, "Dockerfile": {Data: []byte("FROM python:3.11\nENV PIP_CONSTRAINT=/app/constraints.txt\nCOPY . /app\nRUN pip install -r requirements.txt\nCMD streamlit run app.py\n")}},
	} {
		t.Run(name, func(t *testing.T) {
			fsys["app.py"] = &fstest.MapFile{Data: []byte("import streamlit as st\n")}
			f := found(t, fsys)
			if f.Streamlit.Value != "1.58.0" || f.Streamlit.Line != 3 {
				t.Errorf("streamlit %q in %s:%d, want the version of the constraint", f.Streamlit.Value, f.Streamlit.File, f.Streamlit.Line)
			}
			for _, d := range f.Defects {
				if d.ID == "deps.unpinned" {
					t.Errorf("%s:%d: %s", d.File, d.Line, d.What)
				}
			}
		})
	}
}
