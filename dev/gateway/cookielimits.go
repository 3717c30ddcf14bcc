package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// Limits of cookies beyond which a page stays blank, or a login is forgotten, without a word to anybody.
const (
	// maxCookie is the longest cookie that browsers store, in bytes of name and value (RFC 6265bis, 5.6, which
	// Chromium and Firefox follow).
	maxCookie = 4096
	// maxLine is the longest line of a request that opens the stream which the app's server accepts, in bytes
	// (websockets 17, http11.py). It gives no answer at all to a longer one; Tornado, up to Streamlit 1.57, accepts more.
	maxLine = 8192
	// answerFor is how long the app's server may take to answer such a request before it is taken for refused.
	answerFor = 3 * time.Second
)

// cookieLimits reports cookies that are too large: those of a login with many groups or claims.
type cookieLimits struct {
	next     http.RoundTripper
	warnings *onceEmitter
}

func newCookieLimits(next http.RoundTripper, emit func(dev.Event)) *cookieLimits {
	return &cookieLimits{next: next, warnings: newOnceEmitter(emit)}
}

// RoundTrip passes a request on, and reports cookies with which the stream cannot open, and those that no browser
// stores.
func (c *cookieLimits) RoundTrip(r *http.Request) (*http.Response, error) {
	size := 0
	if streamlit.IsStream(r.URL.Path) && r.Header.Get("Upgrade") != "" {
		size = len("Cookie: ") + len(r.Header.Get("Cookie"))
	}
	if size <= maxLine {
		resp, err := c.next.RoundTrip(r)
		if err == nil {
			c.checkSet(resp.Header)
		}
		return resp, err
	}
	late := time.AfterFunc(answerFor, func() { c.refused(size) })
	defer late.Stop()
	resp, err := c.next.RoundTrip(r)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols || err != nil && !isRefused(err) && r.Context().Err() == nil {
		c.refused(size)
	}
	return resp, err
}

func (c *cookieLimits) refused(size int) {
	c.warnings.emitOnce("stream", dev.Warning{
		Code: dev.CodeCookieSize,
		Message: fmt.Sprintf("the page stays blank: the browser sends %d bytes of cookies, and the app's server does not open the page's stream with more than %d",
			size, maxLine),
		Hint: "somebody's login holds too many groups or claims, and would fail in a deployment as well: put fewer into the ID token; or delete this host name's cookies",
	})
}

// checkSet reports cookies that browsers do not store.
func (c *cookieLimits) checkSet(h http.Header) {
	for _, line := range h["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if size := len(strings.TrimSpace(name)) + len(strings.TrimSpace(value)); size > maxCookie {
			c.warnings.emitOnce("set "+name, dev.Warning{
				Code:    dev.CodeCookieSize,
				Message: fmt.Sprintf("the app sets the cookie %.60s with %d bytes, and browsers store none above %d", dev.Sanitize(name), size, maxCookie),
				Hint:    "if it holds a login, nobody stays signed in, and neither in a deployment: put fewer groups or claims into it, or keep them on the server",
			})
		}
	}
}
