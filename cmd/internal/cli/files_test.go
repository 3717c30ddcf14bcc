package cli

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/devtest"
)

// readFiles returns a project with every kind of file that sdev reads.
func readFiles() map[string]string {
	return map[string]string{
		"compose.yaml": `name: shop
include: [included.yaml, {path: other/included.yaml}]
services:
  streamlit-local:
    extends: {file: base.yaml, service: base}
    build: {context: .}
    env_file: [vars.env]
    label_file: labels.env
    command: streamlit run Home.py
    secrets: [key]
secrets: {key: {file: key.txt}}
x-sdev: {ca: ca.pem}
`,
		"compose.override.yaml": "services: {streamlit-local: {environment: {A: b}}}\n",
		"included.yaml":         "services: {db: {image: postgres}}\n",
		"other/included.yaml":   "services: {cache: {image: redis}}\n",
		"other/.env":            "A=b\n",
		"base.yaml":             "services: {base: {environment: {B: c}}}\n",
		".env":                  "A=b\n", "vars.env": "C=d\n", "labels.env": "e=f\n", "key.txt": "secret\n", "ca.pem": "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
		"Dockerfile": "FROM python:3.11-slim\nCOPY . /app\n", ".dockerignore": ".git\n", "requirements.txt": "streamlit\n", "pyproject.toml": "[project]\nname = \"shop\"\n",
		"Home.py": "import streamlit as st\nst.title('x')\n", "pages/1_Page.py": "import streamlit\n", ".streamlit/config.toml": "[server]\nport = 8501\n", ".streamlit/secrets.toml": "a = 1\n", ".gitignore": ".env\n",
		"environment.yml": "dependencies: [streamlit]\n", ".sdev-project.json": "{}\n",
	}
}

// put replaces a file by something else: a pipe, a socket, a directory.
func put(t *testing.T, name, kind string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	var err error
	switch kind {
	case "pipe":
		err = devtest.MakePipe(name)
	case "device":
		err = os.Symlink("/dev/zero", name)
	case "socket":
		var l net.Listener
		var dir *os.Root
		dir, err = os.OpenRoot(filepath.Dir(name))
		if err == nil {
			defer dir.Close()
			// The path of a socket must be short.
			short := filepath.Join(t.TempDir(), "s")
			if l, err = net.Listen("unix", short); err == nil {
				t.Cleanup(func() { l.Close() })
				err = os.Symlink(short, name)
			}
		}
	case "directory":
		err = os.Mkdir(name, 0o700)
	case "loop":
		err = os.Symlink(filepath.Base(name), name)
	case "dangling":
		err = os.Symlink("nowhere", name)
	case "huge":
		if err = os.WriteFile(name, nil, 0o600); err == nil {
			err = os.Truncate(name, 1<<40)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Every command ends, even if something else lies in place of a file, and names the one that it cannot read.
func TestCommands_NeverBlockOnIrregularFiles(t *testing.T) {
	// The word for each kind in messages. A directory in place of a file that is not read does no harm.
	words := map[string]string{"pipe": "named pipe", "device": "device", "socket": "socket", "huge": "larger than"}
	must := []string{"compose.yaml", "compose.override.yaml", "included.yaml", "other/included.yaml", "other/.env", "base.yaml", ".env", "vars.env", "labels.env", "ca.pem", ".streamlit/config.toml", ".streamlit/secrets.toml"}
	refused := map[string]bool{}
	for _, name := range must {
		refused[name] = true
	}
	for name := range readFiles() {
		for _, kind := range []string{"pipe", "device", "socket", "directory", "loop", "dangling", "huge"} {
			if !refused[name] && kind != "pipe" {
				continue // not read here, or read by the same function as another file
			}
			dir := devtest.Project(t, readFiles())
			put(t, filepath.Join(dir, filepath.FromSlash(name)), kind)
			commands := [][]string{{"config"}}
			if kind == "pipe" { // the other commands use the same functions to read as config
				commands = append(commands, []string{"preflight"}, []string{"auth", "users", "--json"}, []string{"watch", "--explain", "Home.py"}, []string{"deploy", "ecs", "--check"})
			}
			for _, args := range commands {
				s, out, errs := console.Buffers(map[string]string{"HOME": t.TempDir(), "DOCKER_HOST": "unix:///nowhere.sock"})
				code := Main(t.Context(), t.Context(), s, append([]string{"-C", dir}, args...))
				output := out.String() + errs.String()
				if word := words[kind]; word != "" && refused[name] && args[0] == "config" && (code != dev.ExitProject || !strings.Contains(output, word) || !strings.Contains(output, filepath.Base(name)) || !strings.Contains(output, "hint: ")) {
					t.Errorf("%s with a %s as %s: exit %d\n%.600s", args, kind, name, code, output)
				}
			}
		}
	}
}

func TestCommands_NeverWaitForAComposeFileByName(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"other.yaml": ""})
	put(t, filepath.Join(dir, "other.yaml"), "pipe")
	name := filepath.Join(dir, "other.yaml")
	for _, c := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, []string{"-f", name, "config"}, "named pipe"}, {nil, []string{"-f", "other.yaml", "auth", "users"}, "named pipe"}, {nil, []string{"-f", "/dev/zero", "config"}, "device"},
		{nil, []string{"-f", dir, "config"}, "directory"}, {map[string]string{"COMPOSE_FILE": name}, []string{"config"}, "not a regular file"},
	} {
		env := map[string]string{"HOME": t.TempDir(), "DOCKER_HOST": "unix:///nowhere.sock"}
		maps.Copy(env, c.env)
		s, _, errs := console.Buffers(env)
		if code := Main(t.Context(), t.Context(), s, append([]string{"-C", dir}, c.args...)); code != dev.ExitProject || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit %d, %s", c.args, code, errs)
		}
	}
}

// Without a compose file sdev detects everything from the files themselves.
func TestDetection_NeverBlocksOnIrregularFiles(t *testing.T) {
	for _, name := range []string{"Dockerfile", ".dockerignore", "requirements.txt", "pyproject.toml", "environment.yml", "pages/1_Page.py", ".streamlit/config.toml", ".gitignore", ".sdev-project.json"} {
		for _, kind := range []string{"pipe", "device", "huge"} {
			files := readFiles()
			for _, compose := range []string{"compose.yaml", "compose.override.yaml", "included.yaml", "other/included.yaml", "base.yaml"} {
				delete(files, compose)
			}
			dir := devtest.Project(t, files)
			put(t, filepath.Join(dir, filepath.FromSlash(name)), kind)
			for _, args := range [][]string{{"config"}, {"preflight"}, {"init", dir, "--yes", "--no-git", "--dry-run"}} {
				s, out, errs := console.Buffers(map[string]string{"HOME": t.TempDir(), "DOCKER_HOST": "unix:///nowhere.sock"})
				Main(t.Context(), t.Context(), s, append([]string{"-C", dir}, args...))
				if out.Len()+errs.Len() == 0 {
					t.Errorf("%s with a %s as %s says nothing", args, kind, name)
				}
			}
		}
	}
}

func TestMachine_NeverBlocksOnIrregularSettings(t *testing.T) {
	for _, kind := range []string{"pipe", "device", "socket", "directory", "loop", "huge"} {
		home := t.TempDir()
		for _, name := range []string{".aws/config", ".aws/credentials", ".docker/config.json"} {
			file := filepath.Join(home, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			put(t, file, kind)
		}
		t.Setenv("HOME", home)
		dir := devtest.Project(t, map[string]string{"compose.yaml": "services: {streamlit: {image: x, command: streamlit run Home.py}}\n"})
		s, out, _ := console.Buffers(map[string]string{"HOME": home, "DOCKER_HOST": "unix:///nowhere.sock"})
		if code := Main(t.Context(), t.Context(), s, []string{"-C", dir, "up", "--aws", "session", "--json"}); code == 0 || kind == "pipe" && !strings.Contains(out.String(), "named pipe, not a regular file") {
			t.Errorf("a %s: exit %d, %.300s", kind, code, out)
		}
	}
}

func TestPreflight_ImageThatIsNotARegularFile(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"compose.yaml": "services: {streamlit: {image: x, command: streamlit run Home.py}}\n", "image.tar": ""})
	for kind, word := range map[string]string{"pipe": "named pipe", "device": "device", "socket": "socket", "directory": "directory"} {
		name := filepath.Join(dir, "image.tar")
		put(t, name, kind)
		s, _, errs := console.Buffers(map[string]string{"HOME": t.TempDir(), "DOCKER_HOST": "unix:///nowhere.sock"})
		if code := Main(t.Context(), t.Context(), s, []string{"-C", dir, "preflight", "--image", name}); code != dev.ExitFailed || !strings.Contains(errs.String(), word) {
			t.Errorf("a %s: exit %d, %s", kind, code, errs)
		}
	}
}

func TestSARIF_IsNotWrittenToAPipeThatNobodyReads(t *testing.T) {
	name := filepath.Join(t.TempDir(), "report")
	if err := devtest.MakePipe(name); err != nil {
		t.Fatal(err)
	}
	s, _, _ := console.Buffers(nil)
	if err := (&commands{&console.Console{Streams: s}}).writeSARIF(name, nil); err == nil {
		t.Error("no error")
	}
}

// A signal that came first ends a command that only reads.
func TestCommands_EndWithTheirContext(t *testing.T) {
	dir := devtest.Project(t, readFiles())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"config"}, {"preflight"}, {"status"}, {"up"}, {"auth", "users"}, {"logs"}, {"watch", "--explain", "x"}} {
		s, out, errs := console.Buffers(map[string]string{"HOME": t.TempDir(), "DOCKER_HOST": "unix:///nowhere.sock"})
		if code := Main(ctx, t.Context(), s, append([]string{"-C", dir}, args...)); code != dev.ExitInterrupted {
			t.Errorf("%s: exit %d\n%s%s", args, code, out, errs)
		}
	}
}
