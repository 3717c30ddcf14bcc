package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sdev/dev/plan"
)

func (a *app) newShellCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "shell [-- COMMAND…]",
		Short: "Open a shell, or run a command, in the app's container",
		Long:  "Opens a shell in the app's container, or runs COMMAND there and passes its exit code on.",
		Example: `  sdev shell
  sdev shell -- python -c 'import streamlit; print(streamlit.__version__)'`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runShell(cmd.Context(), a.In, args) },
	}
}

// runShell runs a command, or a shell, in the app's container. What it is told comes from keys, which
// is what is read of a.In.
func (a *app) runShell(ctx context.Context, keys io.Reader, command []string) error {
	r, err := a.find(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	app, err := r.RequireRunning(r.Project.App)
	if err != nil {
		return err
	}
	x := plan.Exec{Container: app.Name, Command: command, In: keys, Out: a.Out, Err: a.Err}
	if len(command) == 0 {
		// bash where the image has it; every image with a shell has sh.
		x.Command = []string{"sh", "-c", "command -v bash >/dev/null && exec bash || exec sh"}
	}
	in, isFile := a.In.(*os.File)
	if a.InTTY && a.OutTTY && isFile {
		restore, err := a.rawTerminal(ctx, in, &x)
		if err != nil {
			return err
		}
		defer restore()
	}
	code, err := r.engine.Run(ctx, x)
	if err != nil {
		return err
	}
	if code != 0 {
		return exitError(code)
	}
	return nil
}

// rawTerminal hands the terminal to the container: keys go through as they are, and its size
// follows the window. restore undoes that and ends what it started.
func (a *app) rawTerminal(ctx context.Context, in *os.File, x *plan.Exec) (restore func(), err error) {
	fd := int(in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	sizes := make(chan [2]uint)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if w, h, err := term.GetSize(fd); err == nil {
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
	x.Terminal, x.Sizes = true, sizes
	return func() {
		signal.Stop(resized)
		cancel()
		<-done
		_ = term.Restore(fd, before)
	}, nil
}
