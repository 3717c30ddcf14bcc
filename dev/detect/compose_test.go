package detect_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/detect"
)

func files(names ...string) fstest.MapFS {
	tree := fstest.MapFS{}
	for _, name := range names {
		tree[name] = &fstest.MapFile{Data: []byte("services: {}\n")}
	}
	return tree
}

func TestOtherComposes_AreThoseThatComposeDoesNotFind(t *testing.T) {
	found, err := detect.Tree(files("compose.yaml", "docker-compose.yml", "Docker-compose.yml", "docker/docker-compose.yml", "deploy/compose.yaml",
		".devcontainer/docker-compose.yml", ".devcontainer/devcontainer.json", "compose.override.yaml", "node_modules/x/compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Docker-compose.yml", "deploy/compose.yaml", "docker/docker-compose.yml", ".devcontainer/docker-compose.yml"}
	if diff := cmp.Diff(want, found.OtherComposes()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDockerfiles_HaveManyNames(t *testing.T) {
	found, err := detect.Tree(files("dockerfile", "a/Containerfile", "b/Dockerfile.dev", "c/app.Dockerfile", "d/Dockerfile.dockerignore", "e/dockerfile.md.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range found.Dockerfiles {
		got = append(got, d.Path)
	}
	want := []string{"dockerfile", "a/Containerfile", "b/Dockerfile.dev", "c/app.Dockerfile", "e/dockerfile.md.txt"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
