//go:build docker

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	runtime "sdev/dev/docker"
	"sdev/dev/plan"
)

// A machine in a company: an extra CA, a proxy, an engine on another machine.

// usePlainDockerfile gives the project a Dockerfile that mentions no CA and no proxy. It starts from an image that
// earlier tests have left in the builder's cache, to save time.
func (p *project) usePlainDockerfile(steps string) {
	p.t.Helper()
	base := p.name + "-base"
	e, err := runtime.Open(p.t.Context(), "")
	if err != nil {
		p.t.Fatal(err)
	}
	defer e.Close()
	b := plan.Build{Service: "base", Tag: base, Context: p.dir, Dockerfile: "Dockerfile", Target: "dev", Secrets: map[string]string{"ca": bundle(p.t)}}
	if _, err := e.Build(p.t.Context(), b, func(dev.Event) {}); err != nil {
		p.t.Fatal(err)
	}
	before := basesWithCA(p.t)
	p.t.Cleanup(func() { removeBase(p.t, base, before) })
	p.write("Dockerfile", "# syntax=docker/dockerfile:1\nARG BASE="+base+"\n\nFROM ${BASE} AS dev\n"+steps)
}

// removeBase removes an image, and the copies of it with the extra CA that are not in the list before.
func removeBase(t testing.TB, base string, before []string) {
	t.Helper()
	for _, name := range append(basesWithCA(t), base) {
		if !slices.Contains(before, name) {
			_ = exec.Command("docker", "image", "rm", name).Run() // after a failed test there may be none
		}
	}
}

// basesWithCA lists the copies of base images with the extra CA.
func basesWithCA(t testing.TB) []string {
	t.Helper()
	return strings.Fields(docker(t, "image", "ls", "--filter", "reference=sdev-ca", "--format", "{{.Repository}}:{{.Tag}}"))
}

// bundle returns the file of the authorities that this machine trusts.
func bundle(t testing.TB) string {
	t.Helper()
	for _, file := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"} {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	t.Fatal("no CA bundle on this machine")
	return ""
}

func TestDockerCompany_ADockerfileWithoutTheCABuilds(t *testing.T) {
	p := scaffolded(t)
	p.usePlainDockerfile(`USER root
RUN pip install --no-cache-dir --target /extra six==1.16.0
RUN python -c "import urllib.request as u; u.urlopen('https://pypi.org/simple/six/')"
RUN test $(env | grep -c invalid) -ge 2
USER app
`)
	before, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	// The proxy is for all other hosts, from which nothing is fetched.
	p.env = []string{"SSL_CERT_FILE=" + bundle(t), "HTTP_PROXY=http://me:word@proxy.invalid:3128", "HTTPS_PROXY=http://me:word@proxy.invalid:3128", "NO_PROXY=pypi.org,pythonhosted.org,.pythonhosted.org,127.0.0.1,localhost"}
	out := p.run(0, "up", "-d", "--verbose")
	if !strings.Contains(out, "# syntax=docker/dockerfile:1 is ignored") {
		t.Errorf("no event about the syntax line:\n%s", out)
	}
	if got := p.inside("ls /extra/six.py"); got != "/extra/six.py" {
		t.Errorf("inside: %q", got)
	}
	image := p.name + "-streamlit-local"
	history := docker(t, "history", "--no-trunc", image) + docker(t, "image", "inspect", image)
	for _, secret := range []string{"proxy.invalid", "me:word", "pythonhosted", "BEGIN CERTIFICATE"} {
		if strings.Contains(history, secret) {
			t.Errorf("the image speaks of %s", secret)
		}
	}
	if got := docker(t, "image", "inspect", "--format", `{{index .Config.Labels "dev.sdev.ca"}}`, image); got == "" {
		t.Error("the image does not say that it was made with the extra CA")
	}
	if after, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile")); err != nil || string(after) != string(before) {
		t.Errorf("the Dockerfile is not what it was: %v\n%s", err, after)
	}
	// An error names the line in the user's Dockerfile, and another up changes nothing.
	if out := p.run(0, "up", "-d", "--json"); strings.Contains(out, `"build.step"`) || strings.Contains(out, `"operations":[{`) {
		t.Errorf("a second up did something:\n%s", out)
	}
	p.write("Dockerfile", string(before)+"\nNOSUCH thing\n")
	_, errs, code := p.result("up", "-d")
	if code != 1 || !strings.Contains(errs, "Dockerfile:11: unknown instruction: NOSUCH") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}

func TestDockerCompany_AnEngineWithoutBuildKitOrOnlyNewAPIs(t *testing.T) {
	p := scaffolded(t)
	p.usePlainDockerfile("RUN pip install --no-cache-dir --target /tmp/extra six==1.16.0\n")
	engine := engine29(t)
	t.Cleanup(func() { p.env = nil }) // the engine goes before the project does
	p.env = []string{"SSL_CERT_FILE=" + bundle(t), "DOCKER_HOST=" + engine, "DOCKER_BUILDKIT=0"}
	out := p.run(0, "up", "-d", "--json")
	if !regexp.MustCompile(`"build.step".*RUN pip install`).MatchString(out) {
		t.Errorf("no step of the build is reported:\n%s", out)
	}
	var s struct{ Engine map[string]string }
	decode(t, p.run(0, "status", "--json"), &s)
	if want := (map[string]string{"host": engine, "context": "", "why": "DOCKER_HOST", "api": "1.51"}); fmt.Sprint(s.Engine) != fmt.Sprint(want) {
		t.Errorf("engine %v, want %v", s.Engine, want)
	}
	p.write("Dockerfile", "FROM python:3.11-slim AS dev\nRUN --mount=type=tmpfs,target=/x true\n")
	_, errs, code := p.result("up", "-d")
	if code != 1 || !strings.Contains(errs, "Dockerfile:2: RUN --mount=type=tmpfs needs BuildKit") || !strings.Contains(errs, "hint: enable BuildKit") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}

func TestDockerEngine_IsFoundAsTheDockerCommandFindsIt(t *testing.T) {
	p := scaffolded(t)
	remote, other := newSSH(t), newTLS(t)
	docker := func(args ...string) {
		cmd := exec.Command("docker", args...)
		cmd.Env = append(os.Environ(), "HOME="+p.home, "DOCKER_HOST=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("docker %v: %v\n%s", args, err, out)
		}
	}
	docker("context", "create", "far", "--docker", fmt.Sprintf("host=%s,ca=%s/ca.pem,cert=%s/cert.pem,key=%s/key.pem", other.host, other.dir, other.dir, other.dir))
	docker("context", "create", "over-ssh", "--docker", "host="+remote.host)
	const usual = "unix:///var/run/docker.sock"
	none := []string{"DOCKER_HOST=", "DOCKER_CONTEXT="}
	for name, c := range map[string]struct {
		env, flags []string
		want       [3]string // host, context, why
		stderr     string
	}{
		"nothing chosen":        {nil, nil, [3]string{usual, "", "the default socket"}, ""},
		"ssh":                   {append(remote.env(), "DOCKER_HOST="+remote.host), nil, [3]string{remote.host, "", "DOCKER_HOST"}, ""},
		"a context over ssh":    {append(remote.env(), "DOCKER_CONTEXT=over-ssh"), nil, [3]string{remote.host, "over-ssh", "DOCKER_CONTEXT"}, ""},
		"TLS":                   {[]string{"DOCKER_HOST=" + other.host, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + other.dir}, nil, [3]string{other.host, "", "DOCKER_HOST"}, ""},
		"a context with TLS":    {nil, []string{"--context", "far"}, [3]string{other.host, "far", "--context"}, ""},
		"a flag and a variable": {[]string{"DOCKER_HOST=" + usual}, []string{"--context=far"}, [3]string{other.host, "far", "--context"}, "warning: sdev uses --context far and ignores DOCKER_HOST=" + usual},
	} {
		t.Run(name, func(t *testing.T) {
			p.env = append(append([]string{}, none...), c.env...)
			stdout, stderr, code := p.result(append(c.flags, "--verbose", "status", "--json")...)
			var s struct {
				Engine struct{ Host, Context, Why, API string }
			}
			if code != 0 || json.Unmarshal([]byte(stdout), &s) != nil {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
			if got := [3]string{s.Engine.Host, s.Engine.Context, s.Engine.Why}; got != c.want || !strings.HasPrefix(s.Engine.API, "1.") {
				t.Errorf("%v, API %s, want %v", got, s.Engine.API, c.want)
			}
			if !strings.Contains(stderr, c.stderr) || !strings.Contains(stderr, "engine "+c.want[0]) {
				t.Errorf("said %q", stderr)
			}
		})
	}
	t.Run("what goes wrong", func(t *testing.T) {
		for name, c := range map[string]struct {
			env     []string
			message string
		}{
			"an unknown host key": {append(remote.env("UserKnownHostsFile=/dev/null"), "DOCKER_HOST="+remote.host), "Host key verification failed"},
			"no key":              {append(remote.env("PubkeyAuthentication=no"), "DOCKER_HOST="+remote.host), "Permission denied"},
			"no such host":        {[]string{"DOCKER_HOST=ssh://me@nosuch.invalid"}, "nosuch.invalid"},
			"another authority":   {[]string{"DOCKER_HOST=" + other.host, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + newTLS(t).dir}, "certificate"},
			"TLS not spoken":      {[]string{"DOCKER_HOST=" + other.host, "DOCKER_TLS_VERIFY="}, "if it needs TLS, set DOCKER_TLS_VERIFY=1"},
		} {
			p.env = append(append([]string{}, none...), c.env...)
			_, stderr, code := p.result("status")
			if code != 4 || !strings.Contains(stderr, c.message) || !strings.Contains(stderr, "\nhint: ") {
				t.Errorf("%s: exit code %d\n%s", name, code, stderr)
			}
		}
	})
	t.Run("builds and runs over ssh", func(t *testing.T) {
		p.env = append(append(append([]string{}, none...), remote.env()...), "DOCKER_HOST="+remote.host)
		p.up()
		p.run(0, "down")
	})
	p.env = nil
}

func TestDockerEngine_OfAnotherKindIsFoundWhereTheUsualIsClosed(t *testing.T) {
	p := scaffolded(t)
	p.env = []string{"DOCKER_HOST=", "DOCKER_CONTEXT=", "XDG_RUNTIME_DIR="}
	p.asUser(1234, 2345)
	p.wrap = []string{"setpriv", "--reuid=1234", "--regid=2345", "--clear-groups"}
	out, errs, code := p.result("status")
	if code != 4 || !strings.Contains(errs, "you have no permission to open the container engine's socket unix:///var/run/docker.sock (the default socket)") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	socket := passOn(t, filepath.Join(p.home, ".colima/default/docker.sock"), nil)
	if got := p.run(0, "status"); !strings.Contains(got, "unix://"+socket+"  colima, because the default socket does not answer, API 1.") {
		t.Errorf("status:\n%s", got)
	}
	p.env, p.wrap = nil, nil
}
