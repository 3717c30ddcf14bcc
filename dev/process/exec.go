package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Run runs a command with the environment of a container that runs, and returns its exit code. It cannot change the user. A
// command with a terminal has the user's own, which In, Out and Err must be.
func (r *Runtime) Run(ctx context.Context, x plan.Exec) (int, error) {
	cmd, err := r.prepare(ctx, x)
	if err != nil {
		return 0, err
	}
	if x.In != nil {
		cmd.Stdin = x.In
	}
	if terminal, ok := x.In.(*os.File); ok && x.Terminal {
		defer foreground(cmd, terminal)()
	}
	cmd.Stdout, cmd.Stderr = x.Out, x.Err
	return exitOf(ctx, cmd.Run())
}

// exitOf returns the exit code of a command that ran.
func exitOf(ctx context.Context, err error) (int, error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitCode(ended.ProcessState), nil
	}
	return 0, err
}

// prepare makes the command of an exec. It ends, with all that it has started in its group, when ctx does.
func (r *Runtime) prepare(ctx context.Context, x plan.Exec) (*exec.Cmd, error) {
	c, err := r.running(x.Container)
	if err != nil {
		return nil, err
	}
	if len(x.Command) == 0 {
		return nil, fmt.Errorf("run a command in %s: no command", x.Container)
	}
	dir := c.WorkingDir
	if x.Dir != "" {
		dir = x.Dir
	}
	env := c.processEnv(r.environ)
	paths := c.paths()
	for _, entry := range x.Env {
		name, value, _ := strings.Cut(entry, "=")
		env = append(env, name+"="+paths.Variable(value))
	}
	made, err := c.program(x.Command, dir, env)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, made.Path, made.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = made.Dir, made.Env, drainFor
	return cmd, nil
}

// running returns a container that runs, by its name or id.
func (r *Runtime) running(container string) (found, error) {
	all, err := r.containers("")
	if err != nil {
		return found{}, err
	}
	for _, c := range all {
		if c.Name != container && c.id() != container {
			continue
		}
		if !c.describe().Running {
			return found{}, &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: dev.Line("%s does not run", container), Hint: "run: sdev up"}
		}
		return c, nil
	}
	return found{}, &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: dev.Line("there is no %s", container), Hint: "run: sdev up"}
}

// Command runs a command to its end and returns its output.
func (r *Runtime) Command(ctx context.Context, container string, x dev.Exec) (output string, exitCode int, err error) {
	var out bytes.Buffer
	code, err := r.Run(ctx, plan.Exec{Container: container, Command: x.Command, User: x.User, Dir: x.WorkingDir, Env: x.Env, Out: &out, Err: &out})
	return out.String(), code, err
}

// Stream runs a command and returns its input and output. Closing it ends the input, and waits for the end of the command.
func (r *Runtime) Stream(ctx context.Context, container string, _ bool, command ...string) (io.ReadWriteCloser, error) {
	cmd, err := r.prepare(ctx, plan.Exec{Container: container, Command: command})
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &stream{out, in, cmd}, nil
}

type stream struct {
	io.Reader
	io.WriteCloser
	cmd *exec.Cmd
}

// Close ends the input, and waits.
func (s *stream) Close() error {
	_ = s.WriteCloser.Close() // the command may have ended
	_, _ = io.Copy(io.Discard, s.Reader)
	if err := s.cmd.Wait(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			return err
		}
	}
	return nil
}

// versionsScript prints name and version of each installed package among its arguments.
const versionsScript = `
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
`

// Versions returns the installed versions of packages in an image, without those that are missing.
func (r *Runtime) Versions(ctx context.Context, image string, packages ...string) (map[string]string, error) {
	versions := map[string]string{}
	rec, ok := r.imageByID(image)
	if !ok || rec.Dir == "" {
		return versions, nil
	}
	cmd := exec.CommandContext(ctx, pythonOf(rec.Dir), append([]string{"-I", "-c", versionsScript}, packages...)...)
	cmd.Env, cmd.WaitDelay = r.environ, drainFor
	out, err := cmd.Output()
	if err != nil {
		return versions, ctx.Err() // the environment is damaged, which the start reports
	}
	for line := range strings.Lines(string(out)) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			versions[name] = version
		}
	}
	return versions, nil
}

// Architecture is the architecture of this machine.
func (r *Runtime) Architecture(context.Context) (string, error) { return runtime.GOARCH, nil }

// Rootless reports false: the user in a container is the user who runs sdev, whoever that is.
func (r *Runtime) Rootless(context.Context) (bool, error) { return false, nil }

// ContainerUser is the user of this process.
func (r *Runtime) ContainerUser(_ context.Context, container string) (plan.ContainerUser, error) {
	c, err := r.running(container)
	if err != nil {
		return plan.ContainerUser{}, nil //nolint:nilerr // it does not exist, or does not run
	}
	return plan.ContainerUser{UID: os.Getuid(), GID: os.Getgid(), Running: c.describe().Running}, nil
}

// Stat returns size and modification time of a file of a container.
func (r *Runtime) Stat(_ context.Context, container, file string) (size int64, modified time.Time, ok bool, err error) {
	c, err := r.running(container)
	if err != nil {
		return 0, time.Time{}, false, err
	}
	at, ok := c.paths().Path(file)
	if !ok {
		return 0, time.Time{}, false, nil
	}
	st, err := os.Stat(at)
	if err != nil {
		return 0, time.Time{}, false, nil //nolint:nilerr // it does not exist
	}
	return st.Size(), st.ModTime().Truncate(time.Second), true, nil
}

// Put refuses: a process sees the files of this machine, so there is nothing to copy, and a copy would change them.
func (r *Runtime) Put(_ context.Context, container, dir string, _ io.Reader) error {
	return &dev.Error{Code: dev.CodeSyncFailed, Exit: dev.ExitFailed, Message: dev.Line("files cannot be copied to %s of %s: it is a process of this machine, which sees the project itself", dir, container),
		Hint: "leave out --sync, or use Docker"}
}
