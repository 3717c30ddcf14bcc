//go:build docker

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// withUV puts uv on the project's PATH.
func (p *project) withUV() (program string) {
	p.t.Helper()
	dir := filepath.Join(p.t.TempDir(), "uv")
	for _, command := range [][]string{
		{"python3", "-m", "venv", dir},
		{filepath.Join(dir, "bin", "pip"), "install", "--disable-pip-version-check", "--quiet", "uv==0.13.9"},
	} {
		if out, err := exec.CommandContext(p.t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			p.t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
	bin := filepath.Join(p.t.TempDir(), "bin") // without the environment's own Python
	if err := os.Mkdir(bin, 0o755); err != nil {
		p.t.Fatal(err)
	}
	program = filepath.Join(bin, "uv")
	if err := os.Rename(filepath.Join(dir, "bin", "uv"), program); err != nil {
		p.t.Fatal(err)
	}
	p.env = append(p.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return program
}

// uv installs what a lock names, and without a lock what the list names, each from the environment's own Python.
func TestDockerProcess_UVInstallsFromTheLockAndFromTheList(t *testing.T) {
	p := onHost(t)
	uv := p.withUV()
	p.write("Home.py", home("by uv"))
	p.installs("uv pip install")

	p.write("pyproject.toml", "[project]\nname = \"reports\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"streamlit==1.58.0\"]\n")
	lock := exec.CommandContext(t.Context(), uv, "lock")
	lock.Dir, lock.Env = p.dir, p.command().Env
	if out, err := lock.CombinedOutput(); err != nil {
		t.Fatalf("uv lock: %v\n%s", err, out)
	}
	if err := os.Remove(filepath.Join(p.dir, "requirements.txt")); err != nil {
		t.Fatal(err)
	}
	p.accept("requirements.txt", "uv.lock")
	p.installs("uv sync --frozen")
}

// installs starts the project, which must make a new environment by a command.
func (p *project) installs(command string) {
	p.t.Helper()
	p.env = append(p.env, "XDG_CACHE_HOME="+p.t.TempDir()) // without the environments of other tests
	if out := p.run(0, "up", "--local", "-d", "--json", "--runtime", "process"); !strings.Contains(out, command) || !strings.Contains(out, `"type":"ready"`) {
		p.t.Errorf("no %s, or no ready:\n%s", command, out)
	}
}

// The shell has the terminal itself, and Ctrl-C ends what runs in it instead of sdev.
func TestDockerProcess_TheShellHasTheTerminal(t *testing.T) {
	p := onHost(t)
	p.write("Home.py", home("with a shell"))
	p.up("--runtime", "process")
	tm := p.terminal(100, 24, "shell")
	tm.keys("stty size && echo in $VIRTUAL_ENV\r")
	tm.sees("24 100", "in /")
	tm.keys("sh -c 'echo be\"\"gun; exec sleep 1000'; echo slept\r")
	tm.sees("begun") // the shell has given the terminal to it
	tm.keys("\x03")
	tm.sees("^C")
	tm.keys("\r") // what is typed before the next prompt may be lost
	tm.keys("python -c 'import streamlit; print(streamlit.__version__)'; exit 5\r")
	tm.sees("1.58.0")
	if code, left := tm.ended(); code != 5 || strings.Contains(left, "\nslept") {
		t.Errorf("exit code %d\n%s", code, left)
	}
}
