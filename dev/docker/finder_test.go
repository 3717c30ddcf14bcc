package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// newTestFinder returns a finder with a home directory of its own. Its default socket is usual.sock in there.
func newTestFinder(t *testing.T, env map[string]string) finder {
	t.Helper()
	home, err := os.MkdirTemp("", "sdev") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	return finder{getenv: func(name string) string { return env[name] }, home: home, usual: "unix://" + filepath.Join(home, "usual.sock"), uid: 4321, on: onLinux()}
}

// listenAs starts an engine at a socket, with an API version.
func listenAs(t *testing.T, socket, version string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", version) }))
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
}

// leaveSocket leaves a socket at which nothing listens any more.
func leaveSocket(t *testing.T, socket string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestFinder_TriesKnownSocketsIfNothingWasChosen(t *testing.T) {
	for _, c := range []struct {
		at          []string // where engines listen, below the home directory
		leaveSocket []string
		where       string
		why         string
	}{
		{at: []string{"usual.sock", ".colima/default/docker.sock"}, where: "usual.sock", why: "the default socket"},
		{at: []string{"run/docker.sock", ".rd/docker.sock"}, where: "run/docker.sock", why: "rootless Docker, because the default socket does not answer"},
		{at: []string{".docker/run/docker.sock"}, where: ".docker/run/docker.sock", why: "Docker Desktop, because the default socket does not answer"},
		{at: []string{".colima/work/docker.sock", ".colima/default/docker.sock"}, where: ".colima/default/docker.sock", why: "colima, because the default socket does not answer"},
		{at: []string{".colima/work/docker.sock"}, where: ".colima/work/docker.sock", why: "colima, profile work, because the default socket does not answer"},
		{at: []string{".rd/docker.sock"}, leaveSocket: []string{".colima/default/docker.sock", "usual.sock"}, where: ".rd/docker.sock", why: "Rancher Desktop, because the default socket does not answer"},
		{at: []string{".orbstack/run/docker.sock", "run/podman/podman.sock"}, where: ".orbstack/run/docker.sock", why: "OrbStack, because the default socket does not answer"},
		{at: []string{"run/podman/podman.sock"}, where: "run/podman/podman.sock", why: "podman, because the default socket does not answer"},
	} {
		t.Run(c.why, func(t *testing.T) {
			env := map[string]string{}
			f := newTestFinder(t, env)
			env["XDG_RUNTIME_DIR"] = filepath.Join(f.home, "run")
			for _, s := range c.at {
				listenAs(t, filepath.Join(f.home, s), "1.47")
			}
			for _, s := range c.leaveSocket {
				leaveSocket(t, filepath.Join(f.home, s))
			}
			e, err := f.open(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if want := (Endpoint{Host: "unix://" + filepath.Join(f.home, c.where), Why: c.why, API: "1.47"}); e.Endpoint() != want {
				t.Errorf("%+v, want %+v", e.Endpoint(), want)
			}
		})
	}
}

func TestFinder_ListsTheAddressesThatItTried(t *testing.T) {
	f := newTestFinder(t, nil)
	leaveSocket(t, filepath.Join(f.home, ".colima/default/docker.sock"))
	listenAs(t, filepath.Join(f.home, ".rd/docker.sock"), "1.40")
	_, err := f.open(t.Context(), "")
	got := strings.ReplaceAll(fmt.Sprint(err), f.home, "~")
	want := "the container engine at unix://~/usual.sock (the default socket) does not answer: the socket does not exist; " +
		"then tried unix://~/.colima/default/docker.sock (colima, because the default socket does not answer): nothing listens there; " +
		"then tried unix://~/.rd/docker.sock (Rancher Desktop, because the default socket does not answer): the container engine at unix://~/.rd/docker.sock supports API 1.40 at most; sdev needs 1.41 (Docker 20.10) to 1.51"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestFinder_ExplainsAnUnusableAddress(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, c := range map[string]struct {
		env           map[string]string
		flag          string
		message, hint string
	}{
		"a flag that names no context": {nil, "nosuch", `docker context "nosuch", chosen by --context, cannot be used`, "docker context ls"},
		"a variable":                   {map[string]string{"DOCKER_CONTEXT": "nosuch"}, "", "chosen by DOCKER_CONTEXT", "docker context ls"},
		"no address":                   {map[string]string{"DOCKER_HOST": "nonsense"}, "", "nonsense (DOCKER_HOST) cannot be used", "check DOCKER_HOST"},
		"a closed port":                {map[string]string{"DOCKER_HOST": "tcp://" + closed.Addr().String()}, "", "(DOCKER_HOST) does not answer: nothing listens there", "start Docker"},
		"no such host":                 {map[string]string{"DOCKER_HOST": "tcp://nosuch.invalid:2376"}, "", "nosuch.invalid", "start Docker"},
		"no certificates":              {map[string]string{"DOCKER_HOST": "tcp://" + closed.Addr().String(), "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/nowhere"}, "", "/nowhere/ca.pem", "DOCKER_CERT_PATH"},
		"ssh with a password":          {map[string]string{"DOCKER_HOST": "ssh://me:word@there"}, "", "cannot be used", "check DOCKER_HOST"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newTestFinder(t, c.env).open(t.Context(), c.flag)
			e, ok := errors.AsType[*dev.Error](err)
			if !ok || e.Code != dev.CodeEngineUnreachable || e.Exit != dev.ExitEngine || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestFinder_GivesUpAnEngineThatNeverAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f := newTestFinder(t, map[string]string{"DOCKER_HOST": "tcp://" + l.Addr().String()})
	f.timeout = 50 * time.Millisecond
	_, err = f.open(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "it timed out") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.open(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v", err)
	}
}

func TestFinder_TriesTheSocketsOfAMac(t *testing.T) {
	for socket, product := range map[string]string{
		".docker/run/docker.sock":                            "Docker Desktop",
		".orbstack/run/docker.sock":                          "OrbStack",
		".colima/work/docker.sock":                           "colima, profile work",
		".config/colima/default/docker.sock":                 "colima",
		".rd/docker.sock":                                    "Rancher Desktop",
		".local/share/containers/podman/machine/podman.sock": "podman machine",
		"tmp/podman/podman-machine-default-api.sock":         "podman machine",
	} {
		t.Run(socket, func(t *testing.T) {
			env := map[string]string{}
			f := newTestFinder(t, env)
			f.on, env["TMPDIR"] = onMac(), filepath.Join(f.home, "tmp")+"/"
			listenAs(t, filepath.Join(f.home, socket), "1.51")
			e, err := f.open(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if want := (Endpoint{Host: "unix://" + filepath.Join(f.home, socket), Why: product + ", because the default socket does not answer", API: "1.51"}); e.Endpoint() != want {
				t.Errorf("%+v, want %+v", e.Endpoint(), want)
			}
		})
	}
}

// The pipes exist on Windows only, so that here each of them fails; the error lists them.
func TestFinder_TriesTheNamedPipesOfWindows(t *testing.T) {
	f := newTestFinder(t, nil)
	f.on = onWindows()
	_, err := f.open(t.Context(), "")
	e, ok := errors.AsType[*dev.Error](err)
	if !ok || !strings.Contains(e.Message, "then tried npipe:////./pipe/dockerDesktopLinuxEngine (Docker Desktop,") || !strings.Contains(e.Message, "npipe:////./pipe/podman-machine-default") {
		t.Errorf("%v", err)
	}
	if !strings.HasPrefix(e.Hint, "start Docker Desktop (or Rancher Desktop") {
		t.Errorf("hint %q", e.Hint)
	}
}

func TestUnreachable_HasTheRemedyOfTheSystem(t *testing.T) {
	denied := failure{Endpoint{Host: "unix:///var/run/docker.sock", Why: "the default socket"}, fmt.Errorf("dial: %w", os.ErrPermission)}
	absent := failure{denied.Endpoint, fmt.Errorf("dial: %w", os.ErrNotExist)}
	for name, c := range map[string]struct {
		on             engineSystem
		denied, absent string
	}{
		"Linux":   {onLinux(), "usermod -aG docker", "start Docker, or set DOCKER_HOST"},
		"macOS":   {onMac(), "start Docker Desktop as yourself", "start Docker Desktop (or OrbStack"},
		"Windows": {onWindows(), "docker-users", "start Docker Desktop (or Rancher Desktop"},
	} {
		for _, e := range []struct {
			err  error
			code dev.Code
			hint string
		}{{c.on.unreachable([]failure{denied}), dev.CodeEnginePermission, c.denied}, {c.on.unreachable([]failure{absent}), dev.CodeEngineUnreachable, c.absent}} {
			if got, ok := errors.AsType[*dev.Error](e.err); !ok || got.Code != e.code || !strings.Contains(got.Hint, e.hint) {
				t.Errorf("%s: %+v; want %s, %q", name, e.err, e.code, e.hint)
			}
		}
	}
}

func TestFinder_KnowsHowContainersReachThisMachine(t *testing.T) {
	for _, c := range []struct {
		socket, linkedFrom string // below the home directory
		on                 engineSystem
		want               plan.HostRoute
	}{
		{"docker.sock", "", onLinux(), plan.RouteByGateway},
		{"run/docker.sock", "", onLinux(), plan.RouteByGateway},
		{"run/podman/podman.sock", "usual.sock", onLinux(), plan.RouteUnknown},
		{".docker/desktop/docker.sock", "", onLinux(), plan.RouteUnknown},
		{".colima/work/docker.sock", "", onLinux(), plan.RouteUnknown},
		{".rd/docker.sock", "", onLinux(), plan.RouteByName},
		{".rd/docker.sock", "usual.sock", onMac(), plan.RouteByName},
		{".colima/default/docker.sock", "usual.sock", onMac(), plan.RouteUnknown},
		{"docker.sock", "", onMac(), plan.RouteUnknown},
	} {
		env := map[string]string{}
		f := newTestFinder(t, env)
		f.on, env["XDG_RUNTIME_DIR"] = c.on, filepath.Join(f.home, "run")
		listenAs(t, filepath.Join(f.home, c.socket), "1.47")
		env["DOCKER_HOST"] = "unix://" + filepath.Join(f.home, c.socket)
		if c.linkedFrom != "" {
			if err := os.Symlink(filepath.Join(f.home, c.socket), filepath.Join(f.home, c.linkedFrom)); err != nil {
				t.Fatal(err)
			}
			env["DOCKER_HOST"] = "unix://" + filepath.Join(f.home, c.linkedFrom)
		}
		e, err := f.open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if e.HostRoute() != c.want {
			t.Errorf("%+v: route %v", c, e.HostRoute())
		}
	}
	if got := newTestFinder(t, nil).hostRoute("ssh://me@there"); got != plan.RouteUnknown {
		t.Errorf("another machine: route %v", got)
	}
}
