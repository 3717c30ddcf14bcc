package awslogin_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/awslogin"
)

// home gives the test a machine without AWS but for the given files of ~/.aws.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), ".aws")
	t.Setenv("HOME", filepath.Dir(dir))
	// The SDK asks for the home directory once per process, so the files are named to it.
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func export(t *testing.T, p awslogin.Profile) dev.AWSKeys {
	t.Helper()
	keys, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func refused(t *testing.T, p awslogin.Profile) *dev.Error {
	t.Helper()
	if keys, err := p.Export(t.Context()); err != nil {
		e := dev.AsError(err)
		if e.Hint == "" || e.Exit != dev.ExitFailed {
			t.Errorf("%+v", e)
		}
		return e
	} else {
		t.Fatalf("not refused: %t", keys.AccessKeyID != "")
	}
	return nil
}

func TestExport_TakesKeysOfTheProfile(t *testing.T) {
	home(t, map[string]string{
		"config":      "[profile work]\nregion = eu-central-1\n",
		"credentials": "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = d\n[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = w\n",
	})
	if k := export(t, awslogin.Profile{Name: "work"}); k.AccessKeyID != "AKIAWORK" || k.SecretAccessKey != "w" || !k.Expires.IsZero() {
		t.Errorf("key %s, expires %v", k.AccessKeyID, k.Expires)
	}
	if k := export(t, awslogin.Profile{}); k.AccessKeyID != "AKIADEFAULT" {
		t.Errorf("key %s", k.AccessKeyID)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "e")
	if k := export(t, awslogin.Profile{}); k.AccessKeyID != "AKIAENV" {
		t.Errorf("key %s", k.AccessKeyID)
	}
	if k := export(t, awslogin.Profile{Name: "work"}); k.AccessKeyID != "AKIAWORK" {
		t.Errorf("a profile that was named loses against the environment: key %s", k.AccessKeyID)
	}
}

func TestExport_RunsACredentialProcessAnewEachTime(t *testing.T) {
	dir := home(t, nil)
	count := filepath.Join(t.TempDir(), "count")
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	script := fmt.Sprintf(`echo >>%s; echo '{"Version":1,"AccessKeyId":"ASIAPROCESS","SecretAccessKey":"p","SessionToken":"s","Expiration":%q}'`, count, until.Format(time.RFC3339))
	program := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { // a program
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte("[profile tool]\ncredential_process = "+program+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if k := export(t, awslogin.Profile{Name: "tool"}); k.AccessKeyID != "ASIAPROCESS" || k.SessionToken != "s" || !k.Expires.Equal(until) {
			t.Errorf("key %s, expires %v", k.AccessKeyID, k.Expires)
		}
	}
	if b, err := os.ReadFile(count); err != nil || len(b) != 2 {
		t.Errorf("run %d times: %v", len(b), err)
	}
}

// sso is an SSO service that knows one token.
func sso(t *testing.T, token string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/federation/credentials" || r.Header.Get("X-Amz-Sso_bearer_token") != token {
			w.Header().Set("X-Amzn-Errortype", "UnauthorizedException")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"message":"Session token not found or invalid"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"roleCredentials":{"accessKeyId":"ASIA%s","secretAccessKey":"s","sessionToken":"t","expiration":4102444800000}}`, strings.ToUpper(r.URL.Query().Get("role_name")))
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_SSO", server.URL)
}

// ssoFiles are ~/.aws of someone who logged in with a token that holds until then.
func ssoFiles(token string, until time.Time) map[string]string {
	sum := sha1.Sum([]byte("corp"))
	return map[string]string{
		"config": "[profile work]\nregion = eu-central-1\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n\n[sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\n",
		"sso/cache/" + hex.EncodeToString(sum[:]) + ".json": fmt.Sprintf(`{"startUrl":"https://corp.example/start","region":"eu-west-1","accessToken":%q,"expiresAt":%q}`, token, until.UTC().Format(time.RFC3339)),
	}
}

func TestExport_TurnsAnSSOLoginIntoKeysOfTheRole(t *testing.T) {
	home(t, ssoFiles("good", time.Now().Add(time.Hour)))
	sso(t, "good")
	if k := export(t, awslogin.Profile{Name: "work"}); k.AccessKeyID != "ASIADEV" || k.SessionToken != "t" || k.Expires.Year() != 2100 {
		t.Errorf("key %s, expires %v", k.AccessKeyID, k.Expires)
	}
}

func TestExport_SaysWhichLoginIsNeeded(t *testing.T) {
	const hint = "run: aws sso login --profile work"
	t.Run("run out", func(t *testing.T) {
		home(t, ssoFiles("good", time.Now().Add(-time.Hour)))
		sso(t, "good")
		if e := refused(t, awslogin.Profile{Name: "work"}); e.Code != dev.CodeAWSLogin || e.Hint != hint || !strings.Contains(e.Message, "profile work") {
			t.Errorf("%+v", e)
		}
	})
	t.Run("revoked", func(t *testing.T) {
		home(t, ssoFiles("revoked", time.Now().Add(time.Hour)))
		sso(t, "good")
		if e := refused(t, awslogin.Profile{Name: "work"}); e.Code != dev.CodeAWSLogin || e.Hint != hint {
			t.Errorf("%+v", e)
		}
	})
	t.Run("never made", func(t *testing.T) {
		files := ssoFiles("good", time.Now())
		home(t, map[string]string{"config": files["config"]})
		if e := refused(t, awslogin.Profile{Name: "work"}); e.Code != dev.CodeAWSLogin || e.Hint != hint {
			t.Errorf("%+v", e)
		}
	})
}

func TestExport_SaysWhatIsInTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		config  string
		profile awslogin.Profile
		code    dev.Code
		says    string
	}{
		"no such profile":           {"[profile other]\nregion = x\n", awslogin.Profile{Name: "work"}, dev.CodeAWSProfile, "profile work is in neither"},
		"nothing at all":            {"", awslogin.Profile{}, dev.CodeAWSLogin, "has no credentials"},
		"a process that fails":      {"[profile work]\ncredential_process = false\n", awslogin.Profile{Name: "work"}, dev.CodeAWSLogin, "exit status 1"},
		"a process that is none":    {"[profile work]\ncredential_process = /does/not/exist\n", awslogin.Profile{Name: "work"}, dev.CodeAWSLogin, "exit status 127"},
		"a process that talks":      {"[profile work]\ncredential_process = echo very-secret\n", awslogin.Profile{Name: "work"}, dev.CodeAWSLogin, "not valid JSON"},
		"a process of version 2":    {"[profile work]\ncredential_process = echo '{\"Version\":2}'\n", awslogin.Profile{Name: "work"}, dev.CodeAWSLogin, "wrong version"},
		"MFA and nobody to ask":     {mfa, awslogin.Profile{Name: "work"}, dev.CodeAWSLogin, "MFA"},
		"MFA and nobody that knows": {mfa, awslogin.Profile{Name: "work", AskCode: func() (string, error) { return "", fmt.Errorf("cancelled") }}, dev.CodeAWSLogin, "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			home(t, map[string]string{"config": test.config})
			e := refused(t, test.profile)
			if e.Code != test.code || !strings.Contains(e.Message, test.says) || strings.Contains(e.Message+e.Hint, "very-secret") {
				t.Errorf("%s: %s (%s)", e.Code, e.Message, e.Hint)
			}
		})
	}
}

const mfa = `[profile base]
aws_access_key_id = AKIABASE
aws_secret_access_key = b

[profile work]
region = eu-central-1
source_profile = base
role_arn = arn:aws:iam::123456789012:role/dev
mfa_serial = arn:aws:iam::123456789012:mfa/me
`

func TestExport_AssumesARoleWithACode(t *testing.T) {
	home(t, map[string]string{"config": mfa})
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("TokenCode") != "123456" || r.PostForm.Get("RoleArn") == "" { // a test
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>MultiFactorAuthentication failed</Message></Error></ErrorResponse>`)
			return
		}
		_, _ = fmt.Fprint(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>r</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	t.Cleanup(sts.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	for code, want := range map[string]string{"123456": "ASIAROLE", "000000": ""} {
		p := awslogin.Profile{Name: "work", AskCode: func() (string, error) { return code, nil }}
		if want == "" {
			if e := refused(t, p); !strings.Contains(e.Message, "AccessDenied") {
				t.Errorf("%+v", e)
			}
		} else if k := export(t, p); k.AccessKeyID != want {
			t.Errorf("key %s", k.AccessKeyID)
		}
	}
}
