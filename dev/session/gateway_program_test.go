package session

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sdev/dev/engine"
	"sdev/dev/plan"
	"sdev/dev/sidecar"
)

// machine is a container engine's machine that counts how often its architecture is asked for.
type machine struct {
	architecture string
	asked        int
}

func (m *machine) Architecture(context.Context) (string, error) {
	m.asked++
	if m.architecture == "" {
		return "", errors.New("no answer")
	}
	return m.architecture, nil
}

func (m *machine) Rootless(context.Context) (bool, error) {
	return false, errors.New("not asked for in these tests")
}

// loaded is an engine with images.
type loaded struct {
	engine.Images
	refs []string
}

func (l loaded) Image(_ context.Context, ref string) (plan.ImageInfo, bool, error) {
	return plan.ImageInfo{}, slices.Contains(l.refs, ref), nil
}

// gateways has a program for amd64 and arm64, on an amd64 machine.
func gateways(architecture string) (sidecar.Program, error) {
	switch architecture {
	case "", "amd64":
		return sidecar.Program{Ref: "sdev-gateway:amd64"}, nil
	case "arm64":
		return sidecar.Program{Ref: "sdev-gateway:arm64"}, nil
	}
	return sidecar.Program{}, errors.New("none for " + architecture)
}

func TestGatewayProgram_IsForTheEnginesArchitecture(t *testing.T) {
	onMac := func(architecture string) (sidecar.Program, error) {
		if architecture == "" {
			return sidecar.Program{}, errors.New("none for this machine")
		}
		return gateways(architecture)
	}
	for name, c := range map[string]struct {
		gateways func(string) (sidecar.Program, error)
		images   []string
		engine   string
		want     string // "" is an error
		asked    int
	}{
		"first start on this machine":       {gateways, nil, "amd64", "sdev-gateway:amd64", 1},
		"later start on this machine":       {gateways, []string{"sdev-gateway:amd64"}, "amd64", "sdev-gateway:amd64", 0},
		"first start on another machine":    {gateways, nil, "arm64", "sdev-gateway:arm64", 1},
		"later start on another machine":    {gateways, []string{"sdev-gateway:arm64"}, "arm64", "sdev-gateway:arm64", 1},
		"none for this machine":             {onMac, nil, "arm64", "sdev-gateway:arm64", 1},
		"none for the engine's":             {gateways, nil, "s390x", "", 1},
		"an engine that does not say which": {gateways, nil, "", "", 1},
	} {
		m := &machine{architecture: c.engine}
		p, err := GatewayProgram(t.Context(), Host{Gateway: c.gateways}, Containers{Images: loaded{refs: c.images}, Machine: m})
		if p.Ref != c.want || (err != nil) != (c.want == "") || m.asked != c.asked {
			t.Errorf("%s: %s (%v) after asking %d times", name, p.Ref, err, m.asked)
		}
	}
}
