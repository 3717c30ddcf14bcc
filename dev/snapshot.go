package dev

import (
	"slices"
	"strings"
	"time"
)

// Snapshot is what is true after a number of events. The zero value is before the first.
type Snapshot struct {
	Mode     Mode
	URL      string
	Issuer   string
	Services []ServiceStatus // by name
	Sessions int
	Reload   ReloadStatus
	// Exception is the one the app's page shows now; zero when its last run went well.
	Exception AppException
	// LastFile is the most recent save that concerns the app.
	LastFile FileChanged
	Error    Failed // why the last attempt to run ended; zero since the page answers
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

// ReloadStatus is the most recent save that became live.
type ReloadStatus struct {
	Trigger  string
	How      ReloadMethod
	MS       int64
	Sessions int
	Count    int // reloads so far
}

// Apply gives the snapshot that follows s once e has happened. It is pure: s is not changed and
// shares no memory with the result that a later Apply would write to.
func Apply(s Snapshot, e Stamped) Snapshot {
	s.Seq, s.Time = e.Seq, e.Time
	switch ev := e.Event.(type) {
	case ServiceState:
		s.Services = withService(s.Services, ServiceStatus{Name: ev.Service, State: ev.State, ExitCode: ev.ExitCode})
	case Ready:
		s.URL, s.Mode, s.Issuer, s.Stopped = ev.URL, ev.Mode, ev.Issuer, false
		s.Error = Failed{}
	case FileChanged:
		s.LastFile = ev
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
		// Told, not kept.
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
