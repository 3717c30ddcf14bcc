package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Do carries out one operation. Removing something that no longer exists is not an error.
func (r *Runtime) Do(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch op.Kind {
	case plan.Image:
		return r.loadProgram(op.Name)
	case plan.Network:
		return r.withLock(func() error { return r.doNetwork(op, labels) })
	case plan.Volume:
		return r.withLock(func() error { return r.doVolume(op, labels) })
	case plan.ServiceContainer:
		return r.doContainer(ctx, op, labels)
	}
	return fmt.Errorf("unknown kind of operation: %q", op.Kind)
}

func (r *Runtime) doContainer(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	switch op.Verb {
	case plan.Create:
		return r.create(op, labels)
	case plan.Start, plan.Restart:
		return r.start(ctx, op, labels)
	case plan.Remove:
		b, ok := r.boxOf(op.ID)
		if !ok {
			return nil
		}
		return r.remove(ctx, b, askStop)
	case plan.Wait:
		return r.wait(ctx, op, labels)
	case plan.Load, plan.Sync: // Load is for images; package engine carries out Sync itself
	}
	return fmt.Errorf("unknown operation on a container: %q", op.Verb)
}

// Kill removes a container without waiting for a graceful exit.
func (r *Runtime) Kill(ctx context.Context, id string) error {
	b, ok := r.boxOf(id)
	if !ok {
		return nil
	}
	return r.remove(ctx, b, askKill)
}

// create makes the container's directory under another name and renames it, so that nobody sees a part of it.
func (r *Runtime) create(op plan.Operation, labels plan.Labels) error {
	image, ok := r.image(op.Service.Config.Image)
	if !ok {
		return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: dev.Line("image %s has no environment on this machine", op.Service.Config.Image),
			Hint: "run the command again: it creates missing environments"}
	}
	b := box{filepath.Join(r.containersDir(), newID())}
	s, err := newSettings(op, labels, image, b, r.keeper[0], r.volumeDataDir)
	if err != nil {
		return err
	}
	temp := box{filepath.Join(r.containersDir(), halfMade+b.id())}
	for _, f := range op.Service.Files {
		s.Files = append(s.Files, path.Clean(f.Path))
	}
	return r.withLock(func() error {
		if _, there, err := r.named(labels.Project, op.Name); err != nil {
			return err
		} else if there {
			return fmt.Errorf("container %s exists already", op.Name)
		}
		r.removeHalfMade()
		err := temp.fill(s, op.Service.Files)
		if err == nil {
			err = os.Rename(temp.dir, b.dir)
		}
		if err != nil {
			_ = os.RemoveAll(temp.dir) // the first error matters
			if e, ok := errors.AsType[*dev.Error](err); ok {
				return e
			}
			return r.stateError(err)
		}
		r.journal(s.Project).add(record{Time: time.Now(), ID: b.id(), Service: s.Service, State: dev.Creating})
		return nil
	})
}

// halfMade begins the names of directories that are being made or removed.
const halfMade = "half-made-"

// removeHalfMade removes what killed processes have left. The caller holds the lock, so nobody else is at it.
func (r *Runtime) removeHalfMade() {
	entries, _ := os.ReadDir(r.containersDir()) // the first container makes it
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), halfMade) {
			_ = os.RemoveAll(filepath.Join(r.containersDir(), e.Name())) // a leftover only takes space
		}
	}
}

// fill writes the settings and files of a new container.
func (b box) fill(s settings, files []plan.File) error {
	for _, dir := range []string{b.dir, b.filesDir(), b.privateDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, f := range files {
		if _, err := filepath.Localize(strings.TrimPrefix(path.Clean(f.Path), "/")); err != nil {
			return &dev.Error{Code: dev.CodeComposeInvalid, Exit: dev.ExitProject, Message: dev.Line("%s of service %s cannot be a file at %s on this system", f.What, s.Service, f.Path), Hint: "choose another target in the compose file"}
		}
		at := b.fileAt(path.Clean(f.Path))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return err
		}
		// Its user runs the process, so a file for others needs no more than that user's permissions.
		if err := dev.ReplaceFile(at, f.Content, fs.FileMode(f.Mode)&0o500|0o400); err != nil {
			return err
		}
	}
	return writeJSON(b.settingsFile(), s)
}

// fileAt is where a file of the container is on this machine.
func (b box) fileAt(target string) string {
	return filepath.Join(b.filesDir(), filepath.FromSlash(strings.TrimPrefix(target, "/")))
}

// start starts a container, or restarts it.
func (r *Runtime) start(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	c, ok, err := r.named(labels.Project, op.Name)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("there is no container %s", op.Name)
	}
	if op.Verb == plan.Restart {
		if err := c.end(ctx, askStop); err != nil {
			return err
		}
	} else if c.describe().Running {
		return nil
	}
	if c.Joins != "" {
		host, ok, err := r.named(labels.Project, c.Joins)
		if err != nil {
			return err
		}
		if !ok || !host.describe().Running {
			return fmt.Errorf("start %s: container %s, in front of it, does not run", c.Name, c.Joins)
		}
	}
	if err := c.checkPorts(ctx); err != nil {
		_ = r.remove(context.WithoutCancel(ctx), c.box, askKill) // the first error matters
		return err
	}
	if err := r.attach(labels.Project); err != nil {
		return err
	}
	return r.spawn(ctx, c)
}

// PortTakenError says that a program uses the port of this machine that a container publishes.
type PortTakenError struct {
	Binding string
	Cause   error
}

func (e *PortTakenError) Error() string {
	return fmt.Sprintf("port is already in use: %s: %v", e.Binding, e.Cause)
}
func (e *PortTakenError) Unwrap() error { return e.Cause }

// PortTaken is the mark by which package engine recognises this error; it then chooses another port.
func (e *PortTakenError) PortTaken() bool { return true }

// checkPorts listens for a moment on each port that the container publishes or exposes. The process itself will listen
// there.
func (c found) checkPorts(ctx context.Context) error {
	for _, binding := range c.Ports {
		address, to, _ := strings.Cut(binding, "->")
		if !strings.HasSuffix(to, "/tcp") || strings.HasSuffix(address, ":") {
			continue
		}
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			if dev.IsAddressTaken(err) {
				return &PortTakenError{Binding: binding, Cause: err}
			}
			return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: dev.Line("service %s cannot publish %s: %v", c.Service, binding, err), Hint: "choose another address or port in the compose file"}
		}
		l.Close()
	}
	for _, port := range c.Exposed {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			l.Close()
		} else if dev.IsAddressTaken(err) { // anything else, such as a range of ports, is not for this machine
			return &dev.Error{Code: dev.CodePortTaken, Exit: dev.ExitFailed, Cause: err, Message: dev.Line("service %s needs port %s of this machine, which is in use", c.Service, port),
				Hint: "end the program that uses it, or give the page another port, from which this one follows: sdev down, then sdev up --port N"}
		}
	}
	return nil
}

// report is what a keeper says once, when its process runs or cannot.
type report struct {
	Failed *dev.Failed `json:"failed,omitempty"`
}

// spawn starts a keeper, and returns once the container's process runs.
func (r *Runtime) spawn(ctx context.Context, c found) error {
	crash, err := os.OpenFile(c.crashFile(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return r.stateError(err)
	}
	defer crash.Close() //nolint:errcheck // the keeper writes it
	// The number of an earlier keeper may be another process's by now.
	if err := r.gone(os.Remove(c.keeperFile())); err != nil {
		return err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return r.stateError(err)
	}
	defer in.Close()                                                                         //nolint:errcheck // only read
	cmd := exec.Command(r.keeper[0], append(slices.Clone(r.keeper[1:]), r.state, c.id())...) //nolint:noctx // it outlives this call
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = r.environ, c.dir, out, crash, apart()
	err = cmd.Start()
	_ = out.Close() // the keeper has its own end
	if err != nil {
		return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: dev.Line("sdev cannot start itself to watch over %s: %v", c.Name, err), Hint: "check that " + r.keeper[0] + " still exists and may be run"}
	}
	said := make(chan []byte, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadBytes('\n') // an incomplete report is none
		said <- line
	}()
	select {
	case b := <-said:
		var got report
		if json.Unmarshal(b, &got) != nil {
			_ = cmd.Wait()                         // what it printed says more
			text, _ := dev.ReadFile(c.crashFile()) // it may be empty
			return &dev.Error{Code: dev.CodeInternal, Exit: dev.ExitFailed, Message: dev.Line("the keeper of %s ended: %s", c.Name, bytes.TrimSpace(text)), Hint: "run the command again; if it happens again, report it"}
		}
		if got.Failed != nil {
			_ = cmd.Wait() // it has said why it ends
			return got.Failed.Err()
		}
		r.keep(c.box, cmd)
		return nil
	case <-ctx.Done():
		teardown := context.WithoutCancel(ctx)
		_ = c.end(teardown, askKill) // the end of ctx matters; the caller removes the container
		<-said
		_ = c.end(teardown, askKill) // it may have begun only now
		_ = cmd.Wait()
		return ctx.Err()
	}
}

// keep remembers a keeper that this process has started, and reaps those that have ended meanwhile: the system keeps
// their remains until then. A keeper holds the lock of its container from before its report until its very end.
func (r *Runtime) keep(b box, cmd *exec.Cmd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, ended := range r.keepers {
		if kept, ok := r.boxOf(id); !ok || !kept.isKept() {
			_ = ended.Wait() // how it ended is in the record of the run
			delete(r.keepers, id)
		}
	}
	r.keepers[b.id()] = cmd
}

// remove ends a container and removes its directory.
func (r *Runtime) remove(ctx context.Context, b box, how ask) error {
	s, ok := b.settings()
	if !ok {
		return nil
	}
	if err := b.end(ctx, how); err != nil {
		return err
	}
	r.settle(b, s)
	return r.withLock(func() error {
		if _, ok := b.settings(); !ok {
			return nil // somebody else has removed it
		}
		gone := filepath.Join(r.containersDir(), halfMade+b.id())
		if err := os.Rename(b.dir, gone); err != nil {
			return r.stateError(err)
		}
		r.journal(s.Project).add(record{Time: time.Now(), ID: b.id(), Service: s.Service, State: dev.Removed})
		s.removeSocket()
		if err := os.RemoveAll(gone); err != nil {
			return r.stateError(err)
		}
		return nil
	})
}

// removeSocket removes the unix socket that the container's process has left behind, and sdev's directory of sockets once that
// is empty. It removes nothing else, whatever the label names.
func (s settings) removeSocket() {
	name := s.Labels[dev.LabelSocket]
	if st, err := os.Lstat(name); err == nil && st.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(name) // a leftover does no harm: the next process replaces it
	}
	if dir := filepath.Dir(name); strings.HasPrefix(filepath.Base(dir), "sdev-") {
		_ = os.Remove(dir) // another container's socket may be in it
	}
}

// ask is how a keeper is asked to end its container.
type ask int

const (
	askStop ask = iota // within the grace period
	askKill            // at once
)

// askEvery is the pause between two looks at a container that is ending.
const askEvery = 5 * time.Millisecond

// end ends a container's process, and returns once its keeper has ended too. A keeper that has just begun is asked when it
// has said who it is.
func (b box) end(ctx context.Context, how ask) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	asked := 0 // the keeper that was asked
	for b.isKept() {
		var k keeperInfo
		if readJSON(b.keeperFile(), &k) == nil && k.PID != asked {
			ok, err := b.askKeeper(k, how)
			if err != nil {
				return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: dev.Line("process %d, which keeps a container, cannot be asked to end it: %v", k.PID, err), Hint: fmt.Sprintf("end it by hand: kill %d", k.PID)}
			}
			if ok {
				asked = k.PID
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
