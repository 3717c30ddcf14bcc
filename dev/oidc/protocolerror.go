package oidc

import (
	"errors"
	"net/http"
	"strings"

	"sdev/dev"
)

// protocolError is an error of the protocol (RFC 6749 5.2). Description is for the developer; it holds no
// secret, because it becomes an event as well.
type protocolError struct {
	Status      int // 0 is 400
	Code        string
	Description string
	Auth        string   // the WWW-Authenticate header; "" sends none
	Detail      []detail // for a page: what the app sent and what was expected
	Fix         string   // for a page: what to do
	noEvent     bool     // a fault caused it and has sent its own event
	reportOnce  bool     // any page can cause it, so only the first one becomes an event
}

// detail is a line of an error page.
type detail struct{ Name, Value string }

func (e *protocolError) Error() string { return e.Code + ": " + e.Description }

func newError(code, about string) *protocolError {
	return &protocolError{Code: code, Description: about}
}

// fail answers a request with an error.
func (rc *requestContext) fail(err error) {
	e, ok := errors.AsType[*protocolError](err)
	if !ok {
		cause := dev.AsError(err)
		rc.p.emit(dev.Warning{Code: dev.CodeAuthState, Message: "the sign-in failed: " + cause.Error(), Hint: cause.Hint})
		e = &protocolError{Status: http.StatusInternalServerError, Code: "server_error", Description: "the provider failed; sdev's output says why", noEvent: true}
	}
	rc.reportDenied(e)
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if rc.endpoint.human {
		rc.page(status, "error", errorPage{Frame: rc.frame("Sign-in failed"), Code: e.Code, About: e.Description, Detail: e.Detail, Fix: e.Fix})
		return
	}
	if e.Auth != "" {
		rc.w.Header().Set("WWW-Authenticate", e.Auth)
	}
	rc.write(status, map[string]string{"error": e.Code, "error_description": e.Description})
}

// reportDenied sends the event of an error.
func (rc *requestContext) reportDenied(e *protocolError) {
	if e.noEvent || e.reportOnce && rc.p.reportedBefore(rc.endpoint.name+e.Description) {
		return
	}
	rc.p.emit(dev.AuthDenied{User: rc.user, Client: rc.client, Reason: e.Description})
}

// reportedBefore reports whether something was reported, and marks it as reported.
func (p *Provider) reportedBefore(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.reported[what]
	p.reported[what] = true
	return before
}

// printable is a value of a request, fit for a message: short, and without control characters.
func printable(s string) string {
	s = dev.Sanitize(strings.ReplaceAll(s, "\n", " "))
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
