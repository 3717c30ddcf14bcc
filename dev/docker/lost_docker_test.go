//go:build docker

package docker_test

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// throughRelay makes sdev reach the engine through a relay.
func throughRelay(t *testing.T) *devtest.Relay {
	t.Helper()
	engine, isSocket := strings.CutPrefix(run(t, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"), "unix://")
	if !isSocket {
		t.Fatalf("the engine is at %s", engine)
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	return devtest.RelayTo(t, l, engine)
}

func TestDockerBuilders_SayThatTheEngineWentAway(t *testing.T) {
	builders(t, func(t *testing.T, _ *docker.Engine) {
		relay := throughRelay(t)
		e := open(t)
		mark := fmt.Sprint("sleep 30.", time.Now().UnixNano())
		ended := make(chan error, 1)
		go func() {
			_, err := e.Build(t.Context(), plan.Build{Service: "app", Tag: "sdev-test:never", Context: t.TempDir(), Inline: "FROM python:3.11-slim\nRUN " + mark + "\n"}, func(dev.Event) {})
			ended <- err
		}()
		waitFor(t, "the step runs", func() bool { return running(t, mark) })
		relay.Close()
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
