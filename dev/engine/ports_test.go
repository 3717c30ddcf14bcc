package engine_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

func TestUp_MovesFromATakenPortAndRemembersIt(t *testing.T) {
	r := newRig(t)
	usual := r.project.Port
	holder := listen(t, usual)
	run := r.up(engine.Request{})
	if run.Port == usual {
		t.Fatal("it took the port that is taken")
	}
	i := slices.IndexFunc(r.Events(), func(ev dev.Event) bool { return ev.Type() == "warning" })
	w := r.Events()[i].(dev.Warning)
	if owner := fmt.Sprintf("port %d is taken by process %d (", usual, os.Getpid()); w.Code != dev.CodePortMoved || !strings.HasPrefix(w.Message, owner) ||
		!strings.HasSuffix(w.Message, "; using "+strconv.Itoa(run.Port)) || !strings.Contains(w.Hint, "--port "+strconv.Itoa(usual)) {
		t.Errorf("%+v", w)
	}
	if again := r.up(engine.Request{}); again.Port != run.Port || again.Changed {
		t.Errorf("while it runs: %+v", again)
	}
	if err := r.engine().Down(t.Context(), t.Context(), engine.Project{Name: "shop"}, false); err != nil {
		t.Fatal(err)
	}
	_ = holder.Close()
	if again := r.up(engine.Request{}); again.Port != run.Port {
		t.Errorf("port %d after a down, want the remembered %d", again.Port, run.Port)
	}
	if got := r.Warnings(); len(got) != 1 {
		t.Errorf("warnings %v, want one", got)
	}
}

// Another service of the project publishes the next port, which is still free when sdev looks.
func TestUp_MovesToNoPortThatTheProjectPublishes(t *testing.T) {
	r := newRig(t)
	next := r.project.Port + 1
	r.change(func(p *engine.Project, _ *types.ServiceConfig) {
		p.Reserved = func(plan.ImageInfo) []int { return []int{p.Port, next} }
	})
	listen(t, r.project.Port)
	if run := r.up(engine.Request{}); run.Port == r.project.Port || run.Port == next {
		t.Errorf("the page moved to port %d; %d is taken and %d is another service's", run.Port, r.project.Port, next)
	}
}

func TestUp_TakesNoOtherPortThanTheOneAskedFor(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.PortFixed = true })
	listen(t, r.project.Port)
	e := r.upFails(r.engine(), engine.Request{}, dev.CodePortTaken, dev.ExitFailed)
	if want := fmt.Sprintf("port %d is taken by process %d (", r.project.Port, os.Getpid()); !strings.HasPrefix(e.Message, want) {
		t.Errorf("message %q", e.Message)
	}
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestUp_NamesTheContainerThatHasThePort(t *testing.T) {
	r := newRig(t)
	other := types.ServiceConfig{Name: "web"}
	other.Image = "nginx"
	other.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(r.project.Port), Target: 80, Protocol: "tcp"}}
	for _, op := range []plan.Operation{
		{Verb: plan.Load, Kind: plan.Image, Name: "nginx"},
		{Verb: plan.Create, Kind: plan.ServiceContainer, Name: "blog-web-1", Service: plan.Service{Config: other}},
		{Verb: plan.Start, Kind: plan.ServiceContainer, Name: "blog-web-1"},
	} {
		if err := r.fake.Do(t.Context(), op, plan.Labels{Project: "blog"}); err != nil {
			t.Fatal(err)
		}
	}
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.PortFixed = true })
	listen(t, r.project.Port) // as an engine does for its container
	e := r.upFails(r.engine(), engine.Request{}, dev.CodePortTaken, dev.ExitFailed)
	if want := fmt.Sprintf("port %d is taken by container blog-web-1", r.project.Port); e.Message != want {
		t.Errorf("message %q, want %q", e.Message, want)
	}
}

// A service that ran beside another app is chosen as the app: the gateway takes over the port of its container.
func TestUp_TakesOverThePortOfTheServiceThatIsNowTheApp(t *testing.T) {
	r := newRig(t)
	before := types.ServiceConfig{Name: "app"}
	before.Image = "shop-app"
	before.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(r.project.Port), Target: 8501, Protocol: "tcp"}}
	for _, op := range []plan.Operation{
		{Verb: plan.Load, Kind: plan.Image, Name: "shop-app"},
		{Verb: plan.Create, Kind: plan.ServiceContainer, Name: "shop-app-1", Service: plan.Service{Config: before}},
		{Verb: plan.Start, Kind: plan.ServiceContainer, Name: "shop-app-1"},
	} {
		if err := r.fake.Do(t.Context(), op, r.project.Labels); err != nil {
			t.Fatal(err)
		}
	}
	holder := listen(t, r.project.Port) // as an engine does for its container
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Remove && op.Name == "shop-app-1" {
			return holder.Close()
		}
		return nil
	})
	if run := r.up(engine.Request{}); run.Port != r.project.Port || len(r.Warnings()) != 0 {
		t.Errorf("port %d, want %d; warnings %v", run.Port, r.project.Port, r.Warnings())
	}
}

func TestUp_ChoosesAnotherPortIfTheFirstIsTakenMeanwhile(t *testing.T) {
	r := newRig(t)
	snatch := sync.OnceFunc(func() { listen(t, r.project.Port) })
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Start && op.Name == "shop-gateway-1" {
			snatch()
		}
		return nil
	})
	run := r.up(engine.Request{})
	if run.Port == r.project.Port || !r.runs("app") || !r.runs("gateway") {
		t.Errorf("%+v; %+v", run, r.containers())
	}
	if got := r.Warnings(); !slices.Equal(got, []dev.Code{dev.CodePortMoved}) {
		t.Errorf("warnings %v", got)
	}
}

func TestUp_FixedPortThatIsTakenMeanwhileFailsAndLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.change(func(p *engine.Project, _ *types.ServiceConfig) { p.PortFixed = true })
	var holder net.Listener
	r.fake.Before(func(_ context.Context, op plan.Operation) error {
		if op.Verb == plan.Start && op.Name == "shop-gateway-1" && holder == nil {
			holder = listen(t, r.project.Port)
		}
		return nil
	})
	_ = r.upFails(r.engine(), engine.Request{}, dev.CodePortTaken, dev.ExitFailed)
	if left := r.containers(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}
