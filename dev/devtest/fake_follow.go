package devtest

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Follow reports what was printed and, with f.Stay, all that follows until ctx ends.
func (f *Fake) Follow(ctx context.Context, what plan.Follow, emit func(time.Time, dev.Event)) error {
	past, next := f.past(what)
	for _, r := range past {
		emit(r.event(what.Gateway))
	}
	for what.Stay {
		f.mu.Lock()
		fresh := slices.Clone(f.journal[next:])
		next = len(f.journal)
		grown := f.grown
		f.mu.Unlock()
		for _, r := range fresh {
			if r.project == what.Project && (isFollowed(what, r.service) || r.stream != "" && r.service == what.Gateway) {
				emit(r.event(what.Gateway))
			}
		}
		if len(fresh) > 0 {
			continue
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// past returns the lines of existing containers, and the index of the next record of the journal.
func (f *Fake) past(what plan.Follow) (lines []record, next int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		if c.project != what.Project || c.Service != what.Gateway && !isFollowed(what, c.Service) {
			continue
		}
		printed := f.printed(c.ID, what.Since)
		if what.Tail >= 0 && (!what.Whole || c.Service != what.Gateway) {
			printed = last(printed, what.Tail)
		}
		lines = append(lines, printed...)
	}
	return lines, len(f.journal)
}

func (f *Fake) printed(id string, since time.Time) []record {
	var out []record
	for _, r := range f.journal {
		if r.id == id && r.stream != "" && !r.at.Before(since) {
			out = append(out, r)
		}
	}
	return out
}

func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

func isFollowed(what plan.Follow, service string) bool {
	return len(what.Services) == 0 || slices.Contains(what.Services, service)
}

// event returns the record as an event. A line of the gateway may contain an event.
func (r record) event(gateway string) (time.Time, dev.Event) {
	if r.stream == "" {
		return r.at, r.state
	}
	var s dev.Stamped
	if r.service == gateway && json.Unmarshal([]byte(r.text), &s) == nil {
		return s.Time, s.Event
	}
	return r.at, dev.LogLine{Service: r.service, Stream: r.stream, Text: dev.Sanitize(r.text)}
}

// Tail returns the last lines that a container printed.
func (f *Fake) Tail(_ context.Context, c plan.Container, n int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, r := range last(f.printed(c.ID, time.Time{}), n) {
		lines = append(lines, dev.Sanitize(r.text))
	}
	return lines
}
