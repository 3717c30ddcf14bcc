package docker_test

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// builderOnly is an engine with the classic builder's endpoint and without BuildKit. component is its name. It stores
// the names in the build context that it receives in got.
func builderOnly(t *testing.T, component string, got *[]string) string {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Api-Version", "1.41")
			_, _ = io.WriteString(w, body)
		}
	}
	mux.HandleFunc("/_ping", answer("OK"))
	mux.HandleFunc("GET /v1.41/version", answer(`{"Version":"5.4.0","Os":"linux","Arch":"amd64","Components":[{"Name":"`+component+`"}]}`))
	mux.HandleFunc("GET /v1.41/images/{name}/json", answer(`{"Id":"sha256:made"}`))
	mux.HandleFunc("POST /v1.41/build", func(w http.ResponseWriter, r *http.Request) {
		archive := tar.NewReader(r.Body)
		for {
			h, err := archive.Next()
			if err != nil {
				break
			}
			*got = append(*got, h.Name)
		}
		_, _ = io.WriteString(w, `{"stream":"Step 1/1 : FROM scratch\n"}`+"\n"+`{"stream":"Successfully built made\n"}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String()
}

func TestBuild_UsesTheClassicBuilderWithoutBuildKit(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"Dockerfile": "FROM scratch\nRUN --mount=type=tmpfs,target=/x true\n", "kept": "", "dir/left-out": "", ".dockerignore": "dir\n"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DOCKER_BUILDKIT", "")
	t.Setenv("DOCKER_CONTEXT", "")
	for component, refused := range map[string]bool{"Podman Engine": false, "Engine": true} {
		t.Run(component, func(t *testing.T) {
			var sent []string
			t.Setenv("DOCKER_HOST", builderOnly(t, component, &sent))
			e, err := docker.Open(context.Background(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			id, err := e.Build(context.Background(), plan.Build{Service: "app", Tag: "app:1", Context: dir}, func(dev.Event) {})
			if refused {
				if err == nil || dev.AsError(err).Line != 2 || len(sent) > 0 {
					t.Errorf("%v, %v was sent", err, sent)
				}
				return
			}
			slices.Sort(sent)
			if want := ".dockerfile.sdev .dockerfile.sdev.dockerignore .dockerignore Dockerfile kept"; err != nil || id != "sha256:made" || strings.Join(sent, " ") != want {
				t.Errorf("%s %v: %v", id, err, sent)
			}
		})
	}
}

func TestBuild_SaysThatTheEngineHasNoBuilder(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Builder-Version", "1")
	})
	mux.HandleFunc("GET /v1.41/version", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Version":"1.0","Os":"linux","Arch":"amd64"}`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"page not found"}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_BUILDKIT", "")
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
	e, err := docker.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Build(t.Context(), plan.Build{Service: "app", Tag: "app:1", Context: t.TempDir(), Inline: "FROM scratch\nCOPY a b\n"}, func(dev.Event) {})
	if f := dev.AsError(err); f.Code != dev.CodeEngine || !strings.Contains(f.Message, "cannot build images") || !strings.Contains(f.Message, "page not found") || !strings.Contains(f.Hint, "--context") {
		t.Errorf("%+v", f)
	}
}
