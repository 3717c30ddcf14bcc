//go:build docker

package docker_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev/plan"
)

// sdev's own files are mounted if the project is, and else copied. The container reads the same either way, whoever its
// user is, and whatever the umask; secrets are always copied.
func TestDockerHostFiles_AreMountedBesideTheProject(t *testing.T) {
	for name, test := range map[string]struct {
		mounts   func(dir string) []types.ServiceVolumeConfig
		readOnly bool
		mounted  bool
	}{
		"the project is mounted": {func(dir string) []types.ServiceVolumeConfig {
			return []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: dir, Target: "/app"}}
		}, false, true},
		"the project is mounted, read-only root": {func(dir string) []types.ServiceVolumeConfig {
			return []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: dir + "/code", Target: "/app/code", ReadOnly: true}}
		}, true, true},
		"nothing is mounted": {func(string) []types.ServiceVolumeConfig { return nil }, false, false},
		"something else is mounted": {func(dir string) []types.ServiceVolumeConfig {
			return []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: filepath.Dir(dir), Target: "/app"}}
		}, false, false},
		"with a label for SELinux": {func(dir string) []types.ServiceVolumeConfig {
			return []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: dir, Target: "/app", Bind: &types.ServiceVolumeBind{SELinux: "z"}}}
		}, false, false},
		"another mount is there": {func(dir string) []types.ServiceVolumeConfig {
			return []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: dir, Target: "/app"}, {Type: types.VolumeTypeBind, Source: dir + "/code/own", Target: "/opt/sdev/own"}}
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			dir := filepath.Join(t.TempDir(), "project")
			for _, sub := range []string{"code", ".sdev"} {
				if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "code/own"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			project := fmt.Sprintf("sdev-own-%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
			var s plan.Service
			s.Config.Name, s.Config.Image, s.Config.NetworkMode, s.Config.User, s.Config.ReadOnly = "job", contractImage, "none", "1234", test.readOnly
			s.Config.Command = types.ShellCommand{"sh", "-c", "cat /opt/sdev/own /run/secrets/word; stat -c %a /opt/sdev/own"}
			s.Config.Volumes = test.mounts(dir)
			s.Files = []plan.File{
				{What: "config sdev-own", Path: "/opt/sdev/own", Content: []byte("own\n"), Mode: 0o444, Ours: true},
				{What: "secret word", Path: "/run/secrets/word", Content: []byte("secret\n"), Mode: 0o444},
			}
			op := plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: project + "-job-1", Service: s}
			labels := plan.Labels{Project: project, Dir: dir}
			t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", "-v", op.Name).Run() })
			for _, verb := range []plan.Verb{plan.Create, plan.Start, plan.Wait} {
				op.Verb, op.Until = verb, plan.Completed
				if err := e.Do(t.Context(), op, labels); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(e.Tail(t.Context(), plan.Container{ID: op.Name, Name: op.Name}, 9), "|"); got != "own|secret|444" {
				t.Errorf("the container printed %s", got)
			}
			stored, _ := filepath.Glob(dir + "/.sdev/files/*")
			if mounted := len(stored) == 1; mounted != test.mounted {
				t.Errorf("files in the state directory: %q", stored)
			}
			if inProject, _ := filepath.Glob(dir + "/code/*"); len(inProject) != 1 {
				t.Errorf("files in the project: %q", inProject)
			}
		})
	}
}
