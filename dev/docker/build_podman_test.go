package docker

import (
	"net/url"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/build"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/plan"
)

func TestPodmanQuery_SaysWhatDockersClientCannot(t *testing.T) {
	value := "1"
	o := build.ImageBuildOptions{Tags: []string{"app:1", "app:2"}, Dockerfile: packedName, NetworkMode: "none", NoCache: true, PullParent: true, Platform: "linux/arm64", Target: "app",
		BuildArgs: map[string]*string{"A": &value}, Labels: map[string]string{"l": "2"}, ExtraHosts: []string{"db:10.9.8.7"}, CacheFrom: []string{"cache"}}
	got, err := podmanQuery(o, map[string]string{"pip": "secret", "ca": "certificate"})
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"t": {"app:1", "app:2"}, "dockerfile": {packedName}, "rm": {"1"}, "forcerm": {"1"}, "layers": {"1"}, "identitylabel": {"0"}, "nocache": {"1"}, "pull": {"1"}, "platform": {"linux/arm64"}, "target": {"app"},
		"buildargs": {`{"A":"1"}`}, "labels": {`{"l":"2"}`}, "extrahosts": {`["db:10.9.8.7"]`},
		"networkmode": {"NetworkDisabled"}, "nsoptions": {`[{"Name":"network","Path":""}]`}, "secrets": {`["id=ca,src=.dockerfile.sdev.secret0","id=pip,src=.dockerfile.sdev.secret1"]`}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for network, path := range map[string]string{"": "", "host": "", "default": "", "mine": `[{"Name":"network","Path":"mine"}]`} {
		if q, err := podmanQuery(build.ImageBuildOptions{NetworkMode: network}, nil); err != nil || q.Get("nsoptions") != path || q.Has("networkmode") != (path != "") {
			t.Errorf("network %q: %v %v", network, q, err)
		}
	}
}

func TestCheckPodman_RefusesWhatItsAPICannotPass(t *testing.T) {
	for name, b := range map[string]plan.Build{
		"SSH":        {SSH: []string{"default"}},
		"an address": {Context: "https://me:word@example.com/context.tar"},
	} {
		if e := dev.AsError((&recipe{Build: b}).checkPodman()); e.Code != dev.CodeBuildFailed || e.Hint == "" || strings.Contains(e.Message, "word") {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if err := (&recipe{Build: plan.Build{Context: "/project"}}).checkPodman(); err != nil {
		t.Error(err)
	}
}
