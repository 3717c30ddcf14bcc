package config

// What the app finds around itself in modes with a login: its parameters, its secrets, and where
// its provider is.

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// SecretsFile is where the app finds the secrets that st.login reads, in native mode.
const SecretsFile = "/opt/sdev/secrets.toml"

// Login is what an overlay has to know of how people sign in.
type Login struct {
	Endpoints Endpoints
	Secrets   string // file of this machine that becomes [SecretsFile], in native mode
	Mapped    string // which addresses of the code are mapped to the local provider, in words; "" for none
}

// Endpoints are those of the local provider that OAuth libraries are told one by one.
type Endpoints struct {
	Authorize string `json:"authorize"`
	Token     string `json:"token"`
	Revoke    string `json:"revoke"`
}

// bypass is the variable that switches an app's login off. Any value but an empty one does.
const bypass = "LOCAL_STREAMLIT"

// login is what the modes with a login set.
func (o *overlay) login() {
	if !o.parts.Mode.SignsIn() {
		return
	}
	o.out.Issuer = dev.Issuer(o.parts.Identity)
	o.withoutBypass()
	o.pastProxy()
	switch o.parts.Mode {
	case dev.AppLogin:
		o.appLogin()
	case dev.Native:
		o.nativeLogin()
	default: // nobody signs in
	}
}

// withoutBypass leaves the bypass out. Where the compose file or the image sets it, only an empty
// value turns it off again; what sets it later, in the container, is the start-up shim's to keep off.
func (o *overlay) withoutBypass() {
	for _, name := range slices.Sorted(maps.Keys(o.app.Environment)) {
		if isBypass(name) {
			o.set(name, "", "sdev up --with-auth: the bypass of the compose file is off")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.parts.Image.Env)) {
		if _, own := o.app.Environment[name]; isBypass(name) && !own {
			o.set(name, "", "sdev up --with-auth: the bypass of the image is off")
		}
	}
	if len(o.parts.Shim) > 0 {
		o.set(loginEnv, string(o.parts.Mode), "sdev: the start-up shim keeps the bypass off")
	}
}

// loginEnv tells the start-up shim that people sign in.
const loginEnv = "SDEV_LOGIN"

// isBypass knows the bypass in any case: there are libraries that look for settings in any.
func isBypass(name string) bool { return strings.EqualFold(name, bypass) }

// pastProxy keeps what the app asks the gateway away from a proxy.
func (o *overlay) pastProxy() {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		if o.value(name) == "" {
			continue
		}
		for _, except := range []string{"NO_PROXY", "no_proxy"} {
			o.set(except, withLoopback(o.value(except)), "sdev: the local provider is asked directly")
		}
	}
}

// value is what a variable of the app is now; "" where it has none.
func (o *overlay) value(name string) string {
	if v := o.app.Environment[name]; v != nil {
		return *v
	}
	return o.parts.Image.Env[name]
}

func withLoopback(list string) string {
	const own = "localhost,127.0.0.1"
	if strings.HasSuffix(list, own) {
		return list
	}
	return strings.TrimPrefix(list+","+own, ",")
}

// appLogin leads the app's own OAuth code to the local provider, by the parameter store where it asks
// for its client, and by the shim where it names a provider's addresses itself.
func (o *overlay) appLogin() {
	o.set("AWS_ENDPOINT_URL_SSM", "http://"+o.out.Sidecar.Parameters, "sdev: a stand-in for the parameter store; all else of AWS is the real one")
	o.set("OAUTH_REDIRECT_URI", o.out.URL, "sdev: the app's origin in this run")
	a := o.parts.Machine.AWS
	if a.Mode != AWSSession && (a.Mode == AWSNone || a.Dir == "" || !a.HasKeys) && o.value("AWS_ACCESS_KEY_ID") == "" {
		const why = "sdev: there are no credentials here, and boto3 asks nobody without"
		o.offer("AWS_ACCESS_KEY_ID", "AKIASDEVLOCALONLY000", why)
		o.offer("AWS_SECRET_ACCESS_KEY", "not-a-secret", why)
		o.offer("AWS_DEFAULT_REGION", "us-east-1", why)
	}
	if o.parts.Login.Mapped == "" {
		return
	}
	told, err := json.Marshal(o.parts.Login.Endpoints)
	if err != nil {
		panic(err) // plain strings: cannot fail
	}
	o.set(mappedEnv, string(told), "sdev: the start-up shim leads httpx_oauth there; "+o.parts.Login.Mapped)
}

// mappedEnv names the local provider's endpoints for the start-up shim.
const mappedEnv = "SDEV_OAUTH_ENDPOINTS"

// private makes a secret readable for the app's user alone, where that is known by number.
func (o *overlay) private(s types.ServiceSecretConfig) types.ServiceSecretConfig {
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

// nativeLogin gives st.login its secrets.
func (o *overlay) nativeLogin() {
	const name = "sdev-login"
	secrets := types.Secrets{}
	maps.Copy(secrets, o.out.Project.Secrets)
	secrets[name] = types.SecretConfig{Name: name, File: o.parts.Login.Secrets}
	o.out.Project.Secrets = secrets
	o.app.Secrets = append(slices.Clone(o.app.Secrets), o.private(types.ServiceSecretConfig{Source: name, Target: SecretsFile}))
	o.note("sdev up --with-auth=native: your secrets.toml with this run's [auth], made by each sdev up", "secrets")
	o.set("STREAMLIT_SECRETS_FILES", SecretsFile, "sdev: the same file, for st.login and st.secrets")
}
