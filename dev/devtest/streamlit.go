package devtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// ServeStreamlit runs a server that answers below base as Streamlit does, and returns its address. Once a browser has
// asked for a run, it sends the recorded messages of the files. asked gets what the browser sent; it may be nil.
func ServeStreamlit(t *testing.T, base string, asked func(message []byte), files ...string) (origin string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(base+"/_stcore/health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc(base+"/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html>")
	})
	mux.HandleFunc(base+"/_stcore/stream", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"streamlit"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow() //nolint:errcheck // the test is over
		_, message, err := conn.Read(r.Context())
		if err != nil {
			return // the browser has gone
		}
		if asked != nil {
			asked(message)
		}
		for _, name := range files {
			frame, err := os.ReadFile(name)
			if err != nil {
				t.Error(err)
			}
			_ = conn.Write(r.Context(), websocket.MessageBinary, frame) // the browser may have gone
		}
		_, _, _ = conn.Read(r.Context()) // until it leaves
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// ServeOldStreamlit runs a server that answers as the one at origin, but under the names of Streamlit up to 1.17.
func ServeOldStreamlit(t *testing.T, origin string) string {
	t.Helper()
	to, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		path := r.In.URL.Path
		path = strings.ReplaceAll(path, "/_stcore/", "/no-such-path/")
		if base, ok := strings.CutSuffix(path, "/healthz"); ok {
			path = base + "/_stcore/health"
		}
		if base, ok := strings.CutSuffix(path, "/stream"); ok && !strings.Contains(path, "/no-such-path/") {
			path = base + "/_stcore/stream"
		}
		r.Out.URL.Path = path
	}})
	t.Cleanup(server.Close)
	return server.URL
}
