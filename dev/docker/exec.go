package docker

import (
	"context"
	"io"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/muesli/cancelreader"

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
	if x.In != nil {
		stop := sendInput(&conn, x.In)
		defer stop()
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, conn.Close)()
	if x.Sizes != nil {
		sizes, cancel := context.WithCancel(ctx)
		var resizing sync.WaitGroup
		defer resizing.Wait()
		defer cancel()
		resizing.Go(func() { e.resize(sizes, made.ID, x.Sizes) })
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

// sendInput copies in to a command, in a goroutine that ends with in or with the connection. The caller closes the
// connection and then calls stop, which interrupts a pending read and waits for the goroutine. Without that, the
// goroutine would take the next key typed at the terminal, although the command has ended.
func sendInput(conn *types.HijackedResponse, in io.Reader) (stop func()) {
	keys, err := cancelreader.NewReader(in)
	if err == nil {
		in = keys
	} // else in is a regular file, whose reads do not block
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(conn.Conn, in)
		_ = conn.CloseWrite()
	}()
	return func() {
		if keys != nil {
			keys.Cancel()
			defer keys.Close()
		}
		<-copied
	}
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
