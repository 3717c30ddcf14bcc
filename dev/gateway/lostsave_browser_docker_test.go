//go:build docker

package gateway

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/streamlit"
)

// earlySave is a kind of file that Streamlit alone does not notice to be saved in a tab's first moments. The saved file
// is new in each round, because Streamlit goes on to watch a file that it has once noticed.
type earlySave struct {
	name    string
	version string
	rounds  int
	// project returns the files of a round, with text on the page, and the one to save.
	project func(round int, text string) (files map[string]string, save string)
	browser bool // use Chromium; else only its requests
}

var earlySaves = []earlySave{
	{name: "a page of several", version: "1.67.0", rounds: 45, project: func(_ int, text string) (map[string]string, string) {
		return map[string]string{"Home.py": title(text), "pages/1_Other.py": title("other")}, "Home.py"
	}},
	{name: "a module", version: "1.58.0", rounds: 45, project: func(round int, text string) (map[string]string, string) {
		module := fmt.Sprintf("part%d", round)
		return map[string]string{"Home.py": "import streamlit as st\nimport " + module + "\nst.title(" + module + ".TEXT)\n", module + ".py": fmt.Sprintf("TEXT = %q\n", text)}, module + ".py"
	}},
	{name: "a page of st.navigation", version: "1.67.0", rounds: 45, project: func(round int, text string) (map[string]string, string) {
		page := fmt.Sprintf("views/page%d.py", round)
		return map[string]string{"Home.py": "import streamlit as st\nst.navigation([st.Page('" + page + "')]).run()\n", page: title(text)}, page
	}},
	{name: "a module of a slow script", version: "1.67.0", rounds: 45, project: func(round int, text string) (map[string]string, string) {
		module := fmt.Sprintf("slow%d", round)
		return map[string]string{"Home.py": "import streamlit as st, time\nimport " + module + "\nst.title(" + module + ".TEXT)\ntime.sleep(0.7)\n", module + ".py": fmt.Sprintf("TEXT = %q\n", text)}, module + ".py"
	}},
	{name: "a page in Chromium", version: "1.58.0", rounds: 20, browser: true, project: func(_ int, text string) (map[string]string, string) {
		return map[string]string{"Home.py": title(text), "pages/1_Other.py": title("other")}, "Home.py"
	}},
}

func title(text string) string { return fmt.Sprintf("import streamlit as st\nst.title(%q)\n", text) }

// TestBrowserEarlySaves_NoneIsLost saves at random moments from 0 to 2 s after a tab has opened, 200 times in all.
func TestBrowserEarlySaves_NoneIsLost(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i, e := range earlySaves {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			files, _ := e.project(0, "starts")
			s := newServer(t, e.version)
			r := newRigAt(t, s.addr, files, "")
			s.dir = r.root
			s.start()
			r.untilUp()
			lost := 0
			for round := range e.rounds {
				delay := time.Duration(random.Int64N(int64(2 * time.Second)))
				if !e.isShown(t, r, round, delay) {
					lost++
					t.Errorf("round %d: the save %v after the tab opened was lost", round, delay)
				}
			}
			t.Logf("%d of %d saves lost", lost, e.rounds)
		})
	}
}

// isShown opens a tab, saves after a delay, and reports whether the tab shows the save.
func (e earlySave) isShown(t *testing.T, r *rig, round int, delay time.Duration) bool {
	before, after := fmt.Sprintf("before %d.", round), fmt.Sprintf("after %d.", round)
	files, _ := e.project(round, before)
	for name, text := range files {
		replace(t, filepath.Join(r.root, name), text)
	}
	files, save := e.project(round, after)
	if e.browser {
		p := newPage(t)
		defer p.close()
		p.open("http://" + r.host + "/")
		<-time.After(delay)
		replace(t, filepath.Join(r.root, save), files[save])
		late := time.After(20 * time.Second)
		return p.showsBefore(late, after)
	}
	c := r.connect("")
	defer c.CloseNow()
	if err := c.Write(t.Context(), websocket.MessageBinary, streamlit.RerunMain()); err != nil {
		t.Fatal(err)
	}
	saved := time.AfterFunc(delay, func() { replace(t, filepath.Join(r.root, save), files[save]) })
	defer saved.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), delay+20*time.Second)
	defer cancel()
	for {
		_, message, err := c.Read(ctx)
		if err != nil {
			return false
		}
		if bytes.Contains(message, []byte(after)) {
			return true
		}
	}
}

// replace saves a file as editors do: in one step.
func replace(t *testing.T, file, text string) {
	beside := file + ".tmp~" // which no rule reports
	devtest.Write(t, beside, text)
	if err := os.Rename(beside, file); err != nil {
		t.Error(err)
	}
}

// untilUp waits until the app answers.
func (r *rig) untilUp() {
	r.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(devtest.Patience); !r.call(Request{Do: DoStatus}).Up; {
		select {
		case <-look.C:
		case <-limit:
			r.t.Fatal("the app never answers")
		}
	}
}

// TestBrowserEarlySaves_ASaveIsOneRun counts runs: neither the shim nor the gateway asks for one that Streamlit makes
// anyway.
func TestBrowserEarlySaves_ASaveIsOneRun(t *testing.T) {
	s := newServer(t, "1.67.0")
	r := newRigAt(t, s.addr, map[string]string{"Home.py": "import streamlit as st\nimport part\nst.title(part.TEXT)\n", "part.py": "TEXT = 'starts'\n", "unused.py": ""}, "")
	s.dir = r.root
	s.start()
	r.untilUp()
	c := r.connect("")
	if err := c.Write(t.Context(), websocket.MessageBinary, streamlit.RerunMain()); err != nil {
		t.Fatal(err)
	}
	runs := make(chan int, 1)
	runs <- 0
	ended := make(chan struct{}, 1)
	go func() {
		for {
			_, message, err := c.Read(t.Context())
			if err != nil {
				return
			}
			f, _ := streamlit.ParseForward(message)
			if f.Kind == streamlit.NewSession {
				runs <- <-runs + 1
			}
			if f.Kind == streamlit.Finished {
				select {
				case ended <- struct{}{}:
				default:
				}
			}
		}
	}()
	<-ended
	<-time.After(watchedAfter + 500*time.Millisecond)
	for i := range 10 {
		replace(t, filepath.Join(r.root, "part.py"), fmt.Sprintf("TEXT = 'version %d'\n", i))
		await(r, anyOf[dev.AppReloaded])
		<-time.After(200 * time.Millisecond) // Streamlit sends one message for two runs that follow at once
	}
	replace(t, filepath.Join(r.root, "unused.py"), "x = 1\n")
	await(r, func(w dev.Warning) bool { return w.Code == dev.CodeReloadUnseen })
	if n := <-runs; n != 11 {
		t.Errorf("%d runs, want the first and one for each of 10 saves", n)
	}
}

// TestBrowserEarlySaves_TheGatewayAsksWhereTheShimIsAbsent saves the main page of an app whose Python does not load the shim,
// while its first run is active. The run that the gateway requests has to be that of the same page, with its query.
func TestBrowserEarlySaves_TheGatewayAsksWhereTheShimIsAbsent(t *testing.T) {
	const slow = "import streamlit as st, time\nst.title('main one')\nst.write('x is ' + st.query_params.get('x', 'lost'))\nst.text_input('name', key='name')\ntime.sleep(1.5)\nst.write('end')\n"
	s := newServer(t, "1.67.0")
	r := newRigAt(t, s.addr, map[string]string{"Home.py": slow, "pages/1_Other.py": title("other")}, "")
	s.dir, s.shim = r.root, t.TempDir()
	s.start()
	r.untilUp()
	p := newPage(t)
	p.open("http://" + r.host + "/?x=7")
	p.loads("main one")
	replace(t, filepath.Join(r.root, "Home.py"), strings.ReplaceAll(slow, "one", "saved"))
	p.shows("main saved")
	p.shows("x is 7")
	if got := await(r, anyOf[dev.AppReloaded]); got.Trigger != "Home.py" || got.Sessions != 1 {
		t.Errorf("%+v", got)
	}
}
