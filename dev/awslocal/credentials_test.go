package awslocal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sdev/dev"
	"sdev/dev/awslocal"
)

func grant(expires time.Time) awslocal.Grant {
	return awslocal.Grant{Authorization: "of-this-run", Keys: dev.AWSKeys{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "very-secret", SessionToken: "session", Expires: expires}}
}

// get asks as an SDK does.
func get(t *testing.T, c *awslocal.Credentials, authorization string) (int, map[string]string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/credentials", nil)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	var body map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%q: %v", w.Body, err)
	}
	return w.Code, body
}

func TestCredentials_GivesWhatWasGranted(t *testing.T) {
	var c awslocal.Credentials
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	c.Set(grant(until))
	code, body := get(t, &c, "of-this-run")
	if code != http.StatusOK || body["AccessKeyId"] != "ASIAEXAMPLE" || body["SecretAccessKey"] != "very-secret" || body["Token"] != "session" || body["Expiration"] != until.UTC().Format(time.RFC3339) {
		t.Errorf("%d %v", code, body)
	}
	if at, ok := c.Expires(); !ok || !at.Equal(until) {
		t.Errorf("expires %v, %t", at, ok)
	}
}

func TestCredentials_KeysThatDoNotRunOutAreToBeAskedForAgain(t *testing.T) {
	var c awslocal.Credentials
	c.Set(grant(time.Time{}))
	_, body := get(t, &c, "of-this-run")
	at, err := time.Parse(time.RFC3339, body["Expiration"])
	if left := time.Until(at); err != nil || left < 50*time.Minute || left > time.Hour {
		t.Errorf("%v: %v", body, err)
	}
}

func TestCredentials_RefusesWithAReason(t *testing.T) {
	for name, test := range map[string]struct {
		grant         awslocal.Grant
		authorization string
		status        int
		code          string
	}{
		"another's authorization": {grant(time.Time{}), "guessed", http.StatusUnauthorized, "Unauthorized"},
		"none":                    {grant(time.Time{}), "", http.StatusUnauthorized, "Unauthorized"},
		"run out":                 {grant(time.Now().Add(-time.Second)), "of-this-run", http.StatusServiceUnavailable, "CredentialsExpired"},
	} {
		t.Run(name, func(t *testing.T) {
			var c awslocal.Credentials
			c.Set(test.grant)
			code, body := get(t, &c, test.authorization)
			if code != test.status || body["code"] != test.code || body["message"] == "" || body["SecretAccessKey"] != "" {
				t.Errorf("%d %v", code, body)
			}
		})
	}
}

// The app may ask while the gateway is being told.
func TestCredentials_AFirstRequestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c awslocal.Credentials
		go func() {
			time.Sleep(time.Second)
			c.Set(grant(time.Time{}))
		}()
		if code, body := get(t, &c, "of-this-run"); code != http.StatusOK {
			t.Errorf("%d %v", code, body)
		}
		var never awslocal.Credentials
		start := time.Now()
		if code, body := get(t, &never, "of-this-run"); code != http.StatusServiceUnavailable || body["code"] != "CredentialsNotReady" || time.Since(start) > 2*time.Second {
			t.Errorf("%d %v after %v", code, body, time.Since(start))
		}
	})
}

func TestGrant_KeysAreNeverPrinted(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		for _, v := range []any{grant(time.Time{}), &dev.AWSKeys{SecretAccessKey: "very-secret"}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "secret") || strings.Contains(got, "ASIA") {
				t.Errorf("%s gives %s", verb, got)
			}
		}
	}
}
