package docker

import (
	"errors"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/errdefs"
)

func TestResolveUser_AcceptsEveryForm(t *testing.T) {
	files := map[string]string{
		"/etc/passwd": "root:x:0:0::/:/bin/sh\nbroken\napp:x:1555:1777::/:/bin/sh\nfive:x:5:55::/:/bin/sh\n",
		"/etc/group":  "root:x:0:\nstaff:x:50:app\n",
	}
	read := func(file string) (string, error) { return files[file], nil }
	for setting, want := range map[string][2]int{
		"": {0, 0}, "0": {0, 0}, "root": {0, 0}, "1000": {1000, 0}, "5": {5, 55}, "1000:1001": {1000, 1001},
		"app": {1555, 1777}, "app:staff": {1555, 50}, "1000:staff": {1000, 50}, "app:7": {1555, 7}, "5:": {5, 0},
	} {
		uid, gid, err := resolveUser(setting, read)
		if err != nil || uid != want[0] || gid != want[1] {
			t.Errorf("%q: %d:%d, %v, want %v", setting, uid, gid, err, want)
		}
	}
	for _, setting := range []string{"nobody", "app:nobody"} {
		if _, _, err := resolveUser(setting, read); err == nil {
			t.Errorf("%q is found", setting)
		}
	}
}

// An image from scratch has no list of users.
func TestResolveUser_WithoutLists(t *testing.T) {
	missing := func(string) (string, error) { return "", errdefs.ErrNotFound }
	if uid, gid, err := resolveUser("1000:1001", missing); err != nil || uid != 1000 || gid != 1001 {
		t.Errorf("%d:%d, %v", uid, gid, err)
	}
	if uid, gid, err := resolveUser("1000", missing); err != nil || uid != 1000 || gid != 0 {
		t.Errorf("%d:%d, %v", uid, gid, err)
	}
	if _, _, err := resolveUser("app", missing); err == nil {
		t.Error("a name is found where there are none")
	}
	broken := errors.New("the engine is gone")
	if _, _, err := resolveUser("app", func(string) (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestAbsentSource_IsAboutDirectoriesOfTheProject(t *testing.T) {
	dir := t.TempDir()
	s := types.ServiceConfig{}
	s.Volumes = []types.ServiceVolumeConfig{{Type: "bind", Source: dir, Target: "/x"}, {Type: "bind", Source: "/nowhere", Target: "/y"}}
	refusal := errors.New("invalid mount config for type \"bind\": bind source path does not exist: ")
	for _, c := range []struct {
		about   string
		project string
		err     error
		want    string
	}{
		{"a directory that is here", dir, errors.New(refusal.Error() + dir), dir},
		{"one outside of the project", "/other", errors.New(refusal.Error() + dir), ""},
		{"one that is nowhere", "/nowhere", errors.New(refusal.Error() + "/nowhere"), ""},
		{"another refusal", dir, errors.New("no such image"), ""},
		{"none", dir, nil, ""},
	} {
		got, ok := absentSource(s, c.project, c.err)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", c.about, got, ok)
		}
	}
}
