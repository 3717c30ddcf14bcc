package gateway

import (
	"testing"

	"sdev/dev/streamlit"
)

func (s *scene) show(tb *tab) {
	s.tr.appMessage(tb, streamlit.Forward{Kind: streamlit.Element}, s.now())
}

func TestTracker_ASaveOfAScriptThatNeverEndsIsAReload(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).save(0, "Home.py")
	s.at(1036).begin(tb) // the old script ended, the new one does not
	s.at(1040).show(tb)
	s.at(1100).show(tb)
	s.at(9000).expect("0 opened 1", "1000 changed Home.py live", "3040 reloaded Home.py 40ms 1 mount")
	s.at(10000).save(0, "Home.py")
	s.at(10036).begin(tb) // it replaces a run that has not ended, so this one will hardly end soon
	s.at(10050).show(tb)
	s.at(20000).expect("10000 changed Home.py live", "10350 reloaded Home.py 50ms 1 mount")
}

func TestTracker_ARunThatInterruptsAnotherMayBeKnownBeforeItsSave(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(490).click(tb)
	s.at(500).begin(tb)
	s.at(520).show(tb)
	s.at(715).begin(tb)
	s.at(720).show(tb)
	s.at(730).save(30, "Home.py") // written at 700
	s.at(40000).expect("0 opened 1", "730 changed Home.py live", "1020 reloaded Home.py 20ms 1 mount")
}

func TestTracker_AScriptThatNeverEndsMayNoticeASaveLate(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(500).begin(tb)
	s.at(520).show(tb)
	s.at(700).save(0, "Home.py")
	s.at(4700).begin(tb)
	s.at(4710).show(tb)
	s.at(40000).expect("0 opened 1", "700 changed Home.py live", "5010 reloaded Home.py 4010ms 1 mount")
}

func TestTracker_AScriptThatNeverEndsAndShowsNothingIsAReloadInTheEnd(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).save(0, "Home.py")
	s.at(1036).begin(tb)
	s.at(30000).expect("0 opened 1", "1000 changed Home.py live", "11036 reloaded Home.py 36ms 1 mount")
}

func TestTracker_AnEndlessScriptThatFailsIsNoReload(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(500).begin(tb)
	s.at(1000).save(0, "Home.py")
	s.at(1036).begin(tb)
	s.at(1040).show(tb)
	s.at(1200).raise(tb, boom(3))
	s.at(9000).expect("0 opened 1", "1000 changed Home.py live", `1200 exception Boom Home.py:3 page=""`)
}

func TestTracker_AnExceptionAfterTheReloadIsReportedToo(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).save(0, "Home.py")
	s.at(1036).begin(tb)
	s.at(1040).show(tb)
	s.at(31000).raise(tb, boom(3))
	s.at(60000).expect("0 opened 1", "1000 changed Home.py live", "3040 reloaded Home.py 40ms 1 mount", `31000 exception Boom Home.py:3 page=""`)
}

// TestTracker_AScriptThatRerunsItselfForEverIsAReload is about pages that refresh with time.sleep and st.rerun.
func TestTracker_AScriptThatRerunsItselfForEverIsAReload(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).save(0, "Home.py")
	for i := range 100 {
		s.at(1036 + 1000*i).begin(tb)
		s.at(1040 + 1000*i).show(tb)
		s.at(2030+1000*i).finish(tb, streamlit.EarlyForRerun)
	}
	s.at(120000).expect("0 opened 1", "1000 changed Home.py live", "3040 reloaded Home.py 40ms 1 mount")
	if n := len(s.tr.saves) + len(tb.run.save.runs); n > 0 {
		t.Errorf("%d saves and runs are kept", n)
	}
}

func TestTracker_AnUnusedFileBesideAnEndlessScriptIsReportedAsUnseen(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(5000).begin(tb)
	s.at(6000).save(0, "unused.py")
	s.at(90000).expect("0 opened 1", "6000 changed unused.py live", "36000 warning "+"reload.unseen")
}
