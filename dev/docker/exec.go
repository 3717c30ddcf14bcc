package docker

import (
	"context"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"sdev/dev/plan"
)

// Run runs a command and returns its exit code.
func (e *Engine) Run(ctx context.Context, x plan.Exec) (int, error) {
	made, err := e.api.ContainerExecCreate(ctx, x.Container, container.ExecOptions{
		Cmd: x.Command, User: x.User, WorkingDir: x.Dir, Env: x.Env, Privileged: x.Privileged, Tty: x.Terminal, AttachStdin: x.In != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, engineError("run a command in "+x.Container, err)
	}
	conn, err := e.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{Tty: x.Terminal})
	if err != nil {
		return 0, engineError("run a command in "+x.Container, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, conn.Close)
	defer stop()
	if x.In != nil {
		// Ends with the input or with the connection. A terminal's read cannot be interrupted, so it
		// is not waited for: the program ends soon after.
		go func() {
			_, _ = io.Copy(conn.Conn, x.In)
			_ = conn.CloseWrite()
		}()
	}
	if x.Sizes != nil {
		sizes, cancel := context.WithCancel(ctx)
		defer cancel()
		go e.resize(sizes, made.ID, x.Sizes)
	}
	if x.Terminal {
		_, err = io.Copy(x.Out, conn.Reader)
	} else {
		_, err = stdcopy.StdCopy(x.Out, x.Err, conn.Reader)
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return 0, engineError("read a command's output", err)
	}
	done, err := e.api.ContainerExecInspect(ctx, made.ID)
	if err != nil {
		return 0, engineError("read a command's exit code", err)
	}
	return done.ExitCode, nil
}

func (e *Engine) resize(ctx context.Context, id string, sizes <-chan [2]uint) {
	for {
		select {
		case s := <-sizes:
			// A resize that comes too early or too late does no harm.
			_ = e.api.ContainerExecResize(ctx, id, container.ResizeOptions{Width: s[0], Height: s[1]})
		case <-ctx.Done():
			return
		}
	}
}
