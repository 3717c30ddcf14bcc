//go:build docker

package gateway

import (
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
)

// TestBrowserEndless_ASaveOfAScriptThatDoesNotEndIsReported saves scripts of many kinds, each twice, in a real tab: once
// after a script that ends, and once after itself.
func TestBrowserEndless_ASaveOfAScriptThatDoesNotEndIsReported(t *testing.T) {
	s := newServer(t, "1.67.0")
	r := newRigAt(t, s.addr, map[string]string{"Home.py": title("ends at once"), "unused.py": ""}, "")
	s.dir = r.root
	s.start()
	p := newPage(t)
	p.open("http://" + r.host + "/")
	p.loads("ends at once")
	home := filepath.Join(r.root, "Home.py")
	for _, tt := range []struct{ kind, script string }{
		{"a placeholder that is updated for ever", "place = st.empty()\nn = 0\nwhile True:\n    place.write(n)\n    n += 1\n    time.sleep(0.05)\n"},
		{"a loop that sleeps", "while True:\n    time.sleep(0.5)\n"},
		{"a loop that works", "while True:\n    sum(range(10000))\n    st.session_state.x = 1\n"},
		{"a script of 30 s", "for _ in range(30):\n    time.sleep(1)\nst.write('done')\n"},
		{"a page that reruns itself", "time.sleep(0.3)\nst.rerun()\n"},
		{"a fragment on a timer", "@st.fragment(run_every=0.3)\ndef tick():\n    st.write(time.time())\ntick()\n"},
		{"a status that spins", "with st.spinner('working'):\n    while True:\n        time.sleep(0.2)\n"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			r.t, p.t = t, t
			for _, mark := range []string{"first save of ", "second save of "} {
				replace(t, home, "import time\nimport streamlit as st\nst.title("+`"`+mark+tt.kind+`"`+")\n"+tt.script)
				p.shows(mark + tt.kind)
				got := await(r, anyOf[dev.AppReloaded])
				if got.Trigger != "Home.py" || got.Sessions != 1 || got.MS > 2000 {
					t.Errorf("%s: %+v", mark, got)
				}
				t.Logf("%s%s: live after %d ms", mark, tt.kind, got.MS)
			}
			replace(t, home, title("ends after "+tt.kind))
			p.shows("ends after " + tt.kind)
			await(r, func(e dev.AppReloaded) bool { return e.Trigger == "Home.py" })
		})
	}
	for _, e := range r.events.rest() {
		if w, ok := e.Event.(dev.Warning); ok && strings.HasPrefix(string(w.Code), "reload.") {
			t.Errorf("%+v", w)
		}
	}
}
