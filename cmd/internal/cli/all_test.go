package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/plan"
	"sdev/dev/process"
	"sdev/dev/session"
)

// runsIn creates the container of a project's app.
func (w *world) runsIn(t *testing.T, name, dir string) {
	t.Helper()
	s := types.ServiceConfig{Name: "web"}
	s.Image = "shop:1"
	s.Labels = types.Labels{dev.LabelMode: string(dev.Local)}
	op := plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: name + "-web-1", Service: plan.Service{Config: s}}
	if err := w.Do(t.Context(), op, plan.Labels{Project: name, Dir: dir}); err != nil {
		t.Fatal(err)
	}
}

func TestDownAll_AsksOnATerminalAboutOtherProjects(t *testing.T) {
	const compose = "name: shop\nservices: {web: {image: shop:1, command: streamlit run Home.py}}\n"
	for name, c := range map[string]struct {
		args, input string
		alone       bool // only the project here runs
		piped       bool // the output is no terminal
		question    string
		left        int
	}{
		"no":              {"", "n\n", false, false, "Take down 2 projects?", 2},
		"yes":             {"", "y\n", false, false, "Take down 2 projects?", 0},
		"no answer":       {"", "\n", false, false, "Take down 2 projects?", 2},
		"volumes":         {"--volumes", "n\n", false, false, "Take down 2 projects, and remove the data in their volumes?", 2},
		"--yes":           {"--yes", "", false, false, "", 0},
		"only this one":   {"", "", true, false, "", 0},
		"not a terminal":  {"", "", false, true, "", 0},
		"--json":          {"--json", "", false, false, "", 0},
		"--volumes --yes": {"--volumes -y", "", false, false, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			w := newWorld()
			dir := devtest.Project(t, map[string]string{"compose.yaml": compose, "Home.py": ""})
			w.runsIn(t, "shop", dir)
			if !c.alone {
				w.runsIn(t, "bank", t.TempDir())
			}
			var out bytes.Buffer
			s, _, _ := console.Buffers(map[string]string{"TERM": "dumb", "HOME": t.TempDir()})
			s.In, s.Out, s.Err, s.InTTY, s.OutTTY, s.OpenEngine = iotest.OneByteReader(strings.NewReader(c.input)), &out, io.Discard, true, !c.piped, w.open
			if code := Main(t.Context(), t.Context(), s, append([]string{"-C", dir, "down", "--all"}, strings.Fields(c.args)...)); code != dev.ExitOK {
				t.Errorf("exit %d: %s", code, out.String())
			}
			if asked := strings.Contains(out.String(), "Take down"); asked != (c.question != "") || !strings.Contains(out.String(), c.question) {
				t.Errorf("it asks:\n%s", out.String())
			}
			left, err := w.Projects(t.Context())
			if err != nil || len(left) != c.left {
				t.Errorf("left are %v, %v\n%s", left, err, out.String())
			}
			if said := strings.Contains(out.String(), "nothing was taken down"); said != (c.left > 0) {
				t.Errorf("output:\n%s", out.String())
			}
		})
	}
}

// A project that cannot be taken down keeps none of the others.
func TestDownAll_GoesOnAfterAFailure(t *testing.T) {
	w := newWorld()
	for _, name := range []string{"bank", "shop", "store"} {
		w.runsIn(t, name, t.TempDir())
	}
	w.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Remove && strings.HasPrefix(op.Name, "shop") {
			return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Message: "the engine refuses", Hint: "ask it"}
		}
		return nil
	})
	s, out, errs := console.Buffers(map[string]string{"HOME": t.TempDir()})
	s.OpenEngine = w.open
	code := Main(t.Context(), t.Context(), s, []string{"-C", t.TempDir(), "down", "--all"})
	if code != dev.ExitFailed || !strings.Contains(out.String(), "project shop is still there: the engine refuses") || !strings.Contains(errs.String(), "sdev: 1 of 3 projects could not be taken down") || !strings.Contains(errs.String(), "sdev status --all") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if left, err := w.Projects(t.Context()); err != nil || len(left) != 1 || left[0].Name != "shop" {
		t.Errorf("left are %v, %v", left, err)
	}
}

// In the state directory of a folder that is found on an engine, somebody may have put a link.
func TestDownAll_LocksNothingThroughALink(t *testing.T) {
	w := newWorld()
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Symlink(elsewhere, dir+"/"+dev.StateDir); err != nil {
		t.Fatal(err)
	}
	w.runsIn(t, "shop", dir)
	s, out, errs := console.Buffers(map[string]string{"HOME": t.TempDir()})
	s.OpenEngine = w.open
	if code := Main(t.Context(), t.Context(), s, []string{"down", "--all"}); code != dev.ExitFailed || !strings.Contains(out.String(), "a link to") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
		t.Errorf("written elsewhere: %v, %v", entries, err)
	}
}

func TestStatusAll_FitsATerminal(t *testing.T) {
	s := []session.Status{
		{Project: "shop", Dir: "/home/ada/work/shop", Mode: dev.Local, URL: "http://localhost:8501", Services: []session.ServiceStatus{{State: "running"}, {State: "running"}}},
		{Project: "shop-7f3a", Dir: "/home/ada/work/shop-new-basket", Mode: dev.Native, URL: "http://shop-7f3a.localhost:8502", Services: []session.ServiceStatus{{State: "running"}, {State: "exited"}}},
		{Project: "bank", Dir: "/home/ada/work/bank", Gone: true, Services: []session.ServiceStatus{{State: "exited"}}},
	}
	streams, out, _ := console.Buffers(map[string]string{"HOME": "/home/ada"})
	streams.OutTTY = true
	a := &commands{&console.Console{Streams: streams, Color: "never"}}
	if err := a.printAll(s); err != nil {
		t.Fatal(err)
	}
	const narrow = `PROJECT    STATE    MODE    PAGE
                            FOLDER
shop       running  local   http://localhost:8501
                            ~/work/shop
shop-7f3a  1/2 run  native  http://shop-7f3a.localhost:8502
                            ~/work/shop-new-basket
bank       stopped  -       -
                            ~/work/bank (gone: not on this machine)
`
	const wide = `PROJECT    STATE    MODE    PAGE                             FOLDER
shop       running  local   http://localhost:8501            ~/work/shop
shop-7f3a  1/2 run  native  http://shop-7f3a.localhost:8502  ~/work/shop-new-basket
bank       stopped  -       -                                ~/work/bank (gone: not on this machine)
`
	if out.String() != narrow {
		t.Errorf("on 80 columns:\n%s", out)
	}
	devtest.CheckPrintable(t, out.String())
	for name, change := range map[string]func(){"a wide terminal": func() { a.Width = 101 }, "no terminal": func() { a.Width, a.OutTTY = 80, false }} {
		out.Reset()
		change()
		if err := a.printAll(s); err != nil || out.String() != wide {
			t.Errorf("on %s:\n%s%v", name, out, err)
		}
	}
}

// Without a container engine, processes are all there is. Where there is one, both are shown.
func TestStatusAll_ListsProcessesToo(t *testing.T) {
	home := t.TempDir()
	dir := devtest.Project(t, map[string]string{"Home.py": ""})
	r := process.New(process.Options{State: filepath.Join(home, "state", "sdev-processes"), Cache: filepath.Join(home, "cache"), Keeper: []string{"sdev"}})
	gateway := plan.Operation{Verb: plan.Load, Kind: plan.Image, Name: "gateway:1"}
	s := types.ServiceConfig{Name: "web"}
	s.Image, s.Labels = gateway.Name, types.Labels{dev.LabelMode: string(dev.Local)}
	create := plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: "shop-web-1", Service: plan.Service{Config: s}}
	for _, op := range []plan.Operation{gateway, create} {
		if err := r.Do(t.Context(), op, plan.Labels{Project: "shop", Dir: dir}); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld()
	w.runsIn(t, "bank", t.TempDir())
	none := func(context.Context, string) (console.Engine, error) {
		return console.Engine{}, &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Message: "no engine answers", Hint: "start it"}
	}
	run := func(open func(context.Context, string) (console.Engine, error), args ...string) (out, errs string) {
		t.Helper()
		s, o, e := console.Buffers(map[string]string{"HOME": home, "XDG_STATE_HOME": filepath.Join(home, "state")})
		s.OpenEngine = open
		if code := Main(t.Context(), t.Context(), s, append([]string{"-C", t.TempDir()}, args...)); code != dev.ExitOK {
			t.Errorf("%v: exit %d\n%s%s", args, code, o, e)
		}
		return o.String(), e.String()
	}
	if out, errs := run(none, "status", "--all"); !strings.Contains(out, "shop     stopped, process") || strings.Contains(out, "bank") || !strings.Contains(errs, "no container engine answers") {
		t.Errorf("without an engine:\n%s%s", out, errs)
	}
	if out, _ := run(w.open, "status", "--all"); !strings.Contains(out, "shop     stopped, process") || !strings.Contains(out, "bank     stopped  ") {
		t.Errorf("with an engine:\n%s", out)
	}
	if out, _ := run(none, "down", "--all"); !strings.Contains(out, "stopped") {
		t.Errorf("down without an engine:\n%s", out)
	}
	if left, err := r.Projects(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if out, _ := run(none, "status", "--all"); out != "no project of sdev runs as processes of this machine\n" {
		t.Errorf("nothing is left:\n%s", out)
	}
	if left, err := w.Projects(t.Context()); err != nil || len(left) != 1 {
		t.Errorf("the engine that did not answer has %v, %v", left, err)
	}
}
