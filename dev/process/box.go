package process

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"sdev/dev"
	"sdev/dev/pattern"
)

// box is the directory of one container:
//
//	container.json  its settings, written once
//	files/          the content of its secrets and configs
//	private/        its temporary directories and volumes without a name
//	lock            held by the keeper while the container runs
//	keeper.json     who the keeper is
//	run.json        the last run
//	log, log.1      what it printed
//	keeper.log      what the keeper printed: nothing, unless it crashed
type box struct{ dir string }

// idForm is the form of a container's id, which is also the name of its directory.
var idForm = pattern.New(`^[0-9a-f]{32}$`)

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// boxOf returns the directory of a container; ok is false if that is no id.
func (r *Runtime) boxOf(id string) (b box, ok bool) {
	return box{filepath.Join(r.containersDir(), id)}, idForm.MatchString(id)
}

// boxes returns the directories of all containers, sorted by id.
func (r *Runtime) boxes() ([]box, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(r.containersDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, r.stateError(err)
	}
	var out []box
	for _, e := range entries {
		if b, ok := r.boxOf(e.Name()); ok {
			out = append(out, b)
		}
	}
	return out, nil
}

func (b box) id() string           { return filepath.Base(b.dir) }
func (b box) settingsFile() string { return filepath.Join(b.dir, "container.json") }
func (b box) filesDir() string     { return filepath.Join(b.dir, "files") }
func (b box) privateDir() string   { return filepath.Join(b.dir, "private") }
func (b box) lockFile() string     { return filepath.Join(b.dir, "lock") }
func (b box) keeperFile() string   { return filepath.Join(b.dir, "keeper.json") }
func (b box) runFile() string      { return filepath.Join(b.dir, "run.json") }
func (b box) logFile() string      { return filepath.Join(b.dir, "log") }
func (b box) crashFile() string    { return filepath.Join(b.dir, "keeper.log") }

// run is what a container's keeper records of the last run.
type run struct {
	Started    time.Time // zero before the first run
	Ended      bool
	ExitCode   int
	PID        int // of the first process, which leads the group
	Restarting bool
	Restarts   int
	Health     string
	HealthText string // output of the last health check
}

// keeperInfo is what a keeper says about itself.
type keeperInfo struct{ PID int }

func readJSON(file string, v any) error {
	b, err := dev.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func writeJSON(file string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return dev.ReplaceFile(file, b, 0o600)
}

// settings reads the settings of a container; ok is false if it does not exist (any more).
func (b box) settings() (s settings, ok bool) {
	err := readJSON(b.settingsFile(), &s)
	return s, err == nil
}

// lastRun reads the last run; a damaged record is that of a container which never ran.
func (b box) lastRun() run {
	var r run
	if readJSON(b.runFile(), &r) != nil {
		return run{}
	}
	return r
}

// lockOn returns a lock on a file, as package engine makes them.
func lockOn(file string) *flock.Flock {
	return flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NONBLOCK))
}

// isKept reports whether a keeper holds the container's lock. It asks with a shared lock, so that two who ask at the
// same time do not take each other for the keeper.
func (b box) isKept() bool {
	if _, err := os.Stat(b.lockFile()); err != nil {
		return false // TryRLock would create it, although the container has just been removed
	}
	l := lockOn(b.lockFile())
	free, err := l.TryRLock()
	_ = l.Close() // releases it
	return err == nil && !free
}

// settle records the end of a run whose keeper was killed, and ends what is left of it. A keeper that lives is left
// alone.
func (r *Runtime) settle(b box, s settings) {
	last := b.lastRun()
	if last.Started.IsZero() || last.Ended || b.isKept() {
		return
	}
	l := lockOn(b.lockFile())
	free, err := l.TryLock()
	if err != nil || !free {
		return // a new keeper, or somebody else who settles it
	}
	defer l.Close() //nolint:errcheck // releases it
	if last = b.lastRun(); last.Ended {
		return
	}
	endStrays(b.id())
	last.Ended, last.Restarting, last.ExitCode, last.Health = true, false, exitKilled, ""
	if writeJSON(b.runFile(), last) == nil { // else the next look settles it
		r.journal(s.Project).add(record{Time: time.Now(), ID: b.id(), Service: s.Service, State: dev.Exited, ExitCode: exitKilled})
	}
}

// exitKilled is the exit code of a process that was killed, as Docker reports it.
const exitKilled = 128 + 9

// found is a container with its settings.
type found struct {
	box
	settings
}

// containers returns the containers of a project, or of all projects if that is "", sorted by name. It settles each.
func (r *Runtime) containers(project string) ([]found, error) {
	all, err := r.boxes()
	if err != nil {
		return nil, err
	}
	var out []found
	for _, b := range all {
		s, ok := b.settings()
		if !ok || project != "" && s.Project != project {
			continue
		}
		r.settle(b, s)
		out = append(out, found{b, s})
	}
	slices.SortFunc(out, func(a, b found) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// named returns a container of a project by its name.
func (r *Runtime) named(project, name string) (found, bool, error) {
	all, err := r.containers(project)
	if err != nil {
		return found{}, false, err
	}
	i := slices.IndexFunc(all, func(c found) bool { return c.Name == name })
	if i < 0 {
		return found{}, false, nil
	}
	return all[i], true, nil
}

// stateError explains a failure to read or write the state.
func (r *Runtime) stateError(err error) error {
	return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err,
		Message: dev.Line("the state of processes in %s cannot be used: %v", r.state, err),
		Hint:    "check the directory's owner, its permissions and the free space of its disk"}
}

// key is the name of the file or directory for an object whose name others have chosen.
func key(name string) string { return shortSum([]byte(name)) }

// check refuses a directory of state that others could read or change: it holds secrets, and the commands that sdev runs.
func (r *Runtime) check() error {
	info, err := os.Lstat(r.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return r.stateError(err)
	}
	uid, _, numbered := dev.Owner(info)
	why := ""
	switch {
	case !info.IsDir():
		why = "it is no directory"
	case numbered && uid != os.Geteuid():
		why = "it belongs to somebody else"
	case numbered && info.Mode().Perm()&0o077 != 0:
		why = "others may enter it"
	default:
		return nil
	}
	return &dev.Error{Code: dev.CodeStateUnsafe, Exit: dev.ExitFailed, Message: dev.Line("sdev does not use %s for the processes of projects: %s", r.state, why),
		Hint: "remove it, or correct its owner and permissions (chmod 700)"}
}

// withLock calls f while no other sdev creates or removes an object.
func (r *Runtime) withLock(f func() error) error {
	if err := os.MkdirAll(r.state, 0o700); err != nil {
		return r.stateError(err)
	}
	if err := r.check(); err != nil {
		return err
	}
	l := lockOn(filepath.Join(r.state, "lock"))
	if err := l.Lock(); err != nil {
		return r.stateError(fmt.Errorf("lock: %w", err))
	}
	defer l.Close() //nolint:errcheck // releases it
	return f()
}
