//go:build docker

package templates_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/plan"
)

// patience is how long an app may take to answer; it takes about a second.
const patience = time.Minute

// TestDocker_ProjectBuildsPassesItsChecksAndStarts makes real images of a project per way of keeping
// dependencies, and per login. conda needs images from a registry, so it is only linted (see
// TestProject_DockerfileKeepsItsPromises).
func TestDocker_ProjectBuildsPassesItsChecksAndStarts(t *testing.T) {
	engine, err := docker.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, v := range []variant{{"streamlit-oauth", "uv"}, {"none", "pip"}} {
		t.Run(v.String(), func(t *testing.T) {
			b := builder{engine: engine, dir: render(t, v), tag: "sdev-test-" + strings.ToLower(rand.Text())}
			release := b.build(t, "release")
			dev := b.build(t, "dev")
			t.Run("checks", func(t *testing.T) { checkProject(t, dev) })
			t.Run("lock", func(t *testing.T) { checkLock(t, b.build(t, "solve"), b.dir) })
			t.Run("image", func(t *testing.T) { checkRelease(t, release) })
			t.Run("start", func(t *testing.T) { checkStart(t, release) })
			t.Run("start with mounts", func(t *testing.T) { checkStart(t, dev, mounts(b.dir)...) })
		})
	}
}

type builder struct {
	engine *docker.Engine
	dir    string
	tag    string
}

// build makes the image of a target and removes it after the test.
func (b builder) build(t *testing.T, target string) string {
	t.Helper()
	image := b.tag + ":" + target
	secrets := make(map[string]string)
	if ca := os.Getenv("SSL_CERT_FILE"); ca != "" {
		secrets["ca"] = ca
	}
	start := time.Now()
	_, err := b.engine.Build(t.Context(), plan.Build{
		Service: target, Tag: image, Context: b.dir, Dockerfile: "Dockerfile", Target: target, Secrets: secrets,
	}, func(dev.Event) {})
	if err != nil {
		t.Fatalf("build %s: %v", target, err)
	}
	t.Logf("built %s in %v", target, time.Since(start).Round(time.Millisecond))
	t.Cleanup(func() { command(t, "rmi", "--force", image) })
	return image
}

// command runs docker, also while a test is being cleaned up, and gives its output.
func command(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// run runs a command in a new container of the image.
func run(t *testing.T, image string, args ...string) string {
	t.Helper()
	return command(t, slices.Concat([]string{"run", "--rm", "--network", "none", image}, args)...)
}

func checkProject(t *testing.T, image string) {
	t.Helper()
	run(t, image, "ruff", "check", ".")
	run(t, image, "ruff", "format", "--check", ".")
	run(t, image, "pytest")
	run(t, image, "python", "-c", "import watchdog")
	if user := run(t, image, "id", "-u"); user != "10001" {
		t.Errorf("development runs as uid %s", user)
	}
}

// checkLock looks whether solving again, without being asked for newer versions, changes anything.
func checkLock(t *testing.T, image, dir string) {
	t.Helper()
	for _, name := range []string{"uv.lock", "requirements.txt", "requirements-dev.txt"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue // of the other way to keep dependencies
		}
		if got := run(t, image, "cat", name); got != strings.TrimSpace(string(want)) {
			t.Errorf("`make lock` changes %s; renew the templates' locks", name)
		}
	}
}

// checkRelease looks for what must not ship.
func checkRelease(t *testing.T, image string) {
	t.Helper()
	var info []struct{ Config struct{ Env []string } }
	if err := json.Unmarshal([]byte(command(t, "inspect", image)), &info); err != nil {
		t.Fatal(err)
	}
	for _, env := range info[0].Config.Env {
		name, _, _ := strings.Cut(env, "=")
		if slices.Contains([]string{"LOCAL_STREAMLIT", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"}, name) {
			t.Errorf("the image sets %s", env)
		}
	}
	if user := run(t, image, "id", "-u"); user != "10001" {
		t.Errorf("the app runs as uid %s", user)
	}
	// As root, so that nothing hides.
	find := func(args ...string) string {
		return command(t, slices.Concat([]string{"run", "--rm", "--network", "none", "--user", "0", image, "find", "/", "-xdev"}, args)...)
	}
	for what, args := range map[string][]string{
		"uv":            {"-type", "f", "-name", "uv"},
		"a cache":       {"-name", ".cache", "-o", "-path", "/var/cache/pip"},
		"tests":         {"-path", "/app/tests"},
		"build secrets": {"-path", "/run/secrets/*"},
		"tools":         {"-path", "/opt/venv/*", "(", "-name", "ruff", "-o", "-name", "pytest", ")"},
		"bytecode":      {"-path", "/app/*", "-name", "*.pyc"},
	} {
		if found := find(args...); found != "" {
			t.Errorf("the image holds %s:\n%s", what, found)
		}
	}
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		ca, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(ca)
		sums := find("-type", "f", "-size", strconv.Itoa(len(ca))+"c", "-exec", "sha256sum", "{}", "+")
		if strings.Contains(sums, hex.EncodeToString(sum[:])) {
			t.Errorf("the image holds the extra CA:\n%s", sums)
		}
	}
}

// mounts are those of streamlit-local in docker-compose.yml, with the owner of the files as user.
func mounts(dir string) []string {
	return []string{
		"--user", strconv.Itoa(os.Getuid()) + ":" + strconv.Itoa(os.Getgid()),
		"--volume", filepath.Join(dir, "code_package") + ":/app/code_package",
		"--volume", filepath.Join(dir, ".streamlit") + ":/app/.streamlit:ro",
	}
}

// checkStart starts the image as it is and waits until it answers and calls itself healthy.
func checkStart(t *testing.T, image string, args ...string) {
	t.Helper()
	id := command(t, slices.Concat([]string{"run", "--detach", "--init", "--publish", "127.0.0.1::8501"}, args, []string{image})...)
	t.Cleanup(func() { command(t, "rm", "--force", "--volumes", id) })
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	origin := "http://" + command(t, "port", id, "8501/tcp")
	for _, path := range []string{"/_stcore/health", "/"} {
		if !await(ctx, func() bool { return answers(ctx, origin+path) }) {
			t.Fatalf("%s does not answer; the container's log:\n%s", path, command(t, "logs", id))
		}
	}
	t.Logf("answers after %v", time.Since(start).Round(time.Millisecond))
	healthy := func() bool { return command(t, "inspect", "--format", "{{.State.Health.Status}}", id) == "healthy" }
	if !await(ctx, healthy) {
		t.Fatalf("never healthy: %s", command(t, "inspect", "--format", "{{json .State.Health}}", id))
	}
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// await asks until the answer is yes or ctx ends.
func await(ctx context.Context, ask func() bool) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
