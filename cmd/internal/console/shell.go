package console

import (
	"context"
	"os"

	"golang.org/x/term"

	"sdev/cmd/internal/terminal"
	"sdev/dev/plan"
)

// RunShell runs a command, or a shell if command is empty, in the app's container, and passes its exit code on.
func (c *Console) RunShell(ctx context.Context, command []string) error {
	r, err := c.RequireRunning(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	app, err := r.RequireContainer(r.Project.App)
	if err != nil {
		return err
	}
	x := plan.Exec{Container: app.Name, Command: command, In: c.In, Out: c.Out, Err: c.Err}
	if len(command) == 0 {
		// Every image with a shell has sh, and many have bash.
		x.Command = []string{"sh", "-c", "command -v bash >/dev/null && exec bash || exec sh"}
	}
	in, isInFile := c.In.(*os.File)
	out, isOutFile := c.Out.(*os.File)
	x.Terminal = c.InTTY && c.OutTTY && isInFile && isOutFile
	if x.Terminal && !r.Engine.OnHost { // a process of this machine has the terminal itself
		restore, err := rawTerminal(ctx, in, out, &x)
		if err != nil {
			return err
		}
		defer restore()
	}
	code, err := r.Engine.Exec.Run(ctx, x)
	if err != nil {
		return err
	}
	if code != 0 {
		return ExitError(code)
	}
	return nil
}

// rawTerminal connects the terminal with the container's: every key goes to the container, and so does each new size.
// restore undoes that, and waits for the goroutine that watches the size.
func rawTerminal(ctx context.Context, in, out *os.File, x *plan.Exec) (restore func(), err error) {
	fd := int(in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	_, sequencesOff := terminal.EnableSequences(out)
	resized, stop := terminal.Resized(out)
	sizes := make(chan [2]uint)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if w, h, err := term.GetSize(int(out.Fd())); err == nil {
				select {
				case sizes <- [2]uint{uint(w), uint(h)}:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-resized:
			case <-ctx.Done():
				return
			}
		}
	}()
	x.Sizes = sizes
	return func() {
		cancel()
		<-done
		stop()
		sequencesOff()
		_ = term.Restore(fd, before)
	}, nil
}
