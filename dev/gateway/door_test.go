package gateway

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sdev/dev"
	"sdev/dev/oidc"
)

// cookieLine is what a browser sends as the header Cookie to the app's origin.
func (d *doorRig) cookieLine(c *http.Client) string {
	d.t.Helper()
	u, err := url.Parse(d.origin)
	if err != nil {
		d.t.Fatal(err)
	}
	var all []string
	for _, cookie := range c.Jar.Cookies(u) {
		all = append(all, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(all, "; ")
}

const forgedLines = "x-amzn-oidc-data: mallory\r\nX-Amzn-Oidc-Identity: mallory\r\nX_AMZN_OIDC_ACCESSTOKEN: mallory\r\nX-Goog-Iap-Jwt-Assertion: mallory\r\n" +
	"X-Goog-Authenticated-User-Email: accounts.google.com:mallory\r\nCf-Access-Jwt-Assertion: mallory\r\nX-Forwarded-User: mallory\r\n"

// Whatever the mode and the rule, the app gets identity headers from the front door only.
func TestGateway_ForgedIdentitiesReachTheAppInNoMode(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	d := newDoorRig(t, app)
	signedIn := d.cookieLine(d.signIn("dora@example.com"))
	with := func(mode dev.Mode, action string) {
		login := d.login
		login.Mode = mode
		if mode != dev.ALBLogin {
			login.Door = nil
		} else {
			door, alb := *d.login.Door, *d.login.Door.ALB
			alb.Rules = []dev.ALBRule{{Path: "/seen", Unauthenticated: action}}
			door.ALB, login.Door = &alb, &door
		}
		d.call(Request{Do: DoLogin, Login: &login})
	}
	for _, c := range []struct {
		mode   dev.Mode
		action string
		cookie string
		knows  bool
	}{
		{dev.Local, "", "", false}, {dev.AppLogin, "", "", false}, {dev.Native, "", signedIn, false},
		{dev.ALBLogin, dev.ALBAllow, "a=1", false}, {dev.ALBLogin, dev.ALBForward, signedIn, false}, {dev.ALBLogin, dev.ALBAuthenticate, signedIn, true},
	} {
		with(c.mode, c.action)
		resp := d.raw("GET /seen HTTP/1.1\r\nHost: " + d.host + "\r\n" + forgedLines + "Cookie: CF_Authorization=mallory; AWSELBAuthSessionCookie-3=mallory; mine=1; " + c.cookie + "\r\n\r\n")
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s %s: %s", c.mode, c.action, resp.Status)
			continue
		}
		got := <-app.seen
		if names := mentions(got, "mallory"); len(names) != 0 {
			t.Errorf("%s %s: the app gets %v", c.mode, c.action, names)
		}
		var known []string
		for name := range got {
			if strings.HasPrefix(name, "X-Amzn-Oidc-") {
				known = append(known, name)
			}
		}
		if (len(known) == 3) != c.knows || !c.knows && len(known) != 0 || strings.Contains(got.Get("Cookie"), "AWSELB") || !strings.Contains(got.Get("Cookie"), "mine=1") {
			t.Errorf("%s %s: the app knows %v, cookies %q", c.mode, c.action, known, got.Get("Cookie"))
		}
	}
	iap, access := dev.IAP{}.WithDefaults("shop"), dev.NewAccess("shop")
	for mode, door := range map[dev.Mode]*dev.FrontDoor{dev.IAPLogin: {Client: d.login.Door.Client, IAP: &iap}, dev.AccessLogin: {Client: d.login.Door.Client, Access: &access}} {
		login := d.login
		login.Mode, login.Door = mode, door
		d.call(Request{Do: DoLogin, Login: &login})
		// There is no rule that would let a stranger pass, so nothing arrives at all.
		if resp := d.raw("GET /seen HTTP/1.1\r\nHost: " + d.host + "\r\n" + forgedLines + "Cookie: CF_Authorization=mallory; " + signedIn + "\r\n\r\n"); resp.StatusCode == http.StatusOK {
			t.Errorf("%s: %s, the app gets %v", mode, resp.Status, <-app.seen)
		}
	}
	with(dev.ALBLogin, dev.ALBAuthenticate)
	if resp := d.raw("GET /seen HTTP/1.1\r\nHost: " + d.host + "\r\n" + forgedLines + "\r\n"); resp.StatusCode != http.StatusFound {
		t.Errorf("only forged headers: %s", resp.Status)
	}
}

func TestGateway_HeadersOfTheDoorAreOnTheWireAsAWSWritesThem(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	app := newFakeApp(t)
	app.addr = l.Addr().String()
	d := newDoorRig(t, app)
	requests := make(chan string, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 32<<10)
			n, _ := c.Read(buf)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			c.Close()
			if n > 0 {
				requests <- string(buf[:n])
			}
		}
	}()
	c := d.signIn("dora@example.com")
	d.raw("GET /wire HTTP/1.1\r\nHost: " + d.host + "\r\nX-Amzn-Trace-Id: Root=1-2-3\r\nCookie: " + d.cookieLine(c) + "\r\n\r\n")
	for text := range requests {
		if !strings.HasPrefix(text, "GET /wire") {
			continue
		}
		for _, name := range []string{"\r\nx-amzn-oidc-data: ey", "\r\nx-amzn-oidc-identity: ", "\r\nx-amzn-oidc-accesstoken: ey", "\r\nX-Amzn-Trace-Id: Self=1-"} {
			if strings.Count(text, name) != 1 {
				t.Errorf("%q is there %d times", name, strings.Count(text, name))
			}
		}
		if strings.Count(strings.ToLower(text), "x-amzn-trace-id:") != 1 {
			t.Error("two trace headers")
		}
		return
	}
}

func TestDoor_LetsChecksAndOtherServicesPass(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	d := newDoorRig(t, app)
	for name, c := range map[string]struct {
		host, path string
		header     []string
		want       int
	}{
		"the container's own health check": {d.host, "/_stcore/health", nil, http.StatusOK},
		"the same of a tab":                {d.host, "/_stcore/health", []string{"Sec-Fetch-Mode", "cors"}, http.StatusFound},
		"the same with cookies":            {d.host, "/_stcore/health", []string{"Cookie", "a=1"}, http.StatusFound},
		"a page from inside":               {d.host, "/", nil, http.StatusFound},
		"another service":                  {"streamlit:8501", "/seen", []string{"X-Amzn-Oidc-Data", "mallory"}, http.StatusOK},
	} {
		resp, _ := d.getAs(c.host, c.path, c.header...)
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	if got := <-app.seen; len(mentions(got, "x-amzn-oidc")) != 0 {
		t.Errorf("another service has an identity: %v", got)
	}
	// sdev waits for the app by this request: a sign-in page is not the app.
	app.stop()
	if resp, _ := d.getAs(d.host, "/_stcore/health"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the health check of an app that is down: %s", resp.Status)
	}
}

func TestDoor_ChecksAStreamWhenItOpensAndNeverAfter(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	d := newDoorRig(t, app)
	dial := func(cookies string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), "ws://"+d.addr+"/_stcore/stream", &websocket.DialOptions{
			Subprotocols: []string{"streamlit", "token"}, Host: d.host, HTTPHeader: http.Header{"Cookie": {cookies}, "Origin": {d.origin}},
			HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		})
	}
	if c, resp, err := dial(""); err == nil || resp == nil || resp.StatusCode != http.StatusFound {
		if c != nil {
			c.CloseNow()
		}
		t.Errorf("without a session: %v %v", resp, err)
	}
	cookies := d.cookieLine(d.signIn("dora@example.com"))
	c, _, err := dial(cookies)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for { // drop those of pages
		if h := <-app.seen; h.Get("Upgrade") != "" {
			if headerOf(t, h.Get("X-Amzn-Oidc-Data"))["signer"] != d.login.Door.ALB.ARN {
				t.Errorf("the stream has no token: %v", h)
			}
			break
		}
	}
	if e := await(d.rig, anyOf[dev.SessionOpened]); e.User != "dora@example.com" {
		t.Errorf("opened by %q", e.User)
	}
	d.call(Request{Do: DoAuth, Auth: oidc.Command{Do: oidc.DoClock, Clock: 8 * 24 * time.Hour}})
	d.ask(c, []byte{0x12, 0x00}) // the open page goes on
	if c, resp, err := dial(cookies); err == nil || resp == nil || resp.StatusCode != http.StatusFound {
		if c != nil {
			c.CloseNow()
		}
		t.Errorf("a new stream with the old session: %v %v", resp, err)
	}
	if resp, _ := d.get("/media/x.png", "Cookie", cookies); resp.StatusCode != http.StatusFound {
		t.Errorf("an image with the old session: %s", resp.Status)
	}
}

func TestDoor_ContinuesAfterARestartOfTheGateway(t *testing.T) {
	state := t.TempDir()
	a := projectAuthority(t)
	first, second := identityAt(state), identityAt(state)
	if _, err := first.set(t.Context(), albLogin("http://localhost:8601", "http://localhost:8501", a)); err != nil {
		t.Fatal(err)
	}
	if err := second.load(); err != nil || second.door() == nil || second.mode() != dev.ALBLogin {
		t.Fatalf("%v, mode %s", err, second.mode())
	}
	if _, err := second.set(t.Context(), aLogin()); err != nil || second.door() != nil {
		t.Errorf("another mode still has the door: %v", err)
	}
}

// Rotating keys concerns the front door's, too.
func TestDoor_RotatesWithTheProvider(t *testing.T) {
	app := newFakeApp(t)
	app.start()
	d := newDoorRig(t, app)
	cookies := d.cookieLine(d.signIn("dora@example.com"))
	var kids []string
	for range 2 {
		d.get("/seen", "Cookie", cookies)
		kids = append(kids, headerOf(t, (<-app.seen).Get("X-Amzn-Oidc-Data"))["kid"].(string))
		d.call(Request{Do: DoAuth, Auth: oidc.Command{Do: oidc.DoRotate}})
	}
	if kids[0] == kids[1] {
		t.Error("the same key after a rotation")
	}
	for _, kid := range kids {
		if status, _ := d.over(keyHost, keyHost, "/"+kid); status != http.StatusOK {
			t.Errorf("the key of an earlier token: %d", status)
		}
	}
}

func TestGateway_WarnsIfItCannotAnswerForTheKeyHosts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := newRigWith(t, newFakeApp(t), func(c *Config) { c.Keys = l.Addr().String() })
	if w := await(r, func(w dev.Warning) bool { return w.Code == dev.CodeAuthKeys }); !strings.Contains(w.Hint, "443") {
		t.Errorf("%+v", w)
	}
}
