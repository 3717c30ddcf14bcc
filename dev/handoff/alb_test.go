package handoff

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
)

func TestAWS_WhatCannotWorkIsFound(t *testing.T) {
	group := []dev.Policy{{Path: "/marketing/*", Allow: dev.Allow{Groups: []string{"marketing"}}, Origin: "compose.yaml:14"}}
	for _, c := range []struct {
		name, target, id string
		severity         dev.Severity
		change           func(*Facts)
		values           map[string]string
	}{
		{"memory that does not go with the cpu", "ecs", "aws.size", dev.Blocks, nil, map[string]string{"cpu": "256", "memory": "4096"}},
		{"1.5 GB with a quarter of a core", "ecs", "aws.size", dev.Blocks, nil, map[string]string{"cpu": "256", "memory": "1536"}},
		{"certificate of another region", "ecs-cognito", "aws.certificate.region", dev.Blocks, nil, map[string]string{"certificate": "arn:aws:acm:eu-west-1:123456789012:certificate/a"}},
		{"image for another processor", "ecs", "aws.architecture", dev.Blocks, func(f *Facts) { f.Image.Platform = "linux/arm64" }, map[string]string{"architecture": "X86_64"}},
		{"networks of IPv6 alone", "ecs", "aws.ipv6", dev.Blocks, nil, map[string]string{"allowed-cidrs": "2001:db8::/32"}},
		{"files are written", "ecs", "aws.writes", dev.Warns, func(f *Facts) { f.App.Calls = []Call{{What: "file:write", File: "a.py", Line: 3}} }, nil},
		{"parameter whose name is no name", "ecs", "aws.parameter", dev.Blocks, func(f *Facts) { f.AWS.Parameters[0].Text = "/a/*" }, nil},
		{"ids without numbers", "ecs", "ecs.github.ids", dev.Blocks, nil, map[string]string{"github-subject": "ids", "github-owner-id": "1"}},
		{"repository elsewhere", "ecs", "ecs.github.host", dev.Warns, func(f *Facts) { f.Git.Host = "gitlab.com" }, nil},
		{"open to everybody without login", "ecs", "ecs.open", dev.Blocks, func(f *Facts) { f.App.Login = []Value{{Text: "none"}} }, map[string]string{"allowed-cidrs": "0.0.0.0/0"}},
		{"identity from a header of no proxy", "ecs", "ecs.login.door", dev.Blocks, func(f *Facts) { f.App.Login = []Value{{Text: "alb"}} }, nil},
		{"st.login without a command", "ecs", "ecs.command", dev.Blocks, func(f *Facts) { f.App.Login, f.App.Command = []Value{{Text: "native"}}, nil }, nil},
		{"image that is not built here", "ecs", "ecs.build", dev.Warns, func(f *Facts) { f.App.Context, f.App.Dockerfile = "", "" }, nil},
		{"policy for a group, app signs in", "ecs", "policy.ecs", dev.Warns, func(f *Facts) { f.Policy = group }, nil},
		{"policy for a group, app does not", "ecs", "policy.ecs", dev.Blocks, func(f *Facts) { f.Policy, f.App.Login = group, []Value{{Text: "none"}} }, nil},
		{"policy for nobody", "ecs-cognito", "policy.websocket", dev.Warns, func(f *Facts) { f.Policy = []dev.Policy{{Path: "/admin"}} }, nil},
		{"app does not verify", "ecs-cognito", "ecs-cognito.verify", dev.Warns, nil, nil},
		{"two logins", "ecs-cognito", "ecs-cognito.login.twice", dev.Informs, nil, nil},
		{"st.login behind Cognito", "ecs-cognito", "ecs-cognito.login.native", dev.Blocks, func(f *Facts) { f.App.Login = []Value{{Text: "native"}} }, nil},
		{"another proxy's header", "ecs-cognito", "ecs-cognito.login.door", dev.Blocks, func(f *Facts) { f.App.Login = []Value{{Text: "iap"}} }, nil},
		{"group that is no name", "ecs-cognito", "ecs-cognito.group", dev.Blocks, func(f *Facts) { f.People = []dev.Person{{Groups: []string{"two words"}}} }, nil},
		{"name that cannot be a prefix", "ecs-cognito", "ecs-cognito.prefix", dev.Blocks, nil, map[string]string{"name": "aws-shop"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, err := Find(Targets(), c.target)
			if err != nil {
				t.Fatal(err)
			}
			sound := shop()
			_, before := bundle(t, target, sound, valuesOf(t, target, sound, nil))
			f := shop()
			if c.change != nil {
				c.change(&f)
			}
			_, after := bundle(t, target, f, valuesOf(t, target, f, c.values))
			is := func(f dev.Finding) bool { return f.ID == c.id && f.Severity == c.severity }
			i := slices.IndexFunc(after, is)
			if i < 0 {
				t.Fatalf("no %s among %v", c.id, after)
			}
			if found := after[i]; found.Message == "" || found.Fix == "" || !strings.HasPrefix(found.Docs, "https://") {
				t.Errorf("it says too little: %+v", found)
			}
			if changed := c.change != nil || c.values != nil; changed && slices.ContainsFunc(before, is) {
				t.Errorf("a sound project has it as well")
			}
			if dev.AnyBlocks(before) {
				t.Errorf("a sound project is blocked: %v", before)
			}
		})
	}
}

// TestAWS_ClosedPathsBecomeRules expects a rule for every path that a load balancer can close, and for no other.
func TestAWS_ClosedPathsBecomeRules(t *testing.T) {
	group := dev.Allow{Groups: []string{"staff"}}
	for _, c := range []struct {
		name     string
		policies []dev.Policy
		want     [][]string
		findings int // about paths that the load balancer does not guard
	}{
		{"one page", []dev.Policy{{Path: "/admin"}}, [][]string{{"/admin"}}, 0},
		{"all below", []dev.Policy{{Path: "/admin/*"}}, [][]string{{"/admin", "/admin/*"}}, 0},
		{"everything", []dev.Policy{{Path: "/*"}}, [][]string{{"/*"}}, 0},
		{"for everybody", []dev.Policy{{Path: "/x", Allow: dev.Allow{Anyone: true}}}, nil, 0},
		{"for a group", []dev.Policy{{Path: "/x", Allow: group}}, nil, 1},
		{"a part is open", []dev.Policy{{Path: "/x/*"}, {Path: "/x/open", Allow: group}}, nil, 2},
		{"the same path twice", []dev.Policy{{Path: "/x", Allow: group}, {Path: "/x"}}, nil, 2},
		{"a star in the middle", []dev.Policy{{Path: "/team-*/budget"}}, nil, 1},
		{"another path is open", []dev.Policy{{Path: "/x/*"}, {Path: "/xy", Allow: dev.Allow{Anyone: true}}}, [][]string{{"/x", "/x/*"}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := shop()
			f.Policy = c.policies
			closed, findings := albPolicies(f, "ecs", "fix")
			var got [][]string
			for _, one := range closed {
				got = append(got, one.Patterns)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			findings = slices.DeleteFunc(findings, func(f dev.Finding) bool { return f.ID != "policy.ecs" })
			if len(findings) != c.findings {
				t.Errorf("got %v", findings)
			}
		})
	}
}
