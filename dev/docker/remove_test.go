package docker_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

const (
	gatewayID = "17ebaa14098b73a4063d8dc55b6a786be6a92b37a9051f28accdbfad0302b126"
	appID     = "7e512c70480f86957dfacaec1844c2642ebe3758ae5a8d6cb1dd82cb3a5cf804"
)

// podman has a gateway and an app in the gateway's network namespace. The app's removal ends once somebody waits for it,
// or never.
type podman struct {
	stuck    bool
	requests []string
	free     bool // the app is removed
}

func (p *podman) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", "1.41")
	_, path, _ := strings.Cut(r.URL.Path, "/containers/")
	switch {
	case path == "":
	case r.Method == http.MethodDelete && !p.free:
		p.requests = append(p.requests, "refused")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"message":"container `+gatewayID+` has dependent containers which must be removed before it: `+appID+`: container already exists"}`)
	case r.Method == http.MethodDelete:
		p.requests = append(p.requests, "removed")
	case path == appID+"/wait":
		p.requests = append(p.requests, "wait for the app "+r.URL.Query().Get("condition"))
		p.free = !p.stuck
		_ = json.NewEncoder(w).Encode(container.WaitResponse{})
	case path == gatewayID+"/json":
		_ = json.NewEncoder(w).Encode(container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{ID: gatewayID, Name: "/shop-sdev-gateway-1"}, Config: &container.Config{}})
	}
}

// Removals run in parallel, so that of the gateway may be the first.
func TestRemove_WaitsForThoseWhomPodmanWantsRemovedFirst(t *testing.T) {
	for _, c := range []struct {
		stuck bool
		want  string
	}{{false, "refused, wait for the app removed, removed"}, {true, "refused, wait for the app removed, refused"}} {
		p := &podman{stuck: c.stuck}
		server := httptest.NewServer(p)
		t.Cleanup(server.Close)
		t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
		e, err := docker.Open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		err = e.Do(t.Context(), plan.Operation{Verb: plan.Remove, Kind: plan.ServiceContainer, ID: gatewayID}, plan.Labels{})
		if got := strings.Join(p.requests, ", "); got != c.want || (err != nil) != c.stuck {
			t.Errorf("%s (%v)", got, err)
		}
		if c.stuck && !strings.Contains(dev.AsError(err).Message, appID) {
			t.Errorf("the error does not name the app: %v", err)
		}
	}
}
