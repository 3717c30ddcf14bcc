package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
)

func secs(n int) time.Duration { return time.Duration(n) * time.Second }

func TestEverySize_IsDrawnWithinItself(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {10, 3}, {29, 8}, {30, 7}, {30, 8}, {40, 10}, {60, 20}, {80, 24}, {109, 30}, {110, 30}, {300, 80}} {
		r := newRig(t, size[0], size[1])
		exceptionOnTop := func() { r.running(dev.Local); exception(r); r.logs(100) }
		exceptionOnTop()
		for _, p := range []string{"1", "2", "3", "4", "?", "esc", ":", "esc", "D", "n", "2", "/", "esc"} {
			r.keys(p)
			r.screen() // fails where something is too wide or too high
		}
	}
}

func TestTiny_ShowsWhatMatters(t *testing.T) {
	r := newRig(t, 10, 3)
	r.running(dev.Local)
	if s := r.screen(); s != "running\n LOGIN BY…\nshop" && s != "running\n BYPASS\nshop" {
		t.Errorf("%q", s)
	}
	exception(r)
	if !strings.HasPrefix(r.screen(), "ZeroDivis…") {
		t.Errorf("%q", r.screen())
	}
}

func TestBypass_CannotBeOverlooked(t *testing.T) {
	for _, p := range []colorprofile.Profile{colorprofile.ASCII, colorprofile.ANSI, colorprofile.ANSI256, colorprofile.TrueColor} {
		for _, dark := range []bool{true, false} {
			r := newRig(t, 80, 24)
			r.m.restyle(look{p, dark})
			r.running(dev.Local)
			top, _, _ := strings.Cut(r.m.View().Content, "\n")
			if !strings.Contains(ansi.Strip(top), " BYPASS ON ") || !strings.Contains(top, r.m.theme.bypass.Render(" BYPASS ON ")) {
				t.Errorf("%s: %q", p, top)
			}
			if p == colorprofile.ASCII && strings.ContainsAny(strings.NewReplacer("[7m", "", "[1m", "", "[1;7m", "", "[m", "", "[0m", "").Replace(top), "[") {
				t.Errorf("colours without colours: %q", top)
			}
		}
	}
}

func TestNothing_IsDrawnWhenNothingChanges(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	r.logs(10)
	before := r.m.View()
	r.m.drawn.Content = "untouched"
	r.logs(10) // not seen in the overview
	r.send(usageMsg(r.host.use))
	r.send(usageMsg{{Service: "streamlit-local", CPU: 13.4, Memory: 188 << 20}})
	r.send(tea.BlurMsg{})
	if got := r.m.View().Content; got != "untouched" {
		t.Errorf("it was drawn again:\n%s", got)
	}
	r.send(usageMsg{{Service: "streamlit-local", CPU: 55, Memory: 188 << 20}})
	if got := r.m.View().Content; got == "untouched" || got == before.Content {
		t.Error("a change is not shown")
	}
}

func TestUsage_IsMeasuredOnlyWhileSeen(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	measures := func() bool { r.m.pending.usage = false; return r.m.measure() != nil }
	if !measures() {
		t.Error("the overview is seen, and nothing is measured")
	}
	r.keys("2")
	if measures() {
		t.Error("measured for the log")
	}
	r.keys("1")
	r.send(tea.BlurMsg{})
	if measures() {
		t.Error("measured though nobody looks")
	}
	r.m.pending.usage = false
	r.send(tea.FocusMsg{})
	r.m.state.facts.Running = false
	if measures() {
		t.Error("measured though nothing runs")
	}
}

func TestActions_GoToTheHostAndTellTheirResult(t *testing.T) {
	for keys, want := range map[string]Action{
		"o":         {Do: Open},
		"r":         {Do: Restart},
		"b":         {Do: Rebuild},
		"x":         {Do: Switch, Mode: dev.AppLogin},
		"D y":       {Do: Down},
		": v o l y": {}, // typed into the palette; nothing was chosen yet
	} {
		r := newRig(t, 80, 24)
		r.running(dev.Local)
		r.keys(strings.Fields(keys)...)
		if got := r.host.last(); got.Do != want.Do || got.Mode != want.Mode {
			t.Errorf("%s: %+v, want %+v", keys, got, want)
		}
		if want.Do != "" {
			r.sees("done: " + string(want.Do))
		}
	}
}

func TestActions_ThatLoseSomethingAsk(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	for _, no := range []string{"n", "esc", "q", "enter"} {
		r.keys("D", no)
	}
	r.keys("D", "x", "r") // neither yes nor no
	r.sees("Stop and remove the containers of shop?")
	r.keys("n", ":")
	r.text("volumes")
	r.keys("enter")
	r.sees("All data in them is lost")
	if a := r.host.last(); a.Do != "" {
		t.Fatalf("done without a yes: %+v", a)
	}
	r.keys("y")
	if a := r.host.last(); a.Do != DownVolumes {
		t.Errorf("%+v", a)
	}
}

func TestActions_FailuresAreSaidAndGoWithTheNextKey(t *testing.T) {
	r := newRig(t, 120, 24)
	r.running(dev.Local)
	r.host.fails = &dev.Error{Code: dev.CodeBusy, Message: "another sdev is at it", Hint: "wait a moment"}
	r.keys("r")
	r.sees("another sdev is at it (wait a moment)")
	r.keys("2")
	r.seesNot("another sdev is at it")
	r.host.fails = errors.New("plain\x1b[2J error")
	r.keys("r")
	r.sees("plain error")
}

func TestActions_OneAtATime(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	r.m.run(request{"restarting", Action{Do: Restart}}) // begun, and not at its end
	r.m.dirty = true
	r.sees("◌ restarting")
	r.keys("b")
	r.sees("busy: restarting")
}

func TestIdle_OffersToStart(t *testing.T) {
	r := newRig(t, 80, 24)
	r.send(factsMsg{facts: r.host.facts})
	r.keys("r")
	r.sees("the project is not running; u starts it")
	r.keys("u")
	if a := r.host.last(); a.Do != Start {
		t.Errorf("%+v", a)
	}
}

func TestPalette_FindsByPartsOfNames(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	r.keys("ctrl+p")
	r.text("rstrt")
	r.keys("enter")
	if a := r.host.last(); a.Do != Restart {
		t.Errorf("%+v", a)
	}
	r.keys(":")
	r.text("zzzz")
	r.sees("no action matches")
	r.keys("enter", "esc", ":", "down", "up", "esc")
	r.seesNot("Actions")
}

func TestPaste_OfAnythingIsHarmless(t *testing.T) {
	r := newRig(t, 80, 24)
	r.logs(5)
	r.send(tea.PasteMsg{Content: "rbDy"}) // no keys: nothing is asked, nothing is done
	if a := r.host.last(); a.Do != "" || r.m.overlay != nil {
		t.Fatalf("a paste did something: %+v", a)
	}
	r.keys("2", "/")
	r.send(tea.PasteMsg{Content: "re\x1b[2J\x00\xff\nquest\r\n"})
	r.sees("requ")
	r.keys("enter")
	r.screen()
	r.keys(":")
	r.send(tea.PasteMsg{Content: string([]byte{0, 1, 2, 0xff, 0x1b, '[', 'A'})})
	r.screen()
}

func TestLeave_SaysWhetherToStop(t *testing.T) {
	for name, c := range map[string]struct {
		key    string
		owned  bool
		stop   bool // the option
		runs   bool
		expect bool
	}{
		"q leaves it running":            {"q", true, false, true, false},
		"q stops where that is wanted":   {"q", true, true, true, true},
		"ctrl-c stops what it started":   {"ctrl+c", true, false, true, true},
		"ctrl-c leaves what was found":   {"ctrl+c", false, false, true, false},
		"q ends what has not come about": {"q", true, false, false, true},
		"ctrl-c works in a prompt too":   {"ctrl+c", true, false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 80, 24)
			r.m.opts.Owned, r.m.opts.StopOnQuit = c.owned, c.stop
			if c.runs {
				r.running(dev.Local)
			}
			if strings.Contains(name, "prompt") {
				r.keys("2", "/")
			}
			r.keys(c.key)
			if !r.left || r.m.exit.Stop != c.expect {
				t.Errorf("left %t, stop %t", r.left, r.m.exit.Stop)
			}
		})
	}
}

func TestException_IsShownWithItsPlaceAndGoes(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	exception(r)
	r.sees("✗ exception", "ZeroDivisionError division by zero", "code_package/streamlit/Home.py:12", "›  12 │ st.metric")
	r.happen(dev.AppReloaded{Trigger: "code_package/streamlit/Home.py", MS: 70, Sessions: 2})
	r.seesNot("ZeroDivisionError")
	r.sees("● running")
}

func TestBuild_IsShownWhileItIsTheFirst(t *testing.T) {
	r := newRig(t, 100, 30)
	building(r)
	r.sees("◌ building 3/5", "RUN --mount", "cached")
	r.happen(dev.BuildDone{Service: "streamlit-local", Image: "shop-streamlit-local", MS: 8200})
	r.sees("8.2 s, 1 of 3 cached")
	r.running(dev.Local)
	r.sees("http://localhost:8501")
	building(r)
	r.sees("◌ building 3/5", "LAST SAVE") // later ones do not take the screen away
}

func TestEngineLost_IsSaidAndIsOverWhenItAnswers(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	gone := &dev.Error{Code: dev.CodeEngineUnreachable, Message: "the engine does not answer", Hint: "start Docker", Exit: dev.ExitEngine}
	r.host.fails = gone
	r.happen(gone.Event())
	r.sees("✗ engine lost", "the engine does not answer", "hint: start Docker", "continues once it answers", "from the engine's last answer")
	for _, k := range []string{"r", "o", "x", "s"} {
		r.keys(k)
		r.sees("not now: the container engine does not answer")
	}
	r.send(retryMsg{})
	r.sees("✗ engine lost")
	if !r.m.pending.retry {
		t.Error("it is not tried again")
	}
	r.host.fails = nil
	r.send(retryMsg{})
	r.sees("● running", "http://localhost:8501")
	if r.m.pending.retry {
		t.Error("it is tried though it answers")
	}
}

// What was asked before the engine went away says nothing about it.
func TestEngineLost_IsNotOverByAnOldAnswer(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	r.m.pending.facts = true // an answer is on its way
	r.host.fails = &dev.Error{Code: dev.CodeEngineUnreachable, Message: "gone"}
	r.happen(dev.Failed{Code: dev.CodeEngineUnreachable, Message: "the engine does not answer"})
	r.send(factsMsg{facts: r.host.facts})
	r.sees("✗ engine lost")
}

func TestStreamEnd_IsSaid(t *testing.T) {
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	r.send(streamEndedMsg{})
	r.sees("✗ engine lost", "the event stream has ended", "u to try again")
}

func TestClock_MayJump(t *testing.T) {
	r := newRig(t, 100, 30)
	r.running(dev.Local)
	r.at = r.at.Add(-48 * time.Hour)
	r.happen(dev.FileChanged{Paths: []string{"a.py"}, Action: dev.Live}, dev.AppReloaded{Trigger: "a.py", MS: 71, Sessions: 1})
	r.sees("live in 71 ms")
	r.at = r.at.Add(96 * time.Hour)
	r.happen(dev.AppReloaded{Trigger: "b.py", MS: 72, Sessions: 1})
	r.sees("live in 72 ms")
}

func TestAuth_SteersTheProvider(t *testing.T) {
	for keys, want := range map[string]Action{
		"enter":     {Do: SignInAs, Email: "grace@example.com"},
		"up enter":  {Do: SignInAs, Email: "ada@example.com"},
		"O":         {Do: SignInAs, Email: "grace@example.com", Browse: true},
		"a":         {Do: SignInAs},
		"f w enter": {Do: SetFault, Fault: "wrong-aud"},
		"F":         {Do: ClearFaults},
		"+":         {Do: MoveClock, By: time.Hour},
		"-":         {Do: MoveClock, By: -time.Hour},
		"K":         {Do: RotateKeys},
	} {
		r := newRig(t, 80, 24)
		signedIn(r) // the second person is under the cursor
		r.keys(strings.Fields(keys)...)
		got := r.host.last()
		if got.Do != want.Do || got.Email != want.Email || got.Browse != want.Browse || got.Fault != want.Fault || got.By != want.By {
			t.Errorf("%s: %+v, want %+v", keys, got, want)
		}
	}
	r := newRig(t, 80, 24)
	r.running(dev.Local)
	r.keys("4", "enter")
	if r.host.last().Do != "" {
		t.Error("somebody was signed in though the login is bypassed")
	}
	r.sees("x switches it")
}

func TestKeys_MeanOneThingEach(t *testing.T) {
	for _, where := range append(paneNames(), everywhere) {
		seen := map[string]command{}
		for _, b := range table() {
			if b.about == "" {
				t.Errorf("%s means nothing", b.command)
			}
			if b.scope != where {
				continue
			}
			for _, k := range b.keys {
				if other, ok := seen[k]; ok {
					t.Errorf("%s: %s is %s and %s", where, k, other, b.command)
				}
				seen[k] = b.command
			}
		}
	}
	for _, p := range paneNames() { // what is needed to get out is hidden by no pane
		for _, k := range []string{"q", "?", ":", "ctrl+c", "1", "2", "3", "4", "tab"} {
			if c, ok := find(p, k); !ok || !slices.Contains([]command{cmdLeave, cmdHelp, cmdPalette, cmdStop, cmdOverview, cmdLogs, cmdBuild, cmdAuth, cmdNextPane}, c) {
				t.Errorf("%s: %s is %s", p, k, c)
			}
		}
	}
}

// Every event has to be taken in without harm, whatever is in it.
func TestEveryEvent_IsTakenIn(t *testing.T) {
	for _, pane := range []string{"1", "2", "3", "4"} {
		r := newRig(t, 80, 24)
		r.keys(pane)
		for _, e := range dev.Events() {
			r.happen(e)
			r.screen()
		}
		r.running(dev.Local)
		for _, e := range dev.Events() {
			r.happen(e)
			r.screen()
		}
	}
}

func TestMouse_ChoosesPanesAndScrolls(t *testing.T) {
	r := newRig(t, 80, 24)
	if r.m.View().MouseMode != tea.MouseModeNone {
		t.Error("the mouse is taken from the terminal unasked")
	}
	r.keys("M")
	if r.m.View().MouseMode == tea.MouseModeNone {
		t.Error("the mouse is not used")
	}
	r.logs(90)
	r.send(tea.MouseClickMsg{X: 16, Y: 1, Button: tea.MouseLeft})
	r.sees("all services")
	r.send(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	r.sees("3 below")
}
