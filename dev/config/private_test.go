package config_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func mustBeUnsafe(t *testing.T, err error, parts ...string) {
	t.Helper()
	e := dev.AsError(err)
	if err == nil || e.Code != dev.CodeStateUnsafe || e.Exit != dev.ExitProject || e.Hint == "" {
		t.Fatalf("%+v", err)
	}
	for _, part := range parts {
		if !strings.Contains(e.Message, part) {
			t.Errorf("%q does not say %q", e.Message, part)
		}
	}
}

// A repository can bring anything under the name of sdev's directory, and something in it. Whatever is
// done with the project, nothing is read or written there.
func TestState_WhatLeadsElsewhereIsNotFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(t *testing.T, state, other string)
		file string // in the error, below .sdev
		why  string
	}{
		"a link":                        {func(t *testing.T, state, other string) { must(t, os.Symlink(other, state)) }, "", "a link to /"},
		"a link to nothing":             {func(t *testing.T, state, other string) { must(t, os.Symlink(other+"/gone", state)) }, "", "a link to /"},
		"a link to the project":         {func(t *testing.T, state, _ string) { must(t, os.Symlink(".", state)) }, "", "a link to ."},
		"a file":                        {func(t *testing.T, state, _ string) { must(t, os.WriteFile(state, nil, 0o600)) }, "", "a file"},
		"a named pipe":                  {func(t *testing.T, state, _ string) { must(t, devtest.MakePipe(state)) }, "", "a named pipe"},
		"a linked directory":            {inState("", func(t *testing.T, state, other string) { must(t, os.Symlink(other, state+"/auth")) }), "auth", "a link"},
		"a linked file":                 {inState("auth", func(t *testing.T, state, other string) { must(t, os.Symlink(other+"/kept", state+"/auth/client.json")) }), "auth/client.json", "a link"},
		"a linked file of its own":      {inState("", func(t *testing.T, state, _ string) { must(t, os.Symlink("state.json", state+"/aws.token")) }), "aws.token", "a link"},
		"a file with two names":         {inState("", func(t *testing.T, state, other string) { must(t, os.Link(other+"/kept", state+"/aws.token")) }), "aws.token", "hard link"},
		"a named pipe in it":            {inState("", func(t *testing.T, state, _ string) { must(t, devtest.MakePipe(state+"/state.json")) }), "state.json", "a named pipe"},
		"a socket in it":                {inState("", listenAt), "lock", "a socket"},
		"a linked cache":                {inState("aws/sso", func(t *testing.T, state, other string) { must(t, os.Symlink(other, state+"/aws/sso/cache")) }), "aws/sso/cache", "a link"},
		"a linked directory of caches":  {inState("", func(t *testing.T, state, other string) { must(t, os.Symlink(other, state+"/aws")) }), "aws", "a link"},
		"a link in a foreign directory": {inState("own/deeper", func(t *testing.T, state, other string) { must(t, os.Symlink(other, state+"/own/deeper/x")) }), "own/deeper/x", "a link"},
		"the choice of a script, led":   {inState("", func(t *testing.T, state, other string) { must(t, os.Symlink(other+"/kept", state+"/entry")) }), "entry", "a link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir("/tmp") // a socket's name must be short
			dir, err := os.MkdirTemp("", "p")
			must(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			other := t.TempDir()
			must(t, os.WriteFile(other+"/kept", []byte("kept"), 0o644), os.WriteFile(dir+"/compose.yaml", []byte(composeFile), 0o600))
			state := filepath.Join(dir, ".sdev")
			c.put(t, state, other)
			_, err = config.Load(t.Context(), config.Options{Dir: dir})
			mustBeUnsafe(t, err, filepath.Join(state, filepath.FromSlash(c.file)), c.why)

			p := &config.Project{Dir: dir}
			_, err = p.StateDir()
			mustBeUnsafe(t, err)
			_, err = p.LoginKeys()
			mustBeUnsafe(t, err)
			_, err = p.WriteSecrets(nativeLogin())
			mustBeUnsafe(t, err)
			must(t, os.Remove(dir+"/compose.yaml"))
			_, err = config.Load(t.Context(), config.Options{Dir: dir, Assume: func(string) (*config.Assumption, error) {
				t.Error("the directory is looked at")
				return nil, nil
			}})
			mustBeUnsafe(t, err)
			if entries, err := os.ReadDir(other); err != nil || len(entries) != 1 {
				t.Errorf("written elsewhere: %v, %v", entries, err)
			}
			if b, err := os.ReadFile(other + "/kept"); err != nil || string(b) != "kept" {
				t.Errorf("changed elsewhere: %q, %v", b, err)
			}
			if info, err := os.Stat(other + "/kept"); err != nil || info.Mode() != 0o644 {
				t.Errorf("mode elsewhere: %v, %v", info.Mode(), err)
			}
		})
	}
}

// inState makes the directory first, and one below it.
func inState(below string, put func(t *testing.T, state, other string)) func(t *testing.T, state, other string) {
	return func(t *testing.T, state, other string) {
		t.Helper()
		must(t, os.MkdirAll(filepath.Join(state, below), 0o700))
		put(t, state, other)
	}
}

func listenAt(t *testing.T, state, _ string) {
	t.Helper()
	l, err := net.Listen("unix", state+"/lock")
	must(t, err)
	t.Cleanup(func() { l.Close() })
}

func TestState_OthersAreLetOutAgain(t *testing.T) {
	p := loaded(t, composeFile)
	must(t, os.MkdirAll(p.StatePath()+"/auth", 0o700), os.MkdirAll(p.StatePath()+"/aws/sso/cache", 0o700), os.WriteFile(p.StatePath()+"/auth/client.json", []byte("{}"), 0o600),
		os.WriteFile(p.StatePath()+"/aws/sso/cache/token.json", nil, 0o600), os.MkdirAll(p.StatePath()+"/files", 0o755), os.WriteFile(p.StatePath()+"/files/shim", nil, 0o444),
		os.WriteFile(p.StatePath()+"/files/changed", nil, 0o600), os.Chmod(p.StatePath()+"/files/changed", 0o646))
	for _, name := range []string{"", "/auth", "/auth/client.json", "/aws", "/aws/sso/cache/token.json"} {
		must(t, os.Chmod(p.StatePath()+name, 0o777))
	}
	must(t, os.Symlink("/etc", p.StatePath()+"/aws/sso/cache/link"))
	if _, err := p.StateDir(); err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{"": 0o700, "auth": 0o700, "auth/client.json": 0o700, "aws": 0o700, "aws/sso": 0o700, "aws/sso/cache/token.json": 0o777, // the container's
		"files": 0o700, "files/shim": 0o444, "files/changed": 0o600} // containers mount these, and only read them
	for name, mode := range want {
		if info, err := os.Stat(filepath.Join(p.StatePath(), name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, want %v; %v", name, info.Mode().Perm(), mode, err)
		}
	}
	must(t, os.Chmod(p.StatePath(), 0))
	if _, err := p.StateDir(); err != nil {
		t.Errorf("closed to everybody: %v", err)
	}
}

func TestState_OfSomebodyElseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() != 0 {
		mustBeUnsafe(t, config.CheckStateDir("/usr"), "user root") // which is somebody else here
		return
	}
	state := filepath.Join(dir, "sdev")
	must(t, os.MkdirAll(state+"/auth", 0o700), os.WriteFile(state+"/auth/client.json", nil, 0o600), os.Chown(state+"/auth/client.json", 4711, -1))
	mustBeUnsafe(t, config.CheckStateDir(state), "client.json", "user 4711")
	must(t, os.Chown(state, 4711, -1))
	mustBeUnsafe(t, config.CheckStateDir(state), "user 4711")
	// Root works in the directory of whoever the project belongs to.
	must(t, os.Chown(dir, 4711, -1))
	if err := config.CheckStateDir(state); err != nil {
		t.Error(err)
	}
}
