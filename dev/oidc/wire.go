package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf16"

	"sdev/dev"
)

// refusal is an error of the protocol (RFC 6749 5.2). About is for the developer who reads it; it
// holds nothing secret, since it becomes an event as well.
type refusal struct {
	Status int // 0 is 400
	Code   string
	About  string
	Auth   string   // the WWW-Authenticate header; "" sends none
	Detail []detail // for a page: what was sent and what was expected
	Fix    string   // for a page: what to do
	quiet  bool     // asked for by a fault, which has an event of its own
	once   bool     // a page can have it as often as it likes, so it is told of once
}

// detail is a line of an error page.
type detail struct{ Name, Value string }

func (r *refusal) Error() string { return r.Code + ": " + r.About }

func refused(code, about string) *refusal { return &refusal{Code: code, About: about} }

// fail answers a request that was refused.
func (x *exchange) fail(err error) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		e := dev.AsError(err)
		x.p.emit(dev.Warning{Code: dev.CodeAuthState, Message: "the sign-in failed: " + e.Error(), Hint: e.Hint})
		r = &refusal{Status: http.StatusInternalServerError, Code: "server_error", About: "the provider failed; sdev's output says why", quiet: true}
	}
	x.denied(r)
	status := r.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if x.endpoint.human {
		x.page(status, "error", errorPage{Frame: x.frame("This sign-in cannot work"), Code: r.Code, About: r.About, Detail: r.Detail, Fix: r.Fix})
		return
	}
	if r.Auth != "" {
		x.w.Header().Set("WWW-Authenticate", r.Auth)
	}
	x.write(status, map[string]string{"error": r.Code, "error_description": r.About})
}

// denied tells of a refusal.
func (x *exchange) denied(r *refusal) {
	if r.quiet || r.once && x.p.toldBefore(x.endpoint.name+r.About) {
		return
	}
	x.p.emit(dev.AuthDenied{User: x.user, Client: x.client, Reason: r.About})
}

// toldBefore reports whether something was told of, and is true of it from then on.
func (p *Provider) toldBefore(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.told[what]
	p.told[what] = true
	return before
}

// reply answers with JSON, past the faults that spoil answers.
func (x *exchange) reply(status int, v any) error {
	if !x.admitted {
		if err := x.admit(x.client, x.user); err != nil {
			return err
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer of %s: %w", x.endpoint.name, err)
	}
	for _, f := range x.p.take(x, atReply) {
		b = f.kind.reply(b, f.Params)
	}
	x.send(status, b)
	return nil
}

func (x *exchange) write(status int, v map[string]string) {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(`{"error":"server_error"}`)
	}
	x.send(status, b)
}

func (x *exchange) send(status int, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Pragma", "no-cache")
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // whoever asked has gone
}

// asciiJSON is JSON whose base64url is base64 as well. Many apps read a token's claims with the
// alphabet that has + and / for - and _, which are what bytes beyond ASCII lead to, and >, ? and ~.
func asciiJSON(v any) ([]byte, error) {
	b, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, r := range string(b) {
		switch {
		case r < 0x7f && r != '>' && r != '?' && r != '~':
			out.WriteByte(byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes(), nil
}

// plainJSON leaves every character as it is.
func plainJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// printable is a value of a request in words for people: short, and without control characters.
func printable(s string) string {
	s = dev.Printable(strings.ReplaceAll(s, "\n", " "))
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
