// Command gateways builds sdev-gateway for each architecture and puts it, compressed, where a build of sdev with the tag
// embedgateway looks for it. It runs in the module. The same sources give the same files.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sdev/dev/sidecar"
)

// maxSize is the largest size of a gateway's program, in bytes. It is loaded into the engine and copied into containers.
const maxSize = 16 << 20

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gateways:", err)
		os.Exit(1)
	}
}

func run() error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sdev").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	built := filepath.Join(strings.TrimSpace(string(out)), "dev", "sidecar", "built")
	if err := os.MkdirAll(built, 0o755); err != nil {
		return err
	}
	for _, architecture := range sidecar.Architectures() {
		program, err := build(architecture)
		if err != nil {
			return err
		}
		if len(program) > maxSize {
			return fmt.Errorf("the gateway for %s has %d bytes; it may have %d: see what it has begun to import (go list -deps ./cmd/sdev-gateway)", architecture, len(program), maxSize)
		}
		if err := sidecar.Pack(built, architecture, program); err != nil {
			return fmt.Errorf("pack the gateway for %s: %w", architecture, err)
		}
	}
	return nil
}

// build compiles the gateway statically. The oldest processors of an architecture run it, because the engine's machine may
// be another one.
func build(architecture string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "sdev-gateway-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "sdev-gateway")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", file, "sdev/cmd/sdev-gateway")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOAMD64=v1", "GOARM64=v8.0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("build the gateway for %s: %w\n%s", architecture, err, errs.Bytes())
	}
	return os.ReadFile(file)
}
