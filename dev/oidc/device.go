package oidc

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sdev/dev"
)

const (
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
	deviceLife   = 10 * time.Minute
	devicePause  = time.Second     // between two polls: short, because everything is on one machine
	deviceSlower = 5 * time.Second // what each poll that comes too early adds (RFC 8628 3.5)
	// userLetters cannot be taken for one another and make no words (RFC 8628 6.1).
	userLetters = "BCDFGHJKLMNPQRSTVWXZ"
)

// device is a program that waits for somebody to sign in elsewhere, by the hash of its device code.
type device struct {
	Client  string        `json:"client"`
	Scope   []string      `json:"scope"`
	User    string        `json:"user"` // hash of the user code
	Person  *dev.Person   `json:"person,omitempty"`
	Session string        `json:"session,omitempty"`
	At      time.Time     `json:"at,omitzero"`
	Error   string        `json:"error,omitempty"` // of the protocol, once somebody refused
	Polled  time.Time     `json:"polled,omitzero"`
	Pause   time.Duration `json:"pause"`
	Expires time.Time     `json:"expires"`
}

// deviceAnswer is the answer of the device authorization endpoint (RFC 8628 3.2).
type deviceAnswer struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Address    string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	ExpiresIn  int    `json:"expires_in"` // seconds
	Interval   int    `json:"interval"`   // seconds
}

// serveDevice gives a device its codes.
func (p *Provider) serveDevice(x *exchange) error {
	if err := x.once(); err != nil {
		return err
	}
	c, err := x.authenticate()
	if err != nil {
		return err
	}
	if err := x.admit(c.ID, ""); err != nil {
		return err
	}
	code, user := secret(), userCode()
	d := device{Client: c.ID, Scope: strings.Fields(x.one("scope")), User: hashed(user), Pause: devicePause, Expires: x.now.Add(deviceLife)}
	if err := p.addDevice(hashed(code), d, x.now); err != nil {
		return err
	}
	at := p.cfg.Issuer + "/device"
	return x.reply(http.StatusOK, deviceAnswer{
		DeviceCode: code, UserCode: user, Address: at, Complete: at + "?" + url.Values{"user_code": {user}}.Encode(),
		ExpiresIn: int(deviceLife.Seconds()), Interval: int(devicePause.Seconds()),
	})
}

func (p *Provider) addDevice(key string, d device, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := room(p.data.Devices, now, device.forgotten); err != nil {
		return err
	}
	p.data.Devices[key] = d
	return p.saveLocked()
}

// userCode is what a person types: two groups of four letters.
func userCode() string {
	letters := make([]byte, 0, 9)
	for len(letters) < cap(letters) {
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails
		if int(b[0]) >= 256-256%len(userLetters) {
			continue // the first letters would come more often
		}
		if len(letters) == 4 {
			letters = append(letters, '-')
		}
		letters = append(letters, userLetters[int(b[0])%len(userLetters)])
	}
	return string(letters)
}

// typed is a user code as it was given out, however it was typed.
func typed(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(userLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(s))
	if len(s) != 8 {
		return ""
	}
	return s[:4] + "-" + s[4:]
}

// serveVerify is where a person lets a device in: the code first, then who they are.
func (p *Provider) serveVerify(x *exchange) error {
	if x.elsewhere() {
		return nil
	}
	page := devicePage{Frame: x.frame("Let a device sign in"), Code: printable(x.one("user_code")), Action: p.base.Path + "/device"}
	key, d, ok := p.waiting(typed(x.one("user_code")), x.now)
	if !ok {
		if err := x.admit("", ""); err != nil {
			return err
		}
		if page.Code != "" {
			page.Problem = "No device waits with that code. It may have run out, or been used."
		}
		x.page(http.StatusOK, "device", page)
		return nil
	}
	x.client = d.Client
	if x.r.Method != http.MethodPost {
		if err := x.admit(d.Client, ""); err != nil {
			return err
		}
		return x.askFor(d, "")
	}
	if err := x.checkForm(typed(x.one("user_code"))); err != nil {
		return err
	}
	return x.letIn(key, d)
}

// elsewhere sends a browser that came by another name of this machine to the issuer's, where its
// cookies are.
func (x *exchange) elsewhere() bool {
	base := x.p.base
	if x.r.Host == base.Host || x.r.Method != http.MethodGet {
		return false
	}
	http.Redirect(x.w, x.r, base.Scheme+"://"+base.Host+x.r.URL.RequestURI(), http.StatusFound)
	return true
}

// waiting finds the device that shows a user code and waits for a decision.
func (p *Provider) waiting(user string, now time.Time) (string, device, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, d := range p.data.Devices {
		if user != "" && d.User == hashed(user) && d.Person == nil && d.Error == "" && now.Before(d.Expires) {
			return key, d, true
		}
	}
	return "", device{}, false
}

// askFor shows the sign-in page on behalf of a device.
func (x *exchange) askFor(d device, problem string) error {
	c, _ := x.p.client(d.Client)
	code := typed(x.one("user_code"))
	var last *dev.Person
	if s, ok := x.session(); ok {
		last = &s.Person
	}
	page := x.signInPage(authRequest{Client: c, Scope: d.Scope}, last)
	page.Device, page.Action = code, x.p.base.Path+"/device"
	page.Hidden = []detail{{"user_code", code}, {"csrf", x.formToken("/device", code)}}
	x.page(http.StatusOK, "signin", page.refilled(x.form, problem))
	return nil
}

// letIn takes the form of the sign-in page that was shown for a device.
func (x *exchange) letIn(key string, d device) error {
	if x.form.Has("deny") {
		if err := x.admit(d.Client, ""); err != nil {
			return err
		}
		return x.turnAway(key, "access_denied", "denied on the sign-in page")
	}
	who, how, problem := x.chosen()
	if problem != "" {
		return x.askFor(d, problem)
	}
	if err := x.admit(d.Client, who.Email); err != nil {
		return err
	}
	answer := map[string]string{}
	for _, f := range x.p.take(x, atDecision) {
		f.kind.decision(answer, f.Params)
	}
	if code := answer["error"]; code != "" {
		return x.turnAway(key, code, "denied by a fault")
	}
	s, err := x.signIn(who)
	if err != nil {
		return err
	}
	if err := x.p.decided(key, func(d *device) { d.Person, d.Session, d.At = &who, s.ID, s.At }); err != nil {
		return err
	}
	x.p.emit(dev.AuthLogin{User: who.Email, Client: d.Client, Reason: how + ", for a device"})
	x.page(http.StatusOK, "device", devicePage{
		Frame: x.frame("The device may go on"), Lead: "It is signed in as " + who.Email + ". This window can be closed.",
	})
	return nil
}

func (x *exchange) turnAway(key, code, why string) error {
	if err := x.p.decided(key, func(d *device) { d.Error = code }); err != nil {
		return err
	}
	x.denied(refused(code, why))
	x.page(http.StatusOK, "device", devicePage{Frame: x.frame("The device stays out"), Lead: "It is told that you denied it. This window can be closed."})
	return nil
}

// decided keeps what somebody decided about a device.
func (p *Provider) decided(key string, how func(*device)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.data.Devices[key]
	if !ok || d.Person != nil || d.Error != "" {
		return refused("invalid_request", "somebody else decided about this device meanwhile")
	}
	how(&d)
	p.data.Devices[key] = d
	p.joinLocked(d.Session, d.Client)
	return p.saveLocked()
}

// redeemDevice answers a device that asks whether somebody has let it in (RFC 8628 3.4).
func (x *exchange) redeemDevice(c dev.Client) error {
	key := hashed(x.one("device_code"))
	d, err := x.poll(key, c)
	if err != nil {
		return err
	}
	if err := x.admit(c.ID, d.Person.Email); err != nil {
		return err
	}
	x.p.mu.Lock()
	_, ok := x.p.data.Devices[key]
	delete(x.p.data.Devices, key)
	x.p.mu.Unlock()
	if !ok {
		return refused("invalid_grant", "the device code was used before")
	}
	g := grant{
		Client: c.ID, Person: d.Person, Scope: d.Scope, Session: d.Session, At: d.At,
		Offline: x.p.profile.offline || slices.Contains(d.Scope, "offline_access"),
	}
	id, err := x.begin(g)
	if err != nil {
		return err
	}
	return x.replyTokens(id, g, true)
}

// poll finds a device that somebody has let in. One that asks too often has to wait longer.
func (x *exchange) poll(key string, c dev.Client) (device, error) {
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.data.Devices[key]
	switch {
	case x.one("device_code") == "":
		return device{}, refused("invalid_request", "no device_code")
	case !ok || d.Client != c.ID:
		return device{}, refused("invalid_grant", "the device code is unknown, or was used, or is another client's")
	case !x.now.Before(d.Expires):
		return device{}, refused("expired_token", "nobody let the device in while its code was good")
	case d.Error != "":
		return device{}, refused(d.Error, "the device was not let in")
	case d.Person != nil:
		return d, nil
	}
	early := !d.Polled.IsZero() && x.now.Sub(d.Polled) < d.Pause*9/10 // timers of clients are not exact
	if d.Polled = x.now; early {
		d.Pause += deviceSlower
	}
	p.data.Devices[key] = d
	wait := &refusal{Code: "authorization_pending", About: "nobody has let the device in yet", quiet: true}
	if early {
		wait.Code, wait.About = "slow_down", "ask less often: at least "+d.Pause.String()+" apart from now on"
	}
	return device{}, wait
}
