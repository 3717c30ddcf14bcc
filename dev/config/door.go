package config

// The app and the gateway in modes with a front door.

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// doorKeys is the address in the app's network namespace at which the gateway answers for the hosts of a front door: the
// port of https, because apps have the addresses built in.
const doorKeys = "127.0.0.1:443"

// trustFile is the path of the certificates in the app's container.
const trustFile = "/opt/sdev/trust.pem"

// doorHosts are the public hosts for which the gateway answers; none in modes without a front door.
func (o *overlay) doorHosts() []string {
	if o.parts.Login.Door == nil {
		return nil
	}
	return o.parts.Login.Door.Hosts()
}

// leadDoorHosts makes the hosts of the front door lead to the gateway, for every process in its network namespace.
func (o *overlay) leadDoorHosts(g *types.ServiceConfig) {
	hosts := types.HostsList{}
	maps.Copy(hosts, g.ExtraHosts)
	for _, host := range o.doorHosts() {
		hosts[host] = []string{"127.0.0.1"}
	}
	if len(o.doorHosts()) > 0 {
		o.out.Notes = append(o.out.Notes, Note{[]string{"services", GatewayService, "extra_hosts"}, "sdev up --with-auth=" + string(o.parts.Mode) + ": the gateway answers for hosts at which the app's code fetches keys"})
	}
	g.ExtraHosts = hosts
}

// doorLogin gives the app what it has behind its identity proxy: whom its verification code trusts, the headers that
// Streamlit takes the user from, and the certificate authority of the hosts with keys.
func (o *overlay) doorLogin() {
	door := o.parts.Login.Door
	if door == nil {
		return
	}
	env := door.Environment()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		o.setDefault(name, env[name], "sdev: what the front door of this run is; see sdev help auth")
	}
	if trusted := door.TrustedHeaders(); len(trusted) > 0 && len(o.trustedHeaders()) == 0 {
		encoded, err := json.Marshal(trusted)
		if err != nil {
			panic(err) // plain strings: cannot fail
		}
		o.set(trustedVariable, string(encoded), "sdev: the front door's headers, from which st.user gets its values")
	}
	o.trustDoor()
	o.mapIdentities()
}

// trustDoor makes the app trust the project's certificate authority besides all others. A variable that the compose file
// sets stays.
func (o *overlay) trustDoor() {
	if o.parts.Login.Trust == "" {
		return
	}
	o.addConfig("sdev-trust", trustFile, types.FileObjectConfig{File: o.parts.Login.Trust})
	if authority := o.parts.Login.Door.Authority.Certificate; len(authority) > 0 {
		sum := sha256.Sum256(authority)
		o.label("dev.sdev.authority", hex.EncodeToString(sum[:8])) // a new one recreates the container, which has mounted the file
	}
	for _, name := range append(trustVariables(), "NODE_EXTRA_CA_CERTS") {
		if v, own := o.app.Environment[name]; own && v != nil && *v != "" {
			continue
		}
		o.set(name, trustFile, "sdev: the certificates that the app trusts, with those of the front door's hosts")
	}
}

// trustVariables are the variables by which programs learn which certificates they trust.
func trustVariables() []string {
	return []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "PIP_CERT"}
}

// OwnTrust returns the first of the app's variables that makes it trust other certificates than those of the front door,
// and its place; "" if there is none.
func (p *Project) OwnTrust() (name, place string) {
	for _, v := range p.Variables() {
		if slices.Contains(trustVariables(), v.Name) {
			return v.Name, v.Place
		}
	}
	return "", ""
}

// TrustPath is where [Project.WriteTrust] writes.
func (p *Project) TrustPath() string { return filepath.Join(p.StatePath(), dev.LoginDir, "trust.pem") }

// WriteTrust writes the file with all certificates that the app trusts: this machine's, its extra ones, and those of the
// project's own authority. It returns the file's path.
func (p *Project) WriteTrust(ca CA, a dev.Authority) (string, error) {
	all := ca.PEM
	if ca.File == "" {
		all = systemRoots()
	}
	file := p.TrustPath()
	text := slices.Clone(all)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n') // a certificate begins in a line of its own
	}
	return file, writePrivate(file, append(text, a.Certificate...))
}
