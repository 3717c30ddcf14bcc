package oidc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"unicode/utf16"
)

// reply answers with JSON, after faults have changed it.
func (rc *requestContext) reply(status int, v any) error {
	if !rc.faultsInjected {
		if err := rc.injectFaults(rc.client, rc.user); err != nil {
			return err
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer of %s: %w", rc.endpoint.name, err)
	}
	for _, f := range rc.p.takeFaults(rc, atReply) {
		b = f.kind.reply(b, f.Params)
	}
	rc.send(status, b)
	return nil
}

func (rc *requestContext) write(status int, v map[string]string) {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(`{"error":"server_error"}`)
	}
	rc.send(status, b)
}

func (rc *requestContext) send(status int, body []byte) {
	h := rc.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Pragma", "no-cache")
	rc.w.WriteHeader(status)
	_, _ = rc.w.Write(body) // on an error the client has gone
}

// sendForm answers with a form, as GitHub does unless the client asks for JSON.
func (rc *requestContext) sendForm(v url.Values) {
	rc.w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = io.WriteString(rc.w, v.Encode()) // on an error the client has gone
}

// asciiJSON is JSON whose base64url is plain base64 as well. Many apps decode a token's claims with the plain
// alphabet, where + and / stand for - and _; only non-ASCII bytes and >, ? and ~ produce those characters.
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

// plainJSON escapes no character beyond what JSON requires.
func plainJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}
