//go:build unix

package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart starts a keeper in a session of its own, so that no key at a terminal and no closed terminal reaches it.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// foreground makes a command's own process group that of the terminal, so that Ctrl-C reaches the command and not sdev. back
// gives the terminal back.
func foreground(cmd *exec.Cmd, terminal *os.File) (back func()) {
	fd, own := int(terminal.Fd()), syscall.Getpgrp()
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: fd}
	return func() {
		signal.Ignore(syscall.SIGTTOU) // the system stops a process in the background that takes the terminal
		defer signal.Reset(syscall.SIGTTOU)
		_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, own) // the terminal may have gone
	}
}

// group is a process and all others in its process group.
type group struct {
	cmd   *exec.Cmd
	guard *guard
	wait  func() int // returns the exit code of the first process, once
}

// startGroup starts a command as the first process of a group of its own, and a guard.
//
// On Linux, the kernel kills that process when the thread that started it ends. So the goroutine that starts it keeps its
// thread until it has waited for the end.
func startGroup(cmd *exec.Cmd) (*group, error) {
	guard, err := startGuard()
	if err != nil {
		return nil, fmt.Errorf("start a guard: %w", err)
	}
	cmd.SysProcAttr = groupAttributes()
	started, ended := make(chan error), make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the state says more
			ended <- exitCode(cmd.ProcessState)
		}
	}()
	if err := <-started; err != nil {
		guard.dismiss()
		return nil, err
	}
	g := &group{cmd: cmd, guard: guard, wait: func() int { return <-ended }}
	if err := guard.protect(g.pid()); err != nil {
		g.kill()
		g.wait()
		return nil, fmt.Errorf("start a guard: %w", err)
	}
	return g, nil
}

func (g *group) pid() int { return g.cmd.Process.Pid }

// stop asks all processes of the group to end.
func (g *group) stop(name string) {
	s := signalOf(name)
	_ = syscall.Kill(-g.pid(), s) // they may have ended
}

// kill ends the group, and the guard, who has nothing left to do.
func (g *group) kill() {
	_ = syscall.Kill(-g.pid(), syscall.SIGKILL) // they may have ended
	g.guard.dismiss()
}

// signalOf reads "SIGTERM", "TERM" or "15". Anything else means SIGTERM.
func signalOf(name string) syscall.Signal {
	if n, err := strconv.Atoi(name); err == nil && n > 0 {
		return syscall.Signal(n)
	}
	name = strings.ToUpper(name)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if s := unix.SignalNum(name); s != 0 {
		return s
	}
	return syscall.SIGTERM
}

// exitCode is the exit code as a shell and Docker report it.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// guard is a shell that kills a process group once its keeper has ended, however that happened: its input is a pipe whose
// other end only the keeper has. It is in a group of its own.
type guard struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

// guardScript reads the number of the group, and then waits for a line that never comes. The words are those of every POSIX
// shell.
const guardScript = `read -r group && { read -r _; kill -s KILL -- "-$group"; }`

func startGuard() (*guard, error) {
	g := &guard{cmd: exec.Command("/bin/sh", "-c", guardScript, "sdev-guard")} //nolint:noctx // it ends with its keeper
	g.cmd.SysProcAttr = apart()
	var err error
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return g, g.cmd.Start()
}

func (g *guard) protect(group int) error {
	_, err := fmt.Fprintln(g.in, group)
	return err
}

// dismiss ends the guard before it kills anything: the number of the group may soon be another group's.
func (g *guard) dismiss() {
	_ = g.cmd.Process.Kill() // it may have ended
	_ = g.cmd.Wait()
}

// Signals by which a runtime asks a keeper. A keeper catches SIGTERM too, which the system sends when it shuts down.
const (
	signalStop = syscall.SIGUSR1
	signalKill = syscall.SIGUSR2
)

// requests passes on what others ask of this process, until the returned function is called.
func (k *keeper) requests(asks chan<- ask) (silence func(), err error) {
	signals, done := make(chan os.Signal, 4), make(chan struct{})
	signal.Notify(signals, signalStop, signalKill)
	go func() {
		for {
			how := askStop
			select {
			case s := <-signals:
				if s == signalKill {
					how = askKill
				}
			case <-done:
				return
			}
			select {
			case asks <- how:
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }, nil
}

// askKeeper asks a keeper to end its container; ok is false if that keeper has ended. The container's lock tells that the
// process which was found by its number is the keeper, and not a later process with the same number.
func (b box) askKeeper(k keeperInfo, how ask) (ok bool, err error) {
	p, err := os.FindProcess(k.PID)
	if err != nil {
		return false, err
	}
	defer p.Release() //nolint:errcheck // it only frees memory
	var now keeperInfo
	if readJSON(b.keeperFile(), &now) != nil || now != k || !b.isKept() {
		return false, nil
	}
	s := signalStop
	if how == askKill {
		s = signalKill
	}
	if err := p.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return false, err
	}
	return true, nil
}

// openShared opens a file to read it while others write, rename or remove it.
func openShared(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY, 0)
}

// scriptsDir is the directory of programs in an environment.
func scriptsDir(environment string) string { return environment + "/bin" }

// pythonOf is the Python of an environment.
func pythonOf(environment string) string { return environment + "/bin/python" }
