//go:build docker

package docker_test

import "testing"

func TestDockerVersions_OfAnImagesPackages(t *testing.T) {
	e := open(t)
	got, err := e.Versions(t.Context(), contractImage, "pip", "no-such-package")
	if err != nil || got["pip"] == "" || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := e.Versions(t.Context(), "no-such-image-at-all"); err == nil {
		t.Errorf("an image that is not there has %v", got)
	}
}
