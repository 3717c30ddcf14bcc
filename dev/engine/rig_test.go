package engine_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

const gatewayImage = "sdev-gateway:1"

// rig is a project "shop" on a fake engine: a gateway, and an app whose page answers while both run.
type rig struct {
	*testing.T
	*devtest.Recorder
	fake *devtest.Fake
	url  string
	mute atomic.Bool // the page does not answer

	gateway *gateway
	copies  engine.Copier         // nil where nothing is copied
	adapt   func(*engine.Project) // what a look at the files adds; may be nil

	mu      sync.Mutex // guards project and model, which a test changes while an engine reads
	project engine.Project
	model   *types.Project
	broken  error // why the project cannot be read
	given   engine.Ports
}

func newRig(t *testing.T) *rig {
	t.Helper()
	devtest.Leaks(t)
	r := newRigWithoutPage(t)
	page := httptest.NewServer(http.HandlerFunc(r.answer))
	t.Cleanup(page.Close)
	r.url = page.URL
	return r
}

// newRigWithoutPage is a rig at whose page nobody listens, and which therefore works in a bubble.
func newRigWithoutPage(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, Recorder: &devtest.Recorder{}, fake: devtest.NewFake(), gateway: &gateway{}}
	r.url = fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	gateway, app := types.ServiceConfig{Name: "gateway"}, types.ServiceConfig{Name: "app"}
	gateway.Image, app.Image = gatewayImage, "shop-app"
	app.NetworkMode = "service:gateway"
	app.DependsOn = types.DependsOnConfig{"gateway": {}}
	gateway.Labels = types.Labels{dev.LabelFront: "8501/tcp", dev.LabelProvider: "8601/tcp"}
	r.model = &types.Project{Name: "shop", Services: types.Services{"gateway": gateway, "app": app}}
	r.project = engine.Project{
		Name: "shop", App: "app", Gateway: "gateway", Mode: dev.Local, Files: []string{"compose.yml", ".env"}, StateDir: t.TempDir(),
		Labels: plan.Labels{Project: "shop", App: "app", Gateway: "gateway"}, Port: freePort(t), GatewayImage: gatewayImage, Effective: r.effective,
		Images: []plan.ImageSource{{Service: "app", Ref: "shop-app", Build: &plan.Build{Service: "app", Tag: "shop-app"}, Input: "input 1", Pull: plan.PullMissing}},
	}
	return r
}

// answer is the app's page: Streamlit's answer while app and gateway run in one network.
func (r *rig) answer(w http.ResponseWriter, _ *http.Request) {
	gateway, app := r.container("gateway"), r.container("app")
	if r.mute.Load() || !gateway.Running || !app.Running || gateway.Started.After(app.Started) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (r *rig) containers() []plan.Container {
	r.Helper()
	have, err := r.fake.Observe(context.WithoutCancel(r.Context()), "shop", nil)
	if err != nil {
		r.Error(err)
	}
	return have.Containers
}

func (r *rig) container(service string) plan.Container {
	r.Helper()
	all := r.containers()
	i := slices.IndexFunc(all, func(c plan.Container) bool { return c.Service == service })
	if i < 0 {
		return plan.Container{}
	}
	return all[i]
}

func (r *rig) runs(service string) bool { return r.container(service).Running }

// change changes the project that the next look at its files gives.
func (r *rig) change(f func(p *engine.Project, app *types.ServiceConfig)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app := r.model.Services["app"]
	f(&r.project, &app)
	services := maps.Clone(r.model.Services)
	services["app"] = app
	r.model = &types.Project{Name: "shop", Services: services}
}

// neighbours adds services to the project.
func (r *rig) neighbours(all ...types.ServiceConfig) {
	r.mu.Lock()
	defer r.mu.Unlock()
	services := maps.Clone(r.model.Services)
	for _, s := range all {
		services[s.Name] = s
	}
	r.model = &types.Project{Name: "shop", Services: services}
}

func (r *rig) source(context.Context) (engine.Project, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.project
	if r.adapt != nil {
		r.adapt(&p)
	}
	return p, r.broken
}

func (r *rig) effective(_ context.Context, image plan.ImageInfo, ports engine.Ports) (engine.Effective, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gateway := r.model.Services["gateway"]
	gateway.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(ports.App), Target: 8501, Protocol: "tcp"},
		{HostIP: "127.0.0.1", Published: strconv.Itoa(ports.Provider), Target: 8601, Protocol: "tcp"}}
	r.given = ports
	p, app := r.project, r.model.Services["app"]
	if r.adapt != nil {
		r.adapt(&p)
	}
	if len(p.Copies) > 0 {
		app.WorkingDir = "/copied" // what is copied is mounted no more, which makes another container
	}
	model := &types.Project{Name: "shop", Services: maps.Clone(r.model.Services), Volumes: r.model.Volumes}
	model.Services["gateway"], model.Services["app"] = gateway, app
	return engine.Effective{
		Mode: p.Mode, Issuer: dev.Issuer(ports.Provider), URL: r.url, Prepare: func() error { return nil },
		Desired: func(images map[string]string) plan.Desired {
			want := plan.NewDesired(model, "app", "gateway", plan.Inputs{Images: images})
			for i := range want.Services {
				want.Services[i].Synced = len(p.Copies) > 0 && want.Services[i].Config.Name == "app"
			}
			return want
		},
	}, nil
}

func (r *rig) engine() *engine.Engine {
	return &engine.Engine{Runtime: r.fake, Images: r.fake, Copier: r.copies, Gateway: r.gateway, Source: r.source, Emit: r.Emit, Timeout: devtest.Patience}
}

func (r *rig) up(want engine.Request) engine.Running {
	r.Helper()
	run, err := r.engine().Up(r.Context(), want)
	if err != nil {
		r.Fatalf("up: %v", err)
	}
	return run
}

// upFails is an Up that must fail with a code and an exit code.
func (r *rig) upFails(e *engine.Engine, want engine.Request, code dev.Code, exit int) *dev.Error {
	r.Helper()
	_, err := e.Up(r.Context(), want)
	if err == nil {
		r.Fatal("up went well")
	}
	got := dev.AsError(err)
	if got.Code != code || got.Exit != exit {
		r.Fatalf("code %s, exit %d, want %s, %d: %v", got.Code, got.Exit, code, exit, err)
	}
	return got
}

// ops gives what was done on the engine since a number of operations, one a line.
func (r *rig) ops(since int) string { return r.fake.Done()[since:].String() }

// attendance is an Attend under way.
type attendance struct {
	*rig
	interrupt, force context.CancelFunc
	ended            chan struct{}
	err              error // of Attend, once ended is closed
}

// attend begins an Attend and waits until the page answers.
func (r *rig) attend() *attendance {
	r.Helper()
	a := r.begin()
	a.await("ready")
	a.settled()
	return a
}

func (r *rig) begin() *attendance {
	r.Helper()
	ctx, interrupt := context.WithCancel(r.Context())
	force, kill := context.WithCancel(r.Context())
	a := &attendance{rig: r, interrupt: interrupt, force: kill, ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		a.err = r.engine().Supervise(ctx, force, engine.Request{})
	}()
	r.Cleanup(func() {
		interrupt()
		kill()
		<-a.ended
	})
	return a
}

// settled waits until Attend has looked at what its own start brought about: a restart that comes
// after that is over.
func (a *attendance) settled() {
	a.Helper()
	a.save(dev.Restart, ".streamlit/config.toml")
	a.await("ready")
}

func (a *attendance) await(kind string) dev.Event {
	a.Helper()
	return devtest.Await(a, a, func(ev dev.Event) bool { return ev.Type() == kind }).Event
}

func (a *attendance) awaitWarning(code dev.Code) dev.Warning {
	a.Helper()
	return devtest.Await(a, a, func(ev dev.Event) bool { w, ok := ev.(dev.Warning); return ok && w.Code == code }).Event.(dev.Warning)
}

// save is a save as the gateway tells it.
func (a *attendance) save(action dev.Action, path string) {
	a.fake.Tell("gateway", dev.FileChanged{Paths: []string{path}, Rule: "test", Action: action})
}

// end waits until Attend has returned.
func (a *attendance) end() error {
	a.Helper()
	timeout := time.NewTimer(devtest.Patience)
	defer timeout.Stop()
	select {
	case <-a.ended:
		return a.err
	case <-timeout.C:
		a.Fatal("Attend goes on and on")
		return nil
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l := listen(t, 0)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func listen(t *testing.T, port int) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
