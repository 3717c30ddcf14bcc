//go:build !linux

package sidecar

import (
	"errors"
	"runtime"
)

// errNotLinux is not reached: place.find asks for this executable on Linux only.
var errNotLinux = errors.New("a program for " + runtime.GOOS + " cannot be the gateway's")

func ownProgram(string) (Program, error) { return Program{}, errNotLinux }

func readOwn() ([]byte, error) { return nil, errNotLinux }
