package dev

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The modes in which the app's own login is tried on this machine.
const (
	// AppLogin is OAuth code of the app's own, whose client comes from the parameter store.
	AppLogin Mode = "app"
	// Native is Streamlit's st.login.
	Native Mode = "native"
)

// Issuer is the name of the local provider that listens at a port of this machine: one fixed string,
// the same for the browser and for the app.
func Issuer(port int) string { return fmt.Sprintf("http://localhost:%d", port) }

// SignsIn reports whether people sign in at the local provider in this mode.
func (m Mode) SignsIn() bool { return m == AppLogin || m == Native }

// ProtocolClaims are those that a token says of itself: what is said of a person cannot replace them. What is
// wrong with them on purpose is a fault's business. Source: OpenID Connect Core 1.0, section 2.
func ProtocolClaims() []string {
	return []string{"iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "auth_time", "acr", "amr", "jti", "sid"}
}

// ParseShimWarning reads what the app's start-up shim prints where something in the container would have bypassed
// the login. It says who, which ends with the line.
func ParseShimWarning(line string) (Warning, bool) {
	_, who, ok := strings.Cut(line, "sdev: LOCAL_STREAMLIT would bypass the login and is kept off: set by ")
	if !ok {
		return Warning{}, false
	}
	return Warning{Code: CodeAuthBypass, Message: "LOCAL_STREAMLIT would bypass the login and is kept off in this mode: set by " + Sanitize(who),
		Hint: "take it out of there: sdev up --local sets it by itself"}, true
}

// Person is somebody who can sign in at the local provider.
type Person struct {
	Email  string         `json:"email"`
	Name   string         `json:"name"`
	Groups []string       `json:"groups"`
	Claims map[string]any `json:"claims"` // on top of, or in place of, those that follow from the rest
}

// Client is a program that sends people to the provider and asks it for tokens.
type Client struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Secret string `json:"secret,omitempty"` // "" is a public client
	// RedirectURIs are where people may be sent back to, compared exactly. Loopback allows any path
	// of http://localhost, 127.0.0.1 or [::1] at any port on top.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	PostLogout   []string `json:"post_logout,omitempty"` // where they may be sent after signing out
	Loopback     bool     `json:"loopback,omitempty"`
	// Keys is a JWK set (RFC 7517): public keys with which a client proves who it is by signing, in
	// place of a secret.
	Keys json.RawMessage `json:"keys,omitempty"`
	// BackChannel is an address of the client's own that is told when somebody signs out.
	BackChannel string `json:"back_channel,omitempty"`
}

// LoginSettings is everything the gateway is told of how people sign in. It holds secrets, so it is sent on
// standard input, kept with mode 0600, and comes out of no way of printing.
type LoginSettings struct {
	Mode    Mode     `json:"mode"`
	Issuer  string   `json:"issuer"`  // "http://localhost:8601": one fixed string, the same for everybody
	Profile string   `json:"profile"` // whose claims and paths are imitated; one of [Profiles]
	People  []Person `json:"people"`
	Clients []Client `json:"clients"`
	Current string   `json:"current,omitempty"` // e-mail of who signs in without being asked; "" asks
	// Cookies is what the app signs its cookies with, by which is known who a tab is of; "" where it is
	// not Streamlit that does.
	Cookies string `json:"cookies,omitempty"`
	// Parameters are what the stand-in for the parameter store holds, by name.
	Parameters map[string]Parameter `json:"parameters,omitempty"`
}

// Parameter is a value of the parameter store.
type Parameter struct {
	Value  string `json:"value"`
	Secure bool   `json:"secure"` // a SecureString: readable only with decryption
}

// Format keeps the secrets out of everything that is printed, whatever the verb.
func (LoginSettings) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[login settings]")) }

// Format keeps the secret out of everything that is printed, whatever the verb.
func (c Client) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[client %q]", c.ID) }
