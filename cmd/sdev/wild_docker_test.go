//go:build docker

package main

import (
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// These projects are like those of other people in one respect each, and no file of theirs is for sdev.

func TestDockerWild_ADeviceThatTheMachineLacksIsNamed(t *testing.T) {
	for name, service := range map[string]string{
		"a GPU":     "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}",
		"a runtime": "runtime: nvidia",
		"a device":  "devices: ['/dev/no-such-device:/dev/x']",
	} {
		p := adopted(t, devtest.Project(t, map[string]string{
			"compose.yaml": "services:\n  streamlit:\n    image: python:3.11-slim\n    command: sleep 100\n    " + service + "\n",
		}))
		f := p.failure("up", "-d")
		if f.Code != dev.CodeEngine || !strings.Contains(f.Message, "this machine lacks") || !strings.Contains(f.Hint, "compose.override.yaml") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
