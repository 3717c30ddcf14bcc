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
