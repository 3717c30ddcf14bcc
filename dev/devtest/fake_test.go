package devtest_test

import (
	"testing"

	"sdev/dev/devtest"
)

const image = "python:3.11-slim"

func TestContract_Fake(t *testing.T) {
	devtest.TestRuntime(t, image, devtest.Everything(), func(*testing.T) devtest.Runtime { return devtest.NewFake(image) })
}

func TestContract_FakeImages(t *testing.T) {
	devtest.TestImages(t, image, func(*testing.T) (devtest.Runtime, devtest.Images) {
		f := devtest.NewFake(image)
		return f, f
	})
}

func TestContract_FakeCatalog(t *testing.T) {
	devtest.TestCatalog(t, image, func(*testing.T) (devtest.Runtime, devtest.Catalog) {
		f := devtest.NewFake(image)
		return f, f
	})
}
