package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
)

const deployApp = "services:\n  streamlit: {image: a}\n"

func withTargets(o *config.Options) {
	o.Targets = map[string][]string{"ecs": {"region", "cpu", "groups", "cidr"}, "cloud-run": {"region", "project"}}
}

func TestDeploy_ValuesHaveTheirPlaces(t *testing.T) {
	p, err := load(t, map[string]string{
		"docker-compose.yml": `x-sdev:
  deploy:
    region: us-east-1
    ecs:
      cpu: 512
      groups: {finance: fin@example.com, it: it@example.com}
      cidr: [10.0.0.0/8, 192.168.0.0/16]
      region: ${REGION:-eu-west-1}
    suppress:
      - {id: image.size, path: Dockerfile, reason: "the model is in it", until: 2027-01-31}
` + deployApp,
		"docker-compose.override.yml": "x-sdev:\n  deploy: {ecs: {cpu: 1024}}\n",
	}, withTargets)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Settings.Deploy
	var got []string
	for _, want := range []struct{ target, name string }{{"ecs", "region"}, {"cloud-run", "region"}, {"ecs", "cpu"}, {"ecs", "groups"}, {"ecs", "cidr"}, {"cloud-run", "project"}} {
		v, ok := d.Value(want.target, want.name)
		if ok {
			got = append(got, want.target+"."+want.name+"="+v.Text+" ("+v.Origin+")")
		}
	}
	if diff := cmp.Diff([]string{
		"ecs.region=eu-west-1 (docker-compose.yml:8)", "cloud-run.region=us-east-1 (docker-compose.yml:3)", "ecs.cpu=1024 (docker-compose.override.yml:2)",
		"ecs.groups=finance=fin@example.com,it=it@example.com (docker-compose.yml:6)", "ecs.cidr=10.0.0.0/8,192.168.0.0/16 (docker-compose.yml:7)",
	}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]dev.Suppression{{ID: "image.size", Path: "Dockerfile", Reason: "the model is in it", Until: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), Origin: "docker-compose.yml:10"}}, d.Suppress); diff != "" {
		t.Error(diff)
	}
}

func TestDeploy_ErrorsHaveALine(t *testing.T) {
	for name, tc := range map[string]struct{ deploy, message, hint string }{
		"no mapping":             {"    a", "2: x-sdev.deploy must be a mapping", "help deploy"},
		"unknown target":         {"    esc: {region: a}", "3: x-sdev.deploy.esc is neither a target nor a setting of one", "targets: cloud-run, ecs;"},
		"unknown value":          {"    colour: red", "3: x-sdev.deploy.colour is neither", "targets: cloud-run, ecs;"},
		"unknown value of one":   {"    ecs:\n      project: a", "4: unknown setting x-sdev.deploy.ecs.project", "known here: region, cpu, groups, cidr"},
		"target is no mapping":   {"    ecs: yes", "3: x-sdev.deploy.ecs must be a mapping", "help deploy"},
		"empty value":            {"    region:", "3: x-sdev.deploy.region has an empty value", "help deploy"},
		"list in a list":         {"    region: [[a]]", "3: x-sdev.deploy.region must be a string or a list of strings", "help deploy"},
		"comma in a list":        {"    ecs: {cidr: ['a,b']}", `3: x-sdev.deploy.ecs.cidr contains "a,b"`, "help deploy"},
		"suppressed without why": {"    suppress: [{id: a, until: 2027-01-31}]", "3: x-sdev.deploy.suppress[0] has no reason", "reason: "},
		"suppressed for ever":    {"    suppress: [{id: a, reason: b}]", "3: x-sdev.deploy.suppress[0] has no until", "until: "},
		"no day":                 {"    suppress: [{id: a, reason: b, until: soon}]", `3: x-sdev.deploy.suppress[0].until is "soon"`, "until: 2027-01-31"},
		"unknown key":            {"    suppress: [{id: a, why: b}]", "3: unknown setting x-sdev.deploy.suppress[0].why", "id, path, reason, until"},
		"suppress is no list":    {"    suppress: a", "3: x-sdev.deploy.suppress must be a list", "help x-sdev"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no mapping" {
				tc.deploy = "x-sdev:\n  deploy: a\n"
			} else {
				tc.deploy = "x-sdev:\n  deploy:\n" + tc.deploy + "\n"
			}
			_, err := load(t, map[string]string{"docker-compose.yml": tc.deploy + deployApp}, withTargets)
			e := dev.AsError(err)
			if err == nil || e.Code != dev.CodeXSdev || e.Exit != dev.ExitProject || !strings.HasPrefix(e.Error(), "docker-compose.yml:"+tc.message) || !strings.Contains(e.Hint, tc.hint) {
				t.Errorf("%v; hint: %s", err, e.Hint)
			}
		})
	}
}
