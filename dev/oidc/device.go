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
	grantDevice    = "urn:ietf:params:oauth:grant-type:device_code"
	deviceLifetime = 10 * time.Minute
	devicePause    = time.Second     // between two polls: short, because all runs on one machine
	deviceSlower   = 5 * time.Second // added by each poll that comes too early (RFC 8628 3.5)
	// userLetters are hard to confuse and form no words (RFC 8628 6.1).
	userLetters = "BCDFGHJKLMNPQRSTVWXZ"
)

// device is a program that waits for a user to sign in elsewhere, stored under the hash of its device code.
type device struct {
	Client  string        `json:"client"`
	Scope   []string      `json:"scope"`
	User    string        `json:"user"` // hash of the user code
	Person  *dev.Person   `json:"person,omitempty"`
	Session string        `json:"session,omitempty"`
	At      time.Time     `json:"at,omitzero"`
	Error   string        `json:"error,omitempty"` // error code, once a user has denied access
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

// serveDevice issues the codes of a device.
func (p *Provider) serveDevice(rc *requestContext) error {
	if err := rc.checkDuplicates(); err != nil {
		return err
	}
	c, err := rc.authenticate()
	if err != nil {
		return err
	}
	if err := rc.injectFaults(c.ID, ""); err != nil {
		return err
	}
	code, user := randomToken(), userCode()
	d := device{Client: c.ID, Scope: strings.Fields(rc.param("scope")), User: hash(user), Pause: devicePause, Expires: rc.now.Add(deviceLifetime)}
	if err := p.addDevice(hash(code), d, rc.now); err != nil {
		return err
	}
	at := p.cfg.Issuer + "/device"
	return rc.reply(http.StatusOK, deviceAnswer{
		DeviceCode: code, UserCode: user, Address: at, Complete: at + "?" + url.Values{"user_code": {user}}.Encode(),
		ExpiresIn: int(deviceLifetime.Seconds()), Interval: int(devicePause.Seconds()),
	})
}

func (p *Provider) addDevice(key string, d device, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := checkCapacity(p.data.Devices, now, device.forgotten); err != nil {
		return err
	}
	p.data.Devices[key] = d
	return p.awaitSave()
}

// userCode is what a user types: two groups of four letters.
func userCode() string {
	letters := make([]byte, 0, 9)
	for len(letters) < cap(letters) {
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails
		if int(b[0]) >= 256-256%len(userLetters) {
			continue // otherwise the first letters would be more frequent
		}
		if len(letters) == 4 {
			letters = append(letters, '-')
		}
		letters = append(letters, userLetters[int(b[0])%len(userLetters)])
	}
	return string(letters)
}

// normalizeUserCode is a user code as it was issued, however the user typed it.
func normalizeUserCode(s string) string {
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

// serveVerify is where a user approves a device: first the code, then the sign-in.
func (p *Provider) serveVerify(rc *requestContext) error {
	if rc.redirectedToIssuer() {
		return nil
	}
	page := devicePage{Frame: rc.frame("Let a device sign in"), Code: printable(rc.param("user_code")), Action: p.base.Path + "/device"}
	key, d, ok := p.pendingDevice(normalizeUserCode(rc.param("user_code")), rc.now)
	if !ok {
		if err := rc.injectFaults("", ""); err != nil {
			return err
		}
		if page.Code != "" {
			page.Problem = "No device is waiting with that code. It may have expired, or been used."
		}
		rc.page(http.StatusOK, "device", page)
		return nil
	}
	rc.client = d.Client
	if rc.r.Method != http.MethodPost {
		if err := rc.injectFaults(d.Client, ""); err != nil {
			return err
		}
		return rc.showDeviceSignIn(d, "")
	}
	if err := rc.checkForm(normalizeUserCode(rc.param("user_code"))); err != nil {
		return err
	}
	return rc.approveDevice(key, d)
}

// redirectedToIssuer redirects a browser that uses another name of this machine to the issuer, which has its
// cookies, and reports whether it did.
func (rc *requestContext) redirectedToIssuer() bool {
	base := rc.p.base
	if rc.r.Host == base.Host || rc.r.Method != http.MethodGet {
		return false
	}
	http.Redirect(rc.w, rc.r, base.Scheme+"://"+base.Host+rc.r.URL.RequestURI(), http.StatusFound)
	return true
}

// pendingDevice finds the device with a user code that waits for a decision.
func (p *Provider) pendingDevice(user string, now time.Time) (string, device, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, d := range p.data.Devices {
		if user != "" && d.User == hash(user) && d.Person == nil && d.Error == "" && now.Before(d.Expires) {
			return key, d, true
		}
	}
	return "", device{}, false
}

// showDeviceSignIn shows the sign-in page for a device.
func (rc *requestContext) showDeviceSignIn(d device, problem string) error {
	c, _ := rc.p.client(d.Client)
	code := normalizeUserCode(rc.param("user_code"))
	var last *dev.Person
	if s, ok := rc.session(); ok {
		last = &s.Person
	}
	page := rc.signInPage(authRequest{Client: c, Scope: d.Scope}, last)
	page.Device, page.Action = code, rc.p.base.Path+"/device"
	page.Hidden = []detail{{"user_code", code}, {"csrf", rc.formToken("/device", code)}}
	rc.page(http.StatusOK, "signin", page.refilled(rc.form, problem))
	return nil
}

// approveDevice handles the form of a device's sign-in page.
func (rc *requestContext) approveDevice(key string, d device) error {
	if rc.form.Has("deny") {
		if err := rc.injectFaults(d.Client, ""); err != nil {
			return err
		}
		return rc.denyDevice(key, "access_denied", "denied on the sign-in page")
	}
	who, how, problem := rc.selectedPerson()
	if problem != "" {
		return rc.showDeviceSignIn(d, problem)
	}
	if err := rc.injectFaults(d.Client, who.Email); err != nil {
		return err
	}
	answer := map[string]string{}
	for _, f := range rc.p.takeFaults(rc, atDecision) {
		f.kind.decision(answer, f.Params)
	}
	if code := answer["error"]; code != "" {
		return rc.denyDevice(key, code, "denied by a fault")
	}
	s, err := rc.startSession(who)
	if err != nil {
		return err
	}
	if err := rc.p.decideDevice(key, func(d *device) { d.Person, d.Session, d.At = &who, s.ID, s.At }); err != nil {
		return err
	}
	rc.p.emit(dev.AuthLogin{User: who.Email, Client: d.Client, Reason: how + ", for a device"})
	rc.page(http.StatusOK, "device", devicePage{
		Frame: rc.frame("The device is signed in"), Lead: "It is signed in as " + who.Email + ". You can close this window.",
	})
	return nil
}

func (rc *requestContext) denyDevice(key, code, why string) error {
	if err := rc.p.decideDevice(key, func(d *device) { d.Error = code }); err != nil {
		return err
	}
	rc.reportDenied(newError(code, why))
	rc.page(http.StatusOK, "device", devicePage{Frame: rc.frame("The device is not signed in"), Lead: "You denied access. You can close this window."})
	return nil
}

// decideDevice stores the decision about a device.
func (p *Provider) decideDevice(key string, how func(*device)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.data.Devices[key]
	if !ok || d.Person != nil || d.Error != "" {
		return newError("invalid_request", "somebody else has already decided about this device")
	}
	how(&d)
	p.data.Devices[key] = d
	p.joinLocked(d.Session, d.Client)
	return p.awaitSave()
}

// redeemDevice answers a device that polls for its tokens (RFC 8628 3.4).
func (rc *requestContext) redeemDevice(c dev.Client) error {
	key := hash(rc.param("device_code"))
	d, err := rc.poll(key, c)
	if err != nil {
		return err
	}
	if err := rc.injectFaults(c.ID, d.Person.Email); err != nil {
		return err
	}
	rc.p.mu.Lock()
	_, ok := rc.p.data.Devices[key]
	delete(rc.p.data.Devices, key)
	rc.p.mu.Unlock()
	if !ok {
		return newError("invalid_grant", "the device code was used before")
	}
	g := grant{
		Client: c.ID, Person: d.Person, Scope: d.Scope, Session: d.Session, At: d.At,
		Offline: rc.p.profile.offline || slices.Contains(d.Scope, "offline_access"),
	}
	id, err := rc.newGrant(g)
	if err != nil {
		return err
	}
	return rc.replyTokens(id, g, true)
}

// poll finds an approved device. A device that polls too often has to wait longer.
func (rc *requestContext) poll(key string, c dev.Client) (device, error) {
	p := rc.p
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.data.Devices[key]
	switch {
	case rc.param("device_code") == "":
		return device{}, newError("invalid_request", "no device_code")
	case !ok || d.Client != c.ID:
		return device{}, newError("invalid_grant", "the device code is unknown, used, or another client's")
	case !rc.now.Before(d.Expires):
		return device{}, newError("expired_token", "nobody approved the device before its code expired")
	case d.Error != "":
		return device{}, newError(d.Error, "the device was not approved")
	case d.Person != nil:
		return d, nil
	}
	early := !d.Polled.IsZero() && rc.now.Sub(d.Polled) < d.Pause*9/10 // clients' timers are not exact
	if d.Polled = rc.now; early {
		d.Pause += deviceSlower
	}
	p.data.Devices[key] = d
	wait := &protocolError{Code: "authorization_pending", Description: "nobody has approved the device yet", noEvent: true}
	if early {
		wait.Code, wait.Description = "slow_down", "poll less often: wait at least "+d.Pause.String()+" between requests"
	}
	return device{}, wait
}
