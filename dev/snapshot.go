package dev

import (
	"slices"
	"strings"
	"time"
)

// Snapshot is the state after a number of events. The zero value is the state before the first one.
type Snapshot struct {
	Mode     Mode
	URL      string
	Issuer   string
	Services []ServiceStatus // by name
	Sessions int
	Reload   ReloadStatus
	// Exception is the exception that the app's page shows now; zero after a successful run.
	Exception AppException
	// LastFile is the latest save that concerns the app.
	LastFile FileChanged
	Error    Failed // why the last run of the project failed; zero once the page answers
	Stopped  bool
	Seq      uint64
	Time     time.Time
}

// ServiceStatus is one service of a snapshot.
type ServiceStatus struct {
	Name     string
	State    State
	ExitCode int
}

// ReloadStatus is the latest save that became live.
type ReloadStatus struct {
	Trigger  string
	How      ReloadMethod
	MS       int64
	Sessions int
	Count    int // reloads so far
}

// Apply returns the snapshot after event e. It is pure: it does not change s, and the result shares no memory with
// s that a later Apply writes to.
func Apply(s Snapshot, e Stamped) Snapshot {
	s.Seq, s.Time = e.Seq, e.Time
	switch ev := e.Event.(type) {
	case ServiceState:
		s.Services = withService(s.Services, ServiceStatus{Name: ev.Service, State: ev.State, ExitCode: ev.ExitCode})
	case Ready:
		s.URL, s.Mode, s.Issuer, s.Stopped = ev.URL, ev.Mode, ev.Issuer, false
		s.Error = Failed{}
	case FileChanged:
		if ev.Service == "" {
			s.LastFile = ev
		}
	case AppReloaded:
		s.Reload = ReloadStatus{Trigger: ev.Trigger, How: ev.How, MS: ev.MS, Sessions: ev.Sessions, Count: s.Reload.Count + 1}
		s.Exception = AppException{}
	case AppException:
		s.Exception = ev
	case SessionOpened:
		s.Sessions = ev.Sessions
	case SessionClosed:
		s.Sessions = ev.Sessions
	case Failed:
		s.Error = ev
	case Stopped:
		s.Stopped, s.Sessions = true, 0
	case PlanMade, BuildStep, BuildDone, AuthLogin, AuthDenied, AuthLogout, AuthFault, LogLine, LogDropped, Warning:
		// These events do not change the state.
	}
	return s
}

func withService(list []ServiceStatus, st ServiceStatus) []ServiceStatus {
	list = slices.Clone(list)
	i, found := slices.BinarySearchFunc(list, st.Name, func(a ServiceStatus, name string) int { return strings.Compare(a.Name, name) })
	switch {
	case found && st.State == Removed:
		return slices.Delete(list, i, i+1)
	case found:
		list[i] = st
		return list
	case st.State == Removed:
		return list
	}
	return slices.Insert(list, i, st)
}
