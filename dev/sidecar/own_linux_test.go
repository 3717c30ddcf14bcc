package sidecar

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ownVariable makes TestMain print what the executable is as the gateway's program. The test's own executable may need
// libraries, so the test builds another.
const ownVariable = "SDEV_TEST_OWN_PROGRAM"

func TestMain(m *testing.M) {
	if cache := os.Getenv(ownVariable); cache != "" {
		p, err := For("", cache)
		if err != nil {
			panic(err)
		}
		again, err := WithRef(p.Ref)
		if err != nil {
			panic(err)
		}
		b, err := again.Read()
		if err != nil || int64(len(b)) != p.Size {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(p.Ref)
		return
	}
	m.Run()
}

func TestFor_IsThisExecutableIfItContainsNoGateway(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	executable := filepath.Join(dir, "own")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", executable, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func() string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), executable)
		cmd.Env = append(os.Environ(), ownVariable+"="+cache)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	b, err := os.ReadFile(executable)
	if err != nil {
		t.Fatal(err)
	}
	want := refOf(sumOf(b))
	if got := run(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// The stored hash counts as long as the file is the same.
	stored, err := os.ReadFile(filepath.Join(cache, "gateway.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := run(); got != want {
		t.Errorf("with the stored hash: %q, want %q", got, want)
	}
	if err := os.Chtimes(executable, time.Unix(1700000000, 0), time.Unix(1700000000, 0)); err != nil {
		t.Fatal(err)
	}
	if got := run(); got != want {
		t.Errorf("with the hash of another file: %q, want %q", got, want)
	}
	if renewed, err := os.ReadFile(filepath.Join(cache, "gateway.json")); err != nil || bytes.Equal(renewed, stored) {
		t.Errorf("the stored hash is not renewed: %v", err)
	}
	// A stored hash that is none is not used.
	if err := os.WriteFile(filepath.Join(cache, "gateway.json"), []byte(strings.Replace(string(stored), sumOf(b), "zz", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(); got != want {
		t.Errorf("with a damaged hash: %q, want %q", got, want)
	}
}

// A stored hash of another program gives a reference that does not fit, which is noticed before anything is loaded.
func TestRead_RefusesAnotherExecutable(t *testing.T) {
	p, err := WithRef("sdev-gateway:0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(); err == nil || !strings.Contains(err.Error(), "sdev-gateway:0123456789abcdef") {
		t.Errorf("%v", err)
	}
}

func TestMustBeStatic_RefusesAProgramThatNeedsLibraries(t *testing.T) {
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := mustBeStatic(shell); err == nil || !strings.Contains(err.Error(), "linked dynamically") {
		t.Errorf("%v", err)
	}
}
