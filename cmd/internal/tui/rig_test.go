package tui

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
)

// clock is when everything in these tests begins.
var clock = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// fakeHost answers at once, and notes what it was asked to do.
type fakeHost struct {
	facts   Facts
	use     []Usage
	excerpt []SourceLine
	fails   error
	targets []Target
	checks  map[string]Checks

	mu   sync.Mutex
	done []Action // guarded by mu
}

func (h *fakeHost) Do(_ context.Context, a Action) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, a)
	return "done: " + string(a.Do), h.fails
}

func (h *fakeHost) Facts(context.Context) (Facts, error)   { return h.facts, h.fails }
func (h *fakeHost) Usage(context.Context) ([]Usage, error) { return h.use, h.fails }

func (h *fakeHost) Excerpt(context.Context, string, int) ([]SourceLine, error) {
	return h.excerpt, h.fails
}
func (h *fakeHost) Targets(context.Context) ([]Target, error) { return h.targets, h.fails }

func (h *fakeHost) Check(_ context.Context, target string) (Checks, error) {
	return h.checks[target], h.fails
}
func (h *fakeHost) Shell(context.Context) Program { return nil }

// last is the newest action.
func (h *fakeHost) last() Action {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.done) == 0 {
		return Action{}
	}
	return h.done[len(h.done)-1]
}

// rig drives a model without a terminal.
type rig struct {
	t    testing.TB
	host *fakeHost
	m    *model
	seq  uint64
	at   time.Time
	left bool
}

func newRig(t testing.TB, width, height int) *rig {
	t.Helper()
	h := &fakeHost{facts: shopFacts()}
	m := newModel(t.Context(), Options{Host: h, HandOff: h, Facts: Facts{Project: "shop", Dir: "/home/ada/shop", App: "streamlit-local", Gateway: "sdev-gateway"}, Now: func() time.Time { return clock }, Owned: true})
	m.work.later = func(time.Duration, tea.Msg) tea.Cmd { return nil } // its time never comes here
	r := &rig{t: t, host: h, m: m, at: clock}
	r.send(tea.ColorProfileMsg{Profile: colorprofile.TrueColor})
	r.size(width, height)
	return r
}

func shopFacts() Facts {
	return Facts{
		Project: "shop", Dir: "/home/ada/shop", App: "streamlit-local", Gateway: "sdev-gateway", Supervised: true,
		Modes: []dev.Mode{dev.Local, dev.AppLogin}, Engine: "unix:///var/run/docker.sock", API: "1.41",
		Provider: Provider{People: people()},
	}
}

func people() []dev.Person {
	return []dev.Person{{Email: "ada@example.com", Name: "Ada Lovelace", Groups: []string{"admin"}}, {Email: "grace@example.com", Name: "Grace Hopper", Groups: []string{"sales", "marketing"}, Claims: map[string]any{"hd": "example.com", "employee": 17}}}
}

func (r *rig) size(width, height int) { r.send(tea.WindowSizeMsg{Width: width, Height: height}) }

func paneNames() (names []scope) {
	for _, p := range newPanes(&common{}) {
		names = append(names, p.name())
	}
	return names
}

// log is the pane of the log.
func (r *rig) log() *logs { return r.m.panes[1].(*logs) }

// send gives the model a message, and everything that its commands answer with; timers aside.
func (r *rig) send(msg tea.Msg) {
	r.t.Helper()
	_, cmd := r.m.Update(msg)
	r.carry(cmd)
}

func (r *rig) carry(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			r.carry(c)
		}
	case tea.QuitMsg:
		r.left = true
	default:
		r.send(msg)
	}
}

// happen has events happen, a second apart.
func (r *rig) happen(events ...dev.Event) {
	r.t.Helper()
	var batch eventsMsg
	for _, e := range events {
		r.seq++
		r.at = r.at.Add(time.Second)
		batch = append(batch, dev.Stamped{Seq: r.seq, Time: r.at, Event: e})
	}
	r.send(batch)
}

// type presses keys: one name each, or text letter by letter.
func (r *rig) keys(names ...string) {
	r.t.Helper()
	for _, n := range names {
		r.send(key(n))
	}
}

func (r *rig) text(s string) {
	r.t.Helper()
	for _, c := range s {
		r.send(key(string(c)))
	}
}

func key(name string) tea.KeyPressMsg {
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "space": tea.KeySpace, "home": tea.KeyHome, "end": tea.KeyEnd}
	if code, ok := special[name]; ok {
		k := tea.Key{Code: code}
		if name == "space" {
			k.Text = " "
		}
		return tea.KeyPressMsg(k)
	}
	if c, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg(tea.Key{Code: rune(c[0]), Mod: tea.ModCtrl})
	}
	return tea.KeyPressMsg(tea.Key{Code: []rune(name)[0], Text: name})
}

// screen is what is seen, without looks.
func (r *rig) screen() string {
	r.t.Helper()
	text := ansi.Strip(r.m.View().Content)
	rows := strings.Split(text, "\n")
	for i, row := range rows {
		if w := ansi.StringWidth(row); w > r.m.layout.width {
			r.t.Errorf("row %d is %d cells wide, and the screen %d: %q", i, w, r.m.layout.width, row)
		}
		rows[i] = strings.TrimRight(row, " ")
	}
	if len(rows) > r.m.layout.height {
		r.t.Errorf("%d rows, and the screen has %d", len(rows), r.m.layout.height)
	}
	return strings.Join(rows, "\n")
}

// sees fails unless every text is on the screen.
func (r *rig) sees(texts ...string) {
	r.t.Helper()
	s := r.screen()
	for _, text := range texts {
		if !strings.Contains(s, text) {
			r.t.Errorf("nowhere on the screen: %q\n%s", text, s)
		}
	}
}

func (r *rig) seesNot(texts ...string) {
	r.t.Helper()
	s := r.screen()
	for _, text := range texts {
		if strings.Contains(s, text) {
			r.t.Errorf("on the screen: %q\n%s", text, s)
		}
	}
}

// running brings the project up, with one tab and three saves.
func (r *rig) running(mode dev.Mode) {
	r.t.Helper()
	f := &r.host.facts
	f.Running, f.URL, f.Mode, f.How, f.Watches = true, "http://localhost:8501", mode, "mount", 12
	f.Services = []Service{{Name: "db", State: dev.Running, Health: "healthy"}, {Name: "sdev-gateway", State: dev.Running}, {Name: "streamlit-local", State: dev.Running, Health: "healthy"}}
	f.Tabs = []Tab{{}, {Page: "Reports"}}
	f.AWS = AWS{Source: "mount", Profile: "dev", Region: "eu-central-1", Expires: clock.Add(5 * time.Hour)}
	r.host.use = []Usage{{"db", 0.4, 38 << 20}, {"sdev-gateway", 0.1, 14 << 20}, {"streamlit-local", 12.6, 187 << 20}}
	issuer := ""
	if mode.SignsIn() {
		issuer = "http://localhost:8601"
		f.Provider.Issuer, f.Provider.Profile, f.Provider.Current = issuer, "google", "ada@example.com"
		f.Provider.Faults = []FaultDoc{{"deny", "the person says no"}, {"wrong-aud", "the token is for somebody else"}, {"expired", "the token has run out"}}
	}
	r.happen(
		dev.ServiceState{Service: "db", State: dev.Healthy}, dev.ServiceState{Service: "streamlit-local", State: dev.Running}, dev.ServiceState{Service: "sdev-gateway", State: dev.Running},
		dev.Ready{URL: "http://localhost:8501", Mode: mode, Issuer: issuer, Services: []string{"db", "sdev-gateway", "streamlit-local"}, MS: 2140},
		dev.SessionOpened{Sessions: 1}, dev.SessionOpened{Sessions: 2},
	)
	for i, ms := range []int64{71, 74, 69, 240, 88, 73, 1900, 77} {
		file := []string{"code_package/streamlit/Home.py", "code_package/streamlit/pages/Reports.py"}[i%2]
		r.happen(dev.FileChanged{Paths: []string{file}, Rule: "derived: source", Action: dev.Live}, dev.AppReloaded{Trigger: file, MS: ms, Sessions: 2, How: dev.ReloadMount})
	}
}

func (r *rig) logs(n int) {
	r.t.Helper()
	var list []dev.Event
	for i := range n {
		service, text := "streamlit-local", fmt.Sprintf("INFO  request %d took %d ms", i, 3+i%40)
		switch {
		case i%17 == 5:
			text = fmt.Sprintf("ERROR cannot reach the warehouse: attempt %d of 5", i/17+1)
		case i%11 == 3:
			service, text = "db", fmt.Sprintf("checkpoint complete: wrote %d buffers", i)
		case i%23 == 7:
			text = "WARNING the query is slow, and here is all of it: SELECT customer, sum(amount) FROM orders JOIN customers USING (customer) WHERE day > now() - interval '30 days' GROUP BY customer"
		}
		list = append(list, dev.LogLine{Service: service, Stream: "stdout", Text: text})
	}
	r.happen(list...)
}
