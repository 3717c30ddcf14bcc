package live_test

import (
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/live"
)

var saved = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func changed(action dev.Action, paths ...string) dev.FileChanged {
	return dev.FileChanged{Paths: paths, Action: action, Rule: "a rule"}
}

func TestJudge_TheFirstEventThatSettlesASave(t *testing.T) {
	home := dev.AppReloaded{Trigger: "Home.py", MS: 70, Sessions: 1}
	other := dev.AppReloaded{Trigger: "other.py", MS: 50, Sessions: 1}
	raised := dev.AppException{Exception: "ValueError", Message: "no", File: "Home.py", Line: 3}
	unseen := dev.Warning{Code: dev.CodeReloadUnseen, Message: "no open tab reran"}
	failed := dev.Failed{Code: dev.CodeBuildFailed, Message: "the build failed"}
	for name, c := range map[string]struct {
		path   string
		events []dev.Event // the first is a tab that opened, unless it says another number
		want   live.Verdict
		open   bool // the outcome is still open
	}{
		"live":                         {"Home.py", []dev.Event{changed(dev.Live, "Home.py"), home}, live.Verdict{Outcome: live.Live, Reload: home}, false},
		"live with others":             {"other.py", []dev.Event{changed(dev.Live, "Home.py", "other.py"), home}, live.Verdict{Outcome: live.Live, Reload: home}, false},
		"live with a later save":       {"Home.py", []dev.Event{changed(dev.Live, "Home.py"), changed(dev.Live, "other.py"), other}, live.Verdict{Outcome: live.Live, Reload: other}, false},
		"an earlier save is live":      {"Home.py", []dev.Event{changed(dev.Live, "other.py"), changed(dev.Live, "Home.py"), other}, live.Verdict{}, true},
		"not noticed":                  {"Home.py", []dev.Event{home, raised, unseen}, live.Verdict{}, true},
		"raised":                       {"Home.py", []dev.Event{changed(dev.Live, "Home.py"), raised, home}, live.Verdict{Outcome: live.Raised, Exception: raised}, false},
		"unseen":                       {"Home.py", []dev.Event{changed(dev.Live, "Home.py"), unseen}, live.Verdict{Outcome: live.Unseen, Problem: unseen}, false},
		"no tab":                       {"Home.py", []dev.Event{dev.SessionClosed{}, changed(dev.Live, "Home.py")}, live.Verdict{Outcome: live.NoTab}, false},
		"data":                         {"data.csv", []dev.Event{changed(dev.Live, "data.csv")}, live.Verdict{Outcome: live.Live}, false},
		"ignored":                      {"notes.py", []dev.Event{changed(dev.Ignored, "notes.py")}, live.Verdict{Outcome: live.Ignored, Rule: "a rule"}, false},
		"a rebuild":                    {"requirements.txt", []dev.Event{changed(dev.Rebuild, "requirements.txt")}, live.Verdict{}, true},
		"a rebuild that tabs show":     {"requirements.txt", []dev.Event{changed(dev.Rebuild, "requirements.txt"), dev.AppReloaded{Trigger: "requirements.txt"}}, live.Verdict{Outcome: live.Live, Reload: dev.AppReloaded{Trigger: "requirements.txt"}}, false},
		"a rebuild without a tab":      {"requirements.txt", []dev.Event{dev.SessionClosed{}, changed(dev.Rebuild, "requirements.txt"), dev.Ready{}}, live.Verdict{Outcome: live.Live}, false},
		"a failed rebuild":             {"requirements.txt", []dev.Event{changed(dev.Rebuild, "requirements.txt"), failed}, live.Verdict{Outcome: live.Failed, Problem: dev.Warning{Code: failed.Code, Message: failed.Message}}, false},
		"nobody there for the rebuild": {"requirements.txt", []dev.Event{changed(dev.Rebuild, "requirements.txt"), dev.Warning{Code: dev.CodeRebuildPending}}, live.Verdict{Outcome: live.Failed, Problem: dev.Warning{Code: dev.CodeRebuildPending}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := live.NewJudge(c.path, saved)
			// Before the save: a tab opens, and an older save is live.
			for _, e := range []dev.Event{dev.SessionOpened{Sessions: 1}, changed(dev.Live, c.path), dev.AppReloaded{Trigger: c.path}, raised} {
				if v, ok := j.Add(saved.Add(-time.Second), e); ok {
					t.Fatalf("an older save counts: %+v", v)
				}
			}
			var got live.Verdict
			settled := false
			for i, e := range c.events {
				if got, settled = j.Add(saved.Add(time.Duration(i)*time.Millisecond), e); settled {
					break
				}
			}
			if settled == c.open || settled && got != c.want {
				t.Errorf("%+v, %t; want %+v, %t", got, settled, c.want, !c.open)
			}
		})
	}
}

func TestJudge_ClocksMayDifferALittle(t *testing.T) {
	j := live.NewJudge("Home.py", saved)
	j.Add(saved.Add(-20*time.Millisecond), changed(dev.Live, "Home.py"))
	if !j.Noticed() {
		t.Error("the save was not noticed")
	}
}
