package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sdev/dev"
)

func TestProxy_AnAppThatSpeaksTLSIsServedAsPlainHTTP(t *testing.T) {
	app := newFakeApp(t)
	app.startWith(func(s *httptest.Server) { s.StartTLS() })
	r := newRig(t, app)
	if resp, body := r.get("/x"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, "page /x of localhost:") {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	if w := await(r, anyOf[dev.Warning]); w.Code != dev.CodeAppTLS {
		t.Errorf("warned of %+v", w)
	}
	c := r.connect("")
	r.ask(c, []byte("run")) // the stream passes too
	// The app comes back without TLS, and then with it.
	for i := range 2 {
		app.stop()
		if i == 0 {
			app.start()
		} else {
			app.startWith(func(s *httptest.Server) { s.StartTLS() })
		}
		if resp, body := r.get(fmt.Sprint("/again", i)); resp.StatusCode != http.StatusOK {
			t.Errorf("%d: %s: %s", i, resp.Status, body)
		}
	}
	r.call(Request{Do: DoStatus})
	for _, e := range r.events.rest() {
		if w, ok := e.Event.(dev.Warning); ok {
			t.Errorf("a second warning: %+v", w)
		}
	}
}
