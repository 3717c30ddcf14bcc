// Command sdev runs Streamlit apps locally as they will be deployed. The commands are in package
// sdev/cmd/internal/cli. This package adds the process's streams and signals, and contains the only calls of os.Exit.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/term"

	"sdev/cmd/internal/cli"
	"sdev/cmd/internal/console"
	tty "sdev/cmd/internal/terminal"
)

func main() {
	startFast()
	logrus.SetOutput(io.Discard) // compose-go logs what dev/config reports as errors and warnings
	ctx, force, done := interrupts()
	code := cli.Main(ctx, force, system(), os.Args[1:])
	done()
	os.Exit(code)
}

// startFast lets garbage be for the first second: most commands end before, and a fifth of their time would go into
// collecting it. The limit counts for those that read much in that second.
func startFast() {
	const limit, later = 256 << 20, time.Second
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return // the user decides
	}
	percent, unlimited := debug.SetGCPercent(-1), debug.SetMemoryLimit(limit)
	time.AfterFunc(later, func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(unlimited)
	})
}

// system returns the streams and the environment of this process.
func system() console.Streams {
	s := console.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Width: 80, Getenv: os.Getenv, Env: os.Environ()}
	s.InTTY = term.IsTerminal(int(os.Stdin.Fd()))
	s.OutTTY, s.ErrTTY = term.IsTerminal(int(os.Stdout.Fd())), term.IsTerminal(int(os.Stderr.Fd()))
	if s.OutTTY {
		_, _ = tty.EnableSequences(os.Stdout) // for colours; the console keeps it, as it does for other programs
		if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
			s.Width = width
		}
	}
	return s
}

// interrupts turns signals into contexts. The first signal ends ctx, which asks for a graceful stop; the second ends
// force, which kills; the third exits at once. SIGTERM and SIGHUP (the terminal was closed) count like an interrupt.
// interrupts also catches SIGPIPE: a write to a pipe without a reader then returns an error, and the program can still
// stop what it has started. done releases the contexts. The goroutine that waits for signals ends with the process.
func interrupts() (ctx, force context.Context, done func()) {
	ctx, stop := context.WithCancel(context.Background())
	force, kill := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-signals
		stop()
		<-signals
		kill()
		<-signals
		os.Exit(cli.ExitInterrupted)
	}()
	return ctx, force, func() {
		signal.Stop(signals)
		stop()
		kill()
	}
}
