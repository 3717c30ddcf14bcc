package detect_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
)

func TestComponents_ThatTheCodeDeclares(t *testing.T) {
	f := found(t, fstest.MapFS{
		"app.py": {Data: []byte(`import streamlit as st
import streamlit.components.v1 as components
from parts import chart
first = components.declare_component("first", path="a")
second = st.components.v2.component("second", js="x")
components.html("<b>no component</b>")
third = components.declare_component(
    name="third", url="http://localhost:3001")
def declare_component(name): ...
component("no streamlit")
NAME = "x"
components.declare_component(NAME)
`)},
		"parts/__init__.py": {Data: []byte("")},
		"parts/chart.py":    {Data: []byte("from streamlit.components.v2 import component\nchart = component('chart', html='x')\nother.component('y')\n")},
		"elsewhere.py":      {Data: []byte("import streamlit.components.v1 as c\nc.declare_component('unused', path='a')\n")},
	})
	var got []string
	for _, c := range f.Components {
		got = append(got, fmt.Sprintf("%s %s in page: %v, %s", c.Place(), c.Value, c.InPage, c.Why))
	}
	const frame, page = "st.components.v1 declares it", "st.components.v2 declares it"
	want := []string{
		"app.py:4 first in page: false, " + frame, "app.py:5 second in page: true, " + page, "app.py:7 third in page: false, " + frame,
		"app.py:12  in page: false, " + frame, "parts/chart.py:2 chart in page: true, " + page,
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestListedForStreamlit_NamesPackagesThatMayContainComponents(t *testing.T) {
	f := found(t, fstest.MapFS{
		"app.py":           {Data: []byte("import streamlit\n")},
		"requirements.txt": {Data: []byte("pandas\nstreamlit==1.58.0\nst-annotated-text\nStreamlit_Option.Menu>=0.4\nextra-streamlit-components\nstatsmodels\nstreamlit-oauth==0.1.14\n")},
	})
	var got []string
	for _, p := range f.ListedForStreamlit() {
		got = append(got, p.Value+" "+p.Place())
	}
	want := []string{"extra-streamlit-components requirements.txt:5", "st-annotated-text requirements.txt:3", "streamlit-oauth requirements.txt:7", "streamlit-option-menu requirements.txt:4"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
