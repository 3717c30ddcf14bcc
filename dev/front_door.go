package dev

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strconv"
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
	IAP    *IAP    `json:"iap,omitempty"`
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
	if d.IAP != nil {
		return d.IAP.hosts()
	}
	if d.Access != nil {
		return d.Access.hosts()
	}
	return nil
}

// RedirectURI returns the address to which the provider sends browsers back after a sign-in, which it has to accept for the
// front door's client. origin is the app's. The callback of the other products is at a host of their own, for which the
// local provider's origin stands: issuer.
func (d FrontDoor) RedirectURI(origin, issuer string) string {
	switch {
	case d.ALB != nil:
		return origin + ALBCallback
	case d.IAP != nil:
		return issuer + IAPCallback(d.Client.ID)
	case d.Access != nil:
		return issuer + AccessCallback
	}
	return ""
}

// Names returns further host names of the app's origin, besides its own.
func (d FrontDoor) Names() []string {
	if d.IAP != nil {
		return d.IAP.names()
	}
	return nil
}

// Environment returns the variables from which the app's verification code takes whom and what to trust, by name.
func (d FrontDoor) Environment() map[string]string {
	switch {
	case d.ALB != nil:
		return d.ALB.environment(d.Client.ID)
	case d.IAP != nil:
		return d.IAP.Environment()
	case d.Access != nil:
		return d.Access.environment(d.Policies)
	}
	return nil
}

// TrustedHeaders returns what Streamlit's setting server.trustedUserHeaders is for the front door: the key of st.user for
// each header whose text is the value.
func (d FrontDoor) TrustedHeaders() map[string]string {
	if d.ALB != nil {
		return map[string]string{"x-amzn-oidc-identity": "sub"} // its headers hold no address as text
	}
	if d.IAP != nil {
		return d.IAP.TrustedHeaders()
	}
	if d.Access != nil {
		return d.Access.trustedHeaders()
	}
	return nil
}

// environment returns the variables that the module of the bundle reads, and others in use for verification libraries.
func (a ALB) environment(client string) map[string]string {
	env := map[string]string{"ALB_ARN": a.ARN, "ALB_REGION": a.Region(), "ALB_CLIENT_ID": client, "ALB_ISSUER": a.Issuer}
	if a.Action == ALBCognito {
		env["COGNITO_USER_POOL_ID"], env["COGNITO_CLIENT_ID"] = a.Pool, client
	}
	return env
}

// ALBCallback is the path at which a load balancer takes a sign-in, on every host name and whatever the listener rules
// say. Source: AWS, "Authenticate users using an Application Load Balancer".
const ALBCallback = "/oauth2/idpresponse"

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

// NewALB returns a load balancer with stable values for a project: in the region of a user pool, if its id is not empty.
func NewALB(project, pool string) ALB {
	region, _, ok := strings.Cut(pool, "_")
	if !ok {
		region = "us-east-1"
	}
	return ALB{
		ARN:    "arn:aws:elasticloadbalancing:" + region + ":123456789012:loadbalancer/app/" + slug(project, 32) + "/" + StableID(project+" load balancer", hexDigits, 16),
		Action: ALBCognito, Scope: "openid", Unauthenticated: ALBAuthenticate, Cookie: "AWSELBAuthSessionCookie", Timeout: 7 * 24 * time.Hour,
	}
}

// WithProvider returns the settings with everything that depends on the provider: the issuer, unless it is set, the user
// pool, and the endpoints, at which the local provider answers. local is its issuer.
func (a ALB) WithProvider(project, local string) ALB {
	if a.Action == ALBOIDC {
		at := local
		if a.Issuer == "" {
			a.Issuer = local
		} else if host := hostOf(a.Issuer); a.Issuer != local {
			at = local + AtPath + host
		}
		a.Authorization, a.Token, a.Userinfo = at+"/authorize", at+"/token", at+"/userinfo"
		return a
	}
	if a.Pool == "" {
		a.Pool = a.Region() + "_" + StableID(project+" user pool", lettersAndDigits, 9)
	}
	at := local + AtPath + a.CognitoHost(project)
	a.Issuer = cognitoIssuer(a.Pool)
	a.Authorization, a.Token, a.Userinfo = at+"/oauth2/authorize", at+"/oauth2/token", at+"/oauth2/userInfo"
	return a
}

// CognitoHost returns the host of the user pool's sign-in pages.
func (a ALB) CognitoHost(project string) string {
	return slug(project, 32) + ".auth." + a.Region() + ".amazoncognito.com"
}

// Issuers returns the issuer of each host at which the local provider answers for the load balancer's one.
func (a ALB) Issuers(project string) map[string]string {
	if a.Action == ALBOIDC {
		return map[string]string{hostOf(a.Issuer): a.Issuer}
	}
	return map[string]string{a.CognitoHost(project): a.Issuer}
}

// ClientID returns a stable id of the load balancer's client, in the form of the provider.
func (a ALB) ClientID(project string) string {
	if a.Action == ALBOIDC {
		return slug(project, 32) + "-load-balancer"
	}
	return StableID(project+" client", "abcdefghijklmnopqrstuvwxyz0123456789", 26)
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
	if strings.HasPrefix(a.Region(), "cn-") {
		hosts = append(hosts, strings.TrimSuffix(hosts[0], ".cn")) // verification libraries do not know the other name
	}
	if a.Action == ALBCognito {
		hosts = append(hosts, hostOf(a.Issuer))
	}
	return hosts
}

// cognitoIssuer returns the issuer of a user pool, which begins with its region. Source: Amazon Cognito, "Verifying JSON
// Web Tokens".
func cognitoIssuer(pool string) string {
	region, _, _ := strings.Cut(pool, "_")
	suffix := ""
	if strings.HasPrefix(region, "cn-") {
		suffix = ".cn"
	}
	return "https://cognito-idp." + region + ".amazonaws.com" + suffix + "/" + pool
}

// hostOf returns the host of an address, without its port.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

const (
	hexDigits        = "0123456789abcdef"
	lettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// StableID returns n characters of an alphabet that are always the same for a text.
func StableID(text, alphabet string, n int) string {
	out := make([]byte, 0, n)
	for block := 0; len(out) < n; block++ {
		for _, b := range sha256.Sum256([]byte(strconv.Itoa(block) + " " + text)) {
			if len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// slug returns a name of lower-case letters, digits and dashes, at most longest characters, for places that allow nothing
// else.
func slug(name string, longest int) string {
	name = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	name = strings.Trim(name[:min(len(name), longest)], "-")
	if name == "" {
		return "streamlit"
	}
	return name
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
