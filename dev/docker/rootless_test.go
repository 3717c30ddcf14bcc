package docker_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/system"

	"sdev/dev/docker"
)

// security is an engine that names its security options.
type security struct {
	options []string
	asked   int
}

func (s *security) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", "1.41")
	if strings.HasSuffix(r.URL.Path, "/info") {
		s.asked++
		_ = json.NewEncoder(w).Encode(system.Info{SecurityOptions: s.options})
	}
}

func TestRootless_IsWhatTheEngineSays(t *testing.T) {
	for _, c := range []struct {
		options []string
		want    bool
	}{
		{[]string{"name=seccomp,profile=default"}, false},
		{[]string{"name=seccomp,profile=default", "name=rootless"}, true},
	} {
		s := &security{options: c.options}
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
		e, err := docker.Open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		for range 2 {
			if got, err := e.Rootless(t.Context()); got != c.want || err != nil {
				t.Errorf("%v: %v, %v", c.options, got, err)
			}
		}
		if s.asked != 1 {
			t.Errorf("the engine was asked %d times", s.asked)
		}
	}
}

// Every "up" on an ordinary engine would pay for the question.
func TestRootless_DoesNotAskAtASocketOfRoot(t *testing.T) {
	want := 1
	if os.Getuid() == 0 { // so is the socket that the test makes
		want = 0
	}
	g := &gatewayEngine{t: t}
	if got, err := g.open().Rootless(t.Context()); got || err != nil || g.infos != want {
		t.Errorf("%v, %v, asked %d times", got, err, g.infos)
	}
}
