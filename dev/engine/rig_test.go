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
	mute atomic.Bool // makes the page fail

	gateway *gateway
	copies  engine.Copier         // nil if nothing is copied
	adapt   func(*engine.Project) // changes the project that source returns; may be nil

	mu        sync.Mutex // guards the fields below, which a test changes while an engine reads
	project   engine.Project
	model     *types.Project
	broken    error // error of source
	usedPorts engine.Ports
}

func newRig(t *testing.T) *rig {
	t.Helper()
	devtest.Leaks(t)
	r := newRigWithoutPage(t)
	r.serve(r.answer)
	return r
}

// serve makes a handler answer for the page.
func (r *rig) serve(h http.HandlerFunc) {
	page := httptest.NewServer(h)
	r.Cleanup(page.Close)
	r.url = page.URL
}

// newRigWithoutPage returns a rig without a server for its page, so that it works in a synctest bubble.
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

// answer imitates Streamlit's page: it succeeds while app and gateway run in one network namespace.
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

// eventually waits until a state of the containers holds.
func (r *rig) eventually(so func() bool) {
	r.Helper()
	devtest.Eventually(r, r.containers, func([]plan.Container) bool { return so() })
}

// change changes the project that source returns next.
func (r *rig) change(f func(p *engine.Project, app *types.ServiceConfig)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app := r.model.Services["app"]
	f(&r.project, &app)
	services := maps.Clone(r.model.Services)
	services["app"] = app
	r.model = &types.Project{Name: "shop", Services: services}
}

// addServices adds services to the project.
func (r *rig) addServices(all ...types.ServiceConfig) {
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
	r.usedPorts = ports
	p, app := r.project, r.model.Services["app"]
	if r.adapt != nil {
		r.adapt(&p)
	}
	if len(p.Copies) > 0 {
		app.WorkingDir = "/copied" // the app with copies is another container than the one with mounts
	}
	model := &types.Project{Name: "shop", Services: maps.Clone(r.model.Services), Volumes: r.model.Volumes}
	model.Services["gateway"], model.Services["app"] = gateway, app
	return engine.Effective{
		Mode: p.Mode, Issuer: dev.Issuer(ports.Provider), URL: r.url, Prepare: func() error { return nil },
		Desired: func(images map[string]string) plan.Desired {
			want := plan.NewDesired(model, "app", "gateway", plan.Inputs{Images: images})
			for i := range want.Services {
				name := want.Services[i].Config.Name
				neighbour := slices.ContainsFunc(p.Neighbours, func(n engine.Neighbour) bool { return n.Service == name && len(n.Copies) > 0 })
				want.Services[i].Synced = len(p.Copies) > 0 && name == "app" || neighbour
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

// upFails runs an Up that must fail with a code and an exit code.
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

// ops returns the operations on the engine after the first since ones, one per line.
func (r *rig) ops(since int) string { return r.fake.Done()[since:].String() }

// supervision is a running Supervise.
type supervision struct {
	*rig
	interrupt, force context.CancelFunc
	ended            chan struct{}
	err              error // of Supervise, once ended is closed
}

// supervise starts a Supervise and waits until the page answers.
func (r *rig) supervise() *supervision {
	r.Helper()
	s := r.begin()
	s.await("ready")
	s.awaitStartHandled()
	return s
}

func (r *rig) begin() *supervision {
	r.Helper()
	ctx, interrupt := context.WithCancel(r.Context())
	force, kill := context.WithCancel(r.Context())
	s := &supervision{rig: r, interrupt: interrupt, force: kill, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.err = r.engine().Supervise(ctx, force, engine.Request{})
	}()
	r.Cleanup(func() {
		interrupt()
		kill()
		<-s.ended
	})
	return s
}

// awaitStartHandled waits until Supervise has handled the events of its own start. It saves a file that causes a
// restart, and waits for the end of that.
func (s *supervision) awaitStartHandled() {
	s.Helper()
	s.save(dev.Restart, ".streamlit/config.toml")
	s.await("ready")
}

func (s *supervision) await(kind string) dev.Event {
	s.Helper()
	return devtest.Await(s, s, func(ev dev.Event) bool { return ev.Type() == kind }).Event
}

func (s *supervision) awaitWarning(code dev.Code) dev.Warning {
	s.Helper()
	return devtest.Await(s, s, func(ev dev.Event) bool { w, ok := ev.(dev.Warning); return ok && w.Code == code }).Event.(dev.Warning)
}

// save reports a save in the way the gateway does. What asks for a rebuild has another content.
func (s *supervision) save(action dev.Action, path string) {
	if action == dev.Rebuild {
		s.change(func(p *engine.Project, _ *types.ServiceConfig) {
			p.Images = slices.Clone(p.Images)
			p.Images[0].Input += ", and another " + path
		})
	}
	s.touch(action, path)
}

// touch is save without another content.
func (s *supervision) touch(action dev.Action, path string) {
	s.fake.Tell("gateway", dev.FileChanged{Paths: []string{path}, Rule: "test", Action: action})
}

// end waits until Supervise has returned.
func (s *supervision) end() error {
	s.Helper()
	timeout := time.NewTimer(devtest.Patience)
	defer timeout.Stop()
	select {
	case <-s.ended:
		return s.err
	case <-timeout.C:
		s.Fatal("Supervise did not return")
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
