package tui

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"sdev/dev"
)

func TestLogs_FollowUntilAPersonLooksBack(t *testing.T) {
	r := newRig(t, 100, 20)
	r.logs(100)
	r.keys("2")
	r.sees("request 98", "● follows")
	r.keys("up")
	r.sees("‖ paused", "1 below")
	r.happen(dev.LogLine{Service: "db", Text: "the newest of all"})
	r.seesNot("the newest of all")
	r.keys("G")
	r.sees("the newest of all", "● follows")
	r.keys("g")
	r.sees("request 0 took", "100 below")
	r.keys("space")
	r.sees("● follows")
}

func TestLogs_StayWhereOneIsThoughOlderLinesGo(t *testing.T) {
	r := newRig(t, 100, 10)
	r.keys("2")
	r.logs(keptLines)
	r.keys("up", "up", "up")
	r.text("m") // so that the line can be told
	before := lineWith(t, r, "◆")
	r.logs(500)
	if after := lineWith(t, r, "◆"); after != before {
		t.Errorf("the marked line was %q, is %q", before, after)
	}
	r.sees("500 older dropped", "503 below")
}

func lineWith(t *testing.T, r *rig, text string) string {
	t.Helper()
	for line := range strings.SplitSeq(r.screen(), "\n") {
		if strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("no line with %q:\n%s", text, r.screen())
	return ""
}

func TestLogs_SearchGoesRoundAndCounts(t *testing.T) {
	r := newRig(t, 100, 20)
	r.logs(90)
	r.keys("2", "/")
	r.text("Warehouse") // a capital: nothing is written so
	r.keys("enter")
	r.sees(`no line with "Warehouse"`, "● follows")
	r.keys("/", "ctrl+u")
	r.text("warehouse")
	r.keys("enter")
	r.sees("match 5 of 5", "attempt 5 of 5")
	r.keys("n")
	r.sees("match 1 of 5", "attempt 1 of 5")
	r.keys("N")
	r.sees("match 5 of 5")
	r.keys("/", "ctrl+u")
	r.text("/attempt [12] /")
	r.keys("enter")
	r.sees("match 2 of 2")
	r.keys("/", "ctrl+u")
	r.text("/attempt [/")
	r.keys("enter")
	r.sees("not a regular expression")
	r.keys("esc")
	r.seesNot("search /attempt", "match 2")
}

func TestLogs_FilterByTextLevelAndService(t *testing.T) {
	for filter, want := range map[string]int{
		"":                          90,
		"request":                   73,
		"service:db":                8,
		"-service:db":               82,
		"level:error":               5,
		"level:warning":             9,
		"level:error -/attempt 1/":  4,
		"/wrote [0-9]{2}/":          7,
		"/WROTE/":                   0,
		"/wrote 3|wrote 14/":        3,
		"warehouse /attempt [2-3]/": 2,
		"nowhere":                   0,
	} {
		r := newRig(t, 100, 20)
		r.logs(90)
		if err := r.log().setFilter(filter); err != nil {
			t.Errorf("%q: %v", filter, err)
		}
		if got := len(r.log().store.shown); got != want {
			t.Errorf("%q shows %d lines, want %d", filter, got, want)
		}
	}
	r := newRig(t, 100, 20)
	for _, filter := range []string{"level:loud", "/(/", "-/[/"} {
		if err := r.log().setFilter(filter); err == nil {
			t.Errorf("%q was taken", filter)
		}
	}
}

func TestLogs_AFilterHoldsForLinesThatCome(t *testing.T) {
	r := newRig(t, 100, 20)
	r.keys("2", "f")
	r.text("level:error")
	r.keys("enter")
	r.logs(90)
	r.sees("5 lines of 90", "attempt 5 of 5")
	r.seesNot("request")
	r.keys("esc")
	r.sees("90 lines ", "request 89")
}

func TestLogs_OneServiceAfterTheOther(t *testing.T) {
	r := newRig(t, 100, 20)
	r.logs(90)
	r.keys("2", "v")
	r.sees("8 lines of 90")
	r.keys("v")
	r.sees("82 lines of 90")
	r.keys("v")
	r.sees("all services")
}

func TestLogs_JumpToErrorsAndMarks(t *testing.T) {
	r := newRig(t, 100, 12)
	r.logs(90)
	r.keys("2", "e")
	r.sees("attempt 1 of 5", "84 below")
	r.keys("m", "e", "e")
	r.sees("attempt 3 of 5")
	r.keys("E")
	r.sees("attempt 2 of 5")
	r.keys("'")
	r.sees("◆", "attempt 1 of 5")
}

func TestLogs_CopyALineOrFromTheMark(t *testing.T) {
	r := newRig(t, 100, 20)
	r.logs(90)
	r.keys("2", "G", "up")
	if text, n := r.log().copied(false); n != 1 || text != "INFO  request 88 took 11 ms" {
		t.Errorf("copied %d lines: %q", n, text)
	}
	r.keys("m", "up", "up")
	text, n := r.log().copied(true)
	if want := "INFO  request 86 took 9 ms\nINFO  request 87 took 10 ms\nINFO  request 88 took 11 ms"; n != 3 || text != want {
		t.Errorf("copied %d lines: %q", n, text)
	}
	r.keys("Y")
	r.sees("copied 3 lines")
}

func TestLogs_AreSavedAsTheyAreShown(t *testing.T) {
	r := newRig(t, 100, 20)
	r.logs(20)
	r.keys("2", "f")
	r.text("service:db")
	r.keys("enter", "ctrl+s")
	r.sees("save to", "sdev-20260314-092653.log")
	r.keys("enter")
	if a := r.host.last(); a.Do != SaveLog || a.File != "sdev-20260314-092653.log" || a.Text != "2026-03-14T09:26:57Z db | checkpoint complete: wrote 3 buffers\n2026-03-14T09:27:08Z db | checkpoint complete: wrote 14 buffers\n" {
		t.Errorf("%+v", a)
	}
	r.sees("done: save")
}

// What an app prints never reaches the terminal as it is, and never breaks the layout.
func TestLogs_TakeWhateverAnAppPrints(t *testing.T) {
	nasty := []string{
		"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H", "\x1b]52;c;c3RlYWw=\x07clipboard", "bell \a back \b\b", "invalid \xff\xfe utf8 \xc3",
		"wide 漢字かな交じり文 " + strings.Repeat("漢", 200), "combining e\u0301 a\u0308 " + strings.Repeat("o\u0302\u0323", 100), "emoji 👩‍👩‍👧‍👦 🇩🇪 👍🏽", "right\u202eto left\u202c",
		strings.Repeat("x", 1<<20), strings.Repeat("漢", 1<<18), "tab\tand\tmore", "carriage\rreturn", "", "\x00\x01\x02\x9b31m",
	}
	for _, wrapped := range []bool{false, true} {
		r := newRig(t, 60, 20)
		r.keys("2")
		if wrapped {
			r.keys("w")
		}
		for _, text := range nasty {
			r.happen(dev.LogLine{Service: "app\x1b[2J", Stream: "stdout", Text: text})
			s := r.screen()
			if i := strings.IndexFunc(s, func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f || c >= 0x80 && c < 0xa0 }); i >= 0 {
				t.Errorf("a control character after %.40q: %q", text, s[i:min(len(s), i+20)])
			}
			if !utf8.ValidString(s) {
				t.Errorf("invalid UTF-8 after %.40q", text)
			}
			// The looks are all that may be left of sequences, and those are ours.
			if strings.Contains(r.m.View().Content, "\x1b]") || strings.Contains(r.m.View().Content, "\x1b[2J") {
				t.Errorf("a sequence of the app's after %.40q", text)
			}
		}
		r.keys("g", "down", "down", "pgdown", "G", "pgup")
		r.screen()
	}
}

func TestLogs_MemoryIsBoundedByLinesAndBytes(t *testing.T) {
	var s logStore
	for i := range 3 * keptLines {
		s.add([]entry{{service: "app", text: fmt.Sprint(i)}})
	}
	if len(s.lines) != keptLines || s.dropped != 2*keptLines || len(s.shown) != keptLines || s.at(0).text != fmt.Sprint(2*keptLines) {
		t.Errorf("%d lines, %d dropped, %d shown, oldest %q", len(s.lines), s.dropped, len(s.shown), s.at(0).text)
	}
	long := strings.Repeat("x", 1<<20)
	for range 40 {
		s.add([]entry{{service: "app", text: long}})
	}
	if s.bytes > keptBytes || len(s.lines) > 16 {
		t.Errorf("%d bytes in %d lines", s.bytes, len(s.lines))
	}
}

func TestLogs_LinesOfSeveralServicesAreInTheirOrder(t *testing.T) {
	r := newRig(t, 100, 20)
	at := func(s int) dev.Stamped {
		return dev.Stamped{Time: clock.Add(secs(s)), Event: dev.LogLine{Service: "app", Text: fmt.Sprintf("at %d", s)}}
	}
	r.send(eventsMsg{at(3), at(1), at(2)})
	r.keys("2")
	s := r.screen()
	if one, two, three := strings.Index(s, "at 1"), strings.Index(s, "at 2"), strings.Index(s, "at 3"); one > two || two > three {
		t.Error(s)
	}
}
