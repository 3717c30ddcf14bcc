//go:build docker

package docker_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// wire passes connections on to the engine until it is cut, as when the engine's machine stops.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
}

// throughWire makes sdev reach the engine through a wire.
func throughWire(t *testing.T) *wire {
	t.Helper()
	host := run(t, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	target, isSocket := strings.CutPrefix(host, "unix://")
	if !isSocket {
		t.Fatalf("the engine is at %s", host)
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l}
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", target)
			if err != nil {
				_ = from.Close()
				return
			}
			w.mu.Lock()
			w.open = append(w.open, from, to)
			w.mu.Unlock()
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_ = to.(*net.UnixConn).CloseWrite()
			}
			go pass(to, from)
			go pass(from, to)
		}
	}()
	t.Cleanup(w.cut)
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	return w
}

func (w *wire) cut() {
	_ = w.listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		_ = c.Close()
	}
}

func TestDockerBuilders_SayThatTheEngineWentAway(t *testing.T) {
	builders(t, func(t *testing.T, _ *docker.Engine) {
		w := throughWire(t)
		e := open(t)
		mark := fmt.Sprint("sleep 30.", time.Now().UnixNano())
		ended := make(chan error, 1)
		go func() {
			_, err := e.Build(t.Context(), plan.Build{Service: "app", Tag: "sdev-test:never", Context: t.TempDir(), Inline: "FROM python:3.11-slim\nRUN " + mark + "\n"}, func(dev.Event) {})
			ended <- err
		}()
		waitFor(t, "the step runs", func() bool { return running(t, mark) })
		w.cut()
		select {
		case err := <-ended:
			failure, ok := errors.AsType[*dev.Error](err)
			if !ok || failure.Code != dev.CodeEngineUnreachable || failure.Exit != dev.ExitEngine || !strings.Contains(failure.Message, "service app") || failure.Hint == "" {
				t.Errorf("%+v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the build still waits for the engine")
		}
		waitFor(t, "the step ended", func() bool { return !running(t, mark) })
	})
}
