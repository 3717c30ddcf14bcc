//go:build unix

package terminal

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

func resized(*os.File) (changed <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	out := make(chan struct{}, 1)
	var relay sync.WaitGroup
	relay.Go(func() {
		for range signals {
			token(out)
		}
	})
	return out, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
		relay.Wait()
	})
}

func suspend() error {
	back := make(chan os.Signal, 1)
	signal.Notify(back, syscall.SIGCONT)
	defer signal.Stop(back)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	<-back
	return nil
}

func hungUp(ctx context.Context, f *os.File) bool {
	end, stop, err := os.Pipe()
	if err != nil {
		return false
	}
	defer end.Close() //nolint:errcheck // nothing was ever written to it
	defer context.AfterFunc(ctx, func() { _ = stop.Close() })()
	const (
		terminal = iota
		ended
	)
	for ctx.Err() == nil {
		fds := []unix.PollFd{terminal: {Fd: int32(f.Fd())}, ended: {Fd: int32(end.Fd()), Events: unix.POLLIN}} // descriptors are small
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || fds[ended].Revents != 0:
			return false
		case fds[terminal].Revents&(unix.POLLHUP|unix.POLLERR) != 0:
			return true
		}
		<-ctx.Done() // this system cannot tell
	}
	return false
}

func enableSequences(*os.File) (ok bool, restore func()) { return true, func() {} }

func hasCursorControl(term string) bool { return term != "" && term != "dumb" }
