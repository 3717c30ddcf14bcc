package gateway

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/streamlit"
)

func TestTracker_ACopiedSaveIsAReloadBySync(t *testing.T) {
	s := newScene(t)
	s.tr.matchFor = matchWithinSynced
	tb := s.open()
	s.at(1000).begin(tb)
	s.at(1010).finish(tb, streamlit.Succeeded)
	s.at(2000).save(1020, "shared/lib.py") // reported a second after the run
	s.at(9000).expect("0 opened 1", "2000 changed shared/lib.py sync", "2000 reloaded shared/lib.py 30ms 1 sync")
}

func TestTracker_ACopyThatRestartsIsARestart(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	s.at(1000).save(20, "settings/app.conf")
	s.tr.announce(dev.Announcement{How: dev.AnnounceRestart, Trigger: "settings/app.conf"}, s.now())
	s.tr.reachable(false, s.now())
	s.at(2000).tr.reachable(true, s.now())
	s.tr.closed(tb, s.now())
	back := &tab{}
	if s.tr.opened(back, tb.session, 2, s.now()) == nil {
		t.Error("the tab's page is not replayed")
	}
	s.at(2100).begin(back)
	s.at(2200).finish(back, streamlit.Succeeded)
	s.at(9000).expect("0 opened 1", "1000 changed settings/app.conf sync+restart", "2000 closed 0", "2000 opened 1", "2200 reloaded settings/app.conf 1220ms 1 restart")
}

func TestControl_ReportedSavesCountAsNoticed(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	app.start()
	r := newRig(t, app)
	first := time.Now()
	st := r.call(Request{Do: DoSaved, Saved: Saved{Changes: []dev.Change{{Path: "requirements.txt", Saved: first}}, First: first, Watches: 7}})
	if got := await(r, anyOf[dev.FileChanged]); got.Action != dev.Rebuild || got.Paths[0] != "requirements.txt" {
		t.Errorf("%+v", got)
	}
	if own := r.call(Request{Do: DoSaved}); st.How != dev.ReloadMount || st.Watches != own.Watches+7 {
		t.Errorf("%s, %d watches, and %d of its own", st.How, st.Watches, own.Watches)
	}
}

func TestControl_AProbeReportsANoticedWrite(t *testing.T) {
	devtest.Leaks(t)
	r := newRig(t, newFakeApp(t))
	dir := filepath.Join(r.root, dev.StateDir)
	if got := r.call(Request{Do: DoProbe, Probe: "look"}).Probe; got != (Probe{Boot: dev.BootID()}) {
		t.Errorf("a file that is not there: %+v", got)
	}
	devtest.Write(t, filepath.Join(dir, "look"), "")
	if got := r.call(Request{Do: DoProbe, Probe: "look"}).Probe; got != (Probe{Visible: true, Boot: dev.BootID()}) {
		t.Errorf("a file that nobody writes: %+v", got)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := byte(0); ; n++ {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(filepath.Join(dir, "look"), []byte{n}, 0o600) // the probe reports whether it worked
			}
		}
	}()
	got := r.call(Request{Do: DoProbe, Probe: "look"}).Probe
	close(stop)
	<-stopped
	if got != (Probe{Visible: true, Noticed: true, Boot: dev.BootID()}) {
		t.Errorf("a file that is written meanwhile: %+v", got)
	}
	if got := r.call(Request{Do: DoProbe, Probe: "../look"}).Probe; got != (Probe{}) {
		t.Errorf("a name that leads out: %+v", got)
	}
}
