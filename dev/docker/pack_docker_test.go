//go:build docker

package docker_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev/plan"
)

func TestDockerFiles_LeaveExistingDirectoriesUnchanged(t *testing.T) {
	for name, test := range map[string]struct {
		readOnly bool
		volume   string
		files    []string
		script   string
		want     string
	}{
		"an ordinary container": {false, "", []string{"/tmp/one", "/var/run/two", "/new/place/three"},
			"stat -c %a /tmp /new; readlink /var/run; cat /tmp/one /var/run/two /new/place/three", "1777|755|/run|/tmp/one|/var/run/two|/new/place/three"},
		"read-only, with a volume of its own": {true, "/data",
			[]string{"/data/one", "/run/secrets/two"}, "cat /data/one /run/secrets/two", "/data/one|/run/secrets/two"},
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			project := fmt.Sprintf("sdev-files-%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
			var s plan.Service
			if s.Config.ReadOnly = test.readOnly; test.volume != "" {
				s.Config.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Target: test.volume}}
			}
			s.Config.Name, s.Config.Image, s.Config.NetworkMode, s.Config.Command = "job", contractImage, "none", types.ShellCommand{"sh", "-c", test.script}
			for _, path := range test.files {
				s.Files = append(s.Files, plan.File{What: "config", Path: path, Content: []byte(path + "\n"), Mode: 0o444})
			}
			op := plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: project + "-job-1", Service: s}
			labels := plan.Labels{Project: project}
			t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", "-v", op.Name).Run() })
			for _, verb := range []plan.Verb{plan.Create, plan.Start, plan.Wait} {
				op.Verb, op.Until = verb, plan.Completed
				if err := e.Do(t.Context(), op, labels); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(e.Tail(t.Context(), plan.Container{ID: op.Name, Name: op.Name}, 9), "|"); got != test.want {
				t.Errorf("the container printed %s, want %s", got, test.want)
			}
		})
	}
}
