package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

// Settings is the x-sdev extension at the top of a compose file.
type Settings struct {
	App   string      // the service that is the Streamlit app
	Entry string      // the script Streamlit runs, relative to the project
	AWS   AWSSettings // which credentials the app gets
	Auth  AuthSettings
	CA    string // file with an extra certificate authority
	// Host is the host name of the app's page, localhost or a name below it; "" is localhost, or a name of its own where
	// the project is one of several checkouts.
	Host string
	// Origins are the foreign pages that may talk to the app and show it in a frame, each as browsers write its
	// origin.
	Origins []string
	// Components says whether the frames of components have the app's origin: ComponentsTrust or ComponentsIsolate; "" is
	// the default.
	Components string

	Deploy DeploySettings
}

// AWSSettings is x-sdev.aws.
type AWSSettings struct {
	Mode    string // AWSMount (the default), AWSSession or AWSNone
	Profile string
	Region  string
	// Parameters are what the parameter store holds in login modes, by name.
	Parameters map[string]dev.Parameter
}

// AuthSettings is x-sdev.auth: how people sign in, in login modes.
type AuthSettings struct {
	Mode    dev.Mode // dev.AppLogin or dev.Native; "" is as the code has it
	Profile string   // the provider that the local one imitates; "" is none
	// Users are the project's people; [AuthSettings.People] adds samples if there are none.
	Users    []dev.Person
	Policies []dev.Policy // who may reach which path
	ALB      ALBSettings
	// Passwords are those that the project sets for its people, by e-mail address in lower case. Only guests of
	// Identity-Aware Proxy sign in with one.
	Passwords map[string]string
	IAP       *dev.IAP    // without defaults; nil if the project sets nothing
	Access    *dev.Access // Cloudflare Access, without the defaults; nil if the project has written nothing
}

// Format hides the passwords from every print verb.
func (AuthSettings) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[auth settings]")) }

// ParameterTypes are the kinds of values of the parameter store, the default first.
func ParameterTypes() []string { return []string{"SecureString", "String"} }

// LoginModes are the modes with a login, as flags and x-sdev.auth.mode name them.
func LoginModes() []string {
	return []string{string(dev.AppLogin), string(dev.Native), string(dev.ALBLogin), string(dev.IAPLogin), string(dev.AccessLogin)}
}

// Where the app's AWS credentials come from.
const (
	AWSMount   = "mount"   // ~/.aws, read-only
	AWSSession = "session" // keys of one profile, which the host provides and renews
	AWSNone    = "none"    // nowhere
)

// What x-sdev.components says of the app's components.
const (
	ComponentsTrust   = "trust"   // they have the app's origin, as Streamlit shows them; the default
	ComponentsIsolate = "isolate" // the gateway withholds that from components that have a frame of their own
)

// AWSModes are all of them, the default first.
func AWSModes() []string { return []string{AWSMount, AWSSession, AWSNone} }

// settings reads x-sdev from every file; later files win value by value. Unknown keys and wrong
// values are errors with file and line. targets are those of [Options].
func settings(all sources, targets map[string][]string) (Settings, error) {
	var s Settings
	for _, src := range all {
		at, ok := src.find("x-sdev")
		if !ok {
			continue
		}
		r := reader{file: src.path}
		r.fields(at.value, "x-sdev", map[string]func(*yaml.Node){
			"app":        r.text(&s.App, "x-sdev.app"),
			"entry":      r.text(&s.Entry, "x-sdev.entry"),
			"ca":         r.text(&s.CA, "x-sdev.ca"),
			"host":       r.matching(&s.Host, "x-sdev.host", pageHost, "localhost, or a name in lower case that ends in .localhost, which browsers lead to this machine, for example: host: shop.localhost"),
			"origins":    r.texts(&s.Origins, "x-sdev.origins", "for example: origins: [https://portal.example.com]", dev.CheckOrigin),
			"components": r.oneOf(&s.Components, "x-sdev.components", ComponentsTrust, ComponentsIsolate),
			"aws": func(n *yaml.Node) {
				r.fields(n, "x-sdev.aws", map[string]func(*yaml.Node){
					"mode":    r.oneOf(&s.AWS.Mode, "x-sdev.aws.mode", AWSModes()...),
					"profile": r.text(&s.AWS.Profile, "x-sdev.aws.profile"),
					"region":  r.text(&s.AWS.Region, "x-sdev.aws.region"),
					"parameters": func(n *yaml.Node) {
						r.parameters(&s.AWS.Parameters, n)
					},
				})
			},
			"auth":   func(n *yaml.Node) { r.auth(&s.Auth, n) },
			"deploy": r.deploy(&s.Deploy, targets),
		})
		if r.err != nil {
			return s, r.err
		}
	}
	return s, nil
}

// auth reads x-sdev.auth.
func (r *reader) auth(to *AuthSettings, n *yaml.Node) {
	mode := string(to.Mode)
	r.fields(n, "x-sdev.auth", map[string]func(*yaml.Node){
		"mode":    r.oneOf(&mode, "x-sdev.auth.mode", LoginModes()...),
		"profile": r.oneOf(&to.Profile, "x-sdev.auth.profile", dev.Profiles()...),

		"users":             r.users(&to.Users, &to.Passwords),
		"policies":          r.policies(&to.Policies),
		dev.ProxyALB:        func(n *yaml.Node) { r.alb(&to.ALB, n) },
		dev.ProxyIAP:        func(n *yaml.Node) { r.iap(&to.IAP, n) },
		dev.ProxyCloudflare: func(n *yaml.Node) { r.access(&to.Access, n) },
	})
	to.Mode = dev.Mode(mode)
	if to.IAP != nil && to.IAP.External != nil {
		to.IAP.External.Passwords = to.Passwords
	}
}

// parameterName is a name that the parameter store of AWS can hold: with a slash in it, it begins with
// one. Source: AWS Systems Manager API Reference, "PutParameter".
var parameterName = pattern.New(`^(/?[A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+)+)$`)

// parameters reads x-sdev.aws.parameters: a text is a SecureString, as secrets are kept in the store.
func (r *reader) parameters(to *map[string]dev.Parameter, n *yaml.Node) {
	const name = "x-sdev.aws.parameters"
	if n.Kind != yaml.MappingNode {
		r.fail(n, name+" must be a mapping of names to values", "see: sdev help x-sdev")
		return
	}
	all := maps.Clone(*to)
	if all == nil {
		all = map[string]dev.Parameter{}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		text, kind := "", ParameterTypes()[0]
		if !parameterName.MatchString(key.Value) {
			r.fail(key, fmt.Sprintf("%s: %q is not a valid parameter name", name, key.Value), "use letters, digits and .-_ in parts separated by slashes, for example: /streamlit/oauth")
		}
		if value.Kind == yaml.MappingNode {
			r.fields(value, name+"."+key.Value, map[string]func(*yaml.Node){
				"value": r.text(&text, name+"."+key.Value+".value"),
				"type":  r.oneOf(&kind, name+"."+key.Value+".type", ParameterTypes()...),
			})
		} else {
			r.text(&text, name+"."+key.Value)(value)
		}
		if text == "" {
			r.fail(value, name+"."+key.Value+" has no value", "write: "+key.Value+": TEXT")
		}
		all[key.Value] = dev.Parameter{Value: text, Secure: kind != "String"}
	}
	*to = all
}

// fill takes the values of parameters from the model, which has resolved their variables.
func (s *AWSSettings) fill(extension any) {
	top, _ := extension.(map[string]any)
	aws, _ := top["aws"].(map[string]any)
	values, _ := aws["parameters"].(map[string]any)
	for name, v := range values {
		if m, ok := v.(map[string]any); ok {
			v = m["value"]
		}
		if p, known := s.Parameters[name]; known {
			p.Value = fmt.Sprint(v)
			s.Parameters[name] = p
		}
	}
}

// fill takes the passwords from the model, which has resolved their variables.
func (s *AuthSettings) fill(extension any) {
	top, _ := extension.(map[string]any)
	auth, _ := top["auth"].(map[string]any)
	users, _ := auth["users"].([]any)
	for _, u := range users {
		user, _ := u.(map[string]any)
		key := strings.ToLower(fmt.Sprint(user["email"]))
		if _, known := s.Passwords[key]; known && user["password"] != nil {
			s.Passwords[key] = fmt.Sprint(user["password"])
		}
	}
}

// withoutSecrets is the extension without parameters, passwords and service tokens, for printing.
func withoutSecrets(extensions types.Extensions) types.Extensions {
	top, _ := extensions["x-sdev"].(map[string]any)
	if top == nil {
		return extensions
	}
	top = maps.Clone(top)
	if aws, ok := top["aws"].(map[string]any); ok {
		aws = maps.Clone(aws)
		delete(aws, "parameters")
		top["aws"] = aws
	}
	if auth, ok := top["auth"].(map[string]any); ok {
		auth = maps.Clone(auth)
		if users, ok := auth["users"].([]any); ok {
			auth["users"] = withoutPasswords(users)
		}
		if access, ok := auth[dev.ProxyCloudflare].(map[string]any); ok {
			access = maps.Clone(access)
			delete(access, "service_tokens")
			auth[dev.ProxyCloudflare] = access
		}
		top["auth"] = auth
	}
	extensions = maps.Clone(extensions)
	extensions["x-sdev"] = top
	return extensions
}

func withoutPasswords(users []any) []any {
	out := slices.Clone(users)
	for i, u := range out {
		if user, ok := u.(map[string]any); ok {
			user = maps.Clone(user)
			delete(user, "password")
			out[i] = user
		}
	}
	return out
}

// reader walks YAML nodes and keeps the first error.
type reader struct {
	file string
	err  error
}

func (r *reader) fail(n *yaml.Node, message, hint string) {
	if r.err == nil {
		r.err = bad(dev.CodeXSdev, r.file, n.Line, message, hint)
	}
}

func (r *reader) fields(n *yaml.Node, name string, known map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, name+" must be a mapping", "see: sdev help x-sdev")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		set, ok := known[key.Value]
		if !ok {
			var names []string
			for k := range known {
				names = append(names, k)
			}
			slices.Sort(names)
			r.fail(key, fmt.Sprintf("unknown setting %s.%s", name, key.Value), "known here: "+strings.Join(names, ", "))
			return
		}
		set(n.Content[i+1])
	}
}

func (r *reader) text(to *string, name string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			r.fail(n, name+" must be a string", "see: sdev help x-sdev")
			return
		}
		*to = n.Value
	}
}

func (r *reader) oneOf(to *string, name string, values ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !slices.Contains(values, n.Value) {
			r.fail(n, fmt.Sprintf("%s is %q", name, n.Value), "one of: "+strings.Join(values, ", "))
			return
		}
		*to = n.Value
	}
}
