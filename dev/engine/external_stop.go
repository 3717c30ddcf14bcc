package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sdev/dev"
)

// stopDetector knows which services somebody else stopped that have not come back. An end by a signal
// looks like a restart of our own, so it is reported only once it has lasted: who restarts a container
// by hand knows that.
type stopDetector struct {
	stopped map[string]dev.ServiceState
	due     <-chan time.Time // when to report them; nil while there are none
}

// stopGrace is how long a service has to be gone.
const stopGrace = 3 * time.Second

// Exit codes of a container that a signal ended: 128 and the number of the signal. The engine's own
// end of memory is a SIGKILL too.
const (
	killed     = 137
	terminated = 143
)

// note records a change of state that this process did not cause.
func (a *stopDetector) note(ev dev.ServiceState, app string) {
	signalled := ev.ExitCode == killed || ev.ExitCode == terminated
	switch {
	case ev.State == dev.Running:
		delete(a.stopped, ev.Service)
		return
	case ev.State == dev.Exited && (signalled || ev.Service == app && ev.ExitCode == 0):
	case ev.State == dev.Removed && ev.Service == app:
	default: // a failure of its own, which is reported as such, or its usual end
		return
	}
	if a.stopped == nil {
		a.stopped = map[string]dev.ServiceState{}
	}
	a.stopped[ev.Service] = ev
	a.due = time.After(stopGrace)
}

// warnOfStops warns of what is still gone. While another sdev holds the lock it waits: that one may have
// stopped the service.
func (a *supervisor) warnOfStops() {
	a.stops.due = nil
	lock := lockOn(a.project.lockFile())
	if free, err := lock.TryRLock(); err == nil && !free {
		a.stops.due = time.After(stopGrace)
		return
	}
	_ = lock.Unlock() // it was only asked for
	services := a.stops.stopped
	a.stops.stopped = nil
	for _, name := range slices.Sorted(maps.Keys(services)) {
		ev := services[name]
		how := "was stopped"
		switch {
		case ev.State == dev.Removed:
			how = "was removed"
		case ev.ExitCode == killed:
			how = "was killed (exit code 137: by hand, or for want of memory)"
		}
		w := dev.Warning{Code: dev.CodeServiceExited, Message: fmt.Sprintf("service %s %s, and not by sdev", name, how), Hint: "start it again: sdev up"}
		if name == a.project.App {
			w.Code, w.Hint = dev.CodeAppExited, "the next save starts it again"
		}
		a.engine.emit(w)
	}
}
