package dev

import (
	"fmt"
	"strings"
	"time"
)

// FrontDoor configures the identity proxy that the gateway stands in for. Exactly one of ALB, IAP and Access is set. It
// contains secrets: it travels and is stored with the [LoginSettings].
type FrontDoor struct {
	Client   Client   `json:"client"` // the proxy's own client at the local provider
	Policies []Policy `json:"policies,omitempty"`
	// Authority signs the certificates of the hosts at which apps fetch the proxy's keys.
	Authority Authority `json:"authority"`

	ALB    *ALB    `json:"alb,omitempty"`
	Access *Access `json:"access,omitempty"`
}

// Authority is a certificate authority of a project: a certificate and its private key, both in PEM.
type Authority struct {
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"`
}

// Format hides the secrets from every print verb.
func (FrontDoor) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[front door]")) }

// Format hides the key from every print verb.
func (Authority) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[certificate authority]")) }

// Hosts returns the public hosts for which the gateway answers inside the app's network namespace, because the
// verification libraries of apps have their names built in.
func (d FrontDoor) Hosts() []string {
	if d.ALB != nil {
		return d.ALB.hosts()
	}
	if d.Access != nil {
		return d.Access.hosts()
	}
	return nil
}

// The kinds of the authenticate action of a listener rule.
const (
	ALBCognito = "cognito" // authenticate-cognito: a user pool
	ALBOIDC    = "oidc"    // authenticate-oidc: any provider
)

// What a listener rule does with a request of somebody who has not signed in.
const (
	ALBAuthenticate = "authenticate" // sends the browser to the provider
	ALBAllow        = "allow"        // passes the request on without identity headers
	ALBDeny         = "deny"         // answers 401
	// ALBForward is a rule without an authenticate action: nobody is asked, and the app gets no identity headers.
	ALBForward = "forward"
)

// ALB configures the authenticate action of an Application Load Balancer. Sources: Elastic Load Balancing API Reference,
// AuthenticateOidcActionConfig and AuthenticateCognitoActionConfig.
type ALB struct {
	ARN    string `json:"arn"`    // of the load balancer; its tokens name it as their signer
	Action string `json:"action"` // ALBCognito or ALBOIDC
	// Issuer and the three endpoints are separate settings of the action, so that they may have different hosts. The
	// browser goes to Authorization; the load balancer itself requests the other two.
	Issuer        string            `json:"issuer"`
	Authorization string            `json:"authorization"`
	Token         string            `json:"token"`
	Userinfo      string            `json:"userinfo"`
	Pool          string            `json:"pool,omitempty"` // id of the user pool, with ALBCognito: "us-east-1_abcdefghi"
	Scope         string            `json:"scope"`
	Params        map[string]string `json:"params,omitempty"` // AuthenticationRequestExtraParams, at most 10
	// Unauthenticated is ALBAuthenticate, ALBAllow or ALBDeny.
	Unauthenticated string        `json:"unauthenticated"`
	Cookie          string        `json:"cookie"`  // SessionCookieName
	Timeout         time.Duration `json:"timeout"` // SessionTimeout
	// Rules are the listener rules by path, in the order of their priority; the first that matches decides. Any other
	// path has the default rule, which is Unauthenticated.
	Rules []ALBRule `json:"rules,omitempty"`
}

// ALBRule is a listener rule with a condition on the path.
type ALBRule struct {
	Path            string `json:"path"` // a pattern, in which * matches any text, slashes included, and ? one character
	Unauthenticated string `json:"unauthenticated"`
	Origin          string `json:"origin,omitempty"` // file and line
}

// Region returns the region in the load balancer's ARN.
func (a ALB) Region() string {
	parts := strings.Split(a.ARN, ":")
	if len(parts) < 4 {
		return ""
	}
	return parts[3]
}

// KeyAddress returns the address at which apps fetch the load balancer's public keys; the key's id follows. Source: AWS,
// "Authenticate users using an Application Load Balancer".
func (a ALB) KeyAddress() string {
	region := a.Region()
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "https://s3-" + region + ".amazonaws.com/aws-elb-public-keys-prod-" + region + "/"
	case strings.HasPrefix(region, "cn-"):
		return "https://public-keys.auth.elb." + region + ".amazonaws.com.cn/"
	}
	return "https://public-keys.auth.elb." + region + ".amazonaws.com/"
}

func (a ALB) hosts() []string {
	hosts := []string{hostOf(a.KeyAddress())}
	if a.Action == ALBCognito {
		hosts = append(hosts, hostOf(a.Issuer))
	}
	return hosts
}

// CognitoIssuer returns the issuer of a user pool, which begins with its region. Source: Amazon Cognito, "Verifying JSON
// Web Tokens".
func CognitoIssuer(pool string) string {
	region, _, _ := strings.Cut(pool, "_")
	suffix := ""
	if strings.HasPrefix(region, "cn-") {
		suffix = ".cn"
	}
	return "https://cognito-idp." + region + ".amazonaws.com" + suffix + "/" + pool
}

// CognitoDomain returns the host of a user pool's sign-in pages, from their prefix.
func CognitoDomain(prefix, region string) string {
	return prefix + ".auth." + region + ".amazoncognito.com"
}

func hostOf(address string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	return host
}

// The faults at front doors.
const (
	DoorSigner    = "door-signer"
	DoorClient    = "door-client"
	DoorAudience  = "door-audience"
	DoorIssuer    = "door-issuer"
	DoorExpired   = "door-expired"
	DoorSignature = "door-signature"
	DoorKey       = "door-key"
	DoorClaims    = "door-claims"
	DoorHeader    = "door-no-header"
	DoorSession   = "door-session"
	DoorDown      = "door-down"
)
