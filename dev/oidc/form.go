package oidc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"time"
)

// A form of the provider carries a token that only the provider can make, bound to the form's content. It does
// not rely on a cookie: a server on another port of the same host could shadow our cookies, or set so many that
// the browser drops them, and so block the sign-in.

// formLifetime is how long a form can be sent after its page was opened.
const formLifetime = sessionLifetime

// formToken is the token of a form that is sent to the endpoint at path.
func (rc *requestContext) formToken(path, about string) string {
	return newFormToken(rc.p.formKey(), rc.p.clock(), path, about)
}

// formKey is the key of all form tokens. It is stored with the provider's other keys; if that fails, pages that
// are open during a restart have to be reloaded.
func (p *Provider) formKey() []byte {
	p.mu.Lock()
	key, saveErr := p.keys.Forms, error(nil)
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
		p.keys.Forms = key
		saveErr = p.store.saveKeys(p.keys)
	}
	p.mu.Unlock()
	if saveErr != nil {
		p.emit(warn(saveErr))
	}
	return key
}

// newFormToken is the time followed by a MAC over it and the form's content. It uses the real time, because the
// provider's clock may be changed while a page is open.
func newFormToken(key []byte, now time.Time, path, about string) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(stamp, formMAC(key, stamp, path, about)...))
}

func formMAC(key, stamp []byte, path, about string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(stamp) // never fails, as all of these
	_, _ = mac.Write([]byte(path + "\x00" + about))
	return mac.Sum(nil)
}

var (
	errForeignForm = errors.New("it is not a form of this provider, or was changed")
	errOldForm     = errors.New("the page was opened too long ago")
)

func checkFormToken(key []byte, now time.Time, token, path, about string) error {
	b, err := base64.RawURLEncoding.DecodeString(token)
	const stamp = 8
	if err != nil || len(b) != stamp+sha256.Size || !hmac.Equal(b[stamp:], formMAC(key, b[:stamp], path, about)) {
		return errForeignForm
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(b)), 0))
	if age < -time.Minute || age > formLifetime {
		return errOldForm
	}
	return nil
}

// checkForm refuses a form that the browser reports as sent from another site, and one whose token does not
// belong to a page of this provider with the same content.
func (rc *requestContext) checkForm(about string) error {
	foreign := &protocolError{Status: http.StatusForbidden, Code: "access_denied", Description: "the form was sent from another site", Fix: "start again in the app.", reportOnce: true}
	if err := http.NewCrossOriginProtection().Check(rc.r); err != nil {
		return foreign
	}
	if err := checkFormToken(rc.p.formKey(), rc.p.clock(), rc.param("csrf"), rc.endpoint.path, about); err != nil {
		foreign.Description = "the form is not valid: " + err.Error()
		return foreign
	}
	return rc.checkDuplicates()
}

// isSubresource reports whether a page requests this address as an image, a script, a style or a prefetch. A
// frame does not count. An old browser tells only by its Accept header.
func (rc *requestContext) isSubresource() bool {
	h := rc.r.Header
	if h.Get("Sec-Purpose")+h.Get("Purpose")+h.Get("X-Moz") != "" {
		return true
	}
	if h.Get("Sec-Fetch-Site") != "" {
		return h.Get("Sec-Fetch-Mode") != "navigate"
	}
	accept := h.Get("Accept")
	return strings.Contains(accept, "image/") && !strings.Contains(accept, "text/html")
}

// inFrame reports whether the browser loads this page into a frame.
func (rc *requestContext) inFrame() bool {
	dest := rc.r.Header.Get("Sec-Fetch-Dest")
	return dest != "" && dest != "document"
}

// subresourceError refuses a request that would change who is signed in without the user seeing a page.
func subresourceError() error {
	return &protocolError{
		Status: http.StatusForbidden, Code: "access_denied", Description: "an image, a script or a frame requested this page",
		Fix: "have the app open this page in the whole tab, by a link or a redirect.", reportOnce: true,
	}
}
