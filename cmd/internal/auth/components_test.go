package auth

import (
	"errors"
	"strings"
	"testing"

	"sdev/dev/session"
)

func TestComponents_AreListedWithWhatTheyReach(t *testing.T) {
	framed := session.Component{Name: "oauth.button", Package: "oauth 1", Place: "requirements.txt:3"}
	needy := session.Component{Name: "webrtc.stream", Package: "webrtc 2", Needs: []string{"getUserMedia"}}
	paged := session.Component{Name: "chart", Place: "Home.py:4", InPage: true}
	unread := errors.New("no Python here")
	for name, c := range map[string]struct {
		components
		frameOK, pageOK bool
		frame, page     []string // what the evidence says
	}{
		"none":                       {components{}, true, true, []string{"no component has a frame"}, []string{"no component runs in the app's page"}},
		"trusted":                    {components{all: []session.Component{framed, needy, paged}}, true, true, []string{"components in frames reach cookies", "x-sdev.components", "oauth.button (oauth 1, requirements.txt:3), webrtc.stream"}, []string{"components in the app's page", "reach cookies", "chart (Home.py:4)"}},
		"isolated":                   {components{isolated: true, all: []session.Component{framed}}, true, true, []string{"components in frames are isolated", "oauth.button"}, nil},
		"isolated, and one needs it": {components{isolated: true, all: []session.Component{framed, needy}}, false, true, []string{"what they do not have: webrtc 2: getUserMedia"}, nil},
		"isolated, and one cannot":   {components{isolated: true, all: []session.Component{paged}}, true, false, nil, []string{"nothing isolates them: chart"}},
		"unknown":                    {components{unread: unread}, false, true, []string{"those of the installed packages are unknown: no Python here"}, nil},
		"unknown but for the code's": {components{isolated: true, unread: unread, all: []session.Component{{Name: "own"}}}, false, true, []string{"own", "unknown: no Python here"}, nil},
	} {
		for _, got := range []struct {
			finding
			id   string
			ok   bool
			says []string
		}{{c.framed(), "components.frame", c.frameOK, c.frame}, {c.inPage(), "components.page", c.pageOK, c.page}} {
			if got.ID != got.id || got.OK != got.ok || got.Blocks || got.OK && got.Fix != "" {
				t.Errorf("%s: %+v", name, got.finding)
			}
			for _, text := range got.says {
				if !strings.Contains(got.Evidence, text) {
					t.Errorf("%s: %q is not in %q", name, text, got.Evidence)
				}
			}
		}
	}
}
