package dev

// IdentityProxy is a kind of proxy in the cloud that signs people in before a request reaches the app. It passes their
// identity to the app in HTTP headers.
type IdentityProxy struct {
	Name   string // name among the ways to sign in: "alb"
	Title  string // name for people: "Google's IAP"
	Signed string // header with a signed token; a client that bypasses the proxy can forge all other headers
	// Headers are all identity headers; Begins are the prefixes of their names. Both are in lower case.
	Headers, Begins []string
}

// The names of the identity proxies.
const (
	ProxyALB        = "alb"
	ProxyIAP        = "iap"
	ProxyCloudflare = "cloudflare"
)

// IdentityProxies returns every identity proxy that sdev knows.
func IdentityProxies() []IdentityProxy {
	return []IdentityProxy{
		{
			Name: ProxyALB, Title: "an ALB", Signed: "x-amzn-oidc-data", Begins: []string{"x-amzn-oidc-"},
			Headers: []string{"x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"},
		},
		{
			Name: ProxyIAP, Title: "Google's IAP", Signed: "X-Goog-Iap-Jwt-Assertion", Begins: []string{"x-goog-iap-jwt-assertion", "x-goog-authenticated-user"},
			Headers: []string{"x-goog-iap-jwt-assertion", "x-goog-authenticated-user-email", "x-goog-authenticated-user-id"},
		},
		{
			Name: ProxyCloudflare, Title: "Cloudflare Access", Signed: "Cf-Access-Jwt-Assertion", Begins: []string{"cf-access-jwt-assertion", "cf-access-authenticated-user"},
			Headers: []string{"cf-access-jwt-assertion", "cf-access-authenticated-user-email"},
		},
	}
}
