package render_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/devtest"
)

// story has every event at least once, in an order in which they could happen.
func story() []dev.Event {
	return []dev.Event{
		dev.Warning{Code: dev.CodePortMoved, Message: "port 8501 is taken by container x; using 8502", Hint: "stop it"},
		dev.PlanMade{Operations: []dev.Operation{{Verb: "build", Object: "image shop-app", Reason: "missing"}}},
		dev.BuildStep{Service: "app", Step: 1, Total: 3, Text: "base: FROM docker.io/library/python:3.11-slim", MS: 1},
		dev.BuildStep{Service: "app", Step: 2, Total: 3, Text: "dev: COPY a b", MS: 1, Cached: true},
		dev.BuildStep{Service: "app", Step: 3, Total: 3, Text: "dev: RUN pip install --require-hashes -r requirements.txt && rm -rf /root/.cache"},
		dev.BuildStep{Service: "app", Step: 3, Total: 3, Text: "dev: RUN pip install --require-hashes -r requirements.txt && rm -rf /root/.cache", MS: 28_600},
		dev.BuildDone{Service: "app", Image: "shop-app", MS: 29_100},
		dev.PlanMade{Operations: []dev.Operation{{Verb: "create", Object: "network shop_default", Reason: "missing"}, {Verb: "create", Object: "container shop-app-1", Reason: "missing"}}},
		dev.ServiceState{Service: "app", State: dev.Creating},
		dev.ServiceState{Service: "app", State: dev.Running},
		dev.LogLine{Service: "app", Stream: "stdout", Text: "You can now view your Streamlit app in your browser."},
		dev.Ready{URL: "http://localhost:8502", Mode: dev.Local, Services: []string{"app", "sdev-gateway"}, MS: 1042},
		dev.PlanMade{},
		dev.FileChanged{Paths: []string{"code_package/streamlit/Home.py"}, Rule: "derived: mounted source", Action: dev.Live},
		dev.SessionOpened{Sessions: 1},
		dev.FileChanged{Paths: []string{"code_package/streamlit/Home.py"}, Rule: "derived: mounted source", Action: dev.Live},
		dev.AppReloaded{Trigger: "code_package/streamlit/Home.py", MS: 74, Sessions: 1, How: dev.ReloadMount},
		dev.AppRerun{Trigger: dev.RerunSave, MS: 41},
		dev.SessionOpened{Sessions: 2, User: "alice@example.com"},
		dev.AppException{Exception: "ZeroDivisionError", Message: "division by zero", File: "code_package/streamlit/Home.py", Line: 12},
		dev.AppException{Exception: "KeyError", Message: "'x'\nsecond line", File: "code_package/streamlit/pages/1_First_App.py", Line: 3, Page: "First App"},
		dev.FileChanged{Paths: []string{"pyproject.toml", "uv.lock"}, Rule: "develop.watch[0] (docker-compose.yml:20)", Action: dev.Rebuild},
		dev.AppReloaded{Trigger: "pyproject.toml", MS: 2310, Sessions: 2, How: dev.ReloadRebuild},
		dev.FileChanged{Paths: []string{"docker-compose.yml"}, Action: dev.Restart},
		dev.FileChanged{Paths: []string{"api/main.py"}, Rule: "services.api.develop.watch[0] (compose.yaml)", Action: dev.SyncRestart, Service: "api"},
		dev.LogLine{Service: "db", Stream: "stderr", Text: "listening"},
		dev.LogLine{Service: "app", Stream: "stderr", Text: "a warning"},
		dev.LogDropped{N: 120},
		dev.ServiceState{Service: "app", State: dev.Unhealthy},
		dev.ServiceState{Service: "app", State: dev.Exited, ExitCode: 1},
		dev.SessionClosed{Sessions: 1},
		dev.AuthLogin{User: "alice@example.com", Client: "streamlit", Reason: "picked"},
		dev.AuthDenied{Client: "streamlit", Reason: "redirect_uri http://localhost:8502 is not registered"},
		dev.AuthFault{Fault: "wrong-aud", Where: "token", User: "alice@example.com", Client: "streamlit", Left: 1},
		dev.AuthFault{Fault: "slow", Where: "token", Client: "streamlit", Left: -1},
		dev.AuthFault{Fault: "alg-none", Where: "token", Client: "streamlit"},
		dev.AuthLogout{User: "alice@example.com", Client: "streamlit", Reason: "asked by the app"},
		dev.Failed{Code: dev.CodeAppExited, Message: "app ended", Hint: "see: sdev logs", Exit: 5},
		dev.Stopped{MS: 310},
	}
}

func show(t *testing.T, p render.Printer) {
	t.Helper()
	for i, e := range story() {
		s := dev.Stamped{Seq: uint64(i) + 1, Time: time.Date(2026, 1, 31, 9, 0, i, 0, time.UTC), Event: e}
		if err := p.Print(s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStory_HasEveryEvent(t *testing.T) {
	told := map[reflect.Type]bool{}
	for _, e := range story() {
		told[reflect.TypeOf(e)] = true
	}
	for _, e := range dev.Events() {
		if !told[reflect.TypeOf(e)] {
			t.Errorf("no %s in the story that all views are tested with", e.Type())
		}
	}
}

func TestViews_TellTheStory(t *testing.T) {
	for name, make := range map[string]func(*bytes.Buffer) render.Printer{
		"plain.txt":   func(b *bytes.Buffer) render.Printer { return render.NewPlain(b, render.Options{Width: 80}) },
		"verbose.txt": func(b *bytes.Buffer) render.Printer { return render.NewPlain(b, render.Options{Verbose: true}) },
		"quiet.txt":   func(b *bytes.Buffer) render.Printer { return render.NewPlain(b, render.Options{Quiet: true}) },
		"color.txt": func(b *bytes.Buffer) render.Printer {
			return render.NewPlain(b, render.Options{Color: true, Width: 80})
		},
		"story.json": func(b *bytes.Buffer) render.Printer { return render.NewJSON(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			show(t, make(&out))
			devtest.Golden(t, name, out.String())
			if name != "color.txt" && strings.Contains(out.String(), "\x1b") {
				t.Error("control sequences without colour")
			}
		})
	}
}

// "sdev logs --tail 5" begins in the middle: what came before is unknown.
func TestPlain_CountsNoTabsBeforeAnEventSaysSo(t *testing.T) {
	save := dev.FileChanged{Paths: []string{"Home.py"}, Action: dev.Live}
	for _, c := range []struct {
		events []dev.Event
		cut    bool
		want   string
	}{
		{[]dev.Event{save}, false, "saved    Home.py  the next tab shows it\n"},
		{[]dev.Event{save}, true, "saved    Home.py\n"},
		{[]dev.Event{dev.SessionClosed{}, save}, true, "tab      closed, 0 open\nsaved    Home.py  the next tab shows it\n"},
		{[]dev.Event{dev.SessionOpened{Sessions: 2}, dev.SessionClosed{Sessions: 1}, save}, true, "tab      opened, 2 open\ntab      closed, 1 open\nsaved    Home.py\n"},
	} {
		var out bytes.Buffer
		p := render.NewPlain(&out, render.Options{Cut: c.cut})
		for _, e := range c.events {
			if err := p.Print(dev.Stamped{Event: e}); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != c.want {
			t.Errorf("cut %t: %q, want %q", c.cut, out.String(), c.want)
		}
	}
}

func TestPlain_NamesTheServiceOfTheFirstLineToo(t *testing.T) {
	for several, want := range map[bool]string{false: "        │ hello\n", true: "db      │ hello\n"} {
		var out bytes.Buffer
		if err := render.NewPlain(&out, render.Options{Several: several}).Print(dev.Stamped{Event: dev.LogLine{Service: "db", Text: "hello"}}); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("several %t: %q, want %q", several, out.String(), want)
		}
	}
}

func TestPlain_KeepsToTheWidth(t *testing.T) {
	var out bytes.Buffer
	p := render.NewPlain(&out, render.Options{Width: 60})
	if err := p.Print(dev.Stamped{Event: dev.BuildStep{Step: 1, Total: 1, Text: strings.Repeat("long ", 100)}}); err != nil {
		t.Fatal(err)
	}
	if line := strings.TrimSuffix(out.String(), "\n"); len([]rune(line)) > 60 {
		t.Errorf("%d columns: %s", len([]rune(line)), line)
	}
}

type broken struct{}

var errBroken = errors.New("output closed")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestPrinters_ReportABrokenOutput(t *testing.T) {
	for _, p := range []render.Printer{render.NewPlain(broken{}, render.Options{}), render.NewJSON(broken{})} {
		if err := p.Print(dev.Stamped{Event: dev.Ready{}}); !errors.Is(err, errBroken) {
			t.Errorf("%T: error %v", p, err)
		}
	}
}

func TestWrap_BreaksBetweenWordsInItsColumn(t *testing.T) {
	const text = "one two three four five six\n  printed by another, however long it may be\nseven"
	const want = "one two three four\n     five six\n  printed by another, however long it may be\nseven"
	if got := render.Wrap(text, 25, 5); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := render.Wrap(text, 20, 5); got != text {
		t.Errorf("too narrow for words: %q", got)
	}
}

// Whatever is added to an event later is covered: every text of every event is hostile here.
func TestViews_AreFitForATerminal(t *testing.T) {
	const evil = "x\x1b]0;t\x07\x1b[2J\x1b]52;c;eA==\x07\u009b2J\x9b2J\u202e\u2066\u200b\u2028\r\nready    http://u:pw@evil/\nsdev: gone"
	for name, make := range map[string]func(*bytes.Buffer) render.Printer{
		"plain":   func(b *bytes.Buffer) render.Printer { return render.NewPlain(b, render.Options{}) },
		"wrapped": func(b *bytes.Buffer) render.Printer { return render.NewPlain(b, render.Options{Width: 60, Wrap: true}) },
		"verbose": func(b *bytes.Buffer) render.Printer { return render.NewPlain(b, render.Options{Verbose: true}) },
		"JSON":    func(b *bytes.Buffer) render.Printer { return render.NewJSON(b) },
	} {
		for _, e := range dev.Events() {
			v := reflect.New(reflect.TypeOf(e)).Elem()
			fill(v, evil)
			var out bytes.Buffer
			if err := make(&out).Print(dev.Stamped{Event: v.Interface().(dev.Event)}); err != nil {
				t.Fatal(err)
			}
			for _, r := range out.String() {
				if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u202e\u2066\u200b\u2028", r) {
					t.Errorf("%s: %s holds %U: %q", name, e.Type(), r, out.String())
					break
				}
			}
			if strings.Contains(out.String(), "pw") || strings.Contains(out.String(), "\nready    http") || strings.Contains(out.String(), "\nsdev:") {
				t.Errorf("%s: %s tells a password, or forges a line: %q", name, e.Type(), out.String())
			}
		}
	}
}

func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	}
}
