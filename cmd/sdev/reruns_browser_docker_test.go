//go:build docker

package main

import (
	"fmt"
	"strings"
	"testing"

	"sdev/dev"
)

const rerunsHome = `import time

import streamlit as st

st.title("Sales")


@st.fragment
def part():
    if st.button("Part"):
        st.write("the part ran")


part()
if st.button("Whole"):
    time.sleep(0.3)
    st.write("the whole ran")
`

// rerunsOf returns the runs that sdev reruns knows, as "page trigger exception".
func rerunsOf(p *project) (runs []string, all []dev.AppRerun) {
	p.t.Helper()
	for line := range strings.Lines(p.run(0, "reruns", "--json")) {
		var s dev.Stamped
		decode(p.t, line, &s)
		r, ok := s.Event.(dev.AppRerun)
		if !ok {
			p.t.Fatalf("%s is no rerun", line)
		}
		all = append(all, r)
		runs = append(runs, strings.TrimSpace(fmt.Sprintf("%s/%s %s", r.Page, r.Trigger, r.Exception)))
	}
	return runs, all
}

func TestBrowserProcess_EachRunOfATabIsMeasured(t *testing.T) {
	p := onHost(t)
	p.write("Home.py", rerunsHome)
	p.write("pages/1_Costs.py", "import streamlit as st\n\nst.title(\"Costs\")\nst.write(1 / len([]))\n")
	page := openTab(t, p.up("--runtime", "process").URL)
	page.shows("Sales")
	ran := func(want ...string) []dev.AppRerun {
		t.Helper()
		var last []dev.AppRerun
		page.until("the runs "+strings.Join(want, ", "), func() bool {
			var got []string
			got, last = rerunsOf(p)
			return strings.Join(got, ", ") == strings.Join(want, ", ")
		})
		return last
	}
	want := []string{"/load"}
	ran(want...)
	page.click(button("Whole"))
	page.shows("the whole ran")
	want = append(want, "/widget")
	if took := ran(want...)[1].MS; took < 300 || took > 3000 {
		t.Errorf("a run that sleeps for 300 ms took %d ms", took)
	}
	page.click(button("Part"))
	page.shows("the part ran")
	want = append(want, "/fragment")
	ran(want...)
	p.write("Home.py", strings.Replace(rerunsHome, `"Sales"`, `"Sales of May"`, 1))
	if out := p.run(0, "wait", "--live", "Home.py", "--timeout", "20s"); !strings.Contains(out, "live  Home.py") {
		t.Errorf("sdev wait printed %q", out)
	}
	page.shows("Sales of May")
	want = append(want, "/save")
	ran(want...)
	page.click(link("/Costs"))
	page.shows("ZeroDivisionError")
	want = append(want, "Costs/navigation ZeroDivisionError")
	ran(want...)
	p.write("pages/1_Costs.py", "import streamlit as st\n\nst.title(\"Costs\")\nraise ValueError(\"no month\")\n")
	if out, errs, code := p.result("wait", "--live", "pages/1_Costs.py", "--timeout", "20s"); code != 1 || !strings.Contains(errs, "ValueError: no month") {
		t.Errorf("sdev wait ended with %d after an exception\n%s%s", code, out, errs)
	}
	want = append(want, "Costs/save ValueError")
	ran(want...)
	if out := p.run(0, "reruns"); !strings.Contains(out, "Costs") || !strings.Contains(out, "ValueError") {
		t.Errorf("sdev reruns printed\n%s", out)
	}
}
