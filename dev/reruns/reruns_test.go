package reruns_test

import (
	"fmt"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/reruns"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func runs(l *reruns.Log, page string, trigger dev.RerunTrigger, ms ...int64) {
	for i, m := range ms {
		l.Add(noon.Add(time.Duration(i)*time.Second), dev.AppRerun{Page: page, Trigger: trigger, MS: m})
	}
}

func save(l *reruns.Log, file string) {
	l.Add(noon, dev.FileChanged{Paths: []string{file}, Action: dev.Live})
}

func TestLog_PagesBySlowness(t *testing.T) {
	var l reruns.Log
	for ms := range int64(100) {
		runs(&l, "Home", dev.RerunWidget, ms+1)
	}
	runs(&l, "Sales", dev.RerunWidget, 400, 200, 300)
	runs(&l, "Sales", dev.RerunFragment, 1)
	l.Add(noon, dev.AppRerun{Page: "Sales", MS: 1, Interrupted: true})
	var got []string
	for _, p := range l.Pages() {
		got = append(got, fmt.Sprintf("%s %d %v %v %d %v", p.Name, p.Runs, p.P50, p.P95, p.Last.MS, p.Slower))
	}
	if want := "[Sales 3 300ms 400ms 300 { 0} Home 100 50ms 95ms 100 { 0}]"; fmt.Sprint(got) != want {
		t.Errorf("%v\nwant %s", got, want)
	}
	if last := l.Last(2); len(last) != 2 || !last[0].Interrupted || last[1].Trigger != dev.RerunFragment {
		t.Errorf("last runs %+v", last)
	}
}

func TestLog_ASaveThatMakesAPageSlower(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []int64
		ignored       bool
		want          reruns.Slower
	}{
		"twice as slow":            {[]int64{90, 100, 110}, []int64{200}, false, reruns.Slower{File: "Home.py", Factor: 2}},
		"not much slower":          {[]int64{90, 100, 110}, []int64{140}, false, reruns.Slower{}},
		"one slow run of many":     {[]int64{90, 100, 110}, []int64{300, 100, 100}, false, reruns.Slower{}},
		"too few runs before":      {[]int64{90, 100}, []int64{300}, false, reruns.Slower{}},
		"very short runs":          {[]int64{2, 2, 2}, []int64{5}, false, reruns.Slower{}},
		"no run since":             {[]int64{90, 100, 110}, nil, false, reruns.Slower{}},
		"a save that is no source": {[]int64{90, 100, 110}, []int64{900}, true, reruns.Slower{}},
	} {
		t.Run(name, func(t *testing.T) {
			var l reruns.Log
			runs(&l, "Home", dev.RerunWidget, c.before...)
			if c.ignored {
				l.Add(noon, dev.FileChanged{Paths: []string{"notes.txt"}, Action: dev.Ignored})
			} else {
				save(&l, "Home.py")
			}
			runs(&l, "Home", dev.RerunSave, c.after...)
			if got := l.Pages()[0].Slower; got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestLog_KeepsLittle(t *testing.T) {
	var l reruns.Log
	for i := range 3 * reruns.MaxRuns {
		runs(&l, fmt.Sprint(i%(2*reruns.MaxPages)), dev.RerunWidget, 1)
		runs(&l, "0", dev.RerunWidget, 1)
	}
	if pages, last := l.Pages(), l.Last(3*reruns.MaxRuns); len(pages) != reruns.MaxPages || len(last) != reruns.MaxRuns || pages[0].Runs > reruns.MaxRuns {
		t.Errorf("%d pages, %d runs, %d of a page", len(pages), len(last), pages[0].Runs)
	}
	save(&l, "a.py")
	runs(&l, "0", dev.RerunWidget, make([]int64, reruns.MaxRuns)...)
	save(&l, "b.py")
	runs(&l, "0", dev.RerunWidget, make([]int64, reruns.MaxRuns)...)
	for _, p := range l.Pages() {
		if p.Runs > 2*reruns.MaxRuns {
			t.Errorf("page %s has %d runs", p.Name, p.Runs)
		}
	}
}
