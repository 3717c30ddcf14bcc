package plan_test

import (
	"reflect"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev/plan"
)

func TestBuildOf_ReadsABuildSection(t *testing.T) {
	one := "1"
	web := types.ServiceConfig{Name: "web"}
	web.Build = &types.BuildConfig{
		Context: "/p", Dockerfile: "Dockerfile", Target: "release", Tags: []string{"mine:1"}, Labels: types.Labels{"a": "b"}, CacheFrom: []string{"c"},
		Args:               types.MappingWithEquals{"A": &one, "UNSET": nil},
		Secrets:            []types.ServiceSecretConfig{{Source: "token"}, {Source: "key", Target: "id"}},
		SSH:                types.SSHConfig{{ID: "default"}, {ID: "git", Path: "/keys/git"}},
		AdditionalContexts: types.Mapping{"base": "service:base", "docs": "/docs"},
	}
	web.Platform = "linux/arm64"
	base := types.ServiceConfig{Name: "base"}
	base.Build = &types.BuildConfig{Context: "/b"}
	model := &types.Project{Name: "shop", Services: types.Services{"web": web, "base": base},
		Secrets: types.Secrets{"token": {Content: "hunter2"}, "key": {File: "/keys/key"}}}
	got := plan.BuildOf(model, web, "shop-web:1")
	want := &plan.Build{Service: "web", Tag: "shop-web:1", Tags: []string{"mine:1"}, Context: "/p", Dockerfile: "Dockerfile", Target: "release", Platform: "linux/arm64",
		Args: map[string]string{"A": "1"}, Labels: map[string]string{"a": "b"}, CacheFrom: []string{"c"}, SecretEnv: map[string]string{"token": "hunter2"}, Secrets: map[string]string{"id": "/keys/key"},
		SSH: []string{"default", "git=/keys/git"}, Contexts: map[string]string{"base": "docker-image://shop-base", "docs": "/docs"}}
	got.ExtraHosts = want.ExtraHosts // nil or empty, both mean none
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
