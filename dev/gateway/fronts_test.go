package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/coder/websocket"

	"sdev/dev"
)

// proxied is the configuration of a project with an nginx at 172.18.0.4, which publishes port 8080.
func proxied() *fronts {
	f := newFronts(Config{Neighbours: []string{"db", "nginx"}, NeighbourPorts: []int{80, 8080}, Origins: []string{"http://shop.test:8080"}})
	f.resolve = func(_ context.Context, name string) ([]netip.Addr, error) {
		if name == "nginx" {
			return []netip.Addr{netip.MustParseAddr("::ffff:172.18.0.4")}, nil
		}
		return nil, errors.New("it does not run")
	}
	return f
}

func TestFronts_AdmitASafeNameFromAServiceOfTheProject(t *testing.T) {
	const nginx, bridge, stranger, loopback = "172.18.0.4:1234", "172.18.0.1:1234", "172.18.0.9:1234", "127.0.0.1:1234"
	for name, tt := range map[string]struct {
		host, from string
		want       bool
	}{
		"localhost with the proxy's port":       {"localhost:8080", nginx, true},
		"localhost without a port":              {"localhost", nginx, true},
		"an address of this machine":            {"127.0.0.1:8080", nginx, true},
		"an IPv6 address of this machine":       {"[::1]:8080", nginx, true},
		"a name below localhost":                {"shop.localhost:8080", nginx, true},
		"the proxy's own name":                  {"nginx", nginx, true},
		"a name that x-sdev.origins lists":      {"shop.test", nginx, true},
		"a rebound name through the proxy":      {"evil.example:8080", nginx, false},
		"a rebound name that looks like it":     {"localhost.evil.example:8080", nginx, false},
		"no name through the proxy":             {"", nginx, false},
		"localhost through the published port":  {"localhost:8080", bridge, false},
		"a rebound name through the own port":   {"evil.example:8501", bridge, false},
		"localhost from an unknown container":   {"localhost:8080", stranger, false},
		"localhost from the namespace itself":   {"localhost:8080", loopback, false},
		"a listed name from the published port": {"shop.test", bridge, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host, r.RemoteAddr = tt.host, tt.from
		if got := proxied().admits(r); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFronts_OwnOrigins(t *testing.T) {
	for name, tt := range map[string]struct {
		host, origin string
		want         bool
	}{
		"the same":                       {"localhost:9000", "http://localhost:9000", true},
		"the proxy dropped the port":     {"localhost", "http://localhost:8080", true},
		"the proxy ends TLS":             {"shop.localhost:443", "https://shop.localhost", true},
		"another page of this machine":   {"localhost", "http://localhost:3000", false},
		"another name at the same port":  {"localhost", "http://evil.example:8080", false},
		"a rebound name":                 {"evil.example", "http://evil.example", false},
		"another name of this machine":   {"localhost:8080", "http://127.0.0.1:8080", false},
		"no origin of a page":            {"localhost", "null", false},
		"the file scheme":                {"localhost", "file://localhost:8080", false},
		"the origin that is listed":      {"shop.test", "http://shop.test:8080", true},
		"an origin that is no valid URL": {"localhost", "http://[::1", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = tt.host
		if got := proxied().isOwn(tt.origin, r); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFronts_AProxiedTabWorksAndMakesNoWarning(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	r := newRigWith(t, app, func(c *Config) { c.Neighbours, c.NeighbourPorts = []string{"nginx"}, []int{8080} })
	r.gateway.fronts.resolve = func(context.Context, string) ([]netip.Addr, error) { return nil, nil }
	if resp, _ := r.getAs("localhost:8080", "/"); resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("from no service: %s", resp.Status)
	}
	r.gateway.fronts.mu.Lock()
	r.gateway.fronts.addrs[netip.MustParseAddr("127.0.0.1")] = true // lookUp itself finds no loopback address
	r.gateway.fronts.mu.Unlock()
	if resp, body := r.getAs("localhost:8080", "/", "Accept", "text/html", "X-Forwarded-For", "1.2.3.4", "X-Real-IP", "1.2.3.4"); resp.StatusCode != http.StatusOK || body != "page / of localhost:8080" {
		t.Errorf("%s %s", resp.Status, body)
	}
	for origin, want := range map[string]int{"http://localhost:8080": http.StatusSwitchingProtocols, "http://localhost:3000": http.StatusForbidden} {
		_, resp, err := websocket.Dial(t.Context(), "ws://"+r.addr+"/_stcore/stream", &websocket.DialOptions{
			Subprotocols: []string{"streamlit"}, Host: "localhost", HTTPHeader: http.Header{"Origin": {origin}}})
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%s: %v %v", origin, resp, err)
		}
	}
	r.call(Request{Do: DoStatus})
	for _, e := range r.events.rest() {
		if w, ok := e.Event.(dev.Warning); ok && w.Code != dev.CodeOrigin {
			t.Errorf("%+v", w)
		}
	}
}
