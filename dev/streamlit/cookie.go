package streamlit

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// userCookie is what st.login leaves in the browser. A large one is split: it then says "chunks-N",
// and the parts are in cookies with _1 to _N behind the name.
const userCookie = "_streamlit_user"

const (
	maxChunks = 64
	maxCookie = 256 << 10 // of one cookie, unpacked
)

// User is the e-mail address of the user who signed in with st.login, according to a request's cookies; "" if
// nobody has, or the cookies are not signed with secret. It ignores their age.
//
// Source of the format: Streamlit 1.58 and 1.67, streamlit/auth_util.py and
// web/server/starlette/starlette_app_utils.py; itsdangerous 2.2, URLSafeTimedSerializer.
func User(secret string, r *http.Request) string {
	if secret == "" {
		return ""
	}
	text, ok := signed(secret, userCookie, r)
	if number, split := strings.CutPrefix(text, "chunks-"); ok && split {
		n, err := strconv.Atoi(number)
		if err != nil || n > maxChunks {
			return ""
		}
		text = ""
		for i := 1; i <= n && ok; i++ {
			var part string
			part, ok = signed(secret, userCookie+"_"+strconv.Itoa(i), r)
			text += part
		}
	}
	var user struct {
		Email    string `json:"email"`
		LoggedIn *bool  `json:"is_logged_in"`
	}
	if !ok || json.Unmarshal([]byte(text), &user) != nil || user.LoggedIn != nil && !*user.LoggedIn {
		return ""
	}
	return user.Email
}

// signed returns the text of a cookie; ok is false if it is missing or its signature is invalid. Of several
// cookies with the name, the one with a valid signature counts: any page of the same host can shadow the cookie
// with a longer path, but cannot sign it.
func signed(secret, name string, r *http.Request) (text string, ok bool) {
	for _, c := range r.CookiesNamed(name) {
		if text, ok = verified(secret, name, c.Value); ok {
			return text, true
		}
	}
	return "", false
}

// verified parses a cookie: payload.time.signature. The payload is the text as JSON, compressed if it begins with
// a dot.
func verified(secret, name, cookie string) (text string, ok bool) {
	end := strings.LastIndexByte(cookie, '.')
	if end < 0 {
		return "", false
	}
	value, signature := cookie[:end], cookie[end+1:]
	key := sha1.Sum([]byte(name + "signer" + secret))
	mac := hmac.New(sha1.New, key[:])
	_, _ = mac.Write([]byte(value)) // never fails
	got, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return "", false
	}
	payload := value[:max(0, strings.LastIndexByte(value, '.'))]
	packed := strings.HasPrefix(payload, ".")
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(payload, "."))
	if err == nil && packed {
		b, err = unpacked(b)
	}
	return text, err == nil && json.Unmarshal(b, &text) == nil
}

func unpacked(b []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxCookie))
}
