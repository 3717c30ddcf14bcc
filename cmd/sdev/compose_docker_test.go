//go:build docker

package main

import (
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
)

// Debian's docker-compose is version 1 and cannot read the project's own file, so it gets one with the same service. It
// finds containers by the labels that all versions of Compose use.
func TestDockerCompose_WorksOnWhatSdevStarted(t *testing.T) {
	p := scaffolded(t)
	p.write("../compose.yml", "version: \"3\"\nservices:\n  streamlit-local:\n    image: "+p.name+"-streamlit-local\n")
	compose := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("docker-compose", append([]string{"-f", filepath.Join(filepath.Dir(p.dir), "compose.yml"), "-p", p.name}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("docker-compose %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	p.up()
	if out := compose("ps"); !strings.Contains(out, p.name+"-streamlit-local-1") || !strings.Contains(out, p.name+"-sdev-gateway-1") {
		t.Errorf("docker-compose ps:\n%s", out)
	}
	if out := compose("logs"); !strings.Contains(out, "You can now view your Streamlit app") {
		t.Errorf("docker-compose logs:\n%s", out)
	}
	compose("down")
	for _, kind := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}} {
		if left := docker(t, append(kind, "--filter", "label=com.docker.compose.project="+p.name)...); left != "" {
			t.Errorf("docker-compose down left %s: %s", kind[0], left)
		}
	}
}

func TestDockerUp_LeavesContainersOfAnotherDirectoryAlone(t *testing.T) {
	p := scaffolded(t)
	p.up()
	before := p.ids()
	twin := *p
	twin.dir = filepath.Join(t.TempDir(), p.name)
	if out, err := exec.Command("cp", "-r", p.dir, twin.dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the project: %v\n%s", err, out)
	}
	t.Cleanup(func() { twin.run(0, "down", "--volumes") })
	out, errs, code := twin.result("up", "-d")
	if code != 0 || !strings.Contains(out, "belongs to "+p.dir) {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	if after := p.ids(); !maps.Equal(before, after) {
		t.Errorf("containers before %v, after %v", before, after)
	}
	twin.env = []string{"COMPOSE_PROJECT_NAME=" + p.name} // the user insists on the name
	if _, errs, code := twin.result("up", "-d"); code != dev.ExitProject || !strings.Contains(errs, p.dir) {
		t.Errorf("exit code %d, stderr:\n%s", code, errs)
	}
	if after := p.ids(); !maps.Equal(before, after) {
		t.Errorf("containers before %v, after %v", before, after)
	}
	twin.env = nil
}
