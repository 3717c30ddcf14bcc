package docker

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// buildKitEngine is an engine with BuildKit: over HTTP/2 if protocols allow that, and over /grpc if grpc is true. Its
// BuildKit answers every call with an empty message. It records the connections of both kinds.
type buildKitEngine struct {
	api  string
	grpc bool

	direct, upgraded atomic.Int32
}

func (b *buildKitEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
		b.direct.Add(1)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(make([]byte, 5)) // a message of no bytes, not compressed
		w.Header().Set("Grpc-Status", "0")
	case r.URL.Path == "/grpc" && b.grpc:
		b.upgraded.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
		_ = conn.Close()
	case strings.HasSuffix(r.URL.Path, "/_ping"):
		w.Header().Set("Api-Version", b.api)
	default:
		http.NotFound(w, r)
	}
}

// start starts the engine and returns the environment variables that choose it.
func (b *buildKitEngine) start(t *testing.T, http2, encrypted bool) map[string]string {
	t.Helper()
	server := httptest.NewUnstartedServer(b)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // the server reports each connection that it refuses
	if encrypted {
		server.EnableHTTP2 = http2
		server.StartTLS()
		t.Cleanup(server.Close)
		return map[string]string{"DOCKER_HOST": "tcp://" + server.Listener.Addr().String(), "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": clientFiles(t, server)}
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = l
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(http2)
	server.Start()
	t.Cleanup(server.Close)
	return map[string]string{"DOCKER_HOST": "unix://" + socket}
}

// clientFiles writes a server's certificate and key as the docker command expects those of a client.
func clientFiles(t *testing.T, server *httptest.Server) (dir string) {
	t.Helper()
	dir = t.TempDir()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, content := range map[string][]byte{"ca.pem": certificate, "cert.pem": certificate, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestConnectBuildKit_PrefersHTTP2(t *testing.T) {
	for name, c := range map[string]struct {
		engine                 *buildKitEngine
		http2, encrypted       bool
		overHTTP2, hasBuildKit bool
	}{
		"an engine without the old endpoints": {&buildKitEngine{api: "1.53"}, true, false, true, true},
		"the same with TLS":                   {&buildKitEngine{api: "1.53"}, true, true, true, true},
		"an engine with both":                 {&buildKitEngine{api: "1.56", grpc: true}, true, false, true, true},
		"a proxy that knows only HTTP/1.1":    {&buildKitEngine{api: "1.56", grpc: true}, false, false, false, true},
		"the same proxy with TLS":             {&buildKitEngine{api: "1.56", grpc: true}, false, true, false, true},
		"an older engine":                     {&buildKitEngine{api: "1.52", grpc: true}, true, false, false, true},
		"an engine without BuildKit":          {&buildKitEngine{api: "1.53"}, false, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTestFinder(t, c.engine.start(t, c.http2, c.encrypted))
			e, err := f.open(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			builder := e.connectHTTP2(t.Context())
			if builder != nil {
				_ = builder.Close()
			}
			if (builder != nil) != c.overHTTP2 || (c.engine.direct.Load() > 0) != c.overHTTP2 {
				t.Errorf("connected over HTTP/2: %v, want %v", builder != nil, c.overHTTP2)
			}
			if got := e.hasBuildKit(t.Context()); got != c.hasBuildKit || (c.engine.upgraded.Load() > 0) != (c.hasBuildKit && !c.overHTTP2) {
				t.Errorf("has BuildKit: %v, want %v; %d connections over /grpc", got, c.hasBuildKit, c.engine.upgraded.Load())
			}
		})
	}
}
