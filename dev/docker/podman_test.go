package docker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPodmanTmpfs_HasNoOwner(t *testing.T) {
	got := podmanTmpfs(map[string]string{"/home/app": "exec,mode=0755,uid=1000,gid=1000", "/run/x": "uid=0", "/tmp": "size=64m,mode=0700", "/cache": ""})
	want := map[string]string{"/home/app": "exec,mode=1777", "/run/x": "mode=1777", "/tmp": "size=64m,mode=0700", "/cache": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
