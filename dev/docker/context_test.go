package docker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"sdev/dev"
	"sdev/dev/docker"
)

// engineAt starts the smallest server that counts as an engine, at a unix socket, and returns its address.
func engineAt(t *testing.T, name string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), name)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", "1.41")
	}))
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return "unix://" + socket
}

// dockerHome creates a DOCKER_CONFIG with one context, and chosen as the current one.
func dockerHome(t *testing.T, name, host, chosen string) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("DOCKER_CONFIG", home)
	// The docker command stores it here: cli/context/store, metadatastore.go.
	dir := filepath.Join(home, "contexts", "meta", digest.FromString(name).Encoded())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]any{
		filepath.Join(dir, "meta.json"):    map[string]any{"Name": name, "Metadata": map[string]any{}, "Endpoints": map[string]any{"docker": map[string]any{"Host": host, "SkipTLSVerify": false}}},
		filepath.Join(home, "config.json"): map[string]any{"currentContext": chosen},
	} {
		b, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpen_FindsTheEngineAsTheDockerCommandDoes(t *testing.T) {
	inContext, inHost := engineAt(t, "context.sock"), engineAt(t, "host.sock")
	for name, c := range map[string]struct{ chosen, context, host, want string }{
		"the chosen context":             {chosen: "rootless", want: inContext},
		"the variable":                   {context: "rootless", want: inContext},
		"the variable before the choice": {chosen: "gone", context: "rootless", want: inContext},
		"the host before both":           {chosen: "rootless", context: "rootless", host: inHost, want: inHost},
		"the default context":            {chosen: "rootless", context: "default", host: inHost, want: inHost},
	} {
		t.Run(name, func(t *testing.T) {
			dockerHome(t, "rootless", inContext, c.chosen)
			t.Setenv("DOCKER_CONTEXT", c.context)
			t.Setenv("DOCKER_HOST", c.host)
			e, err := docker.Open(context.Background(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if got := e.Endpoint().Host; got != c.want {
				t.Errorf("engine at %s, want %s", got, c.want)
			}
		})
	}
}

func TestOpen_AnUnknownContextIsNamed(t *testing.T) {
	dockerHome(t, "rootless", "unix:///nowhere.sock", "")
	t.Setenv("DOCKER_CONTEXT", "nosuch")
	t.Setenv("DOCKER_HOST", "")
	_, err := docker.Open(context.Background(), "")
	e, ok := errors.AsType[*dev.Error](err)
	if !ok || e.Code != dev.CodeEngineUnreachable || e.Exit != dev.ExitEngine || !strings.Contains(e.Message, `"nosuch"`) || e.Hint == "" {
		t.Errorf("%+v", err)
	}
}

func TestOpen_RefusesAnAPIThatIsTooOldToWorkWith(t *testing.T) {
	t.Setenv("DOCKER_HOST", engineAt(t, "engine.sock"))
	t.Setenv("DOCKER_API_VERSION", "1.40")
	_, err := docker.Open(context.Background(), "")
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeEngineTooOld || !strings.Contains(e.Message, "DOCKER_API_VERSION is 1.40") {
		t.Errorf("%+v", err)
	}
}

func TestEngine_ThatSupportsOnlyNewerAPIsHasItsOwnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.70")
		if r.URL.Path != "/_ping" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message":"client version 1.51 is too old. Minimum supported API version is 1.60, please upgrade your client to a newer version"}`)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
	e, err := docker.Open(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Observe(context.Background(), "shop", nil)
	if failure, ok := errors.AsType[*dev.Error](err); !ok || failure.Code != dev.CodeEngineTooOld || failure.Exit != dev.ExitEngine || failure.Message != "the container engine supports API 1.60 and newer; this sdev supports 1.41 to 1.51" {
		t.Errorf("%+v", err)
	}
}
