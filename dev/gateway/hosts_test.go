package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHosts_Check(t *testing.T) {
	plain := newHosts(Config{Host: "localhost", Port: 8502, Listen: ":8501", Aliases: []string{"Streamlit-Local"}})
	named := newHosts(Config{Host: "shop.localhost", Port: 80, Listen: ":8501"})
	const outside, inside = "172.18.0.1:40000", "127.0.0.1:40000"
	tests := []struct {
		name       string
		hosts      hosts
		host, from string
		page       bool
		want       verdict
		to         string
	}{
		{"canonical", plain, "localhost:8502", outside, true, serve, ""},
		{"in capitals and with a dot", plain, "LocalHost.:8502", outside, true, serve, ""},
		{"a page by address", plain, "127.0.0.1:8502", outside, true, redirect, "http://localhost:8502/First_App?a=1"},
		{"a page by IPv6 address", plain, "[::1]:8502", outside, true, redirect, "http://localhost:8502/First_App?a=1"},
		{"a probe by address", plain, "127.0.0.1:8502", outside, false, serve, ""},
		{"a peer's name at any port", plain, "streamlit-local:8501", outside, true, serve, ""},
		{"the port inside, from inside", plain, "localhost:8501", inside, false, serve, ""},
		{"the port inside by address, from inside", plain, "127.0.0.1:8501", inside, false, serve, ""},
		{"the port inside, from outside", plain, "localhost:8501", outside, true, refuse, ""},
		{"a foreign name", plain, "evil.example:8502", outside, true, refuse, ""},
		{"a name that resolves to loopback", plain, "127.0.0.1.nip.io:8502", outside, true, refuse, ""},
		{"an address of the network", plain, "192.168.1.5:8502", outside, true, refuse, ""},
		{"another port", plain, "localhost:9999", outside, true, refuse, ""},
		{"no host", plain, "", outside, true, refuse, ""},
		{"a name of its own, no port", named, "shop.localhost", outside, true, serve, ""},
		{"a page at plain localhost", named, "localhost", outside, true, redirect, "http://shop.localhost/First_App?a=1"},
		{"another name below localhost", named, "evil.localhost", outside, true, refuse, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/First_App?a=1", nil)
			r.Host, r.RemoteAddr = tt.host, tt.from
			if tt.page {
				r.Header.Set("Accept", "text/html,*/*")
			}
			if got, to := tt.hosts.check(r); got != tt.want || to != tt.to {
				t.Errorf("verdict %d %q, want %d %q", got, to, tt.want, tt.to)
			}
		})
	}
}

func TestHosts_ExplainSaysWhereTheAppIs(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	newHosts(Config{Host: "localhost", Port: 8501}).writeRefusal(w, r)
	if w.Code != http.StatusMisdirectedRequest || !strings.Contains(w.Body.String(), "http://localhost:8501") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestIsNavigation(t *testing.T) {
	tests := []struct {
		name, method string
		header       map[string]string
		want         bool
	}{
		{"browser", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}, true},
		{"browser without fetch metadata", "GET", map[string]string{"Accept": "text/html,application/xhtml+xml"}, true},
		{"fetch", "GET", map[string]string{"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, false},
		{"curl", "GET", map[string]string{"Accept": "*/*"}, false},
		{"form", "POST", map[string]string{"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}, false},
		{"WebSocket", "GET", map[string]string{"Upgrade": "websocket", "Accept": "text/html"}, false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, "/", nil)
		for k, v := range tt.header {
			r.Header.Set(k, v)
		}
		if got := isNavigation(r); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
