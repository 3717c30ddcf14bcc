// Command sdev-gateway is the gateway of a project, the program in its container. Release builds of sdev contain it,
// compressed, for each architecture (package sdev/dev/sidecar); nobody installs it. Package sdev/dev/gateway/program is
// what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"sdev/dev"
	"sdev/dev/gateway/program"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // so that a write to a pipe without a reader returns an error
	args := os.Args[1:]
	if len(args) > 0 && args[0] == dev.GatewayWord {
		args = args[1:]
	}
	err := program.Run(ctx, program.Streams{In: os.Stdin, Out: os.Stdout, Getenv: os.Getenv}, args)
	stop()
	os.Exit(exit(err))
}

// exit prints an error and returns the exit code.
func exit(err error) int {
	if err == nil {
		return dev.ExitOK
	}
	if errors.Is(err, syscall.EPIPE) {
		return dev.ExitFailed // nobody reads the output any more
	}
	e := dev.AsError(err)
	fmt.Fprintf(os.Stderr, "sdev-gateway: %s\n", e.Error())
	if e.Hint != "" {
		fmt.Fprintf(os.Stderr, "hint: %s\n", e.Hint)
	}
	return e.Exit
}
