package oidc

import (
	"maps"
	"net/http"
	"slices"

	"sdev/dev"
)

// serveDiscovery serves the discovery document (OpenID Connect Discovery 1.0, RFC 8414). It derives from the
// tables of endpoints and grants.
func (p *Provider) serveDiscovery(rc *requestContext) error {
	methods := []string{"S256"}
	if p.cfg.PlainPKCE {
		methods = append(methods, "plain")
	}
	m := map[string]any{
		"issuer":                                           rc.issuer(),
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query", "form_post"},
		"grant_types_supported":                            slices.Sorted(maps.Keys(p.grants)),
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            []string{algRS, algES},
		"scopes_supported":                                 []string{"openid", "email", "profile", "offline_access"},
		"claims_supported":                                 p.claimsSupported(),
		"code_challenge_methods_supported":                 methods,
		"prompt_values_supported":                          prompts(),
		"token_endpoint_auth_methods_supported":            authMethods(),
		"token_endpoint_auth_signing_alg_values_supported": assertionAlgs(),
		"revocation_endpoint_auth_methods_supported":       authMethods(),
		"introspection_endpoint_auth_methods_supported":    authMethods(),
		"backchannel_logout_supported":                     true,
		"backchannel_logout_session_supported":             true,
		"claims_parameter_supported":                       true,
		"request_parameter_supported":                      false,
		"request_uri_parameter_supported":                  false,
		"authorization_response_iss_parameter_supported":   true,
	}
	for _, e := range p.endpoints {
		if address := rc.address(e); e.metadata != "" && address != "" {
			m[e.metadata] = address
		}
	}
	if rc.at.host != "" { // the answer to an authorization request names the provider's own issuer
		delete(m, "authorization_response_iss_parameter_supported")
	}
	return rc.reply(http.StatusOK, m)
}

// authMethods are the supported ways to authenticate a client.
func authMethods() []string {
	return []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
}

func (p *Provider) claimsSupported() []string {
	names := slices.Concat([]string{"sub", "groups"}, dev.ProtocolClaims(), slices.Collect(maps.Keys(scopeOf)))
	slices.Sort(names)
	return names
}

// serveJWKS publishes the keys that verify tokens (RFC 7517).
func (p *Provider) serveJWKS(rc *requestContext) error {
	set, err := p.published()
	if err != nil {
		return err
	}
	return rc.reply(http.StatusOK, set)
}
