// Package terminal holds what differs between systems when a program uses a terminal. Each function has one
// implementation for Unix (terminal_unix.go) and one for Windows (terminal_windows.go).
//
// No goroutine outlives the function, or the stop function, that ends it.
package terminal

import (
	"context"
	"errors"
	"os"
)

// ErrNoJobControl means that this system's shells cannot suspend a program.
var ErrNoJobControl = errors.New("this system cannot suspend programs")

// Resized returns a channel that receives a token after each change of the size of the terminal f. On Windows, which
// sends no signal, the size is compared four times a second. stop ends that, and returns when it has ended.
func Resized(f *os.File) (changed <-chan struct{}, stop func()) { return resized(f) }

// Suspend puts this program and its process group into the background, and returns when the shell has brought it back.
// It returns ErrNoJobControl on Windows.
func Suspend() error { return suspend() }

// HungUp waits until the terminal f has closed; it returns false if ctx ended first, or if the system cannot tell.
// Windows ends the program instead, with the signal SIGTERM.
func HungUp(ctx context.Context, f *os.File) bool { return hungUp(ctx, f) }

// EnableSequences makes the terminal f understand control sequences, and reports whether it does. Every terminal on Unix
// does; a console of Windows has to be switched. restore undoes that.
func EnableSequences(f *os.File) (ok bool, restore func()) { return enableSequences(f) }

// HasCursorControl reports whether a program can draw on a terminal, judging by the variable TERM. Windows does not set
// it: there, every terminal that is not called "dumb" can.
func HasCursorControl(term string) bool { return hasCursorControl(term) }

// token puts a token into a channel of capacity 1, unless it holds one.
func token(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
