package config_test

import (
	"crypto/sha1" // names of cache files
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

const awsConfig = `[default]
region = us-east-1

[profile sso]
sso_session = corp
region = eu-west-1

[profile old-sso]
sso_start_url = https://old.example/start

[sso-session corp]
sso_start_url = https://corp.example/start

[profile half]
sso_session = nowhere
`

// home makes a home directory with ~/.aws of these files.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	all := map[string]string{}
	for name, content := range files {
		all[".aws/"+name] = content
	}
	dir := devtest.Project(t, all)
	t.Setenv("HOME", dir)
	return dir
}

func ssoCache(key, expires string) map[string]string {
	sum := sha1.Sum([]byte(key)) // see the import
	return map[string]string{"config": awsConfig, "sso/cache/" + hex.EncodeToString(sum[:]) + ".json": `{"accessToken":"secret","expiresAt":"` + expires + `"}`}
}

func readMachine(t *testing.T, compose string, env map[string]string) (config.Machine, []dev.Warning, error) {
	t.Helper()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return config.ReadMachine(loaded(t, compose), func(k string) string { return env[k] }, now)
}

const plain = "services:\n  streamlit: {image: shop}\n"

func TestReadMachine_AWS(t *testing.T) {
	const past, future = "2026-05-01T11:59:59Z", "2026-05-01T20:00:00Z"
	for name, c := range map[string]struct {
		files    map[string]string
		env      map[string]string
		settings string
		profile  string
		region   string
		expires  string
		warning  dev.Code
		hint     string
	}{
		"nothing is there":            {nil, nil, "", "", "", "", dev.CodeAWSMissing, "aws configure"},
		"not wanted":                  {ssoCache("corp", past), nil, "x-sdev: {aws: {mode: none}}\n", "", "us-east-1", "", "", ""},
		"keys from the host":          {ssoCache("corp", past), nil, "x-sdev: {aws: {mode: session, profile: sso}}\n", "sso", "eu-west-1", past, "", ""},
		"default profile":             {ssoCache("corp", past), nil, "", "", "us-east-1", "", "", ""},
		"a session that goes on":      {ssoCache("corp", future), map[string]string{"AWS_PROFILE": "sso"}, "", "sso", "eu-west-1", future, "", ""},
		"a session that ran out":      {ssoCache("corp", past), map[string]string{"AWS_PROFILE": "sso"}, "", "sso", "eu-west-1", past, dev.CodeAWSExpired, "aws sso login --profile sso"},
		"a login of the old kind":     {ssoCache("https://old.example/start", past), nil, "x-sdev: {aws: {profile: old-sso}}\n", "old-sso", "", past, dev.CodeAWSExpired, "--profile old-sso"},
		"a session that is not there": {ssoCache("nowhere", past), map[string]string{"AWS_PROFILE": "half"}, "", "half", "", "", "", ""},
		"the setting wins over the environment": {ssoCache("corp", future), map[string]string{"AWS_PROFILE": "half", "AWS_REGION": "there"},
			"x-sdev: {aws: {profile: sso, region: here}}\n", "sso", "here", future, "", ""},
		"the environment wins over the profile": {ssoCache("corp", future), map[string]string{"AWS_PROFILE": "sso", "AWS_DEFAULT_REGION": "there"}, "", "sso", "there", future, "", ""},
		"temporary keys": {map[string]string{"config": awsConfig, "credentials": "[default]\nx_security_token_expires = " + past + "\n"}, nil, "",
			"", "us-east-1", past, dev.CodeAWSExpired, "aws sso login"},
		"a broken config": {map[string]string{"config": "[unclosed\n\x00"}, nil, "", "", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := home(t, c.files)
			m, warnings, err := readMachine(t, c.settings+plain, c.env)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{m.AWS.Profile, m.AWS.Region, ""}
			if !m.AWS.Expires.IsZero() {
				got[2] = m.AWS.Expires.Format(time.RFC3339)
			}
			if diff := cmp.Diff([]string{c.profile, c.region, c.expires}, got); diff != "" {
				t.Errorf("profile, region, expiry: -want +got:\n%s", diff)
			}
			if there := c.files != nil; (m.AWS.Dir == filepath.Join(dir, ".aws")) != there {
				t.Errorf("directory %q", m.AWS.Dir)
			}
			switch {
			case c.warning == "" && len(warnings) > 0:
				t.Errorf("warnings %+v", warnings)
			case c.warning != "" && (len(warnings) != 1 || warnings[0].Code != c.warning || !strings.Contains(warnings[0].Hint, c.hint)):
				t.Errorf("warnings %+v, want %s with %q", warnings, c.warning, c.hint)
			}
			for _, w := range warnings {
				if strings.Contains(w.Message, "secret") {
					t.Errorf("%q holds a token", w.Message)
				}
			}
		})
	}
}

func TestReadMachine_AWSCachesAreThoseThatAreThere(t *testing.T) {
	home(t, map[string]string{"cli/cache/x.json": "{}", "config": awsConfig})
	m, _, err := readMachine(t, plain, nil)
	if err != nil || len(m.AWS.Caches) != 1 || m.AWS.Caches[0] != "cli/cache" {
		t.Errorf("%v, %v", m.AWS.Caches, err)
	}
}

func TestReadMachine_UserAndProxies(t *testing.T) {
	home(t, nil)
	env := map[string]string{"HTTPS_PROXY": "a", "https_proxy": "b", "no_proxy": "c", "FTP_PROXY": "d"}
	m, _, err := readMachine(t, plain, env)
	if err != nil || m.UID != os.Getuid() || m.GID != os.Getgid() {
		t.Errorf("%+v, %v", m, err)
	}
	delete(env, "FTP_PROXY")
	if !maps.Equal(m.Proxy, env) {
		t.Errorf("proxies %v, want %v", m.Proxy, env)
	}
}

func TestReadMachine_CA(t *testing.T) {
	home(t, nil)
	const certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	dir := devtest.Project(t, map[string]string{"a.pem": certificate, "b.pem": certificate, "key.pem": strings.ReplaceAll(certificate, "CERTIFICATE", "PRIVATE KEY"), "no.pem": "none"})
	for name, c := range map[string]struct {
		setting string
		env     map[string]string
		origin  string
		want    string // of the error
	}{
		"none":                  {"", nil, "", ""},
		"the first variable":    {"", map[string]string{"PIP_CERT": dir + "/b.pem", "SSL_CERT_FILE": dir + "/a.pem"}, "SSL_CERT_FILE", ""},
		"a later variable":      {"", map[string]string{"NODE_EXTRA_CA_CERTS": dir + "/b.pem"}, "NODE_EXTRA_CA_CERTS", ""},
		"the setting wins":      {dir + "/b.pem", map[string]string{"SSL_CERT_FILE": dir + "/no.pem"}, "x-sdev.ca", ""},
		"a variable, no file":   {"", map[string]string{"SSL_CERT_FILE": "/nowhere.pem"}, "", "extra CA (SSL_CERT_FILE): open /nowhere.pem: no such file or directory"},
		"a setting, no file":    {"missing.pem", nil, "", "docker-compose.yml:1: extra CA (x-sdev.ca): open DIR/missing.pem: no such file or directory"},
		"no certificate":        {"", map[string]string{"SSL_CERT_FILE": dir + "/no.pem"}, "", "extra CA (SSL_CERT_FILE): " + dir + "/no.pem contains no PEM certificate"},
		"a key, no certificate": {"", map[string]string{"SSL_CERT_FILE": dir + "/key.pem"}, "", "extra CA (SSL_CERT_FILE): " + dir + "/key.pem contains no PEM certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			compose := plain
			if c.setting != "" {
				compose = "x-sdev: {ca: " + c.setting + "}\n" + plain
			}
			p := loaded(t, compose)
			m, _, err := config.ReadMachine(p, func(k string) string { return c.env[k] }, time.Now())
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want == "":
				if m.CA.Origin != c.origin || strings.HasSuffix(string(m.CA.PEM), certificate) != (c.origin != "") {
					t.Errorf("%d bytes from %q", len(m.CA.PEM), m.CA.Origin)
				}
			case err == nil:
				t.Error("no error")
			default:
				e := dev.AsError(err)
				if got := strings.ReplaceAll(e.Error(), p.Dir, "DIR"); got != c.want || e.Code != dev.CodeCAInvalid || e.Hint == "" {
					t.Errorf("%s (%s), want %s", got, e.Code, c.want)
				}
			}
		})
	}
}

func TestReadMachine_NeverWaitsForWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{os.MkdirAll(filepath.Join(dir, ".aws"), 0o700), os.MkdirAll(filepath.Join(dir, ".docker"), 0o700), devtest.MakePipe(filepath.Join(dir, ".aws", "config")),
		os.Symlink("/dev/zero", filepath.Join(dir, ".aws", "credentials")), devtest.MakePipe(filepath.Join(dir, ".docker", "config.json"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", dir)
	m, _, err := readMachine(t, composeFile, map[string]string{"HOME": dir})
	if err != nil || m.AWS.HasKeys || len(m.Proxy) > 0 {
		t.Errorf("%+v, %v", m, err)
	}
	_, _, err = readMachine(t, composeFile, map[string]string{"HOME": dir, "SSL_CERT_FILE": filepath.Join(dir, ".aws", "config")})
	if err == nil || !strings.Contains(err.Error(), "it is a named pipe, not a regular file") {
		t.Errorf("a CA that is a pipe: %v", err)
	}
}

// The files of secrets and configs are handed to the engine as they are.
func TestReadFiles_RefusesWhatIsNoFile(t *testing.T) {
	e, _ := overlaid(t, "services:\n  streamlit-local:\n    image: x\n    command: streamlit run Home.py\n    secrets: [key]\nsecrets: {key: {file: ./key}}\n")
	name := e.Project.Secrets["key"].File
	if err := devtest.MakePipe(name); err != nil {
		t.Fatal(err)
	}
	if _, err := e.ReadFiles(); err == nil || !strings.Contains(err.Error(), "docker-compose.yml:6: secrets.key cannot be read: ") || !strings.Contains(err.Error(), "it is a named pipe") {
		t.Errorf("%v", err)
	}
}
