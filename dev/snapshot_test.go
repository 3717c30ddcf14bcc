package dev_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"sdev/dev"
)

func TestApply_FoldsEventsIntoTheState(t *testing.T) {
	raised := dev.AppException{Exception: "ZeroDivisionError", File: "Home.py", Line: 3}
	failed := dev.Failed{Code: dev.CodeAppExited, Message: "ended", Exit: 5}
	saved := dev.FileChanged{Paths: []string{"Home.py"}, Action: dev.Live}
	for name, c := range map[string]struct {
		events []dev.Event
		want   dev.Snapshot
	}{
		"services are kept by name": {
			[]dev.Event{
				dev.ServiceState{Service: "web", State: dev.Starting},
				dev.ServiceState{Service: "db", State: dev.Running},
				dev.ServiceState{Service: "web", State: dev.Exited, ExitCode: 3},
			},
			dev.Snapshot{Services: []dev.ServiceStatus{{Name: "db", State: dev.Running}, {Name: "web", State: dev.Exited, ExitCode: 3}}},
		},
		"a removed service is gone": {
			[]dev.Event{
				dev.ServiceState{Service: "db", State: dev.Running},
				dev.ServiceState{Service: "db", State: dev.Removed},
				dev.ServiceState{Service: "never", State: dev.Removed},
			},
			dev.Snapshot{Services: []dev.ServiceStatus{}},
		},
		"ready after stopped": {
			[]dev.Event{dev.SessionOpened{Sessions: 2}, dev.Stopped{}, dev.Ready{URL: "http://localhost:8501", Mode: dev.Local}},
			dev.Snapshot{URL: "http://localhost:8501", Mode: dev.Local},
		},
		"ready after a failure": {
			[]dev.Event{failed, dev.Ready{URL: "http://localhost:8501", Mode: dev.Local}},
			dev.Snapshot{URL: "http://localhost:8501", Mode: dev.Local},
		},
		"stopping closes the sessions": {
			[]dev.Event{dev.SessionOpened{Sessions: 2}, dev.Stopped{}},
			dev.Snapshot{Stopped: true},
		},
		"sessions come and go": {
			[]dev.Event{dev.SessionOpened{Sessions: 2}, dev.SessionClosed{Sessions: 1}},
			dev.Snapshot{Sessions: 1},
		},
		"a save for another service is none of the app's": {
			[]dev.Event{saved, dev.FileChanged{Paths: []string{"api/main.py"}, Action: dev.Restart, Service: "api"}},
			dev.Snapshot{LastFile: saved},
		},
		"an exception stays until a reload": {
			[]dev.Event{saved, raised},
			dev.Snapshot{LastFile: saved, Exception: raised},
		},
		"a reload ends it and is counted": {
			[]dev.Event{
				dev.AppReloaded{Trigger: "a.py", MS: 80, Sessions: 1, How: "mount"}, raised,
				dev.AppReloaded{Trigger: "b.py", MS: 70, Sessions: 2, How: "restart"},
			},
			dev.Snapshot{Reload: dev.ReloadStatus{Trigger: "b.py", How: "restart", MS: 70, Sessions: 2, Count: 2}},
		},
		"a failure is kept": {[]dev.Event{failed}, dev.Snapshot{Error: failed}},
		"what is only told": {
			[]dev.Event{dev.PlanMade{}, dev.BuildStep{}, dev.BuildDone{}, dev.LogLine{}, dev.LogDropped{}, dev.Warning{}},
			dev.Snapshot{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got dev.Snapshot
			for i, e := range c.events {
				got = dev.Apply(got, dev.Stamped{Seq: uint64(i + 1), Time: time.Unix(int64(i+1), 0), Event: e})
			}
			c.want.Seq, c.want.Time = uint64(len(c.events)), time.Unix(int64(len(c.events)), 0)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n%+v, want\n%+v", got, c.want)
			}
		})
	}
}

// Every event is applied to a snapshot that has something in every field, and to the outcome of
// every other event, and none of that may show in what was there before.
func TestApply_ChangesNoInput(t *testing.T) {
	var full dev.Snapshot
	for _, e := range samples(t) {
		full = dev.Apply(full, e)
	}
	for _, name := range []string{"a", "service", "z"} {
		full = dev.Apply(full, dev.Stamped{Event: dev.ServiceState{Service: name, State: dev.Running}})
	}
	events := samples(t)
	for _, state := range []dev.State{dev.Exited, dev.Removed, dev.Creating} {
		for _, name := range []string{"a", "m", "service", "z"} {
			events = append(events, dev.Stamped{Event: dev.ServiceState{Service: name, State: state}})
		}
	}
	before := text(t, full)
	for _, first := range events {
		one := dev.Apply(full, first)
		oneBefore := text(t, one)
		for _, second := range events {
			dev.Apply(one, second)
		}
		if after := text(t, one); after != oneBefore {
			t.Errorf("after %+v something changed what Apply had given:\n%s\n%s", first.Event, oneBefore, after)
		}
	}
	if after := text(t, full); after != before {
		t.Errorf("Apply changed its argument:\n%s\n%s", before, after)
	}
}

func text(t *testing.T, s dev.Snapshot) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
