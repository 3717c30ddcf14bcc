package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/hub"
)

func TestEmit_StampsInOneOrderForAllReaders(t *testing.T) {
	devtest.Leaks(t)
	h := hub.New(time.Now)
	const producers, each = 8, 200
	_, a := h.Subscribe()
	_, b := h.Subscribe()

	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				h.Emit(dev.Warning{Message: fmt.Sprint(p), Hint: fmt.Sprint(i)})
			}
		})
	}
	first := read(t, a, producers*each)
	second := read(t, b, producers*each)
	wg.Wait()

	if !reflect.DeepEqual(first, second) {
		t.Error("two readers saw different orders")
	}
	next := make(map[string]int) // by producer
	for i, e := range first {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d", i, e.Seq)
		}
		if i > 0 && e.Time.Before(first[i-1].Time) {
			t.Errorf("time runs backwards at %d", e.Seq)
		}
		w := e.Event.(dev.Warning)
		if w.Hint != fmt.Sprint(next[w.Message]) {
			t.Fatalf("events of producer %s are out of order", w.Message)
		}
		next[w.Message]++
	}
}

func TestEmit_TakesTheTimeOfItsClockOrOfTheEvent(t *testing.T) {
	now, observed := time.Unix(1000, 0), time.Unix(900, 0)
	h := hub.New(func() time.Time { return now })
	_, s := h.Subscribe()
	h.Emit(dev.Stopped{})
	h.EmitAt(observed, dev.Stopped{})
	got := read(t, s, 2)
	if !got[0].Time.Equal(now) || !got[1].Time.Equal(observed) || got[1].Seq != 2 {
		t.Errorf("stamps %+v", got)
	}
}

func TestSubscribe_SnapshotAndStreamMeet(t *testing.T) {
	h := hub.New(time.Now)
	const n = 500
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			h.Emit(dev.SessionOpened{Sessions: i + 1})
		}
	}()
	for range 50 {
		snap, s := h.Subscribe()
		if uint64(snap.Sessions) != snap.Seq {
			t.Fatalf("snapshot %d knows of %d sessions", snap.Seq, snap.Sessions)
		}
		if snap.Seq < n {
			if e := read(t, s, 1)[0]; e.Seq != snap.Seq+1 {
				t.Fatalf("snapshot %d is followed by event %d", snap.Seq, e.Seq)
			}
		}
		s.Close()
	}
	<-done
	if s := h.Snapshot(); s.Seq != n || s.Sessions != n {
		t.Errorf("last snapshot %+v", s)
	}
}

func TestSlowReader_LosesTheOldestLinesAndLearnsHowMany(t *testing.T) {
	h := hub.New(time.Now)
	_, s := h.Subscribe()
	const lines = hub.MaxLogs*2 + 10
	h.Emit(dev.ServiceState{Service: "app", State: dev.Running})
	for i := range lines {
		if i == 5 {
			h.Emit(dev.Ready{URL: "http://localhost:8501"})
		}
		h.Emit(dev.LogLine{Text: fmt.Sprint(i)})
	}
	h.Close()

	var kinds []string
	seq, lost, kept := uint64(0), 0, 0
	for _, e := range all(t, s) {
		n := uint64(1)
		switch ev := e.Event.(type) {
		case dev.LogDropped:
			lost += ev.N
			n = uint64(ev.N)
			kinds = append(kinds, "gap")
		case dev.LogLine:
			kept++
			if want := fmt.Sprint(lost + kept - 1); ev.Text != want {
				t.Fatalf("line %s, want %s", ev.Text, want)
			}
		default:
			kinds = append(kinds, e.Event.Type())
		}
		if seq += n; e.Seq != seq {
			t.Fatalf("number %d, want %d: a gap does not account for what is missing", e.Seq, seq)
		}
	}
	if want := []string{"service.state", "gap", "ready", "gap"}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("events around the lines: %q, want %q", kinds, want)
	}
	if lost+kept != lines || kept > hub.MaxLogs || kept < hub.MaxLogs/2 {
		t.Errorf("%d lines kept and %d lost of %d", kept, lost, lines)
	}
}

func TestSlowReader_AddsUpWhatProducersLost(t *testing.T) {
	h := hub.New(time.Now)
	_, s := h.Subscribe()
	h.Emit(dev.LogDropped{N: 100})
	for range hub.MaxLogs {
		h.Emit(dev.LogLine{})
	}
	if e := read(t, s, 1)[0]; e.Event != (dev.LogDropped{N: 100 + hub.MaxLogs/2 - 1}) {
		t.Errorf("first event %+v", e.Event)
	}
}

func TestStuckReader_IsCutOffAndBlocksNobody(t *testing.T) {
	h := hub.New(time.Now)
	_, stuck := h.Subscribe()
	_, alive := h.Subscribe()
	for i := range hub.MaxState + 1 {
		h.Emit(dev.SessionOpened{Sessions: i})
		if e := read(t, alive, 1)[0]; e.Seq != uint64(i+1) {
			t.Fatalf("the reader that keeps up got number %d", e.Seq)
		}
	}
	if e, err := stuck.Next(t.Context()); !errors.Is(err, hub.ErrCutOff) {
		t.Errorf("the stuck reader got %+v, %v", e, err)
	}
	h.Close()
	if _, err := stuck.Next(t.Context()); !errors.Is(err, hub.ErrCutOff) {
		t.Errorf("after the end it got %v", err)
	}
}

func TestClose_EndsStreamsAfterTheLastEvent(t *testing.T) {
	devtest.Leaks(t)
	h := hub.New(time.Now)
	_, s := h.Subscribe()
	waiting := make(chan error)
	_, idle := h.Subscribe()
	go func() {
		for {
			if _, err := idle.Next(context.WithoutCancel(t.Context())); err != nil {
				waiting <- err
				return
			}
		}
	}()
	h.Emit(dev.Stopped{MS: 1})
	h.Close()
	h.Close()
	h.Emit(dev.Stopped{MS: 2})
	if got := all(t, s); len(got) != 1 || got[0].Event != (dev.Stopped{MS: 1}) {
		t.Errorf("read %+v", got)
	}
	if err := <-waiting; !errors.Is(err, io.EOF) {
		t.Errorf("a waiting reader got %v", err)
	}
	if snap, late := h.Subscribe(); snap.Seq != 1 || len(all(t, late)) != 0 {
		t.Errorf("a late reader starts at %d", snap.Seq)
	}
}

func TestSubscription_ClosedByItsReader(t *testing.T) {
	h := hub.New(time.Now)
	_, s := h.Subscribe()
	h.Emit(dev.Stopped{})
	s.Close()
	s.Close()
	h.Emit(dev.Stopped{})
	if got := all(t, s); len(got) != 0 {
		t.Errorf("read %+v after closing", got)
	}
}

func TestNext_EndsWithItsContext(t *testing.T) {
	h := hub.New(time.Now)
	_, s := h.Subscribe()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	h.Emit(dev.Stopped{})
	devtest.Await(t, s, func(e dev.Event) bool { return e == dev.Event(dev.Stopped{}) })
}

func BenchmarkEmit(b *testing.B) {
	h := hub.New(time.Now)
	_, s := h.Subscribe()
	for b.Loop() {
		h.Emit(dev.LogLine{Service: "app", Stream: "stdout", Text: "a line"})
		if _, err := s.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// read returns the next n events.
func read(t *testing.T, s *hub.Subscription, n int) []dev.Stamped {
	t.Helper()
	out := make([]dev.Stamped, 0, n)
	for range n {
		out = append(out, devtest.Await(t, s, func(dev.Event) bool { return true }))
	}
	return out
}

// all returns the events up to the end of the stream.
func all(t *testing.T, s *hub.Subscription) []dev.Stamped {
	t.Helper()
	var out []dev.Stamped
	for {
		e, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
}
