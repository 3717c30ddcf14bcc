package detect_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"sdev/dev/detect"
)

func TestTable_NamesComposeFilesThatAreNotUsed(t *testing.T) {
	tree := fstest.MapFS{"app/main.py": {Data: []byte("import streamlit as st\n")}, "app/docker-compose.yml": {Data: []byte("services: {}\n")}}
	other := func(f *detect.Findings) []string {
		var out []string
		for _, s := range f.Table() {
			if s.Name == "other compose" {
				out = append(out, s.Value)
			}
		}
		return out
	}
	if got := other(found(t, tree)); !slices.Equal(got, []string{"app/docker-compose.yml"}) {
		t.Errorf("other compose files: %q", got)
	}
	tree["compose.yaml"] = &fstest.MapFile{Data: []byte("services: {}\n")}
	if got := other(found(t, tree)); len(got) != 0 {
		t.Errorf("beside a compose file that is used: %q", got)
	}
}
