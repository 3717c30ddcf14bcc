package engine_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

func (r *rig) ports() engine.Ports {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.usedPorts
}

// taken listens on a port of this machine until the test ends, unless another program does.
func taken(t *testing.T, port int) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
}

func TestUp_TheProvidersPortStaysWithTheProject(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Mode = dev.Native })
	taken(t, engine.FirstProviderPort)
	run := r.up(engine.Request{})
	first := r.ports().Provider
	if first <= engine.FirstProviderPort || first == run.Port || !slices.Contains(r.Warnings(), dev.CodePortMoved) {
		t.Errorf("port %d, warnings %v", first, r.Warnings())
	}
	if run.Issuer != dev.Issuer(first) || !slices.ContainsFunc(r.Events(), func(e dev.Event) bool { ready, ok := e.(dev.Ready); return ok && ready.Issuer == run.Issuer }) {
		t.Errorf("issuer %q", run.Issuer)
	}
	warned := len(r.Warnings())
	r.up(engine.Request{}) // the project runs, and its own port does not count as taken
	if err := r.engine().Down(t.Context(), t.Context(), r.project, false); err != nil {
		t.Fatal(err)
	}
	r.up(engine.Request{}) // after a down, the saved port counts
	if got := r.ports().Provider; got != first || len(r.Warnings()) != warned {
		t.Errorf("port %d, then %d; warnings %v", first, got, r.Warnings())
	}
}

func TestUp_TheProvidersPortIsNoneThatTheProjectNeeds(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Reserved = func(plan.ImageInfo) []int { return []int{engine.FirstProviderPort, engine.FirstProviderPort + 1} }
		p.Port, p.PortFixed = engine.FirstProviderPort+2, false
	})
	run := r.up(engine.Request{})
	if got := r.ports().Provider; got <= engine.FirstProviderPort+1 || got == run.Port {
		t.Errorf("port %d, the app's is %d", got, run.Port)
	}
	// Nobody signs in, so the port is worth no warning.
	if got := r.Warnings(); slices.Contains(got, dev.CodePortMoved) && run.Port == engine.FirstProviderPort+2 {
		t.Errorf("warnings %v", got)
	}
}

// An app may request its parameters at once.
func TestUp_ConfiguresTheGatewayBeforeTheAppStarts(t *testing.T) {
	for name, change := range map[string]func(p *engine.Project, app *types.ServiceConfig){
		"gateway and app are created": func(*engine.Project, *types.ServiceConfig) {},
		"only the app is created": func(_ *engine.Project, app *types.ServiceConfig) {
			app.Environment = types.MappingWithEquals{"MODE": new(string)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if name != "gateway and app are created" {
				r.up(engine.Request{})
			}
			r.change(change)
			var order []string
			note := make(chan string, 64)
			r.fake.Before(func(_ context.Context, op plan.Operation) error {
				if op.Verb == plan.Start {
					note <- op.Name
				}
				return nil
			})
			e := r.engine()
			r.gateway.configure = func() (time.Time, error) {
				if !r.runs("gateway") {
					t.Error("configured before it runs")
				}
				note <- "configure"
				return time.Time{}, nil
			}
			if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
				t.Fatal(err)
			}
			close(note)
			for s := range note {
				order = append(order, s)
			}
			if at := slices.Index(order, "configure"); at < 0 || at > slices.Index(order, "shop-app-1") || len(order) < 2 {
				t.Errorf("order %v", order)
			}
		})
	}
}

// Some problems show only in a running app. The sdev that started it reports them.
func TestUp_WarnsOfProblemsOfAnAppThatAnswers(t *testing.T) {
	r := newRig(t)
	e := r.engine()
	r.gateway.checkApp = func(p engine.Project) []dev.Warning {
		if !r.runs(p.App) {
			t.Error("it does not run yet")
		}
		return []dev.Warning{{Code: dev.CodeAuthBypass}}
	}
	for range 2 { // the second up starts nothing
		if _, err := e.Up(t.Context(), engine.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.Warnings(); !slices.Equal(got, []dev.Code{dev.CodeAuthBypass}) {
		t.Errorf("warnings %v", got)
	}
}

func TestLastPorts_AreThoseOfTheLastUp(t *testing.T) {
	r := newRig(t)
	if got := engine.LastPorts(r.project.StateDir, 0); got.App != 0 || got.Provider != 0 {
		t.Errorf("before the first: %+v", got)
	}
	run := r.up(engine.Request{})
	if got := engine.LastPorts(r.project.StateDir, 0); got.App != run.Port || got.Provider != r.usedPorts.Provider || got.Provider == 0 {
		t.Errorf("%+v, given were %+v", got, r.usedPorts)
	}
	if got := engine.LastPorts(r.project.StateDir, 1); got.App != 0 || got.Provider != r.usedPorts.Provider {
		t.Errorf("with another port in the files: %+v", got)
	}
}

// The page's port was named by the user and stays; the provider's was not.
func TestUp_AProvidersPortThatIsTakenMeanwhileIsReplacedEvenIfThePagesIsFixed(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.Mode, p.PortFixed = dev.Native, true })
	var snatched int
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Start && op.Name == "shop-gateway-1" && snatched == 0 {
			snatched = r.ports().Provider
			taken(t, snatched)
		}
		return nil
	})
	run := r.up(engine.Request{})
	if got := r.ports().Provider; run.Port != r.project.Port || got == snatched || run.Issuer != dev.Issuer(got) {
		t.Errorf("page at %d, want %d; provider at %d, which was taken at %d; issuer %q", run.Port, r.project.Port, got, snatched, run.Issuer)
	}
}

// A gateway that is a process of this machine listens itself, so it ends if a port was taken meanwhile. Without such a port, the
// error shows what it has printed.
func TestUp_AGatewayThatCannotListenGetsAnotherPort(t *testing.T) {
	for name, fixed := range map[string]bool{"the usual port": false, "the port asked for": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.PortFixed = fixed })
			first := true
			r.gateway.configure = func() (time.Time, error) {
				if !first {
					return time.Time{}, nil
				}
				first = false
				taken(t, r.project.Port)
				time.AfterFunc(50*time.Millisecond, func() { r.fake.End("gateway", 1) })
				return time.Time{}, &dev.Error{Code: dev.CodeGateway, Exit: dev.ExitFailed, Message: "no answer"}
			}
			if !fixed {
				if run := r.up(engine.Request{}); run.Port == r.project.Port || !r.runs("gateway") || !slices.Contains(r.Warnings(), dev.CodePortMoved) {
					t.Errorf("port %d, warnings %v", run.Port, r.Warnings())
				}
				return
			}
			e := r.upFails(r.engine(), engine.Request{}, dev.CodePortTaken, dev.ExitFailed)
			if want := "port " + strconv.Itoa(r.project.Port) + " is taken by "; !strings.HasPrefix(e.Message, want) || len(r.containers()) != 0 {
				t.Errorf("message %q, left over %+v", e.Message, r.containers())
			}
		})
	}
}

func TestUp_ShowsWhatAGatewayPrintedThatEnded(t *testing.T) {
	r := newRig(t)
	r.gateway.configure = func() (time.Time, error) {
		r.fake.Print("gateway", "stderr", "sdev: cannot read the state")
		r.fake.End("gateway", 1)
		return time.Time{}, &dev.Error{Code: dev.CodeGateway, Exit: dev.ExitFailed, Message: "no answer"}
	}
	if e := r.upFails(r.engine(), engine.Request{}, dev.CodeGateway, dev.ExitFailed); e.Message != "the gateway exited with code 1; its last lines:\n  sdev: cannot read the state" {
		t.Errorf("message %q", e.Message)
	}
}
