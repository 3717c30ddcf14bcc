package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// programVariable is the environment variable with the path of the sdev under test. TestMain builds it as it ships: static,
// with the gateways.
const programVariable = "SDEV_TEST_PROGRAM"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sdev-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "sdev")
	if out, err := exec.Command("go", "run", "../../.ci/gateways").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build the gateways: %v\n%s", err, out))
	}
	if err := buildProgram(program, "-tags", "embedgateway"); err != nil {
		panic(err)
	}
	// Other users run it as well.
	if err := errors.Join(os.Chmod(dir, 0o755), os.Setenv(programVariable, program)); err != nil {
		panic(err)
	}
	m.Run()
}

// buildProgram builds sdev, with further flags of "go build".
func buildProgram(file string, flags ...string) error {
	build := exec.Command("go", slices.Concat([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", file}, flags, []string{"."})...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build sdev: %w\n%s", err, out)
	}
	return nil
}
