package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sdev/dev"
)

// stopDetector collects the services that something other than sdev stopped and that have not come back. The exit
// of a container by a signal may be part of a restart, so it counts only after stopGrace. Only the goroutine of
// [supervisor.run] uses it.
type stopDetector struct {
	stopped map[string]dev.ServiceState
	due     <-chan time.Time // fires when to report them; nil if there are none
}

// stopGrace is how long a service must be down before it is reported.
const stopGrace = 3 * time.Second

// Exit codes of a container that a signal ended: 128 plus the signal's number. The kernel's out-of-memory killer
// sends SIGKILL, too.
const (
	killed     = 137
	terminated = 143
)

// note records a state change that this process did not cause.
func (d *stopDetector) note(ev dev.ServiceState, app string) {
	signalled := ev.ExitCode == killed || ev.ExitCode == terminated
	switch {
	case ev.State == dev.Running:
		delete(d.stopped, ev.Service)
		return
	case ev.State == dev.Exited && (signalled || ev.Service == app && ev.ExitCode == 0):
	case ev.State == dev.Removed && ev.Service == app:
	default: // an ordinary exit or failure, which other code reports
		return
	}
	if d.stopped == nil {
		d.stopped = map[string]dev.ServiceState{}
	}
	d.stopped[ev.Service] = ev
	d.due = time.After(stopGrace)
}

// warnOfExternalStops warns of the services that are still down. While another sdev holds the project's lock, it
// only reschedules itself: that sdev may have stopped them, and may start them again.
func (s *supervisor) warnOfExternalStops() {
	s.externalStops.due = nil
	lock := lockOn(s.project.lockFile())
	if free, err := lock.TryRLock(); err == nil && !free {
		s.externalStops.due = time.After(stopGrace)
		return
	}
	_ = lock.Unlock() // the lock only had to be free
	services := s.externalStops.stopped
	s.externalStops.stopped = nil
	for _, name := range slices.Sorted(maps.Keys(services)) {
		ev := services[name]
		how := "was stopped"
		switch {
		case ev.State == dev.Removed:
			how = "was removed"
		case ev.ExitCode == killed:
			how = "was killed (exit code 137: by hand, or because memory ran out)"
		}
		w := dev.Warning{Code: dev.CodeServiceExited, Message: fmt.Sprintf("service %s %s, but not by sdev", name, how), Hint: "start it again: sdev up"}
		if name == s.project.App {
			w.Code, w.Hint = dev.CodeAppExited, "the next save starts it again"
		}
		s.engine.emit(w)
	}
}
