//go:build docker

package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/plan"
)

// trustImages removes base images with the extra CA at the end of a test.
func trustImages(t *testing.T) {
	t.Helper()
	list := func() []string {
		return strings.Fields(run(t, "image", "ls", "sdev-ca", "--format", "{{.Repository}}:{{.Tag}}"))
	}
	before := list()
	t.Cleanup(func() {
		for _, name := range list() {
			if !slices.Contains(before, name) {
				_ = exec.Command("docker", "image", "rm", name).Run() // another test's image may use it
			}
		}
	})
}

// baseImage builds a base image with the docker command, without sdev.
func baseImage(t *testing.T, dir, dockerfile string) string {
	t.Helper()
	tag, _, err := buildImage(t, open(t), plan.Build{Context: dir, Inline: dockerfile})
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// fetcher returns a directory with a program that fetches a page and needs only certificates for that.
func fetcher(t *testing.T) string {
	t.Helper()
	dir := write(t, t.TempDir(), map[string]string{"go.mod": "module fetch\n", "main.go": `package main

import (
	"net/http"
	"os"
)

func main() {
	r, err := http.Get("https://pypi.org/simple/six/")
	if err != nil || r.StatusCode != 200 {
		println(err.Error())
		os.Exit(1)
	}
}
`})
	cmd := exec.Command("go", "build", "-o", "fetch", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

const getIndex = `python -c "import urllib.request as u; print(u.urlopen('https://pypi.org/simple/six/').status)"`

func TestDockerTrust_ReachesEveryKindOfBase(t *testing.T) {
	trustImages(t)
	e := open(t)
	for name, c := range map[string]struct{ base, run string }{
		"a base without shell or command": {baseImage(t, fetcher(t), "FROM scratch\nCOPY fetch /fetch\n"), `RUN ["/fetch"]`},
		"a base without ca-certificates": {baseImage(t, "", "FROM python:3.11-slim\nRUN rm -rf /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates /etc/ca-certificates*\n"),
			"RUN " + getIndex + " && pip install --no-cache-dir --target /tmp/lib six==1.16.0"},
		"a bundle behind a link": {baseImage(t, "", "FROM python:3.11-slim\nRUN mkdir /elsewhere && mv /etc/ssl/certs/ca-certificates.crt /elsewhere/bundle && ln -s ../../../elsewhere/bundle /etc/ssl/certs/ca-certificates.crt\n"),
			"RUN test -L /etc/ssl/certs/ca-certificates.crt && env -i SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt /usr/bin/env PATH=$PATH " + getIndex},
		"what the base says itself": {baseImage(t, "", "FROM python:3.11-slim\nENV PIP_CERT=/mine\nUSER nobody\nWORKDIR /home\nENTRYPOINT [\"python\"]\nONBUILD RUN id -un > /tmp/on-build\n"),
			"RUN test $PIP_CERT = /mine && test $(id -un) = nobody && test $PWD = /home && grep nobody /tmp/on-build && " + getIndex},
		"a bundle that is recreated": {"python:3.11-slim", "RUN rm /etc/ssl/certs/ca-certificates.crt && update-ca-certificates && env -i SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt /usr/bin/env PATH=$PATH " + getIndex},
	} {
		t.Run(name, func(t *testing.T) {
			if _, events, err := buildImage(t, e, plan.Build{CA: machineCA(t), Inline: "FROM " + c.base + "\n" + c.run + "\n"}); err != nil {
				t.Errorf("%v\n%+v", err, events)
			}
			if _, _, err := buildImage(t, e, plan.Build{Inline: "FROM " + c.base + "\n" + c.run + "\n"}); err == nil {
				t.Error("it builds without the CA too, so this proves nothing")
			}
		})
	}
}

func TestDockerTrust_ChangesNoBaseThatNeedsNoCA(t *testing.T) {
	trustImages(t)
	e := open(t)
	secret := filepath.Join(write(t, t.TempDir(), map[string]string{"ca.pem": string(machineCA(t))}), "ca.pem")
	for name, b := range map[string]plan.Build{
		"a Dockerfile that asks for the secret": {Secrets: map[string]string{"ca": secret}, Inline: "FROM python:3.11-slim\nRUN --mount=type=secret,id=ca SSL_CERT_FILE=/run/secrets/ca " + getIndex + "\n"},
		"a stage in which nothing is run":       {Inline: "FROM python:3.11-slim AS made\nRUN echo > /made\nFROM python:3.11-slim\nCOPY --from=made /made /\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b.CA = machineCA(t)
			tag, _, err := buildImage(t, e, b)
			if err != nil {
				t.Fatal(err)
			}
			if got := run(t, "image", "inspect", "--format", "{{json .Config}}", tag); strings.Contains(got, "sdev") {
				t.Errorf("the image speaks of sdev: %s", got)
			}
		})
	}
}

func TestDockerTrust_IsMadeOnceAndShownAsTheBase(t *testing.T) {
	trustImages(t)
	e := open(t)
	base := baseImage(t, "", "FROM python:3.11-slim\n"+uncached())
	count := func() int {
		return len(strings.Fields(run(t, "image", "ls", "-q", "--filter", "label=dev.sdev.ca-base="+base, "--filter", "reference=sdev-ca")))
	}
	for range 2 {
		_, events, err := buildImage(t, e, plan.Build{CA: machineCA(t), Inline: "FROM " + base + "\nRUN true\n"})
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			if s, ok := ev.(dev.BuildStep); ok && strings.Contains(s.Text, "sdev-ca") {
				t.Errorf("a step shows what stands for the base: %s", s.Text)
			}
		}
		if got := count(); got != 1 {
			t.Errorf("%d images made", got)
		}
	}
	run(t, "build", "-q", "-t", base, write(t, t.TempDir(), map[string]string{"Dockerfile": "FROM python:3.11-slim\n" + uncached()}))
	if _, _, err := buildImage(t, e, plan.Build{CA: machineCA(t), Inline: "FROM " + base + "\nRUN true\n"}); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != 1 {
		t.Errorf("%d images after the base changed: the older one stays behind", got)
	}
}

func TestDockerTrust_WarnsAboutAnotherPlatform(t *testing.T) {
	_, events, err := buildImage(t, open(t), plan.Build{CA: machineCA(t), Inline: "FROM --platform=linux/s390x python:3.11-slim\nRUN true\n"})
	if dev.AsError(err).Code != dev.CodeImageMissing {
		t.Errorf("%v", err)
	}
	if w, ok := events[0].(dev.Warning); !ok || w.Code != dev.CodeBuildCA || !strings.Contains(w.Message, "is only available for linux/amd64") && !strings.Contains(w.Message, "is only available for linux/arm64") {
		t.Errorf("%+v", events)
	}
}
