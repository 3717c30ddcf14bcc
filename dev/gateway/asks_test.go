package gateway

import (
	"testing"

	"sdev/dev/streamlit"
)

// asking makes a tab record the requests that the gateway makes in its name.
func asking(tb *tab) *[]string {
	asked := &[]string{}
	tb.request = func(msg []byte) { *asked = append(*asked, string(msg)) }
	return asked
}

func TestTracker_ASaveThatATabMissedInItsFirstMomentsGetsARun(t *testing.T) {
	s := newScene(t)
	tb := s.open()
	asked := asking(tb)
	s.at(300).save(0, "Home.py")
	s.at(1299)
	if len(*asked) > 0 {
		t.Fatal("Streamlit had no time to notice the save")
	}
	s.at(1300)
	if len(*asked) != 1 || (*asked)[0] != "replay" {
		t.Fatalf("asked %q, want the tab's last request once", *asked)
	}
	s.at(1320).begin(tb)
	s.at(1340).finish(tb, streamlit.Succeeded)
	s.at(9000).expect("0 opened 1", "300 changed Home.py live", "1340 reloaded Home.py 1040ms 1 mount")
	if len(*asked) != 1 {
		t.Errorf("asked %d times", len(*asked))
	}
}

func TestTracker_ASaveDuringTheFirstRunGetsARunAfterIt(t *testing.T) {
	s := newScene(t)
	tb := &tab{}
	asked := asking(tb)
	s.tr.opened(tb, "", 1, s.now())
	s.click(tb)
	s.at(100).begin(tb)
	s.at(200).save(0, "Home.py")
	s.at(4000).finish(tb, streamlit.Succeeded)
	s.at(4999)
	if len(*asked) > 0 {
		t.Fatal("asked too early")
	}
	s.at(5000)
	if len(*asked) != 1 {
		t.Fatal("not asked")
	}
	s.at(5020).begin(tb)
	s.at(5040).finish(tb, streamlit.Succeeded)
	s.at(20000).expect("0 opened 1", "200 changed Home.py live", "5040 reloaded Home.py 4840ms 1 mount")
}

func TestTracker_NoRunIsAskedForWhereStreamlitMakesOne(t *testing.T) {
	for name, play := range map[string]func(*scene, *tab){
		"a run right after the save":      func(s *scene, tb *tab) { s.at(300).save(0, "Home.py"); s.at(340).begin(tb) },
		"a run seen before its save":      func(s *scene, tb *tab) { s.at(300).begin(tb); s.at(320).save(30, "Home.py") },
		"a save long after the first run": func(s *scene, _ *tab) { s.at(1500).save(0, "other.py") },
		"a file that is no script":        func(s *scene, _ *tab) { s.at(300).save(0, "notes.txt") },
		"a tab that has closed":           func(s *scene, tb *tab) { s.at(300).save(0, "Home.py"); s.at(400); s.tr.closed(tb, s.now()) },
		"a tab that asks itself":          func(s *scene, tb *tab) { s.at(300).save(0, "Home.py"); s.at(1200).click(tb) },
		"an app that restarts":            func(s *scene, _ *tab) { s.at(300).save(0, "Home.py"); s.at(500).tr.reachable(false, s.now()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			tb := s.open()
			asked := asking(tb)
			play(s, tb)
			s.at(9000)
			if len(*asked) > 0 {
				t.Errorf("asked %d times", len(*asked))
			}
		})
	}
}
