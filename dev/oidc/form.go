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

// A form of the provider's carries a token that only the provider can make, over what the form is about.
// No cookie has a part in it: whatever runs on another port of the same host can put cookies in front of
// ours, or so many that the browser drops them, and would keep people from signing in.

// formLifetime is how long a page that was opened can be sent.
const formLifetime = sessionLifetime

// formToken is the token of a form that goes to an endpoint, by its path.
func (rc *requestContext) formToken(path, about string) string {
	return newFormToken(rc.p.formKey(), rc.p.clock(), path, about)
}

// formKey is the key of all tokens of forms. It outlives the process with the provider's other keys; where
// it cannot, a page that is open when the provider starts again has to be opened again, and that is all.
func (p *Provider) formKey() []byte {
	p.mu.Lock()
	key, unkept := p.keys.Forms, error(nil)
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
		p.keys.Forms = key
		unkept = p.store.saveKeys(p.keys)
	}
	p.mu.Unlock()
	if unkept != nil {
		p.emit(warn(unkept))
	}
	return key
}

// newFormToken is the time followed by a MAC over it and what the form is about. The time is the real
// one: the provider's may be moved while a page is open.
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
	errForeignForm = errors.New("it is none of this provider's forms, or was changed")
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

// checkForm refuses a form that another site has sent, by what the browser says of it, and one that does
// not come from a page of this provider about the same thing, by its token.
func (rc *requestContext) checkForm(about string) error {
	foreign := &protocolError{Status: http.StatusForbidden, Code: "access_denied", Description: "the form was sent from another site", Fix: "start again in the app.", reportOnce: true}
	if err := http.NewCrossOriginProtection().Check(rc.r); err != nil {
		return foreign
	}
	if err := checkFormToken(rc.p.formKey(), rc.p.clock(), rc.param("csrf"), rc.endpoint.path, about); err != nil {
		foreign.Description = "the form cannot be taken: " + err.Error()
		return foreign
	}
	return rc.checkDuplicates()
}

// isSubresource reports whether a page asks without leading anybody here: by an image, a script, a style, or
// for what somebody might want to see next. A frame is a page, though nobody may see it. An old browser says
// only what it would take.
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

// inFrame reports whether a page shows this one within itself.
func (rc *requestContext) inFrame() bool {
	dest := rc.r.Header.Get("Sec-Fetch-Dest")
	return dest != "" && dest != "document"
}

// subresourceError is the refusal of what changes who is signed in without anybody seeing it.
func subresourceError() error {
	return &protocolError{
		Status: http.StatusForbidden, Code: "access_denied", Description: "an image, a script or a frame of a page asked, and nobody was led here",
		Fix: "have the app lead people here by a link or a redirect of the whole page.", reportOnce: true,
	}
}
