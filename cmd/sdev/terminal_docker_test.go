//go:build docker

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"sdev/dev/devtest"
)

// screen is a user's terminal: an emulator at one end of a pseudo-terminal, with sdev at the other.
type screen struct {
	t     testing.TB
	cmd   *exec.Cmd
	file  *os.File
	gone  chan struct{} // closed when the program has closed the terminal
	bytes atomic.Int64  // bytes written to it so far

	changed chan struct{} // holds a token when something was written

	mu sync.Mutex // guards vt, except for reads of its answers
	vt *vt.Emulator
}

func (p *project) terminal(width, height int, args ...string) *screen {
	p.t.Helper()
	return p.terminalOf(p.command(args...), width, height)
}

// terminalOf runs any command in a terminal.
func (p *project) terminalOf(cmd *exec.Cmd, width, height int) *screen {
	p.t.Helper()
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "COLORTERM=truecolor")
	blocking, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}) // small numbers
	if err != nil {
		p.t.Fatal(err)
	}
	fd, err := syscall.Dup(int(blocking.Fd()))
	if err == nil {
		err = errors.Join(syscall.SetNonblock(fd, true), blocking.Close())
	}
	if err != nil {
		p.t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "terminal") // closing it ends a read, and so the terminal
	tm := &screen{t: p.t, cmd: cmd, file: file, vt: vt.NewEmulator(width, height), gone: make(chan struct{}), changed: make(chan struct{}, 1)}
	go func() { _, _ = io.Copy(file, tm.vt) }() // the terminal's answers to queries
	go func() {
		defer close(tm.gone)
		_, _ = io.Copy(tm, file) // ends with an error when the program does
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()
		file.Close()
		if answers, ok := tm.vt.InputPipe().(io.Closer); ok {
			answers.Close() // ends the goroutine that forwards them
		}
	})
	return tm
}

// Write shows the program's output on the screen.
func (tm *screen) Write(b []byte) (int, error) {
	tm.bytes.Add(int64(len(b)))
	defer func() {
		select {
		case tm.changed <- struct{}{}:
		default:
		}
	}()
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return tm.vt.Write(b)
}

func (tm *screen) screen() string {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return tm.vt.String()
}

// sees waits until the screen shows all texts.
func (tm *screen) sees(texts ...string) {
	tm.t.Helper()
	await(tm.t, fmt.Sprintf("%q on the screen", texts), func() bool {
		s := tm.screen()
		for _, text := range texts {
			if !strings.Contains(s, text) {
				return false
			}
		}
		return true
	}, tm.screen)
}

// seesNot waits until the screen no longer shows a text.
func (tm *screen) seesNot(text string) {
	tm.t.Helper()
	await(tm.t, fmt.Sprintf("no %q on the screen", text), func() bool { return !strings.Contains(tm.screen(), text) }, tm.screen)
}

func (tm *screen) keys(text string) {
	tm.t.Helper()
	if _, err := tm.file.WriteString(text); err != nil {
		tm.t.Fatal(err)
	}
}

// ended waits for the program, and returns its exit code and the last screen.
func (tm *screen) ended() (code int, screen string) {
	tm.t.Helper()
	select {
	case <-tm.gone:
	case <-time.After(devtest.Patience):
		tm.t.Fatalf("the dashboard does not end:\n%s", tm.screen())
	}
	_ = tm.cmd.Wait() // ProcessState has the exit code
	return tm.cmd.ProcessState.ExitCode(), tm.screen()
}
