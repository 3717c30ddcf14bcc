//go:build docker

package docker_test

import (
	"testing"

	"sdev/dev/devtest"
	"sdev/dev/docker"
)

// contractImage has Python, which runs the scripts of the contract's containers.
const contractImage = "python:3.11-slim"

func TestContract_Docker(t *testing.T) {
	devtest.TestRuntime(t, contractImage, devtest.Everything(), func(t *testing.T) devtest.Runtime { return open(t) })
}

func TestContract_DockerImages(t *testing.T) {
	devtest.TestImages(t, contractImage, func(t *testing.T) (devtest.Runtime, devtest.Images) {
		e := open(t)
		return e, e
	})
}

func TestContract_DockerCatalog(t *testing.T) {
	devtest.TestCatalog(t, contractImage, func(t *testing.T) (devtest.Runtime, devtest.Catalog) {
		e := open(t)
		return e, e
	})
}

func open(t *testing.T) *docker.Engine {
	t.Helper()
	e, err := docker.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}
