package devtest_test

import (
	"testing"

	"sdev/dev/devtest"
)

func TestContract_Fake(t *testing.T) {
	const image = "python:3.11-slim"
	devtest.TestRuntime(t, image, func(*testing.T) devtest.Runtime { return devtest.NewFake(image) })
}
