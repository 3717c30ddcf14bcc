package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/streamlit"
	"sdev/dev/watch"
)

// scene calls a tracker at chosen milliseconds and records the events that it emits, one line each.
type scene struct {
	t      *testing.T
	tr     *tracker
	ms     int
	events []string
	reruns []dev.AppRerun
	runs   int
}

var sceneStart = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// newScene returns a scene with an app that answers and no tab.
func newScene(t *testing.T) *scene {
	t.Helper()
	rules, err := watch.Compile([]dev.Rule{
		{Path: "requirements.txt", Action: dev.Rebuild, Origin: "deps"},
		{Path: ".streamlit", Action: dev.Restart, Origin: "config"},
		{Path: "data", Action: dev.Ignored, Origin: "data"},
		{Path: "shared", Action: dev.Sync, Origin: "shared"},
		{Path: "settings", Action: dev.SyncRestart, Origin: "settings"},
		{Path: ".", Action: dev.Live, Origin: "source"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t}
	mounts := []dev.Mount{{Container: "/app", Project: "."}}
	s.tr = newTracker(rules.Match, mounts, func(now time.Time, e dev.Event) {
		if now != s.time(s.ms) {
			t.Errorf("event %T is stamped %v at %v", e, now, s.time(s.ms))
		}
		if run, ok := e.(dev.AppRerun); ok {
			s.reruns = append(s.reruns, run)
			return
		}
		s.events = append(s.events, fmt.Sprintf("%d %s", s.ms, line(e)))
	})
	s.tr.reachable(true, s.time(0))
	return s
}

func line(e dev.Event) string {
	switch e := e.(type) {
	case dev.FileChanged:
		return fmt.Sprintf("changed %s %s", strings.Join(e.Paths, ","), e.Action)
	case dev.AppReloaded:
		return fmt.Sprintf("reloaded %s %dms %d %s", e.Trigger, e.MS, e.Sessions, e.How)
	case dev.AppException:
		return fmt.Sprintf("exception %s %s:%d page=%q", e.Exception, e.File, e.Line, e.Page)
	case dev.SessionOpened:
		return fmt.Sprintf("opened %d", e.Sessions)
	case dev.SessionClosed:
		return fmt.Sprintf("closed %d", e.Sessions)
	case dev.Warning:
		return "warning " + string(e.Code)
	}
	return fmt.Sprintf("%T", e)
}

func (s *scene) time(ms int) time.Time { return sceneStart.Add(time.Duration(ms) * time.Millisecond) }

// at moves the clock, waking the tracker at every deadline on the way.
func (s *scene) at(ms int) *scene {
	s.t.Helper()
	for range 1000 {
		next, ok := s.tr.deadline()
		if !ok || next.After(s.time(ms)) {
			s.ms = ms
			return s
		}
		s.ms = max(s.ms, int(next.Sub(sceneStart).Milliseconds()))
		s.tr.wake(s.time(s.ms))
	}
	s.t.Fatal("the tracker's deadline never passes")
	return s
}

func (s *scene) now() time.Time { return s.time(s.ms) }

// open opens a tab that has loaded its page.
func (s *scene) open() *tab {
	tb := &tab{}
	if r := s.tr.opened(tb, "", 1, s.now()); r != nil {
		s.t.Errorf("a page that was just loaded gets the replay %x", r)
	}
	s.click(tb)
	s.begin(tb)
	s.finish(tb, streamlit.Succeeded)
	return tb
}

func (s *scene) click(tb *tab) {
	s.tr.rerunRequested(tb, streamlit.Rerun{Replay: []byte("replay")}, s.now())
}

func (s *scene) begin(tb *tab) {
	s.runs++
	session := tb.session
	if session == "" || tb.returning {
		session = fmt.Sprintf("session-%d", s.runs)
	}
	s.tr.appMessage(tb, streamlit.Forward{Kind: streamlit.NewSession, SessionID: session, MainHash: "main", PageHash: "main"}, s.now())
}

func (s *scene) finish(tb *tab, o streamlit.Outcome) {
	s.tr.appMessage(tb, streamlit.Forward{Kind: streamlit.Finished, Outcome: o}, s.now())
}

func boom(line int) streamlit.Exception {
	return streamlit.Exception{Type: "Boom", Stack: []string{fmt.Sprintf(`File "/app/Home.py", line %d, in f`, line)}}
}

func (s *scene) raise(tb *tab, e streamlit.Exception) {
	s.tr.appMessage(tb, streamlit.Forward{Kind: streamlit.ShownException, Hash: "hash-" + e.Type, Exception: e}, s.now())
	s.finish(tb, streamlit.Succeeded)
}

// save reports a batch that is noticed now and was written ago milliseconds before.
func (s *scene) save(ago int, paths ...string) {
	var changes []dev.Change
	for _, p := range paths {
		changes = append(changes, dev.Change{Path: p, Saved: s.time(s.ms - ago)})
	}
	s.tr.saved(changes, s.now(), s.now())
}

func (s *scene) expect(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.events, want) {
		s.t.Errorf("events\n\t%s\nwant\n\t%s", strings.Join(s.events, "\n\t"), strings.Join(want, "\n\t"))
	}
	s.events = nil
}

func TestTracker_ASaveThatATabShowsIsAReload(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).save(20, "Home.py")
	s.at(1040).begin(tb)
	s.at(1070).finish(tb, streamlit.Succeeded)
	s.at(9000).expect("0 opened 1", "1000 changed Home.py live", "1070 reloaded Home.py 90ms 1 mount")
}

func TestTracker_ARunSeenBeforeItsSaveIsStillItsReload(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).begin(tb)
	s.at(1010).finish(tb, streamlit.Succeeded)
	s.at(1020).save(30, "Home.py")
	s.at(9000).expect("0 opened 1", "1020 changed Home.py live", "1020 reloaded Home.py 20ms 1 mount")
}

func TestTracker_TheLaterOfTwoSavesIsTheRunsOwn(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).save(10, "other.py") // no page uses it
	s.at(1300).begin(tb)            // this run shows the next save, which is not known yet
	s.at(1310).save(20, "Home.py")
	s.at(1330).finish(tb, streamlit.Succeeded)
	s.at(9000).expect("0 opened 1", "1000 changed other.py live", "1310 changed Home.py live", "1330 reloaded Home.py 40ms 1 mount")
}

func TestTracker_ThreeTabsAreOneReload(t *testing.T) {
	s := newScene(t)
	a, b, c := s.open(), s.open(), s.open()
	s.at(1000).save(0, "Home.py")
	for i, tb := range []*tab{a, b, c} {
		s.at(1050 + 10*i).begin(tb)
	}
	s.at(1080).finish(a, streamlit.Succeeded)
	s.at(1090).finish(b, streamlit.Succeeded)
	s.at(1100).finish(c, streamlit.Succeeded)
	s.events = s.events[3:]
	s.at(9000).expect("1000 changed Home.py live", "1100 reloaded Home.py 100ms 3 mount")
}

func TestTracker_ATabOnAnotherPageIsNotWaitedForLong(t *testing.T) {
	s := newScene(t)
	a, _ := s.open(), s.open()
	s.at(1000).save(0, "Home.py")
	s.at(1050).begin(a)
	s.at(1060).finish(a, streamlit.Succeeded)
	s.events = s.events[2:]
	s.at(9000).expect("1000 changed Home.py live", "1210 reloaded Home.py 60ms 1 mount")
}

func TestTracker_ATabThatNeverEndsHoldsNoOtherBack(t *testing.T) {
	s := newScene(t)
	a, b := s.open(), s.open()
	s.at(1000).save(0, "Home.py")
	s.at(1050).begin(a)
	s.begin(b)
	s.at(1060).finish(a, streamlit.Succeeded)
	s.events = s.events[2:]
	s.at(60_000).expect("1000 changed Home.py live", "3060 reloaded Home.py 60ms 1 mount")
}

func TestTracker_AnExceptionIsNoReload(t *testing.T) {
	s := newScene(t)
	a, b := s.open(), s.open()
	s.events = nil
	s.at(1000).save(0, "Home.py")
	s.begin(a)
	s.begin(b)
	s.at(1050).raise(a, boom(7))
	s.at(1060).raise(b, boom(7))
	s.at(9000).expect("1000 changed Home.py live", `1050 exception Boom Home.py:7 page=""`)
	if got := s.tr.status().Exception.Line; got != 7 {
		t.Errorf("status says line %d", got)
	}

	// A second save with the same exception is reported too; a save that fixes it is a reload.
	s.save(0, "Home.py")
	s.begin(a)
	s.raise(a, boom(7))
	s.at(10_000).save(0, "Home.py")
	s.begin(a)
	s.begin(b)
	s.finish(a, streamlit.Succeeded)
	s.finish(b, streamlit.Succeeded)
	s.at(20_000).expect("9000 changed Home.py live", `9000 exception Boom Home.py:7 page=""`,
		"10000 changed Home.py live", "10000 reloaded Home.py 0ms 2 mount")
	if got := s.tr.status(); got.Exception != (dev.AppException{}) || got.Reloads != 1 {
		t.Errorf("status %+v", got)
	}
}

func TestTracker_AnExceptionWaitsForItsSave(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	s.at(1000).begin(tb)
	s.at(1010).raise(tb, boom(3))
	s.at(1020).save(30, "Home.py")
	s.at(9000).expect("1020 changed Home.py live", `1020 exception Boom Home.py:3 page=""`)

	// An exception of a run without a save is reported too.
	s.at(10_000).begin(tb)
	s.raise(tb, boom(4))
	s.at(20_000).expect(`10500 exception Boom Home.py:4 page=""`)
}

func TestTracker_ASyntaxErrorIsAnException(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	s.at(1000).save(0, "Home.py")
	s.begin(tb)
	s.finish(tb, streamlit.NotCompiled)
	s.at(1010).tr.appMessage(tb, streamlit.Forward{Kind: streamlit.CompileException, Exception: streamlit.Exception{
		Type: "SyntaxError", Message: "File \"/app/Home.py\", line 4\n  x x\nSyntaxError: invalid syntax",
	}}, s.now())
	s.at(9000).expect("1000 changed Home.py live", `1010 exception SyntaxError Home.py:4 page=""`)
}

func TestTracker_WhatAPersonDoesIsNoReload(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).click(tb)
	s.begin(tb)
	s.finish(tb, streamlit.Succeeded)
	s.at(2000).click(tb)
	s.begin(tb)
	s.raise(tb, boom(5))
	// A second click on the same button.
	s.at(3000).click(tb)
	s.begin(tb)
	s.raise(tb, boom(5))
	s.at(9000).expect("0 opened 1", `2000 exception Boom Home.py:5 page=""`, `3000 exception Boom Home.py:5 page=""`)
}

func TestTracker_ATimerThatRaisesIsReportedOnce(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	for i := range 5 {
		s.at(1000*(i+1)).tr.rerunRequested(tb, streamlit.Rerun{Auto: true}, s.now())
		s.begin(tb)
		s.raise(tb, boom(5))
	}
	s.at(9000).expect(`1000 exception Boom Home.py:5 page=""`)
}

func TestTracker_ARunThatIsReplacedCountsOnce(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	s.at(1000).save(0, "Home.py")
	s.at(1050).begin(tb)
	s.at(1060).finish(tb, streamlit.EarlyForRerun) // st.rerun()
	s.at(1061).begin(tb)
	s.at(1080).finish(tb, streamlit.Succeeded)
	// The same after a click.
	s.at(2000).click(tb)
	s.begin(tb)
	s.finish(tb, streamlit.EarlyForRerun)
	s.begin(tb)
	s.finish(tb, streamlit.Succeeded)
	s.at(9000).expect("1000 changed Home.py live", "1080 reloaded Home.py 80ms 1 mount")
}

func TestTracker_AReferenceStandsForTheExceptionItNames(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	s.at(1000).save(0, "Home.py")
	s.begin(tb)
	s.raise(tb, boom(5))
	s.at(5000).save(0, "Home.py")
	s.begin(tb)
	s.tr.appMessage(tb, streamlit.Forward{Kind: streamlit.Reference, Ref: "hash-Boom"}, s.now())
	s.finish(tb, streamlit.Succeeded)
	s.at(9000).expect("1000 changed Home.py live", `1000 exception Boom Home.py:5 page=""`,
		"5000 changed Home.py live", `5000 exception Boom Home.py:5 page=""`)
}

func TestTracker_WhatIsOnlyShownIsNoException(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	s.click(tb)
	s.begin(tb)
	warning := boom(1)
	warning.Warning = true
	s.raise(tb, warning)
	s.click(tb)
	s.begin(tb)
	s.raise(tb, streamlit.Exception{Type: "ValueError", Message: "st.exception of one that was never raised"})
	s.at(9000).expect()
}

func TestTracker_WarnsOnceWhileNoTabIsOpen(t *testing.T) {
	s := newScene(t)
	s.at(10_000).save(0, "Home.py")
	s.at(11_000).save(0, "Home.py")
	tb := s.open()
	s.tr.closed(tb, s.now())
	s.at(11_500).save(0, "Home.py") // a page reload leaves a gap without tabs
	s.at(20_000).save(0, "notes.md")
	s.at(21_000).save(0, "Home.py")
	s.at(30_000).expect("10000 changed Home.py live", "10000 warning reload.no-tab", "11000 changed Home.py live",
		"11000 opened 1", "11000 closed 0", "11500 changed Home.py live", "20000 changed notes.md live",
		"21000 changed Home.py live", "21000 warning reload.no-tab")
}

func TestTracker_WarnsOfASaveThatNoTabUses(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	s.at(1000).save(0, "other.py")
	s.at(5000).save(0, "table.csv") // not a script: no run shows whether it is used
	s.at(9000).expect("1000 changed other.py live", "3000 warning reload.unseen", "5000 changed table.csv live")

	// While a script runs, there is no warning.
	s.click(tb)
	s.begin(tb)
	s.save(0, "Home.py")
	s.at(19_000).finish(tb, streamlit.Succeeded)
	s.begin(tb)
	s.finish(tb, streamlit.Succeeded)
	s.at(29_000).expect("9000 changed Home.py live", "19000 reloaded Home.py 10000ms 1 mount")
}

func TestTracker_GroupsABatchByRule(t *testing.T) {
	s := newScene(t)
	s.at(1).save(0, "Home.py", "data/x.csv", "requirements.txt", "util/cloud.py")
	s.expect("1 changed Home.py,util/cloud.py live", "1 warning reload.no-tab", "1 changed requirements.txt rebuild")
}

func TestTracker_ARebuildIsAReloadOfTheTabsThatComeBack(t *testing.T) {
	s := newScene(t)
	a, b := s.open(), s.open()
	s.events = nil
	s.at(1000).save(30, "requirements.txt")
	s.tr.announce(dev.Announcement{How: dev.AnnounceRebuild, Trigger: "requirements.txt"}, s.now())
	s.at(5000).tr.reachable(false, s.now())
	s.tr.closed(a, s.now())
	s.tr.closed(b, s.now())
	s.save(0, "Home.py") // the new app contains it anyway
	s.at(6000).tr.reachable(true, s.now())
	for _, was := range []*tab{a, b} {
		tb := &tab{}
		if got := s.tr.opened(tb, was.session, 2, s.now()); string(got) != "replay" {
			t.Errorf("a returning tab gets the replay %q", got)
		}
		s.begin(tb)
		s.finish(tb, streamlit.Succeeded)
		s.at(s.ms + 100)
	}
	s.at(9000).expect("1000 changed requirements.txt rebuild", "5000 closed 1", "5000 closed 0", "5000 changed Home.py live",
		"6000 opened 1", "6100 opened 2", "6100 reloaded requirements.txt 5130ms 2 rebuild")
}

func TestTracker_ARestartWithoutAnnouncementIsAReloadToo(t *testing.T) {
	s := newScene(t)
	a := s.open()
	s.tr.closed(a, s.now())
	s.events = nil
	tb := &tab{}
	if s.tr.opened(tb, a.session, 2, s.now()) == nil {
		t.Error("the tab's page is not replayed")
	}
	s.at(30).click(tb) // the tab requests it itself, because a run was active when the app stopped
	s.begin(tb)
	s.at(50).finish(tb, streamlit.Succeeded)
	s.at(9000).expect("0 opened 1", "650 reloaded  20ms 1 restart")
}

func TestTracker_ReplaysOnlyForATabOfAnEarlierGeneration(t *testing.T) {
	s := newScene(t)
	a := s.open()
	s.tr.closed(a, s.now())
	if got := s.tr.opened(&tab{}, a.session, 1, s.now()); got != nil {
		t.Errorf("after a blip: %q", got)
	}
	if got := s.tr.opened(&tab{}, "", 2, s.now()); got != nil {
		t.Errorf("a page that was just loaded: %q", got)
	}
	if got := s.tr.opened(&tab{}, "of another gateway", 1, s.now()); string(got) != string(streamlit.RerunMain()) {
		t.Errorf("a tab this gateway never saw: %q", got)
	}
	if got := s.tr.opened(&tab{}, a.session, 2, s.now()); string(got) != "replay" {
		t.Errorf("a tab of the life before: %q", got)
	}
}

func TestTracker_AWithdrawnAnnouncementLeavesNoTrace(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.events = nil
	s.tr.announce(dev.Announcement{How: dev.AnnounceRebuild, Trigger: "requirements.txt"}, s.now())
	s.tr.announce(dev.Announcement{How: dev.AnnounceNothing}, s.now())
	s.at(1000).save(0, "Home.py")
	s.begin(tb)
	s.finish(tb, streamlit.Succeeded)
	s.at(60_000).expect("1000 changed Home.py live", "1000 reloaded Home.py 0ms 1 mount")
	if got := s.tr.status().Announced; got != (dev.Announcement{}) {
		t.Errorf("still expects %+v", got)
	}
}

func TestTracker_MemoryIsBounded(t *testing.T) {
	s := newScene(t)
	for i := range maxSessions + 50 {
		tb := &tab{}
		s.at(i).tr.opened(tb, "", 1, s.now())
		s.tr.rerunRequested(tb, streamlit.Rerun{Replay: make([]byte, maxReplay+1)}, s.now())
		s.begin(tb)
		s.tr.closed(tb, s.now())
	}
	if n := len(s.tr.sessions); n != maxSessions {
		t.Errorf("%d sessions are remembered", n)
	}
	if _, ok := s.tr.sessions["session-1"]; ok {
		t.Error("the oldest is still remembered")
	}
	for id, m := range s.tr.sessions {
		if len(m.replay) > maxReplay {
			t.Fatalf("%s: %d bytes", id, len(m.replay))
		}
	}
}
