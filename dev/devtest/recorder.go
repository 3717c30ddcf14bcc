package devtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/dev"
)

// Recorder records events, and is a [Stream] of them for one reader. Any number of goroutines may emit. The zero
// value is ready to use.
type Recorder struct {
	mu    sync.Mutex // guards the fields below
	all   []dev.Stamped
	read  int
	grown chan struct{} // closed when all grows; nil while no reader waits
}

// Emit records an event that was observed at a time.
func (r *Recorder) Emit(at time.Time, ev dev.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, dev.Stamped{Seq: uint64(len(r.all)) + 1, Time: at, Event: ev})
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

// Next waits for the next event, or for the end of ctx.
func (r *Recorder) Next(ctx context.Context) (dev.Stamped, error) {
	for {
		r.mu.Lock()
		if r.read < len(r.all) {
			r.read++
			e := r.all[r.read-1]
			r.mu.Unlock()
			return e, nil
		}
		if r.grown == nil {
			r.grown = make(chan struct{})
		}
		grown := r.grown
		r.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return dev.Stamped{}, ctx.Err()
		}
	}
}

// Events returns all events so far.
func (r *Recorder) Events() []dev.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []dev.Event
	for _, e := range r.all {
		out = append(out, e.Event)
	}
	return out
}

// Types returns the types of all events so far, in one line.
func (r *Recorder) Types() string {
	var out []string
	for _, e := range r.Events() {
		out = append(out, e.Type())
	}
	return strings.Join(out, " ")
}

// Warnings returns the codes of all warnings so far, sorted.
func (r *Recorder) Warnings() []dev.Code {
	var out []dev.Code
	for _, e := range r.Events() {
		if w, ok := e.(dev.Warning); ok {
			out = append(out, w.Code)
		}
	}
	slices.Sort(out)
	return out
}
