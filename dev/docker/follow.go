package docker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/pkg/stdcopy"

	"sdev/dev"
	"sdev/dev/plan"
)

// Follow reports the logs and states of a project's containers, and the events that its gateway wrote. It also follows
// containers that start later. It returns nil when ctx ends, and an error when the engine goes away. It calls emit,
// with the time at which each event happened, from several goroutines, all of which have ended when it returns.
func (e *Engine) Follow(ctx context.Context, f plan.Follow, emit func(time.Time, dev.Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &follower{engine: e, Follow: f, emit: emit, reading: map[string]bool{}, until: map[string]time.Time{}}
	defer r.readers.Wait()
	defer cancel()

	// Subscribe before reading the list, so that no event is missed in between.
	args := ofProject(f.Project)
	args.Add("type", string(events.ContainerEventType))
	messages, failures := e.api.Events(ctx, events.ListOptions{Filters: args})
	list, err := e.containers(ctx, f.Project)
	if ctx.Err() != nil {
		return nil // the error would say that the engine does not answer
	}
	if err != nil {
		return engineError("list containers", err)
	}
	for _, c := range list {
		r.read(ctx, c.ID, c.Service, f.Since, f.Tail)
	}
	if !f.Stay {
		r.readers.Wait()
		return nil
	}
	for {
		select {
		case m := <-messages:
			r.handleEvent(ctx, m)
		case err := <-failures:
			if ctx.Err() != nil {
				return nil
			}
			return thisSystem().unreachable([]failure{{e.endpoint, err}})
		case <-ctx.Done():
			return nil
		}
	}
}

type follower struct {
	engine *Engine
	plan.Follow
	emit    func(time.Time, dev.Event)
	readers sync.WaitGroup

	mu      sync.Mutex
	reading map[string]bool      // containers whose log is being read; guarded by mu
	until   map[string]time.Time // time of the last line read; guarded by mu
}

func (r *follower) follows(service string) bool {
	return len(r.Services) == 0 || slices.Contains(r.Services, service)
}

// handleEvent turns an engine's event into a state. The engine sends create and start for a new container, die (with
// the exit code) and stop for one that ends, and destroy for one that is removed.
func (r *follower) handleEvent(ctx context.Context, m events.Message) {
	service := m.Actor.Attributes[ownService]
	if service == "" {
		service = m.Actor.Attributes[labelService]
	}
	if service == "" || m.Actor.Attributes[labelOneOff] == "True" {
		return
	}
	at := time.Unix(0, m.TimeNano)
	state := dev.ServiceState{Service: service}
	switch m.Action {
	case events.ActionCreate:
		state.State = dev.Creating
	case events.ActionStart:
		state.State = dev.Running
		r.read(ctx, m.Actor.ID, service, at.Add(-time.Second), -1)
	case events.ActionDie:
		state.State = dev.Exited
		state.ExitCode, _ = strconv.Atoi(m.Actor.Attributes["exitCode"])
	case events.ActionDestroy:
		state.State = dev.Removed
	case events.ActionHealthStatusHealthy:
		state.State = dev.Healthy
	case events.ActionHealthStatusUnhealthy:
		state.State = dev.Unhealthy
	default:
		return
	}
	if r.follows(service) {
		r.emit(at, state)
	}
}

// read follows one container's output in its own goroutine, until it stops. It always reads the gateway, whose
// events are about the app.
func (r *follower) read(ctx context.Context, id, service string, since time.Time, tail int) {
	if service != r.Gateway && !r.follows(service) {
		return
	}
	r.mu.Lock()
	already := r.reading[id]
	r.reading[id] = true
	if last, ok := r.until[id]; ok && !since.After(last) {
		since = last.Add(1) // output from before a restart has been reported
	}
	r.mu.Unlock()
	if already {
		return
	}
	r.readers.Go(func() {
		last := r.copyLog(ctx, id, service, since, tail)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.reading, id)
		if !last.IsZero() {
			r.until[id] = last
		}
	})
}

// copyLog reports a container's output and returns the engine's time of its last line; zero if it had none.
func (r *follower) copyLog(ctx context.Context, id, service string, since time.Time, tail int) time.Time {
	opts := container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: r.Stay}
	if !since.IsZero() {
		opts.Since = fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond())
	}
	if tail >= 0 && (!r.Whole || service != r.Gateway) {
		opts.Tail = strconv.Itoa(tail)
	}
	stream, err := r.engine.api.ContainerLogs(ctx, id, opts)
	if err != nil {
		return time.Time{} // the container was removed meanwhile, which handleEvent reports
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { _ = stream.Close() })
	defer stop()

	out, outW := io.Pipe()
	errs, errsW := io.Pipe()
	var lines sync.WaitGroup
	var lastOut, lastErr time.Time
	lines.Go(func() { lastOut = r.lines(out, service, "stdout") })
	lines.Go(func() { lastErr = r.lines(errs, service, "stderr") })
	_, err = stdcopy.StdCopy(outW, errsW, stream)
	outW.CloseWithError(err)
	errsW.CloseWithError(err)
	lines.Wait()
	if lastErr.After(lastOut) {
		return lastErr
	}
	return lastOut
}

// maxLine limits a line of a log; longer ones are cut.
const maxLine = 64 << 10

// lines reports the lines of one stream, and returns the engine's time of the last one.
func (r *follower) lines(in io.Reader, service, name string) (last time.Time) {
	reader := bufio.NewReaderSize(in, maxLine)
	output := dev.Output{Service: service, Gateway: service == r.Gateway}
	for {
		raw, more, err := reader.ReadLine()
		if err != nil {
			return last
		}
		text := string(raw)
		for more && err == nil {
			_, more, err = reader.ReadLine()
		}
		at, text := splitTime(text)
		last = at
		output.Line(at, name, text, r.emit)
	}
}

// splitTime splits off the engine's timestamp of a line.
func splitTime(line string) (time.Time, string) {
	for i := range line {
		if line[i] == ' ' {
			if at, err := time.Parse(time.RFC3339Nano, line[:i]); err == nil {
				return at, line[i+1:]
			}
			break
		}
	}
	return time.Time{}, line
}

// Tail returns the last lines that a container printed.
func (e *Engine) Tail(ctx context.Context, c plan.Container, n int) []string {
	var lines []string
	var mu sync.Mutex
	r := &follower{engine: e, emit: func(_ time.Time, ev dev.Event) {
		if l, ok := ev.(dev.LogLine); ok {
			mu.Lock()
			lines = append(lines, l.Text)
			mu.Unlock()
		}
	}}
	r.copyLog(ctx, c.ID, c.Service, time.Time{}, n)
	return lines
}
