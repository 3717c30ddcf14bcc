package config

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/ini.v1"

	"sdev/dev"
)

// Machine is what the machine and the user's environment contribute to a run.
type Machine struct {
	UID, GID int // of the user who runs sdev
	// Foreign says that UID and GID mean nothing to containers: the engine runs in a virtual machine, which shows shared
	// files as those of whoever reads them, and gives new ones to the user. So it is on macOS and Windows.
	Foreign bool
	// Rootless says that the container engine runs as an ordinary user, who is root in its containers. [ReadMachine] leaves
	// it to the caller, who knows the engine.
	Rootless bool
	AWS      AWS
	CA       CA
	Proxy    map[string]string // HTTP_PROXY and the like, in both spellings, only those set
}

// user returns the ids in containers of whoever may do there what the user may do on this machine. In a rootless
// engine that is root: UID there is another user outside, who can neither read ~/.aws nor write into the project.
func (m Machine) user() (uid, gid int) {
	if m.Foreign || m.Rootless {
		return 0, 0
	}
	return m.UID, m.GID
}

// AWS is what ~/.aws says. The zero value means that there is none.
type AWS struct {
	Dir     string // absolute path of ~/.aws; "" if missing
	Mode    string // how the app gets credentials; "" is AWSMount
	Token   string // the project's token with which the app requests keys, with AWSSession
	Profile string // as the SDK chooses it; "" is the default one
	Region  string
	Expires time.Time // of the SSO login or the temporary keys; zero if they do not expire or it is unknown
	HasKeys bool      // the profile has a source of keys
	Caches  []string  // those of sso/cache and cli/cache that exist, which tools write to
}

// CA is an extra certificate authority. The zero value means that there is none.
type CA struct {
	File   string // absolute; a bundle that includes the system's CAs
	Origin string // the variable or setting with its path
	PEM    []byte // the content of File
	Made   bool   // File is sdev's own: see [CA.Write]
}

// Write writes the bundle, unless it is an existing file of the machine.
func (c CA) Write() error {
	if !c.Made {
		return nil
	}
	if old, err := dev.ReadFile(c.File); err == nil && bytes.Equal(old, c.PEM) {
		return nil
	}
	if err := dev.WriteFile(c.File, c.PEM, 0o600); err != nil {
		return bad(dev.CodeProjectInvalid, "", 0, "cannot write the CA bundle: "+err.Error(), "make the project directory writable")
	}
	return nil
}

// ReadMachine reads user, home directory and environment. Missing optional parts are warnings.
func ReadMachine(p *Project, getenv func(string) string, now time.Time) (Machine, []dev.Warning, error) {
	m := Machine{UID: os.Getuid(), GID: os.Getgid(), Foreign: foreignIDs, Proxy: proxies(getenv)}
	var err error
	if m.CA, err = readCA(p, getenv); err != nil {
		return m, nil, err
	}
	var warnings []dev.Warning
	m.AWS = readAWS(getenv, p.Settings.AWS)
	switch m.AWS.Mode {
	case AWSSession:
		m.AWS.Token = p.AWSToken()
	case AWSNone:
	default:
		switch {
		case m.AWS.Dir == "":
			warnings = append(warnings, dev.Warning{Code: dev.CodeAWSMissing, Message: "no ~/.aws on this machine: the app runs without AWS credentials",
				Hint: "run: aws configure sso (or set x-sdev.aws.mode: none)"})
		case !m.AWS.Expires.IsZero() && m.AWS.Expires.Before(now):
			warnings = append(warnings, dev.Warning{Code: dev.CodeAWSExpired, Message: "the AWS login" + profileText(m.AWS.Profile) + " expired at " + m.AWS.Expires.Local().Format("15:04 on 2 Jan"),
				Hint: "run: aws sso login" + profileFlag(m.AWS.Profile)})
		}
	}
	return m, warnings, nil
}

func profileText(name string) string {
	if name == "" {
		return ""
	}
	return " of profile " + name
}

func profileFlag(name string) string {
	if name == "" {
		return ""
	}
	return " --profile " + name
}

// readCA uses the project's setting, or else the first of the variables that tools read.
func readCA(p *Project, getenv func(string) string) (CA, error) {
	var ca CA
	if f := p.Settings.CA; f != "" {
		ca.File, ca.Origin = f, "x-sdev.ca"
		if !filepath.IsAbs(f) {
			ca.File = filepath.Join(p.Dir, f)
		}
	} else {
		for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
			if v := getenv(name); v != "" {
				ca.File, ca.Origin = v, name
				break
			}
		}
	}
	if ca.File == "" {
		return CA{}, nil
	}
	b, err := dev.ReadFile(ca.File)
	if err == nil {
		if block, _ := pem.Decode(b); block == nil || block.Type != "CERTIFICATE" {
			err = fmt.Errorf("%s contains no PEM certificate", ca.File)
		}
	}
	if err != nil {
		file, line := "", 0
		if ca.Origin == "x-sdev.ca" {
			file, line = p.sources.locate("x-sdev", "ca")
		}
		return CA{}, bad(dev.CodeCAInvalid, file, line, fmt.Sprintf("extra CA (%s): %v", ca.Origin, err), "point "+ca.Origin+" at a PEM file, or unset it")
	}
	ca.PEM = b
	if ca.Origin == "x-sdev.ca" || ca.Origin == "NODE_EXTRA_CA_CERTS" {
		// These variables add to the system's CAs, but readers of SSL_CERT_FILE need all of them.
		ca.PEM = append(systemRoots(), b...)
		ca.File, ca.Made = filepath.Join(p.StatePath(), "ca.pem"), true
	}
	return ca, nil
}

// systemRoots is this machine's own CA bundle, from the paths of distributions; nil if there is none.
// Source: crypto/x509, root_linux.go and root_darwin.go.
func systemRoots() []byte {
	for _, file := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if b, err := dev.ReadFile(file); err == nil {
			return append(bytes.TrimSpace(b), '\n')
		}
	}
	return nil
}

func readAWS(getenv func(string) string, s AWSSettings) AWS {
	home, err := os.UserHomeDir()
	if err != nil {
		return AWS{Mode: s.Mode}
	}
	a := AWS{Dir: filepath.Join(home, ".aws"), Mode: s.Mode, Profile: cmp.Or(s.Profile, getenv("AWS_PROFILE")),
		Region: cmp.Or(s.Region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))}
	if st, err := os.Stat(a.Dir); err != nil || !st.IsDir() {
		a.Dir = ""
		return a
	}
	for _, cache := range []string{"sso/cache", "cli/cache"} {
		if st, err := os.Stat(filepath.Join(a.Dir, cache)); err == nil && st.IsDir() {
			a.Caches = append(a.Caches, cache)
		}
	}
	// The SDK reports a broken config file; here it only means that nothing is known.
	opts := ini.LoadOptions{Loose: true, Insensitive: false, SkipUnrecognizableLines: true}
	config, err := settingsOf(filepath.Join(a.Dir, "config"), opts)
	if err != nil {
		return a
	}
	credentials, err := settingsOf(filepath.Join(a.Dir, "credentials"), opts)
	if err != nil {
		credentials = ini.Empty()
	}
	section := "default"
	if a.Profile != "" && a.Profile != "default" {
		section = "profile " + a.Profile
	}
	if a.Region == "" {
		a.Region = config.Section(section).Key("region").String()
	}
	a.HasKeys = hasKeys(config.Section(section), credentials.Section(cmp.Or(a.Profile, "default")))
	a.Expires = expiry(a.Dir, config, config.Section(section), credentials.Section(cmp.Or(a.Profile, "default")))
	return a
}

// settingsOf reads a settings file; a missing one is empty.
func settingsOf(name string, opts ini.LoadOptions) (*ini.File, error) {
	b, err := dev.ReadFile(name)
	if err != nil && !isNotExist(err) {
		return nil, err
	}
	return ini.LoadSources(opts, b)
}

// hasKeys reports whether a profile has a source of keys that SDKs support.
func hasKeys(profile, keys *ini.Section) bool {
	for _, s := range []*ini.Section{profile, keys} {
		for _, name := range []string{"aws_access_key_id", "credential_process", "sso_session", "sso_start_url", "role_arn", "login_session"} {
			if s.Key(name).String() != "" {
				return true
			}
		}
	}
	return false
}

// tokenFile stores AWSToken in the project's state directory.
const tokenFile = "aws.token"

// AWSToken is the project's secret with which the app requests keys. The first use creates and stores it, because
// it is part of the app's container. If it cannot be stored, the next run only recreates the container.
func (p *Project) AWSToken() string {
	file := filepath.Join(p.StatePath(), tokenFile)
	if b, err := dev.ReadFile(file); err == nil && len(b) > 0 {
		return string(b)
	}
	token := rand.Text()
	if _, err := p.StateDir(); err == nil {
		_ = dev.WriteFile(file, []byte(token), 0o600)
	}
	return token
}

// expiry reads when the login of a profile ends: from the SSO token that the AWS CLI has cached, or from the expiry that
// some tools write beside temporary keys.
func expiry(dir string, config *ini.File, profile, keys *ini.Section) time.Time {
	for _, name := range []string{"x_security_token_expires", "aws_session_expiration", "expiration"} {
		if t, err := time.Parse(time.RFC3339, keys.Key(name).String()); err == nil {
			return t
		}
	}
	cacheKey := profile.Key("sso_start_url").String()
	if session := profile.Key("sso_session").String(); session != "" {
		cacheKey = session
		if !config.HasSection("sso-session " + session) {
			return time.Time{}
		}
	}
	if cacheKey == "" {
		return time.Time{}
	}
	sum := sha1.Sum([]byte(cacheKey))
	b, err := dev.ReadFile(filepath.Join(dir, "sso", "cache", hex.EncodeToString(sum[:])+".json"))
	if err != nil {
		return time.Time{}
	}
	var token struct {
		ExpiresAt time.Time `json:"expiresAt"`
	}
	if json.Unmarshal(b, &token) != nil {
		return time.Time{}
	}
	return token.ExpiresAt
}
