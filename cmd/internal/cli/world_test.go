package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
	"sdev/dev/docker"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
	"sdev/dev/plan"
	"sdev/dev/session"
)

// world is a container engine in memory, on which tests run whole command lines. A running gateway container serves a
// page at its published port and answers requests to its control socket, with a real provider. A command in any other
// container runs on this machine.
type world struct {
	*devtest.Fake
	address string // of this engine alone, in messages; sdev remembers which directory has which name there

	busy  atomic.Bool // the page does not answer yet
	route plan.HostRoute

	mu       sync.Mutex              // guards everything below
	pages    map[string]net.Listener // by gateway
	login    dev.LoginSettings
	provider *oidc.Provider
}

func newWorld() *world {
	return &world{Fake: devtest.NewFake("shop:1", "postgres:16"), address: "unix:///fake/" + rand.Text(), pages: map[string]net.Listener{}}
}

func (w *world) open(context.Context, string) (console.Engine, error) {
	return console.Engine{
		Containers: session.Containers{Runtime: w, Images: w, Exec: w, Machine: w, Catalog: w, Host: w.address, HostRoute: w.route}, Release: w, Closer: w,
		Endpoint: docker.Endpoint{Host: w.address, Why: "a test", API: "1.41"},
	}, nil
}

func (w *world) Close() error { return nil }

// Do also serves the gateway's page while the gateway runs.
func (w *world) Do(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	isGateway := op.Kind == plan.ServiceContainer && strings.Contains(op.Name, config.GatewayService) && (op.Verb == plan.Start || op.Verb == plan.Restart || op.Verb == plan.Remove)
	if isGateway {
		w.hidePage(op.Name)
	}
	if err := w.Fake.Do(ctx, op, labels); err != nil || !isGateway || op.Verb == plan.Remove {
		return err
	}
	have, err := w.Observe(ctx, labels.Project, nil)
	if err != nil {
		return err
	}
	for _, c := range have.Containers {
		if c.Service == config.GatewayService {
			address, _, _ := strings.Cut(c.Ports[0], "->")
			return w.showPage(c.Name, address)
		}
	}
	return errors.New("no gateway to start")
}

func (w *world) showPage(gateway, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.pages[gateway] = l
	w.mu.Unlock()
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			if w.busy.Load() {
				rw.WriteHeader(http.StatusServiceUnavailable)
			}
		})) // ends with the listener
	}()
	return nil
}

func (w *world) hidePage(gateway string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.pages[gateway]; l != nil {
		_ = l.Close()
		delete(w.pages, gateway)
	}
}

// end ends every page.
func (w *world) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.pages {
		_ = l.Close()
	}
}

// Run answers the gateway's control socket, and runs any other command on this machine.
func (w *world) Run(ctx context.Context, x plan.Exec) (int, error) {
	if slices.Equal(x.Command, dev.GatewayCommand(dev.GatewayProgram, dev.GatewayCall)) {
		var req gateway.Request
		if err := json.NewDecoder(x.In).Decode(&req); err != nil {
			return 1, err
		}
		return 0, json.NewEncoder(x.Out).Encode(w.answer(ctx, req))
	}
	if slices.ContainsFunc(x.Command, func(s string) bool { return strings.Contains(s, "memfd:sdev-login") }) {
		_, err := io.WriteString(x.Out, "kept\n")
		return 0, err
	}
	cmd := exec.CommandContext(ctx, x.Command[0], x.Command[1:]...) // the command comes from a test
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.In, x.Out, x.Err
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func (w *world) Architecture(context.Context) (string, error) { return "amd64", nil }

func (w *world) Rootless(context.Context) (bool, error) { return false, nil }

func (w *world) answer(ctx context.Context, req gateway.Request) gateway.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := gateway.Status{V: dev.WireVersion, Mode: dev.Local, How: dev.ReloadMount, Up: true, Sessions: 1, Watches: 3, Reloads: 1, Reload: dev.AppReloaded{MS: 74}}
	refuse := func(err error) {
		failed := dev.AsError(err).Event()
		s.Refused = &failed
	}
	if req.Do == gateway.DoProbe {
		s.Probe = gateway.Probe{Visible: true, Noticed: true}
	}
	if req.Do == gateway.DoLogin {
		w.login, w.provider = *req.Login, nil
		if w.login.Mode.SignsIn() {
			l := w.login
			p, err := oidc.New(oidc.Config{Issuer: l.Issuer, Project: "shop", Profile: l.Profile, People: l.People, Clients: l.Clients, Current: l.Current})
			if err != nil {
				refuse(err)
			}
			w.provider = p
		}
	}
	if w.provider == nil {
		return s
	}
	s.Mode = w.login.Mode
	c := oidc.Command{Do: oidc.DoState}
	if req.Do == gateway.DoAuth {
		c = req.Auth
	}
	state, err := w.provider.Do(ctx, c)
	if err != nil {
		refuse(err)
	}
	s.Auth = state
	return s
}

// Versions returns the versions of an image that suits every login mode.
func (w *world) Versions(context.Context, string, ...string) (map[string]string, error) {
	return map[string]string{"streamlit": "1.58.0", "Authlib": "1.6.0", "httpx": "0.28.0", "botocore": "1.40.0"}, nil
}

// The methods below are for copies and images that ship, which no transcript uses.

var errNotHere = errors.New("the engine in memory cannot do that")

func (w *world) Stream(context.Context, string, bool, ...string) (io.ReadWriteCloser, error) {
	return nil, errNotHere
}

func (w *world) Command(context.Context, string, dev.Exec) (string, int, error) {
	return "", 0, errNotHere
}

func (w *world) IdentifyImage(_ context.Context, ref string) (docker.ImageIdentity, error) {
	return docker.ImageIdentity{}, &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: "no image " + ref, Hint: "build it"}
}

func (w *world) Save(context.Context, string) (io.ReadCloser, error) { return nil, errNotHere }

func (w *world) StartSmokeTest(context.Context, docker.SmokeTest) (*docker.SmokeTestRun, error) {
	return nil, errNotHere
}
