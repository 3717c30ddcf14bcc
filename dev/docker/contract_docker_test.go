//go:build docker

package docker_test

import (
	"testing"

	"sdev/dev/devtest"
	"sdev/dev/docker"
)

func TestContract_Docker(t *testing.T) {
	devtest.TestRuntime(t, "python:3.11-slim", func(t *testing.T) devtest.Runtime {
		e, err := docker.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		return e
	})
}
