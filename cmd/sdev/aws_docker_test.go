//go:build docker

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

// keyProgram creates a program that a profile names as its credential_process, and returns a function that sets the
// keys that the program prints.
func (p *project) keyProgram() (setKeys func(key string, until time.Time)) {
	p.t.Helper()
	answer := filepath.Join(p.home, "answer.json")
	program := filepath.Join(p.home, "keys")
	for file, content := range map[string]string{
		filepath.Join(p.home, ".aws", "config"): "[profile tool]\nregion = eu-central-1\ncredential_process = " + program + "\n",
		program:                                 "#!/bin/sh\nexec cat " + answer + "\n",
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o700); err != nil { // one of them is a program
			p.t.Fatal(err)
		}
	}
	return func(key string, until time.Time) {
		p.t.Helper()
		b, err := json.Marshal(map[string]any{"Version": 1, "AccessKeyId": key, "SecretAccessKey": "very-secret", "SessionToken": "session", "Expiration": until.UTC().Format(time.RFC3339)})
		if err == nil {
			err = os.WriteFile(answer, b, 0o600)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// asApp lets botocore find its keys, as an app would.
const asApp = `
import botocore.session
session = botocore.session.Session()
found = session.get_credentials()
frozen = found.get_frozen_credentials()
print(frozen.access_key, frozen.secret_key, frozen.token, found.method, session.get_config_variable("region"))
`

// keysInside returns the keys that an app finds, or the end of its error message.
func (p *project) keysInside() string {
	p.t.Helper()
	out, errs, code := p.result("shell", "--", "python", "-c", asApp)
	if code != 0 {
		return fmt.Sprintf("(exit code %d: %.200s)", code, errs[max(0, len(errs)-200):])
	}
	return strings.TrimSpace(out)
}

func TestDockerAWSSession_GivesTheAppOneProfileAndNothingElse(t *testing.T) {
	p := scaffolded(t)
	setKeys := p.keyProgram()
	p.env = []string{"AWS_PROFILE=tool"}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	setKeys("ASIAFIRST", until)
	p.up("--aws", "session")
	if got, want := p.keysInside(), "ASIAFIRST very-secret session container-role eu-central-1"; got != want {
		t.Errorf("botocore found %q, want %q", got, want)
	}
	if got := p.inside(`ls -a ~ | grep aws; env | grep AWS_PROFILE; echo nothing`); got != "nothing" {
		t.Errorf("of the host's login there is %q", got)
	}
	var s struct {
		AWS map[string]string `json:"aws"`
	}
	decode(t, p.run(0, "status", "--json"), &s)
	if want := (map[string]string{"source": "session", "profile": "tool", "region": "eu-central-1", "expires": until.Format(time.RFC3339)}); fmt.Sprint(s.AWS) != fmt.Sprint(want) {
		t.Errorf("status: %v, want %v", s.AWS, want)
	}
	// The keys are only in memory: neither the engine nor the project's directory contains them.
	known := docker(t, "inspect", p.app(), p.gateway()) + docker(t, "logs", p.gateway())
	_ = filepath.WalkDir(filepath.Join(p.dir, ".sdev"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			known += string(b)
			return err
		}
		return err
	})
	if strings.Contains(known, "very-secret") || strings.Contains(known, "ASIAFIRST") {
		t.Error("the keys are written down somewhere")
	}
	// Renewed by a second up, which leaves the containers alone.
	before := fmt.Sprint(p.ids())
	setKeys("ASIASECOND", until)
	p.up("--aws", "session")
	if got := p.keysInside(); !strings.HasPrefix(got, "ASIASECOND ") || fmt.Sprint(p.ids()) != before {
		t.Errorf("after a second up botocore found %q", got)
	}
}

func TestDockerAWSSession_IsRenewedInTimeAndSaysWhenALoginIsNeeded(t *testing.T) {
	p := scaffolded(t)
	setKeys := p.keyProgram()
	p.env = []string{"AWS_PROFILE=tool"}

	// Without a login nothing is made.
	out, _, code := p.result("up", "--aws", "session", "--json")
	if code != dev.ExitFailed || !strings.Contains(out, `"code":"aws.login"`) || !strings.Contains(out, "credential_process") || p.remains() != "" {
		t.Fatalf("exit code %d\n%s", code, out)
	}

	setKeys("ASIAFIRST", time.Now().Add(4*time.Second))
	e := p.attend("--aws", "session")
	awaitEvent[dev.Ready](t, e)
	setKeys("ASIASECOND", time.Now().Add(12*time.Second))
	await(t, "the second keys", func() bool { return strings.HasPrefix(p.keysInside(), "ASIASECOND ") }, e.recent)
	if err := os.Remove(filepath.Join(p.home, "answer.json")); err != nil {
		t.Fatal(err)
	}
	w := awaitEvent[dev.Warning](t, e)
	if w.Code != dev.CodeAWSLogin || w.Hint == "" {
		t.Errorf("%+v", w)
	}
}
