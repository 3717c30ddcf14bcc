package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// apart gives a keeper a console of its own without a window, so that no key at this one reaches it, and so that it can
// send its process a key.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW | windows.CREATE_NEW_PROCESS_GROUP}
}

// foreground changes nothing: every program of a console has its keys.
func foreground(*exec.Cmd, *os.File) (back func()) { return func() {} }

// group is a process and all that it has started, in a job object. The system ends the job with its last handle, which
// the keeper holds: so nothing outlives a keeper.
type group struct {
	cmd   *exec.Cmd
	job   windows.Handle
	close sync.Once
}

func startGroup(cmd *exec.Cmd) (*group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("create a job object: %w", err)
	}
	g := &group{cmd: cmd, job: job}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		g.kill()
		return nil, fmt.Errorf("limit a job object: %w", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		g.kill()
		return nil, err
	}
	if err := g.assign(); err != nil {
		_ = cmd.Process.Kill() // it is not in the job
		_ = cmd.Wait()
		g.kill()
		return nil, fmt.Errorf("assign a process to a job object: %w", err)
	}
	return g, nil
}

func (g *group) assign() error {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(g.pid()))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing is lost
	return windows.AssignProcessToJobObject(g.job, h)
}

func (g *group) pid() int { return g.cmd.Process.Pid }

func (g *group) wait() int {
	_ = g.cmd.Wait() // the state says more
	return exitCode(g.cmd.ProcessState)
}

// exitCode is the exit code of a process that has ended.
func exitCode(state *os.ProcessState) int { return state.ExitCode() }

// stop sends Ctrl-Break to the processes of the group, which share the keeper's console. Windows has no other signal.
func (g *group) stop(string) {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.pid())) // they may have ended
}

// kill ends the job, with the exit code that a killed process has elsewhere.
func (g *group) kill() {
	g.close.Do(func() {
		_ = windows.TerminateJobObject(g.job, exitKilled) // it may be empty
		_ = windows.CloseHandle(g.job)
	})
}

// endStrays does nothing: a process cannot leave the job.
func endStrays(string) {}

// eventName is the name of the event by which a runtime asks a keeper.
func eventName(id string, how ask) (*uint16, error) {
	return windows.UTF16PtrFromString(fmt.Sprintf(`Local\sdev-%s-%d`, id, how))
}

// requests passes on what others ask of this process. Its goroutines end with the process.
func (k *keeper) requests(asks chan<- ask) (silence func(), err error) {
	for _, how := range []ask{askStop, askKill} {
		name, err := eventName(k.id(), how)
		if err != nil {
			return nil, err
		}
		event, err := windows.CreateEvent(nil, 0, 0, name)
		if err != nil {
			return nil, fmt.Errorf("create an event: %w", err)
		}
		go func() {
			for {
				if _, err := windows.WaitForSingleObject(event, windows.INFINITE); err != nil {
					return
				}
				asks <- how
			}
		}()
	}
	return func() {}, nil
}

// askKeeper asks a keeper to end its container; ok is false if that keeper has ended.
func (b box) askKeeper(_ keeperInfo, how ask) (ok bool, err error) {
	name, err := eventName(b.id(), how)
	if err != nil {
		return false, err
	}
	event, err := windows.OpenEvent(windows.EVENT_MODIFY_STATE, false, name)
	if err != nil {
		return false, nil //nolint:nilerr // the system removes the event with the keeper
	}
	defer windows.CloseHandle(event) //nolint:errcheck // nothing is lost
	return true, windows.SetEvent(event)
}

// openShared opens a file to read it while others write, rename or remove it. os.OpenFile does not let others remove it.
func openShared(name string) (*os.File, error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(p, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

// scriptsDir is the directory of programs in an environment.
func scriptsDir(environment string) string { return filepath.Join(environment, "Scripts") }

// pythonOf is the Python of an environment.
func pythonOf(environment string) string { return filepath.Join(environment, "Scripts", "python.exe") }
