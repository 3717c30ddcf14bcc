package dev

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The modes that run the app's login against the local provider.
const (
	// AppLogin runs the app's own OAuth code, whose client comes from the parameter store.
	AppLogin Mode = "app"
	// Native runs Streamlit's st.login.
	Native Mode = "native"
	// ALBLogin has a load balancer of AWS in front of the app, which signs people in.
	ALBLogin Mode = ProxyALB
	// IAPLogin has Google's Identity-Aware Proxy there.
	IAPLogin Mode = ProxyIAP
	// AccessLogin has Cloudflare Access there.
	AccessLogin Mode = ProxyCloudflare
)

// Issuer is the issuer URL of the local provider at a port of this machine, the same for the browser and the app.
func Issuer(port int) string { return fmt.Sprintf("http://localhost:%d", port) }

// SignsIn reports whether people sign in at the local provider in this mode.
func (m Mode) SignsIn() bool { return m == AppLogin || m == Native || m.HasDoor() }

// HasDoor reports whether an identity proxy stands in front of the app in this mode: see [FrontDoor].
func (m Mode) HasDoor() bool { return m == ALBLogin || m == IAPLogin || m == AccessLogin }

// ProtocolClaims are the claims that the protocol sets in a token. A person's claims cannot replace them; only
// faults change them. Source: OpenID Connect Core 1.0, section 2.
func ProtocolClaims() []string {
	return []string{"iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "auth_time", "acr", "amr", "jti", "sid"}
}

// ParseShimWarning parses the line that the app's start-up shim prints when something in the container would have
// bypassed the login. The end of the line names what that is.
func ParseShimWarning(line string) (Warning, bool) {
	_, who, ok := strings.Cut(line, "sdev: LOCAL_STREAMLIT would bypass the login and is kept off: set by ")
	if !ok {
		return Warning{}, false
	}
	return Warning{Code: CodeAuthBypass, Message: "LOCAL_STREAMLIT would bypass the login, so sdev keeps it off in this mode: set by " + Sanitize(who),
		Hint: "remove it there: sdev up --local sets it by itself"}, true
}

// UnmappedWarning is the warning about a request of the app to a real identity provider in a mode with a login.
func UnmappedWarning(address string) Warning {
	return Warning{Code: CodeAuthUnmapped, Message: "the app uses the real identity provider at " + Sanitize(address) + ": sdev does not lead that address to the local provider",
		Hint: "sdev auth check counts such requests; sdev help auth says which addresses lead to the local provider"}
}

// Person is somebody who can sign in at the local provider.
type Person struct {
	Email  string         `json:"email"`
	Name   string         `json:"name"`
	Groups []string       `json:"groups"`
	Claims map[string]any `json:"claims"` // added to, or replacing, the claims derived from the other fields
}

// Client is a program that sends people to the provider and requests tokens.
type Client struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Secret string `json:"secret,omitempty"` // "" means a public client
	// RedirectURIs are the addresses to which people may return, compared exactly. With Loopback, any path of
	// http://localhost, 127.0.0.1 or [::1] at any port is valid, too.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	PostLogout   []string `json:"post_logout,omitempty"` // addresses to which people may return after signing out
	Loopback     bool     `json:"loopback,omitempty"`
	// Keys is a JWK set (RFC 7517) of public keys. A client that has one authenticates by a signature instead of a
	// secret.
	Keys json.RawMessage `json:"keys,omitempty"`
	// BackChannel is the client's address for back-channel logout notifications.
	BackChannel string `json:"back_channel,omitempty"`
	// Page is the app's page on this machine. If it is set, people may return to any address that the app sends: the
	// browser goes to that address's path at Page. So an app that sends the address of its deployment gets its users back.
	Page string `json:"page,omitempty"`
	// AnySecret means that the client's secret is not checked, because sdev does not know it.
	AnySecret bool `json:"any_secret,omitempty"`
}

// LoginSettings is the login configuration of the gateway. It contains secrets: sdev sends it on standard input, stores it
// with mode 0600, and no print verb shows it.
type LoginSettings struct {
	Mode    Mode     `json:"mode"`
	Issuer  string   `json:"issuer"`  // "http://localhost:8601": the same for the browser and the app
	Profile string   `json:"profile"` // the provider whose claims and paths are imitated; one of [Profiles]
	People  []Person `json:"people"`
	Clients []Client `json:"clients"`
	Current string   `json:"current,omitempty"` // e-mail of the person who signs in without a prompt; "" prompts
	// Cookies is Streamlit's secret for signing cookies, with which the gateway finds out who uses a tab; "" if
	// Streamlit does not sign them.
	Cookies string `json:"cookies,omitempty"`
	// Mapped are the settings for apps that use other providers' addresses; nil if the mode maps none.
	Mapped *MappedLogin `json:"mapped,omitempty"`
	// Page signs the certificate of the app's page, if it is https; else nil.
	Page *Authority `json:"page,omitempty"`
	// Door is the identity proxy in front of the app; nil in modes without one.
	Door *FrontDoor `json:"door,omitempty"`
	// Parameters are the values of the local parameter store, by name.
	Parameters map[string]Parameter `json:"parameters,omitempty"`
}

// MappedLogin is how the local provider answers for other providers, whose addresses the start-up shim maps to it.
type MappedLogin struct {
	// Client stands for every client id that no client has: the app brings the id and the secret that it got from its
	// real provider.
	Client Client `json:"client"`
	// Issuers are the issuers of providers whose addresses do not say it, by host.
	Issuers map[string]string `json:"issuers,omitempty"`
}

// Parameter is a value of the parameter store.
type Parameter struct {
	Value  string `json:"value"`
	Secure bool   `json:"secure"` // a SecureString: readable only with decryption
}

// Format hides the secrets from every print verb.
func (LoginSettings) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[login settings]")) }

// Format hides the secret from every print verb.
func (c Client) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[client %q]", c.ID) }
