//go:build docker

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/handoff"
)

// delivered is the output of "sdev deploy --json".
type delivered struct {
	Status   string
	Findings []dev.Finding
	Image    handoff.Image
	Written  bool
}

// deploy hands the project over to ecs with --build and returns the report. It removes the image at the end of the test.
func (p *project) deploy(code int, args ...string) delivered {
	p.t.Helper()
	out := p.run(code, append([]string{"deploy", "ecs", "--build", "--yes", "--json"}, args...)...)
	var d delivered
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&d); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	p.t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", d.Image.Ref).Run() })
	return d
}

// ids returns the ids of the findings with a prefix.
func (d delivered) ids(prefix string) string {
	var ids []string
	for _, f := range d.Findings {
		if strings.HasPrefix(f.ID, prefix) && !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// message returns the message of a finding.
func (d delivered) message(id string) string {
	for _, f := range d.Findings {
		if f.ID == id {
			return f.Message
		}
	}
	return ""
}

// commit commits all files of the project to a new repository.
func (p *project) commit() {
	p.t.Helper()
	for _, args := range [][]string{{"init", "--quiet"}, {"add", "--all"}, {"commit", "--quiet", "--message", "all"}} {
		line := slices.Concat(p.wrap, []string{"git"}, args) // as the user who owns the project
		cmd := exec.Command(line[0], line[1:]...)
		cmd.Dir = p.dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=2026-03-04T05:06:07Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			p.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	p.accept(".git")
}

// values returns flags for the values that only the account's owner knows.
func values() []string {
	var out []string
	for _, v := range []string{"aws-account=123456789012", "region=eu-central-1", "domain=shop.example.com", "hosted-zone=Z0123456789ABCDEFGHIJ", "vpc=vpc-0123456789abcdef0", "public-subnets=subnet-0123456789abcdef0,subnet-0123456789abcdef1",
		"allowed-cidrs=203.0.113.0/24", "github-owner=me", "github-repo=shop", "github-subject=names"} {
		out = append(out, "--set", v)
	}
	return out
}

func TestDockerRelease_WhatShipsIsBuiltCheckedAndStarted(t *testing.T) {
	p := scaffolded(t, "--auth", "none")
	p.commit()
	d := p.deploy(0, values()...)
	if d.Status != handoff.Ready || d.ids("proof.")+d.ids("image.")+d.ids("bypass.env") != "" {
		t.Errorf("%s: %+v", d.Status, d.Findings)
	}
	proof := d.Image.Proof
	if proof == nil || !proof.Page || !proof.ReadOnly || proof.User != "app" || proof.Health == 0 {
		t.Errorf("proof: %+v", proof)
	}
	commit := strings.TrimSpace(output(t, p.dir, "git", "rev-parse", "HEAD"))
	if want := p.name + "-release:" + commit[:12]; d.Image.Ref != want || d.Image.Revision != commit {
		t.Errorf("image %+v, want %s", d.Image, want)
	}
	metadata := docker(t, "image", "inspect", d.Image.Ref) + docker(t, "image", "history", "--no-trunc", d.Image.Ref)
	for _, trace := range []string{"LOCAL_STREAMLIT", "/opt/sdev", "sdev-ca", "dev.sdev", "CERT_FILE=/dev", "proxy"} {
		if strings.Contains(metadata, trace) {
			t.Errorf("the image contains %s:\n%s", trace, metadata)
		}
	}
	if !strings.Contains(metadata, `"Created": "2026-03-04T05:06:07Z"`) {
		t.Errorf("the image is not as old as its commit:\n%s", metadata)
	}
	if left := docker(t, "ps", "-aq", "--filter", "label=dev.sdev.trial="+p.name); left != "" {
		t.Errorf("of the trial is left: %s", left)
	}
	// The same commit gives the same image and changes no file.
	if second := p.deploy(0, values()...); second.Image.ID != d.Image.ID || second.Written {
		t.Errorf("once more: %+v, written %v", second.Image, second.Written)
	}
}

func TestDockerRelease_WhatMustNotShipIsFoundInTheImage(t *testing.T) {
	p := scaffolded(t, "--auth", "none")
	dockerfile, err := os.ReadFile(filepath.Join(p.dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	// A key that a later layer hides, and a page that writes to a read-only directory.
	p.write("Dockerfile", string(dockerfile)+`USER root
RUN mkdir /root/.aws && printf '[default]\naws_access_key_id = AKIA%s\naws_secret_access_key = %s\n' Z7Q2LMN4PRST6UVW wJ4lrXUtnF2EMIpK7MDENGobPxRfiCYz9XvT3LqA > /root/.aws/credentials
RUN rm -r /root/.aws
USER app
`)
	home := filepath.Join("code_package", "streamlit", "Home.py")
	page, err := os.ReadFile(filepath.Join(p.dir, home))
	if err != nil {
		t.Fatal(err)
	}
	p.commit()
	p.write(home, string(page)+"\nwith open('/home/app/visits', 'a') as f:\n    f.write('x')\n")
	d := p.deploy(1, values()...)
	if !strings.HasSuffix(d.Image.Ref, "-dirty") || !strings.HasSuffix(d.Image.Revision, "-dirty") || d.ids("git.") != "git.dirty" {
		t.Errorf("of what is not committed: %+v, %s", d.Image, d.ids("git."))
	}
	if got := d.ids("proof."); got != "proof.write" || !strings.Contains(d.message("proof.write"), "Read-only file system: '/home/app/visits'") || !strings.Contains(d.message("proof.write"), "Home.py:") {
		t.Errorf("%s: %s", got, d.message("proof.write"))
	}
	if got := d.ids("secret."); got != "secret.aws secret.layer" {
		t.Errorf("of a key in a layer that another hides: %q in %+v", got, d.Findings)
	}
	if d.Status != handoff.Blocked || !d.Written {
		t.Errorf("%s, written %v", d.Status, d.Written)
	}
}

func TestDockerRelease_Document000IsBuiltFromItsDockerfile(t *testing.T) {
	micromamba(t)
	p := copyTree(t, "document000")
	d := p.deploy(1, values()...)
	if proof := d.Image.Proof; proof == nil || !proof.Page {
		t.Errorf("proof: %+v\n%+v", proof, d.Findings)
	}
	if !strings.HasPrefix(d.Image.Ref, p.name+"-release:") || d.Status != handoff.Blocked {
		t.Errorf("%+v, %s", d.Image, d.Status)
	}
	metadata := docker(t, "image", "inspect", d.Image.Ref) + docker(t, "image", "history", "--no-trunc", d.Image.Ref)
	for _, trace := range []string{"LOCAL_STREAMLIT", "sdev-ca", "dev.sdev", "CERT_FILE=/dev"} {
		if strings.Contains(metadata, trace) {
			t.Errorf("the image contains %s:\n%s", trace, metadata)
		}
	}
}

// The dashboard's deploy pane works without a running project.
func TestDockerRelease_TheDashboardChecksAndRenders(t *testing.T) {
	p := scaffolded(t, "--auth", "none")
	p.commit()
	p.tree = nil // the dashboard renders a bundle there
	tm := p.terminal(100, 30, "ui")
	tm.sees("○ not running")
	tm.keys("5")
	tm.sees("TARGETS", "ecs-cognito", "snowflake", "none yet")
	tm.keys("c")
	tm.sees("handoff.placeholder", "checked ecs: ", "blocking")
	tm.keys("\r")
	tm.sees("Render the files for ecs?")
	tm.keys("y")
	tm.sees("values are missing")
	tm.sees("◐ ecs ", "incomplete")
	if _, err := os.Stat(filepath.Join(p.dir, "deploy", "ecs", "README.md")); err != nil {
		t.Error(err)
	}
	tm.keys("q")
	if code, left := tm.ended(); code != dev.ExitOK {
		t.Errorf("exit code %d\n%s", code, left)
	}
}

// output is what a command prints.
func output(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(out)
}
