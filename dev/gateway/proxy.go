package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// reconnectWait is how long the gateway holds a request of a reconnecting tab while the app is down. The
// frontend gives its probes and its WebSocket 15 s each (1.67: both timeouts are 15e3) and pauses for 4 s
// after a refusal, so a held tab reconnects at once, and a refused one does not.
const reconnectWait = 14 * time.Second

// newProxy returns the handler that passes requests to the app, or serves the hold page. userOf returns the user who
// makes a request; leadTo returns where the browser goes instead of an address to which the app redirects it.
func newProxy(up *upstream, loop *eventLoop, f *identityFilter, userOf func(*http.Request) string, leadTo func(string) string) http.Handler {
	transport := &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, up.appAddress) },
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     60 * time.Second,
		DisableCompression:  true,
		ReadBufferSize:      4 << 10,
		WriteBufferSize:     4 << 10,
		TLSClientConfig:     appTLS(),
	}
	app := &schemeTransport{next: transport, app: up.appAddress, emit: loop.emit}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", up.addr
			// Streamlit compares Origin with Host, so the browser's Host goes through as it is.
			r.Out.Host = r.In.Host
			if pageOf(r.In.Context()) != "" {
				// The gateway has admitted the page, so the app should treat it as its own.
				r.Out.Header.Set("Origin", schemeOf(r.In)+r.In.Host)
			}
			front := isFront(r.In.Context())
			if front && r.Out.Header.Get("Origin") != "" {
				// Its port, or its scheme, may differ from the Host that the proxy passes on.
				r.Out.Header.Set("Origin", "http://"+r.In.Host)
			}
			f.strip(r.Out.Header, front)
			if pass, ok := passOf(r.In.Context()); ok {
				addPass(r.Out.Header, pass)
			}
			r.Out.Trailer = nil // trailers would bypass the filter
			r.SetXForwarded()
			if isSecure(r.In) {
				r.Out.Header.Set("X-Forwarded-Proto", "https")
			}
			// Without extensions no frame is compressed, so the gateway can read them as they pass.
			r.Out.Header.Del("Sec-WebSocket-Extensions")
		},
		Transport:     &reconnectTransport{next: newCookieLimits(app, loop.emit), up: up, limit: reconnectWait},
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ModifyResponse: func(resp *http.Response) error {
			dropProviderCookies(resp.Header)
			if to := resp.Header.Get("Location"); to != "" {
				resp.Header.Set("Location", leadTo(to))
			}
			// The gateway decides who may read the answer: see setPolicy.
			for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Cross-Origin-Resource-Policy"} {
				resp.Header.Del(name)
			}
			if resp.StatusCode != http.StatusSwitchingProtocols || !streamlit.IsStream(resp.Request.URL.Path) {
				return nil
			}
			backend, ok := resp.Body.(io.ReadWriteCloser)
			if !ok {
				return errors.New("upgraded connection cannot be written to")
			}
			resp.Body = newStream(backend, up, loop, sessionOf(resp.Request), tabUser(resp.Request, userOf))
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				return // the browser has gone and reads no answer
			}
			up.check()
			serveHoldPage(w, r, loop.announcement())
		},
	}
}

// reconnectTransport is a transport that waits for the app if a request is part of a tab's reconnection.
type reconnectTransport struct {
	next  http.RoundTripper
	up    *upstream
	limit time.Duration
}

// RoundTrip passes the request to the app. It returns an error if the app does not answer.
func (t *reconnectTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	reconnect := isReconnect(r)
	ctx, cancel := context.WithTimeout(r.Context(), t.limit)
	defer cancel()
	for {
		resp, err := t.next.RoundTrip(r)
		switch {
		case err == nil && reconnect && resp.StatusCode == http.StatusServiceUnavailable && pause(ctx):
			// The app answers, but is about to stop or not ready yet.
			resp.Body.Close()
		case err == nil:
			// A new connection, for a tab or a probe, may be to a new generation of the app.
			if up, _ := t.up.state(); !up || reconnect {
				t.up.markUp()
			}
			return resp, nil
		case isRefused(err):
			t.up.markDown()
			if !reconnect || !t.up.wait(ctx) {
				return nil, err
			}
		case !reconnect || !pause(ctx):
			return nil, err
		}
	}
}

// pause waits a moment before the next attempt; it returns false if no time is left.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

// isRefused reports whether nothing listens on the app's port. The app has then received no byte of the request, so it
// can be repeated.
func isRefused(err error) bool {
	return dev.IsRefused(err)
}

// isReconnect reports whether a request is one of those by which an open tab reconnects. None of them has a
// body, so they can be repeated.
func isReconnect(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Body != nil && r.Body != http.NoBody {
		return false
	}
	return streamlit.IsState(r.URL.Path) || streamlit.IsStream(r.URL.Path) && r.Header.Get("Upgrade") != ""
}

// sessionOf returns the id of the Streamlit session that a tab wants to resume; "" for a newly loaded page. The
// subprotocols of the handshake are "streamlit", a token, and that id (frontend 1.58 and 1.67).
func sessionOf(r *http.Request) string {
	parts := strings.Split(r.Header.Get("Sec-WebSocket-Protocol"), ",")
	if len(parts) < 3 {
		return ""
	}
	return strings.TrimSpace(parts[2])
}
