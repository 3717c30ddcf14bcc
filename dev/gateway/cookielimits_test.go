package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sdev/dev"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answered(status int, cookies ...string) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Set-Cookie": cookies}}, nil
	}
}

func TestCookieLimits(t *testing.T) {
	broken := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("EOF") })
	silent := roundTrip(func(r *http.Request) (*http.Response, error) {
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
		return nil, errors.New("timeout")
	})
	const stream = "/base/_stcore/stream"
	for name, tt := range map[string]struct {
		app  roundTrip
		path string
		sent int // bytes of cookies
		want string
	}{
		"a stream with a login":              {answered(http.StatusSwitchingProtocols), stream, 8000, ""},
		"the longest line":                   {broken, stream, maxLine - len("Cookie: "), ""},
		"a server that accepts more":         {answered(http.StatusSwitchingProtocols), stream, 20000, ""},
		"a server that never answers":        {silent, stream, 9000, "9008 bytes of cookies"},
		"a server that refuses":              {answered(http.StatusRequestHeaderFieldsTooLarge), stream, 9000, "more than 8192"},
		"a server that hangs up":             {broken, "/stream", 9000, "the page stays blank"},
		"a page of that name":                {broken, "/other", 9000, ""},
		"a cookie that browsers store":       {answered(200, "_streamlit_user="+strings.Repeat("x", 4081)+"; Path=/"), "/", 0, ""},
		"a cookie that browsers do not":      {answered(200, "a=b", "_streamlit_user="+strings.Repeat("x", 4082)+"; Path=/"), "/", 0, "the cookie _streamlit_user with 4097 bytes, and browsers store none above 4096"},
		"a cookie of the stream's answer":    {answered(101, "x="+strings.Repeat("x", 8000)), stream, 0, "the cookie x with 8001 bytes"},
		"long attributes do not count to it": {answered(200, "x=y; Path=/"+strings.Repeat("x", 8000)), "/", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []dev.Warning
				c := newCookieLimits(tt.app, func(e dev.Event) { got = append(got, e.(dev.Warning)) })
				for range 2 {
					r := httptest.NewRequest(http.MethodGet, tt.path, nil)
					if strings.HasSuffix(tt.path, "stream") {
						r.Header.Set("Upgrade", "websocket")
					}
					r.Header.Set("Cookie", strings.Repeat("x", tt.sent))
					_, _ = c.RoundTrip(r)
				}
				synctest.Wait()
				switch {
				case tt.want == "" && len(got) > 0:
					t.Errorf("warned of %q", got[0].Message)
				case tt.want != "" && (len(got) != 1 || got[0].Code != dev.CodeCookieSize || !strings.Contains(got[0].Message, tt.want) || got[0].Hint == ""):
					t.Errorf("warned of %+v, want once %q", got, tt.want)
				}
			})
		})
	}
}
