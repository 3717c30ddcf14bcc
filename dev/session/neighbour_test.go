package session

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/engine"
)

func TestNeighbour_OneEventForEachRuleNamesTheService(t *testing.T) {
	var got []dev.FileChanged
	var commands []string
	n, err := newNeighbourSaves(engine.Project{App: "api", Rules: []dev.Rule{
		{Path: "api/sql", Action: dev.SyncExec, Origin: "first"}, {Path: "api", Ignore: []string{"notes"}, Action: dev.Restart, Origin: "second"}, {Path: ".", Action: dev.Ignored, Origin: "third"},
	}}, func(ev dev.FileChanged) { got = append(got, ev) })
	if err != nil {
		t.Fatal(err)
	}
	n.hook = func(r dev.Rule) { commands = append(commands, r.Origin) }
	n.report([]dev.Change{{Path: "api/a.py"}, {Path: "api/sql/1"}, {Path: "api/notes"}, {Path: "other"}, {Path: "api/sql/2"}, {Path: "api/sql/1"}})
	want := []dev.FileChanged{
		{Paths: []string{"api/a.py"}, Rule: "second", Action: dev.Restart, Service: "api"},
		{Paths: []string{"api/sql/1", "api/sql/2"}, Rule: "first", Action: dev.SyncExec, Service: "api"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"first"}, commands); diff != "" {
		t.Errorf("commands: -want +got:\n%s", diff)
	}
	copies, others := n.split([]dev.Change{{Path: "api/a.py"}, {Path: "api/sql/1"}})
	if len(copies) != 1 || copies[0].Path != "api/sql/1" || len(others) != 1 {
		t.Errorf("copies %v, others %v", copies, others)
	}
}

// A service without copies needs no container: its saves are reported as they happen.
func TestNeighbour_WatchesWithoutCopies(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"api/main.py": "first", "app.py": "first"})
	p := engine.Project{App: "api", Rules: []dev.Rule{{Path: "api", Action: dev.Rebuild, Origin: "rule"}}}
	p.Labels.Dir = dir
	ctx, cancel := context.WithCancel(t.Context())
	saved, ended := make(chan dev.FileChanged, 8), make(chan error, 1)
	c := &copier{emit: func(dev.Event) {}}
	go func() { ended <- c.Watch(ctx, p, nil, func(ev dev.FileChanged) { saved <- ev }) }()
	devtest.Write(t, dir+"/app.py", "second")
	devtest.Write(t, dir+"/api/main.py", "the second")
	// The watcher compares with the state at its creation, which may be before or after these saves.
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for n := 0; ; n++ {
		select {
		case ev := <-saved:
			if ev.Service != "api" || ev.Action != dev.Rebuild || len(ev.Paths) != 1 || ev.Paths[0] != "api/main.py" {
				t.Errorf("event %+v", ev)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			return
		case <-again.C:
			devtest.Write(t, dir+"/api/main.py", string(rune('a'+n%26))+"more")
		}
	}
}
