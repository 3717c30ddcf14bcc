// Command sdev runs Streamlit apps locally as they will be deployed. Everything is in
// sdev/cmd/internal/cli; here are the real streams, the signals and the only calls of os.Exit.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/term"

	"sdev/cmd/internal/cli"
	"sdev/cmd/internal/console"
)

func main() {
	logrus.SetOutput(io.Discard) // compose-go logs what dev/config reports as errors and warnings
	ctx, force, done := interrupts()
	code := cli.Main(ctx, force, system(), os.Args[1:])
	done()
	os.Exit(code)
}

// system is the real world.
func system() console.Streams {
	s := console.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Width: 80, Getenv: os.Getenv, Env: os.Environ()}
	s.InTTY = term.IsTerminal(int(os.Stdin.Fd()))
	s.OutTTY = term.IsTerminal(int(os.Stdout.Fd()))
	if s.OutTTY {
		if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
			s.Width = width
		}
	}
	return s
}

// interrupts turns signals into contexts: the first ends ctx, which asks for a graceful stop; the
// second ends force, which kills; the third leaves at once. A terminal that closes (SIGHUP) and
// SIGTERM count as signals too. A pipe whose reader has left is an error of the write, instead of
// the end of a program that has things to stop.
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
