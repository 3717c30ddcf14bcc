package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// In a deployment an identity proxy sets headers and cookies that say who the user is, and drops those that a
// browser sends. Here nothing stands in front of the gateway, so any such header is forged: by a script of a
// page, a browser extension or a program.

// identityHeaders are prefixes of such headers, in lower case, with a dash for every other character: servers
// may turn underscores into dashes.
var identityHeaders = []string{
	// Amazon: load balancer, Verified Access, API Gateway and the adapter of Lambda.
	"x-amzn-oidc-", "x-amzn-ava-", "x-amzn-mtls-", "x-amzn-request-context", "x-amzn-lambda-context", "x-apigateway-",
	// Google: Identity-Aware Proxy, App Engine, Cloud Endpoints, Cloud Run.
	"x-goog-", "x-appengine-", "x-google-", "x-endpoint-api-userinfo", "x-serverless-authorization",
	// Cloudflare: Access, and its descriptions of the client.
	"cf-",
	// Azure: App Service, Container Apps, Application Gateway.
	"x-ms-client-principal", "x-ms-token-", "x-ms-auth-", "x-arr-clientcert",
	// Snowflake, Databricks, Streamlit's own cloud, Posit Connect, Hugging Face, Replit, Vercel.
	"sf-context-", "x-databricks-", "x-streamlit-user", "posit-connect-", "rstudio-", "shiny-server-", "x-replit-", "x-vercel-", "domino-username",
	// Proxies that sign people in: oauth2-proxy, Tailscale, authentik, Authelia, Pomerium, Vouch, Caddy, ngrok,
	// Teleport, Kong, APISIX, Envoy and Istio, mod_auth_openidc, Kubernetes, Grafana, and products for companies.
	"x-forwarded", "x-auth-request-", "gap-", "tailscale-", "x-authentik-", "x-authelia-", "x-pomerium-", "x-vouch-", "x-token-",
	"ngrok-auth-", "teleport-", "x-teleport-", "x-consumer-", "x-credential-", "x-authenticated-", "x-anonymous-consumer", "x-userinfo",
	"x-jwt-", "x-id-token", "x-access-token", "x-envoy-", "oidc-", "x-oidc-", "x-okta-", "x-webauth-", "x-keycloak-", "x-cognito-", "x-oauth-",
	"remote-", "x-remote-", "kubeflow-", "x-jupyterhub-", "sm-", "iv-", "oam-", "shib-", "cas-", "x-saml-", "saml-", "eppn", "x-iap-",
	// The client's certificate, passed on by the server that ended TLS (RFC 9440 and older conventions).
	"client-cert", "x-client-cert", "x-client-dn", "x-client-verify", "x-ssl-", "ssl-client-", "x-tls-",
	// The client's address.
	"forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-",
}

// identityWords are words between dashes in the names of headers that companies invent themselves.
var identityWords = []string{
	"user", "username", "userid", "useremail", "login", "email", "mail", "upn", "uid", "principal", "identity", "subject", "sub",
	"group", "groups", "role", "roles", "entitlements", "claims", "claim", "jwt", "authenticated",
}

// ordinaryHeaders contain one of identityWords, but every browser sends them.
var ordinaryHeaders = []string{"user-agent", "sec-fetch-user"}

// identityFilter drops headers and cookies of a request that only an identity proxy may set.
type identityFilter struct {
	trusted  []string // headers that the app's settings trust, as dashed writes them
	warnings *onceEmitter
}

func newIdentityFilter(cfg Config, emit func(dev.Event)) *identityFilter {
	f := &identityFilter{warnings: newOnceEmitter(emit)}
	for _, name := range cfg.TrustedHeaders {
		f.trusted = append(f.trusted, dashed(name))
	}
	return f
}

// proxyHeaders are headers that every proxy sets. They do not say who the user is.
var proxyHeaders = []string{"x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-server", "x-forwarded-prefix", "forwarded", "x-real-ip"}

// strip drops such headers and cookies from a request to the app, and warns once about each kind. It does not warn of
// what a proxy of the project (front) always sends.
func (f *identityFilter) strip(h http.Header, front bool) {
	for name := range h {
		if f.isIdentityHeader(dashed(name)) {
			h.Del(name)
			delete(h, name) // h.Del deletes only the canonical spelling
			if front && slices.Contains(proxyHeaders, dashed(name)) {
				continue
			}
			name = dev.Sanitize(name)
			f.warnings.emitOnce(name, dev.Warning{
				Code: dev.CodeForged, Message: fmt.Sprintf("the header %.60s was dropped from a request: only an identity proxy may say who the user is", name),
				Hint: "no action needed, unless your own code sends the header: then rename it",
			})
		}
	}
	if n := stripCookies(h); n > 0 {
		f.warnings.emitOnce("cookies", dev.Warning{
			Code: dev.CodeForged, Message: fmt.Sprintf("%d cookies were dropped from a request: all pages of one host name share them, and together they exceed what the app's server accepts", n),
			Hint: "delete this host name's cookies in the browser; sdev auth check lists other apps that share them",
		})
	}
}

// isIdentityHeader reports whether a header, as dashed writes it, may say who the user is.
func (f *identityFilter) isIdentityHeader(name string) bool {
	if slices.Contains(f.trusted, name) {
		return true
	}
	if slices.Contains(ordinaryHeaders, name) {
		return false
	}
	if slices.ContainsFunc(identityHeaders, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return true
	}
	for word := range strings.SplitSeq(name, "-") {
		if slices.Contains(identityWords, word) {
			return true
		}
	}
	return false
}

// dashed returns a name in lower case, with a dash for every character that is neither letter nor digit.
func dashed(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name)
}
