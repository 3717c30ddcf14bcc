package main

import (
	"os/exec"
	"strings"
	"testing"
)

// notInGateway are the packages that the gateway's program does without. Each entry stands for those below it too.
var notInGateway = []string{
	"sdev/cmd/internal", "sdev/dev/config", "sdev/dev/docker", "sdev/dev/engine", "sdev/dev/session",
	"github.com/spf13/cobra", "charm.land", "github.com/docker", "github.com/moby/buildkit", "github.com/containerd",
	"github.com/compose-spec", "github.com/aws", "google.golang.org/grpc",
}

// The command .ci/gateways, with which TestMain builds the gateways, also fails if one of them is too large.
func TestGatewayProgram_HasNothingOfTheCommandLine(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "sdev/cmd/sdev-gateway")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 50 {
		t.Fatalf("only %q", packages)
	}
	for _, p := range packages {
		for _, without := range notInGateway {
			if p == without || strings.HasPrefix(p, without+"/") {
				t.Errorf("the gateway's program imports %s", p)
			}
		}
	}
}
