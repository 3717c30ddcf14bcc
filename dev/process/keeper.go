package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sdev/dev"
)

// Keeper is what [Keep] uses of the outside world.
type Keeper struct {
	Out     io.Writer // where the runtime that started it reads the report: one line
	Environ []string  // of the user, from which the container's process gets what programs need
}

// Keep runs the process of a container until it ends and does not start again, or until somebody asks for its end. args
// are the directory of the state and the container's id. It is the program of a keeper: [Runtime] starts it in a process
// of its own, which does nothing else. The end of ctx counts as a request to stop.
func Keep(ctx context.Context, k Keeper, args []string) error {
	if len(args) != 2 {
		return dev.UsageError("a keeper takes the directory of the state and the id of a container", "it is started by sdev up")
	}
	r := New(Options{State: args[0], Environ: k.Environ})
	b, ok := r.boxOf(args[1])
	if !ok {
		return dev.UsageError(dev.Line("%s is not the id of a container", args[1]), "it is started by sdev up")
	}
	kept := &keeper{runtime: r, found: found{box: b}, asks: make(chan ask, 2), out: k.Out, environ: k.Environ}
	err := kept.keep(ctx)
	kept.report(err)
	return err
}

// keeper keeps one container.
type keeper struct {
	found
	runtime *Runtime
	environ []string
	out     io.Writer // nil once the report is sent
	asks    chan ask
	log     *logWriter
	last    run
}

// report says once whether the process runs. Nobody may be left to read it, which does not matter.
func (k *keeper) report(err error) {
	if k.out == nil {
		return
	}
	var r report
	if err != nil {
		failed := dev.AsError(err).Event()
		r.Failed = &failed
	}
	_ = json.NewEncoder(k.out).Encode(r)
	k.out = nil
}

func (k *keeper) keep(ctx context.Context) error {
	l := lockOn(k.lockFile())
	if err := l.Lock(); err != nil {
		return k.runtime.stateError(err)
	}
	defer l.Close() //nolint:errcheck // the end of the process releases it too
	var ok bool
	if k.settings, ok = k.box.settings(); !ok {
		return fmt.Errorf("container %s does not exist any more", k.id())
	}
	stop, err := k.listen(ctx)
	if err != nil {
		return k.runtime.stateError(err)
	}
	defer stop()
	if err := writeJSON(k.keeperFile(), keeperInfo{PID: os.Getpid()}); err != nil {
		return k.runtime.stateError(err)
	}
	if err := k.watchLifeline(); err != nil {
		return k.runtime.stateError(err)
	}
	if k.log, err = openLog(k.logFile()); err != nil {
		return k.runtime.stateError(err)
	}
	defer k.log.Close() //nolint:errcheck // every line was written at once
	return k.runs(ctx)
}

// listen turns requests to this process, and the end of ctx, into asks.
func (k *keeper) listen(ctx context.Context) (stop func(), err error) {
	silence, err := k.requests(k.asks)
	if err != nil {
		return nil, err
	}
	ended := context.AfterFunc(ctx, func() { k.asks <- askStop })
	return func() { ended(); silence() }, nil
}

// watchLifeline ends the container once no attached runtime works on its project any more, if one does now. An attached
// runtime holds a shared lock on the lifeline, so an exclusive one is free when the last of them has ended, however that
// happened. The wait for it ends with this process at the latest.
func (k *keeper) watchLifeline() error {
	file := k.runtime.lifelineFile(k.Project)
	if _, err := os.Stat(file); err != nil {
		return nil //nolint:nilerr // no runtime has ever attached
	}
	attached := false
	// Keepers ask one after the other: otherwise each would take the others' short locks for an attached runtime.
	err := k.runtime.withLock(func() error {
		l := lockOn(file)
		free, err := l.TryLock()
		attached = !free
		return errors.Join(err, l.Close())
	})
	if err != nil || !attached {
		return err
	}
	go func() {
		l := lockOn(file)
		if l.Lock() != nil {
			return // the container then outlives its runtimes, and stays in their list
		}
		_, err := os.Stat(k.runtime.detachedFile(k.Project))
		_ = l.Close() // for the other keepers
		if err != nil {
			k.asks <- askStop
		}
	}()
	return nil
}

// Pauses between the end of a process and its restart, as Docker makes them: doubled each time, and short again after a
// run that was long enough.
const (
	firstPause = 100 * time.Millisecond
	mostPause  = time.Minute
	longRun    = 10 * time.Second
)

// runs runs the process, again and again if the restart policy says so.
func (k *keeper) runs(ctx context.Context) error {
	pause := firstPause
	for {
		code, asked, err := k.runOnce(ctx)
		if err != nil {
			return err
		}
		again := !asked && k.Restart.again(code, k.last.Restarts)
		k.last.Ended, k.last.Restarting, k.last.ExitCode, k.last.Health = !again, again, code, ""
		if err := writeJSON(k.runFile(), k.last); err != nil {
			return k.runtime.stateError(err)
		}
		k.state(dev.Exited, code)
		if !again {
			return nil
		}
		if time.Since(k.last.Started) > longRun {
			pause = firstPause
		}
		rest := time.NewTimer(pause)
		select {
		case <-rest.C:
		case <-k.asks:
			rest.Stop()
			k.last.Ended, k.last.Restarting = true, false
			return writeJSON(k.runFile(), k.last)
		}
		pause = min(2*pause, mostPause)
		k.last.Restarts++
	}
}

func (k *keeper) state(s dev.State, code int) {
	k.runtime.journal(k.Project).add(record{Time: time.Now(), ID: k.id(), Service: k.Service, State: s, ExitCode: code})
}

// runOnce runs the process once and returns its exit code; asked says that somebody asked for its end.
func (k *keeper) runOnce(ctx context.Context) (code int, asked bool, err error) {
	cmd, err := k.command()
	if err != nil {
		return 0, false, err
	}
	if err := k.emptyTemporary(); err != nil {
		return 0, false, k.runtime.stateError(err)
	}
	output, err := k.log.pipes(cmd)
	if err != nil {
		return 0, false, k.runtime.stateError(err)
	}
	p, err := startGroup(cmd)
	output.started()
	if err != nil {
		output.drain()
		return 0, false, k.notStarted(cmd.Path, err)
	}
	ended := make(chan int, 1)
	go func() { ended <- p.wait() }()
	k.last.Started, k.last.Ended, k.last.Restarting, k.last.PID, k.last.ExitCode = time.Now(), false, false, p.pid(), 0
	if k.Check != nil {
		k.last.Health = string(dev.Starting)
	}
	if err := writeJSON(k.runFile(), k.last); err != nil {
		p.kill()
		<-ended
		output.drain()
		return 0, false, k.runtime.stateError(err)
	}
	k.state(dev.Running, 0)
	k.report(nil)
	checks := k.startChecks(ctx)
	asked = k.untilEnd(p, ended, &code)
	checks.stop()
	p.kill() // what the first process has left behind
	endStrays(k.id())
	output.drain()
	return code, asked, nil
}

// untilEnd waits for the end of the process, and meanwhile does what others ask for.
func (k *keeper) untilEnd(p *group, ended <-chan int, code *int) (asked bool) {
	var late <-chan time.Time
	for {
		select {
		case *code = <-ended:
			return asked
		case how := <-k.asks:
			if how == askKill {
				p.kill()
			} else if !asked {
				p.stop(k.StopSignal)
				timer := time.NewTimer(k.Grace)
				defer timer.Stop()
				late = timer.C
			}
			asked = true
		case <-late:
			p.kill()
		}
	}
}

// emptyTemporary makes the container's own directories, and empties the temporary ones.
func (k *keeper) emptyTemporary() error {
	for _, m := range k.Mounts {
		if filepath.Dir(m.Source) != k.privateDir() {
			continue
		}
		if m.Temporary {
			if err := os.RemoveAll(m.Source); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(m.Source, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// markVariable is the variable by which the processes of a container are found, whatever group they are in. Its value is
// the container's id.
const markVariable = "SDEV_CONTAINER"

// processEnv is the environment of the container's process: what programs need of this machine, and then what the service sets, with
// this machine's paths.
func (c found) processEnv(environ []string) []string {
	env := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && isOfMachine(name) {
			env[name] = value
		}
	}
	host := env[pathVariable]
	paths := c.paths()
	for name, value := range c.Env {
		env[name] = paths.Variable(value)
	}
	search := []string{}
	if c.Environment != "" {
		env["VIRTUAL_ENV"] = c.Environment
		search = append(search, scriptsDir(c.Environment))
	}
	if _, own := c.Env[pathVariable]; own {
		search = append(search, env[pathVariable])
	}
	env[pathVariable] = strings.Join(append(search, host), string(os.PathListSeparator))
	env[markVariable] = c.id()
	out := make([]string, 0, len(env))
	for name, value := range env {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	return out
}

// pathVariable lists the directories of programs.
const pathVariable = "PATH"

// isOfMachine reports whether a variable of this machine's environment is for every program. Others, such as keys of a
// cloud, would not reach a container either.
func isOfMachine(name string) bool {
	switch strings.ToUpper(name) {
	case pathVariable, "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
		"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE":
		return true
	}
	return strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "XDG_")
}
