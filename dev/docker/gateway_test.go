package docker_test

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
	imageapi "github.com/docker/docker/api/types/image"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// gatewayEngine is an engine at a unix socket that has images, and loads others.
type gatewayEngine struct {
	t       *testing.T
	version types.Version
	images  []imageapi.Summary

	versions int      // number of requests for its version
	infos    int      // number of requests for its settings
	loaded   string   // reference of the loaded image
	changes  []string // of the loaded image, as a Dockerfile has them
	files    []string // of the loaded image
	removed  []string // references of removed images
}

func (g *gatewayEngine) open() *docker.Engine {
	g.t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(g.t.Context(), "unix", filepath.Join(g.t.TempDir(), "e.sock"))
	if err != nil {
		g.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(g)
	server.Listener = l
	server.Start()
	g.t.Cleanup(server.Close)
	g.t.Setenv("DOCKER_HOST", "unix://"+l.Addr().String())
	e, err := docker.Open(context.Background(), "")
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = e.Close() })
	return e
}

func (g *gatewayEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", "1.41")
	switch p := path.Join("/", strings.TrimPrefix(r.URL.Path, "/v1.41")); {
	case p == "/version":
		g.versions++
		_ = json.NewEncoder(w).Encode(g.version)
	case p == "/info":
		g.infos++
		_, _ = io.WriteString(w, "{}")
	case p == "/images/json":
		_ = json.NewEncoder(w).Encode(g.images)
	case p == "/images/create":
		g.loaded, g.changes = r.URL.Query().Get("repo"), r.URL.Query()["changes"]
		for archive := tar.NewReader(r.Body); ; {
			h, err := archive.Next()
			if err != nil {
				break
			}
			g.files = append(g.files, fmt.Sprintf("%s %o", h.Name, h.Mode))
		}
	case strings.HasSuffix(p, "/json"):
		_ = json.NewEncoder(w).Encode(imageapi.InspectResponse{ID: "sha256:1", Os: "linux", Architecture: runtime.GOARCH})
	case r.Method == http.MethodDelete:
		g.removed = append(g.removed, path.Base(p))
		_, _ = io.WriteString(w, "[]")
	}
}

func TestArchitecture_IsTheEnginesOwn(t *testing.T) {
	g := &gatewayEngine{t: t, version: types.Version{Os: "linux", Arch: "riscv64"}}
	e := g.open()
	// An engine at a unix socket may be in a virtual machine with another architecture. Once sdev knows, it finds that
	// this machine's images are foreign there.
	if info, _, err := e.Image(t.Context(), "shop"); err != nil || info.ForeignPlatform != "" {
		t.Errorf("before the engine was asked: %q, %v", info.ForeignPlatform, err)
	}
	for range 2 {
		if got, err := e.Architecture(t.Context()); got != "riscv64" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if g.versions != 1 {
		t.Errorf("the engine was asked %d times", g.versions)
	}
	if info, _, err := e.Image(t.Context(), "shop"); err != nil || info.ForeignPlatform != "linux/"+runtime.GOARCH {
		t.Errorf("afterwards: %q, %v", info.ForeignPlatform, err)
	}
}

func TestArchitecture_RefusesWindowsContainers(t *testing.T) {
	g := &gatewayEngine{t: t, version: types.Version{Os: "windows", Arch: "amd64"}}
	_, err := g.open().Architecture(t.Context())
	e, ok := errors.AsType[*dev.Error](err)
	if !ok || e.Code != dev.CodeGatewayMissing || !strings.Contains(e.Message, "windows/amd64") || !strings.Contains(e.Hint, "switch the engine to Linux containers") {
		t.Errorf("%+v", err)
	}
}

// ownRef is the reference of the image that has the test's own executable as the gateway's program.
func ownRef(t *testing.T) string {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(executable)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("sdev-gateway:%x", sha256.Sum256(b))[:len("sdev-gateway:")+16]
}

func TestLoadGateway_ReplacesOldImages(t *testing.T) {
	ref, now, old := ownRef(t), time.Now().Unix(), time.Now().Add(-25*time.Hour).Unix()
	g := &gatewayEngine{t: t, images: []imageapi.Summary{
		{ID: "sha256:1", RepoTags: []string{ref}, Created: old},
		{ID: "sha256:2", RepoTags: []string{"sdev-gateway:2222222222222222"}, Created: old},
		{ID: "sha256:3", RepoTags: []string{"sdev-gateway:3333333333333333"}, Created: now}, // another sdev may be about to use it
	}}
	if err := g.open().Do(t.Context(), plan.Operation{Kind: plan.Image, Name: ref}, plan.Labels{}); err != nil {
		t.Fatal(err)
	}
	if g.loaded != ref || !slices.Equal(g.changes, []string{`ENTRYPOINT ["/sdev","gateway"]`, "LABEL dev.sdev.gateway=1"}) {
		t.Errorf("loaded %s with %q", g.loaded, g.changes)
	}
	if want := []string{"run/ 755", "run/sdev/ 755", "project/ 755", "state/ 755", "tmp/ 755", "bytecode/ 777", "sdev 755"}; !slices.Equal(g.files, want) {
		t.Errorf("files %q, want %q", g.files, want)
	}
	if want := []string{"sdev-gateway:2222222222222222"}; !slices.Equal(g.removed, want) {
		t.Errorf("removed %q, want %q", g.removed, want)
	}
}

func TestLoadGateway_LoadsNothingThatIsDamaged(t *testing.T) {
	g := &gatewayEngine{t: t}
	err := g.open().Do(t.Context(), plan.Operation{Kind: plan.Image, Name: "sdev-gateway:0123456789abcdef"}, plan.Labels{})
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeGatewayMissing || e.Hint == "" || g.loaded != "" {
		t.Errorf("%+v; loaded %q", err, g.loaded)
	}
}
