package process_test

import (
	"testing"

	"sdev/dev/devtest"
)

// Containers of this runtime have no file system of their own, and Compose does not see them.
func TestContract_Process(t *testing.T) {
	devtest.TestRuntime(t, image, devtest.Promises{}, func(t *testing.T) devtest.Runtime { return open(t) })
}

func TestContract_ProcessImages(t *testing.T) {
	devtest.TestImages(t, image, func(t *testing.T) (devtest.Runtime, devtest.Images) {
		r := open(t)
		return r, r
	})
}

func TestContract_ProcessCatalog(t *testing.T) {
	devtest.TestCatalog(t, image, func(t *testing.T) (devtest.Runtime, devtest.Catalog) {
		r := open(t)
		return r, r
	})
}
