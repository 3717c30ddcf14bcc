package process

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

const (
	followEvery = 15 * time.Millisecond  // pause between two looks at the logs
	settleEvery = 500 * time.Millisecond // pause between two looks for keepers that were killed
)

// Follow reports the logs and states of a project's containers, and the events that its gateway wrote. It also follows
// containers that start later. It returns nil when ctx ends. It calls emit from the caller's goroutine only.
func (r *Runtime) Follow(ctx context.Context, f plan.Follow, emit func(time.Time, dev.Event)) error {
	if ctx.Err() != nil {
		return nil
	}
	w := &follower{runtime: r, Follow: f, emit: emit, logs: map[string]*followed{}}
	defer w.close()
	// Read the end of the journal before the list, so that no change is missed in between.
	changes := tail{name: r.journal(f.Project).file}
	defer changes.close()
	changes.toEnd()
	have, err := r.containers(f.Project)
	if err != nil {
		return err
	}
	for _, c := range have {
		w.add(c.box, c.Service, f.Since, f.Tail)
	}
	if !f.Stay {
		return nil
	}
	look, settle := time.NewTicker(followEvery), time.NewTicker(settleEvery)
	defer look.Stop()
	defer settle.Stop()
	for {
		select {
		case <-look.C:
			changes.read(w.change)
			w.read()
		case <-settle.C:
			if _, err := r.containers(f.Project); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// follower follows the containers of a project.
type follower struct {
	runtime *Runtime
	plan.Follow
	emit func(time.Time, dev.Event)
	logs map[string]*followed // by container
}

// followed is a container whose log is read.
type followed struct {
	*tail
	service string
	output  dev.Output
}

func (w *follower) follows(service string) bool {
	return len(w.Services) == 0 || slices.Contains(w.Services, service)
}

// add begins to follow a container, and reports its earlier lines: those since a time, and at most so many, unless most is
// negative. It always follows the gateway, whose events are about the app.
func (w *follower) add(b box, service string, since time.Time, most int) {
	if w.logs[b.id()] != nil || service != w.Gateway && !w.follows(service) {
		return
	}
	l := &followed{service: service, output: dev.Output{Service: service, Gateway: service == w.Gateway}}
	w.logs[b.id()] = l
	if service == w.Gateway && w.Whole {
		most = -1
	}
	var lines []logLine
	l.tail = readLog(b, func(line logLine) {
		if !line.at.Before(since) {
			lines = append(lines, line)
		}
	})
	if most >= 0 {
		lines = lines[max(0, len(lines)-most):]
	}
	for _, line := range lines {
		w.line(l, line)
	}
}

func (w *follower) line(l *followed, line logLine) {
	l.output.Line(line.at, line.stream, line.text, w.emit)
}

// read reports new lines.
func (w *follower) read() {
	for _, l := range w.logs {
		w.drain(l)
	}
}

func (w *follower) drain(l *followed) {
	l.read(func(text string) {
		if parsed, ok := parseLine(text); ok {
			w.line(l, parsed)
		}
	})
}

// change reports a line of the journal. What a container has printed comes before its end.
func (w *follower) change(text string) {
	var rec record
	b, ok := box{}, false
	if json.Unmarshal([]byte(text), &rec) == nil {
		b, ok = w.runtime.boxOf(rec.ID)
	}
	if !ok {
		return // a line that a full disk has cut
	}
	switch l := w.logs[rec.ID]; {
	case rec.State == dev.Creating:
		w.add(b, rec.Service, time.Time{}, -1)
	case l == nil:
	case rec.State == dev.Exited:
		w.drain(l)
	case rec.State == dev.Removed:
		l.lines(func(line string) { // its directory is gone, but its file is still open
			if parsed, ok := parseLine(line); ok {
				w.line(l, parsed)
			}
		})
		l.close()
		delete(w.logs, rec.ID)
	}
	if w.follows(rec.Service) {
		w.emit(rec.Time, dev.ServiceState{Service: rec.Service, State: rec.State, ExitCode: rec.ExitCode})
	}
}

func (w *follower) close() {
	for _, l := range w.logs {
		l.close()
	}
}

// Tail returns the last lines that a container printed.
func (r *Runtime) Tail(_ context.Context, c plan.Container, n int) []string {
	b, ok := r.boxOf(c.ID)
	if !ok {
		return nil
	}
	var lines []string
	readLog(b, func(l logLine) { lines = append(lines, dev.Sanitize(l.text)) }).close()
	return lines[max(0, len(lines)-n):]
}

// readLog reads what a container has printed so far, and returns the reader of what follows.
func readLog(b box, each func(logLine)) *tail {
	parse := func(line string) {
		if l, ok := parseLine(line); ok {
			each(l)
		}
	}
	earlier := tail{name: earlierLog(b.logFile())}
	earlier.read(parse)
	earlier.close()
	present := &tail{name: b.logFile()}
	present.read(parse)
	return present
}
