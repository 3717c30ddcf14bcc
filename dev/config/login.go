package config

// The app's environment in modes with a login: parameters, secrets and the addresses of the provider.

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// SecretsFile is the path of the secrets that st.login reads, in native mode.
const SecretsFile = "/opt/sdev/secrets.toml"

// LoginParts is what an overlay needs to know about the login.
type LoginParts struct {
	Hosts   []string // hosts of identity providers that the project's settings name, in app mode
	Secrets string   // file on this machine that becomes [SecretsFile], in native mode
	Client  []string // variables from which the app has its OAuth client, and that nothing may set, in app mode
	Mapped  string   // which addresses are known to lead to the local provider, for a note; "" for none
	// Door is the front door, in modes with one, and Trust a file on this machine with every certificate that the app trusts
	// then.
	Door  *dev.FrontDoor
	Trust string
	// Person are the claims of the person that st.user is while the login is bypassed; nil for nobody.
	Person map[string]any
}

// bypassVariable switches an app's login off, with any non-empty value.
const bypassVariable = "LOCAL_STREAMLIT"

// login applies the modes with a login.
func (o *overlay) login() {
	if !o.parts.Mode.SignsIn() {
		o.person()
		return
	}
	o.out.Issuer = dev.Issuer(o.parts.ProviderPort)
	o.withoutBypass()
	o.exemptFromProxy()
	switch o.parts.Mode {
	case dev.AppLogin:
		o.appLogin()
	case dev.Native:
		o.nativeLogin()
	case dev.ALBLogin, dev.IAPLogin, dev.AccessLogin:
		o.doorLogin()
	default: // no login
	}
}

// withoutBypass removes the bypass. If the compose file or the image sets it, it gets an empty value; if code in
// the container sets it later, the start-up shim prevents that.
func (o *overlay) withoutBypass() {
	for _, name := range slices.Sorted(maps.Keys(o.app.Environment)) {
		if isBypass(name) {
			o.set(name, "", "sdev up --with-auth: switches the compose file's bypass off")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.parts.Image.Env)) {
		if _, own := o.app.Environment[name]; isBypass(name) && !own {
			o.set(name, "", "sdev up --with-auth: switches the image's bypass off")
		}
	}
	if len(o.parts.Shim) > 0 {
		o.set(loginEnv, string(o.parts.Mode), "sdev: makes the start-up shim keep the bypass off")
	}
}

// loginEnv tells the start-up shim that the app runs with a login.
const loginEnv = "SDEV_LOGIN"

// isBypass ignores case, because some settings libraries do.
func isBypass(name string) bool { return strings.EqualFold(name, bypassVariable) }

// exemptFromProxy keeps the app's requests to the gateway away from the proxy.
func (o *overlay) exemptFromProxy() {
	proxies := []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"}
	if len(o.doorHosts()) > 0 { // requests to these use TLS
		proxies = append(proxies, "HTTPS_PROXY", "https_proxy")
	}
	for _, name := range proxies {
		if o.value(name) == "" {
			continue
		}
		for _, except := range []string{"NO_PROXY", "no_proxy"} {
			o.set(except, withOwn(o.value(except), o.doorHosts()), "sdev: requests to the local provider bypass the proxy")
		}
	}
}

// value is the current value of one of the app's variables, or "".
func (o *overlay) value(name string) string {
	if v := o.app.Environment[name]; v != nil {
		return *v
	}
	return o.parts.Image.Env[name]
}

// withOwn adds to a list of hosts those for which the gateway answers.
func withOwn(list string, doors []string) string {
	own := strings.Join(append([]string{"localhost", "127.0.0.1"}, doors...), ",")
	if strings.HasSuffix(list, own) {
		return list
	}
	return strings.TrimPrefix(list+","+own, ",")
}

// appLogin makes the app's own OAuth code use the local provider: by the stand-in for the parameter store, which
// returns its client, and by the shim if the code itself has a provider's addresses.
func (o *overlay) appLogin() {
	o.set("AWS_ENDPOINT_URL_SSM", "http://"+o.out.GatewayConfig.Parameters, "sdev: a stand-in for the parameter store; other AWS services are the real ones")
	o.set("OAUTH_REDIRECT_URI", o.out.URL, "sdev: the app's origin in this run")
	a := o.parts.Machine.AWS
	if a.Mode != AWSSession && (a.Mode == AWSNone || a.Dir == "" || !a.HasKeys) && o.value("AWS_ACCESS_KEY_ID") == "" {
		const why = "sdev: placeholders, because boto3 sends no request without credentials"
		o.setDefault("AWS_ACCESS_KEY_ID", "AKIASDEVLOCALONLY000", why)
		o.setDefault("AWS_SECRET_ACCESS_KEY", "not-a-secret", why)
		o.setDefault("AWS_DEFAULT_REGION", "us-east-1", why)
	}
	if !o.mapIdentities() {
		return
	}
	for _, name := range []string{"OAUTHLIB_INSECURE_TRANSPORT", "AUTHLIB_INSECURE_TRANSPORT", "OAUTHLIB_RELAX_TOKEN_SCOPE"} {
		o.setDefault(name, "1", "sdev: the page and the local provider have no TLS on this machine")
	}
	o.unsetClient()
}

// mapIdentities makes the start-up shim lead the addresses of identity providers to the local one; ok is false if the app
// runs without the shim.
func (o *overlay) mapIdentities() (ok bool) {
	why := "sdev: with these rules the start-up shim makes the addresses of identity providers lead to the local one"
	if o.parts.Login.Mapped != "" {
		why += ": " + o.parts.Login.Mapped
	}
	return o.shimModule(identityModule, identityEnv, dev.NewIdentityMap(o.out.Issuer, o.out.URL, o.parts.Login.Hosts), why)
}

// unsetClient gives a value to the variables of the OAuth client that nothing sets. The local provider takes any client, and
// leads people back to the page.
func (o *overlay) unsetClient() {
	const why = "sdev: nothing sets it, and the local provider takes any client"
	for _, name := range o.parts.Login.Client {
		if o.value(name) != "" {
			continue
		}
		switch lower := strings.ToLower(name); {
		case strings.HasSuffix(lower, "secret"):
			o.set(name, "sdev-local-secret", why)
		case strings.HasSuffix(lower, "id"):
			o.set(name, "sdev-local-client", why)
		default:
			o.set(name, o.out.URL, "sdev: nothing sets it; the app's origin in this run")
		}
	}
}

// person makes st.user a person while the login is bypassed.
func (o *overlay) person() {
	if o.parts.Login.Person == nil || o.parts.Mode != dev.Local {
		return
	}
	email, _ := o.parts.Login.Person["email"].(string)
	if o.shimModule(personModule, personEnv, o.parts.Login.Person, "sdev up --local --as "+email+": what st.user is") {
		o.label(dev.LabelPerson, email)
	}
}

// The modules of the start-up shim that a login needs, and the variables that make the shim load them.
const (
	identityModule, identityEnv = "sdev_identity.py", "SDEV_IDENTITY"
	personModule, personEnv     = "sdev_person.py", "SDEV_PERSON"
)

// shimModule mounts a module of the start-up shim and sets its variable; ok is false if the app runs without the shim.
func (o *overlay) shimModule(name, variable string, settings any, why string) (ok bool) {
	module := o.parts.ShimModules[name]
	if len(o.parts.Shim) == 0 || len(module) == 0 {
		return false
	}
	encoded, err := json.Marshal(settings)
	if err != nil {
		panic(err) // comes from JSON or YAML: cannot fail
	}
	o.addConfig("sdev-"+strings.TrimSuffix(strings.TrimPrefix(name, "sdev_"), ".py"), shimDir+"/"+name, types.FileObjectConfig{Content: string(module)})
	o.set(variable, string(encoded), why)
	return true
}

// privateSecret makes a secret readable only for the app's user, if the user is known by number.
func (o *overlay) privateSecret(s types.ServiceSecretConfig) types.ServiceSecretConfig {
	mode := types.FileMode(0o444)
	uid, gid, _ := strings.Cut(o.app.User, ":")
	if _, err := strconv.Atoi(uid); err == nil {
		s.UID, mode = uid, 0o400
	}
	if _, err := strconv.Atoi(gid); err == nil {
		s.GID = gid
	}
	s.Mode = &mode
	return s
}

// nativeLogin provides the secrets of st.login.
func (o *overlay) nativeLogin() {
	const name = "sdev-login"
	secrets := types.Secrets{}
	maps.Copy(secrets, o.out.Project.Secrets)
	secrets[name] = types.SecretConfig{Name: name, File: o.parts.Login.Secrets}
	o.out.Project.Secrets = secrets
	o.app.Secrets = append(slices.Clone(o.app.Secrets), o.privateSecret(types.ServiceSecretConfig{Source: name, Target: SecretsFile}))
	o.note("sdev up --with-auth=native: your secrets.toml with this run's [auth], generated by each sdev up", "secrets")
	o.set("STREAMLIT_SECRETS_FILES", SecretsFile, "sdev: the same file, for st.login and st.secrets")
}
