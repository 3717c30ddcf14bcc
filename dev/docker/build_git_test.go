package docker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
)

func TestFetch_RunsNoProgramOfTheRepository(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	run := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	origin, around, target := t.TempDir(), t.TempDir(), t.TempDir()
	marker := filepath.Join(t.TempDir(), "ran")
	write := func(dir, name, body string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(origin, "Dockerfile", "FROM scratch\n")
	write(origin, ".gitattributes", "* filter=x\n")
	write(origin, ".gitmodules", "[submodule \"in\"]\n\tpath = in\n\turl = ext::touch "+marker+"\n")
	run(origin, "init", "--quiet")
	run(origin, "add", "-A")
	run(origin, "commit", "--quiet", "-m", "first")
	// The variables that git sets for its hooks name another repository.
	run(around, "init", "--quiet")
	program := filepath.Join(around, "program.sh")
	write(around, "program.sh", "#!/bin/sh\ntouch "+marker+"\nexit 1\n")
	for _, key := range []string{"core.fsmonitor", "filter.x.clean", "filter.x.smudge", "core.sshCommand"} {
		run(around, "config", key, program)
	}
	write(filepath.Join(around, ".git", "hooks"), "post-checkout", "#!/bin/sh\ntouch "+marker+"\n")
	t.Setenv("GIT_DIR", filepath.Join(around, ".git"))
	if err := fetch(t.Context(), target, &dfgitutil.GitRef{Remote: "file://" + origin}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(target, "Dockerfile")); err != nil || !strings.HasPrefix(string(b), "FROM") {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a program that a repository names was run")
	}
}
