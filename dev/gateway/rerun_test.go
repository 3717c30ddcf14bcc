package gateway

import (
	"slices"
	"testing"

	"sdev/dev"
	"sdev/dev/streamlit"
)

func (s *scene) beginPage(tb *tab, page string) {
	s.tr.appMessage(tb, streamlit.Forward{Kind: streamlit.NewSession, SessionID: "one", MainHash: "main", PageHash: "hash of " + page, Pages: []streamlit.Page{{Hash: "main"}, {Hash: "hash of " + page, Name: page}}}, s.now())
}

func TestTracker_EveryRunIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		play func(s *scene, tb *tab)
		want []dev.AppRerun
	}{
		"a widget": {func(s *scene, tb *tab) {
			s.click(tb)
			s.begin(tb)
			s.at(130).finish(tb, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunWidget, MS: 30}}},
		"a widget of a fragment": {func(s *scene, tb *tab) {
			s.tr.rerunRequested(tb, streamlit.Rerun{Fragment: true}, s.now())
			s.begin(tb)
			s.at(110).finish(tb, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunFragment, MS: 10}}},
		"a timer": {func(s *scene, tb *tab) {
			s.tr.rerunRequested(tb, streamlit.Rerun{Auto: true, Fragment: true}, s.now())
			s.begin(tb)
			s.at(110).finish(tb, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunFragment, MS: 10}}},
		"a widget after a fragment": {func(s *scene, tb *tab) {
			s.tr.rerunRequested(tb, streamlit.Rerun{Fragment: true}, s.now())
			s.begin(tb)
			s.finish(tb, streamlit.Succeeded)
			s.click(tb)
			s.begin(tb)
			s.finish(tb, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunFragment}, {Trigger: dev.RerunWidget}}},
		"a save": {func(s *scene, tb *tab) {
			s.save(10, "Home.py")
			s.begin(tb)
			s.at(105).finish(tb, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunSave, MS: 5}}},
		"another page, and back": {func(s *scene, tb *tab) {
			for _, page := range []string{"Sales", "Sales", ""} {
				s.click(tb)
				if page == "" {
					s.begin(tb)
				} else {
					s.beginPage(tb, page)
				}
				s.finish(tb, streamlit.Succeeded)
			}
		}, []dev.AppRerun{{Page: "Sales", Trigger: dev.RerunNavigation}, {Page: "Sales", Trigger: dev.RerunWidget}, {Trigger: dev.RerunNavigation}}},
		"an exception": {func(s *scene, tb *tab) {
			s.click(tb)
			s.begin(tb)
			s.raise(tb, boom(3))
		}, []dev.AppRerun{{Trigger: dev.RerunWidget, Exception: "Boom"}}},
		"a script that does not compile": {func(s *scene, tb *tab) {
			s.save(10, "Home.py")
			s.begin(tb)
			s.at(102).finish(tb, streamlit.NotCompiled)
			s.at(104).tr.appMessage(tb, streamlit.Forward{Kind: streamlit.CompileException, Exception: streamlit.Exception{Type: "SyntaxError"}}, s.now())
		}, []dev.AppRerun{{Trigger: dev.RerunSave, MS: 2, Exception: "SyntaxError"}}},
		"a click while the script runs": {func(s *scene, tb *tab) {
			s.click(tb)
			s.begin(tb)
			s.at(120).click(tb)
			s.begin(tb)
			s.at(150).finish(tb, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunWidget, MS: 20, Interrupted: true}, {Trigger: dev.RerunWidget, MS: 30}}},
		"a script that asks for another run": {func(s *scene, tb *tab) {
			s.click(tb)
			s.begin(tb)
			s.finish(tb, streamlit.EarlyForRerun)
			s.begin(tb)
			s.at(101).finish(tb, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunWidget, Interrupted: true}, {Trigger: dev.RerunWidget, MS: 1}}},
		"a tab that closes": {func(s *scene, tb *tab) {
			s.click(tb)
			s.begin(tb)
			s.at(140).tr.closed(tb, s.now())
		}, []dev.AppRerun{{Trigger: dev.RerunWidget, MS: 40, Interrupted: true}}},
		"an app that was replaced": {func(s *scene, tb *tab) {
			s.tr.closed(tb, s.now())
			back := &tab{}
			s.tr.opened(back, tb.session, 2, s.now())
			s.begin(back)
			s.finish(back, streamlit.Succeeded)
		}, []dev.AppRerun{{Trigger: dev.RerunLoad}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			tb := s.open()
			s.at(100)
			if want := []dev.AppRerun{{Trigger: dev.RerunLoad}}; !slices.Equal(s.reruns, want) {
				t.Errorf("a tab that opens: %+v, want %+v", s.reruns, want)
			}
			s.reruns = nil
			c.play(s, tb)
			if !slices.Equal(s.reruns, c.want) {
				t.Errorf("%+v\nwant %+v", s.reruns, c.want)
			}
		})
	}
}
