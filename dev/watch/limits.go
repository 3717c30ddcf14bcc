package watch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"sdev/dev"
)

// limits are what a system's file events cost, and how a user gets more of them. systemLimits returns those of the system
// for which sdev was built (limits_linux.go and so on).
type limits struct {
	files     string // what to say when the system allows no more watchers or open files
	filesHint string
}

// linuxLimits: inotify counts watchers, and directories watched, per user. See inotify(7).
func linuxLimits() limits {
	return limits{"the system allows no more watchers or open files for this user",
		"sudo sysctl fs.inotify.max_user_instances=1024; if that does not help: ulimit -n 65536"}
}

// kqueueLimits: macOS needs an open file for each file in each watched directory. See kqueue(2).
func kqueueLimits() limits {
	return limits{"the project has more files than this system lets a program watch, because it opens each of them",
		"run ulimit -n 65536 before sdev, or add directories that the app does not need to .dockerignore"}
}

// windowsLimits: ReadDirectoryChangesW needs a handle for each directory. Some network drives do not have it.
func windowsLimits() limits {
	return limits{"the system allows no more open files for this program", "close other programs, or add directories that the app does not need to .dockerignore"}
}

// warning says why the system delivers no events, and what to do about it. dirs is how many directories were watched.
func (l limits) warning(err error, dirs int, every time.Duration) dev.Warning {
	w := dev.Warning{Code: dev.CodeWatchLimit}
	switch {
	case errors.Is(err, syscall.ENOSPC): // only inotify returns it
		w.Message = fmt.Sprintf("the system allows only %d file watches for this user", dirs)
		w.Hint = "sudo sysctl fs.inotify.max_user_watches=524288"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		w.Message, w.Hint = l.files, l.filesHint
	default:
		w.Message = fmt.Sprintf("the system delivers no file events (%v)", err)
		w.Hint = "no action needed; sdev notices saves a little later"
	}
	w.Message += fmt.Sprintf("; polling every %v instead", every)
	return w
}

// frugal is a source that opens each file of a directory, and stops before the program has no open files left for
// anything else: a connection to the engine needs one, too.
type frugal struct {
	source
	left  int                           // how many files it may still open
	files map[string]int                // opened, by directory
	count func(dir string) (int, error) // the files in a directory
}

func newFrugal(s source, most int) *frugal {
	return &frugal{source: s, left: most, files: map[string]int{}, count: func(dir string) (int, error) {
		entries, err := os.ReadDir(dir)
		return len(entries), err
	}}
}

// Add fails with EMFILE if the directory has more files than may still be opened.
func (f *frugal) Add(dir string) error {
	n, err := f.count(dir)
	if err != nil {
		return err
	}
	if n++; n-f.files[dir] > f.left { // the directory itself is one
		return os.NewSyscallError("kevent", syscall.EMFILE)
	}
	if err := f.source.Add(dir); err != nil {
		return err
	}
	f.left += f.files[dir] - n
	f.files[dir] = n
	return nil
}

func (f *frugal) Remove(dir string) error {
	f.left += f.files[dir]
	delete(f.files, dir)
	return f.source.Remove(dir)
}
