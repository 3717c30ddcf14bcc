package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

// ALBSettings is x-sdev.auth.alb: what differs from [dev.NewALB]. Empty fields leave its values.
type ALBSettings struct {
	ARN, Action, Issuer, Pool, Client, Scope, Unauthenticated, Cookie string

	Params  map[string]string
	Timeout time.Duration
	Rules   []dev.ALBRule
}

// Apply returns a load balancer with these settings.
func (s ALBSettings) Apply(a dev.ALB) dev.ALB {
	for _, f := range []struct {
		to    *string
		value string
	}{
		{&a.ARN, s.ARN}, {&a.Action, s.Action}, {&a.Issuer, s.Issuer}, {&a.Pool, s.Pool}, {&a.Scope, s.Scope},
		{&a.Unauthenticated, s.Unauthenticated}, {&a.Cookie, s.Cookie},
	} {
		if f.value != "" {
			*f.to = f.value
		}
	}
	if s.Timeout != 0 {
		a.Timeout = s.Timeout
	}
	a.Params, a.Rules = s.Params, s.Rules
	return a
}

// The forms of the settings. Sources: Elastic Load Balancing API Reference, LoadBalancer and
// AuthenticateOidcActionConfig; Amazon Cognito, CreateUserPool.
var (
	albARN       = pattern.New(`^arn:(aws|aws-cn|aws-us-gov):elasticloadbalancing:[a-z]{2}(-[a-z]+)+-\d:\d{12}:loadbalancer/app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}$`)
	cognitoPool  = pattern.New(`^[a-z]{2}(-[a-z]+)+-\d_[A-Za-z0-9]{1,45}$`)
	cookieName   = pattern.New(`^[A-Za-z0-9_.-]{1,64}$`)
	paramName    = pattern.New(`^[A-Za-z0-9_.-]{1,128}$`)
	oauthText    = pattern.New(`^[\x21-\x7e]{1,128}$`)
	scopeText    = pattern.New(`^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$`)
	pathPattern  = pattern.New(`^[/*?][A-Za-z0-9_.$/~"'@:+&*?-]{0,127}$`)
	longestLogin = 7 * 24 * time.Hour
)

// CheckALBARN returns an error unless a text is the ARN of an Application Load Balancer.
func CheckALBARN(text string) error {
	if !albARN.MatchString(text) {
		return fmt.Errorf("%q is not the ARN of an Application Load Balancer", text)
	}
	return nil
}

// alb reads x-sdev.auth.alb.
func (r *reader) alb(to *ALBSettings, n *yaml.Node) {
	const name = "x-sdev.auth.alb"
	r.fields(n, name, map[string]func(*yaml.Node){
		"arn":    r.matching(&to.ARN, name+".arn", albARN, "the ARN of an Application Load Balancer, such as arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/my-app/0123456789abcdef"),
		"action": r.oneOf(&to.Action, name+".action", dev.ALBCognito, dev.ALBOIDC),
		"issuer": func(n *yaml.Node) {
			r.text(&to.Issuer, name+".issuer")(n)
			if u, err := url.Parse(to.Issuer); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
				r.fail(n, fmt.Sprintf("%s.issuer: %q is not the issuer of a provider", name, to.Issuer), "write it as the provider's discovery document does, for example: https://idp.example.com")
			}
		},
		"pool":               r.matching(&to.Pool, name+".pool", cognitoPool, "the id of a user pool, such as us-east-1_AbCdEfGhI"),
		"client_id":          r.matching(&to.Client, name+".client_id", oauthText, "the id of the load balancer's client, without spaces"),
		"scope":              r.matching(&to.Scope, name+".scope", scopeText, "scopes separated by spaces, such as openid email"),
		"cookie":             r.matching(&to.Cookie, name+".cookie", cookieName, "a name of letters, digits and .-_"),
		"on_unauthenticated": r.oneOf(&to.Unauthenticated, name+".on_unauthenticated", dev.ALBAuthenticate, dev.ALBAllow, dev.ALBDeny),
		"session_timeout": func(n *yaml.Node) {
			var text string
			r.text(&text, name+".session_timeout")(n)
			d, err := time.ParseDuration(text)
			if err != nil || d < time.Second || d > longestLogin {
				r.fail(n, fmt.Sprintf("%s.session_timeout: %q is not a time from 1s to 168h", name, text), "for example: 8h; the default is 168h, seven days")
			}
			to.Timeout = d
		},
		"params": func(n *yaml.Node) { r.albParams(&to.Params, name+".params", n) },
		"rules":  func(n *yaml.Node) { r.albRules(&to.Rules, name+".rules", n) },
	})
	if to.Action == dev.ALBOIDC && to.Pool != "" {
		r.fail(n, name+".pool is for the action cognito, but the action is oidc", "remove one of the two")
	}
	if to.Action != dev.ALBOIDC && to.Issuer != "" {
		r.fail(n, name+".issuer is for the action oidc; a user pool has an issuer of its own", "add action: oidc, or set pool instead")
	}
}

// albParams reads the parameters that the load balancer adds to an authorization request.
func (r *reader) albParams(to *map[string]string, name string, n *yaml.Node) {
	const most = 10
	n = resolve(n)
	*to = map[string]string{}
	if n.Kind != yaml.MappingNode {
		r.fail(n, name+" must be a mapping of names to values", "for example: params: {prompt: login}")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], ""
		r.text(&value, name+"."+key.Value)(n.Content[i+1])
		if !paramName.MatchString(key.Value) || isProtocolParam(key.Value) {
			r.fail(key, fmt.Sprintf("%s: the load balancer cannot add the parameter %q", name, key.Value), "the protocol sets client_id, redirect_uri, response_type, scope and state itself")
		}
		(*to)[key.Value] = value
	}
	if len(*to) > most {
		r.fail(n, fmt.Sprintf("%s has %d parameters, but a load balancer allows %d", name, len(*to), most), "remove some")
	}
}

func isProtocolParam(name string) bool {
	switch strings.ToLower(name) {
	case "client_id", "redirect_uri", "response_type", "scope", "state":
		return true
	}
	return false
}

// albRules reads the listener rules by path.
func (r *reader) albRules(to *[]dev.ALBRule, name string, n *yaml.Node) {
	*to = nil
	r.items(n, name, func(i int, item *yaml.Node) {
		rule := dev.ALBRule{Origin: fmt.Sprintf("%s:%d", r.file, item.Line)}
		name := fmt.Sprintf("%s[%d]", name, i)
		r.fields(item, name, map[string]func(*yaml.Node){
			"path":               r.matching(&rule.Path, name+".path", pathPattern, "a path pattern such as /public/*: it begins with a slash or *, * is any text and ? one character"),
			"on_unauthenticated": r.oneOf(&rule.Unauthenticated, name+".on_unauthenticated", dev.ALBAuthenticate, dev.ALBAllow, dev.ALBDeny, dev.ALBForward),
		})
		if rule.Path == "" || rule.Unauthenticated == "" {
			r.fail(item, name+" needs path and on_unauthenticated", "for example: {path: /public/*, on_unauthenticated: forward}")
		}
		*to = append(*to, rule)
	})
}
