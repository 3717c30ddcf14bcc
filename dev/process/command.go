package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sdev/dev"
)

// command is the command of the container's process.
func (k *keeper) command() (*exec.Cmd, error) {
	return k.program(k.Command, k.WorkingDir, k.processEnv(k.environ))
}

// program makes a command of words and a directory that are the container's. The command has no input.
func (c found) program(words []string, dir string, env []string) (*exec.Cmd, error) {
	paths := c.paths()
	cmd := &exec.Cmd{Env: env, Dir: c.privateDir()}
	if dir != "" {
		at, ok := paths.Path(dir)
		if !ok {
			return nil, &dev.Error{Code: dev.CodeComposeInvalid, Exit: dev.ExitProject, Message: dev.Line("the working directory %s of service %s is not on this machine: no mount leads to it", dir, c.Service),
				Hint: "mount the project there in the compose file: volumes: [\".:" + dir + "\"]"}
		}
		cmd.Dir = at
	}
	for _, word := range words {
		cmd.Args = append(cmd.Args, paths.Word(word))
	}
	var err error
	if cmd.Path, err = findProgram(cmd.Args[0], cmd.Dir, env); err != nil {
		return nil, c.notStarted(words[0], err)
	}
	return cmd, nil
}

// findProgram finds a program as a shell in a directory does that has an environment.
func findProgram(name, dir string, env []string) (string, error) {
	if filepath.IsAbs(name) {
		return exec.LookPath(name)
	}
	if strings.ContainsAny(name, `/`+string(os.PathSeparator)) {
		return exec.LookPath(filepath.Join(dir, name))
	}
	for _, entry := range env {
		list, ok := strings.CutPrefix(entry, pathVariable+"=")
		for _, at := range filepath.SplitList(list) {
			if !ok || !filepath.IsAbs(at) {
				continue // a program in the working directory is never meant
			}
			if found, err := exec.LookPath(filepath.Join(at, name)); err == nil {
				return found, nil
			}
		}
	}
	return "", fmt.Errorf("it is not in PATH: %w", exec.ErrNotFound)
}

// notStarted explains why a program of a container does not start.
func (c found) notStarted(program string, err error) error {
	return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: dev.Line("service %s cannot start %s: %v", c.Service, program, err),
		Hint: "correct command: in the compose file, or add the package that provides the program to the project's dependencies"}
}
