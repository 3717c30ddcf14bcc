package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programVariable is the environment variable with the path of the sdev under test. TestMain builds it statically, as it
// ships, because it is the gateway too.
const programVariable = "SDEV_TEST_PROGRAM"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sdev-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "sdev")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build sdev: %v\n%s", err, out))
	}
	// Other users run it as well.
	if err := errors.Join(os.Chmod(dir, 0o755), os.Setenv(programVariable, program)); err != nil {
		panic(err)
	}
	m.Run()
}
