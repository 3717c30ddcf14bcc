package tui

import (
	"strconv"
	"testing"
)

func TestRouter_ShowsEachPaneByItsCommandItsNumberAndTab(t *testing.T) {
	r := newRig(t, 80, 24)
	if got, want := len(paneCommands()), len(r.m.panes); got != want {
		t.Fatalf("%d commands for %d panes", got, want)
	}
	for i, p := range r.m.panes {
		for how, reach := range map[string]func(){
			"command": func() { r.carry(r.m.do(paneCommands()[i])) },
			"number":  func() { r.keys(strconv.Itoa(i + 1)) },
			"tab":     func() { r.m.visible = (i + len(r.m.panes) - 1) % len(r.m.panes); r.keys("tab") },
		} {
			r.m.visible = (i + 2) % len(r.m.panes)
			reach()
			if !r.m.shows(p.name()) {
				t.Errorf("%s by %s: %s is shown", p.name(), how, r.m.current().name())
			}
		}
	}
}
