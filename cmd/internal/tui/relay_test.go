package tui

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"sdev/dev"
)

// feed is a stream that gives events as fast as they are taken, a pause where there is one.
type feed struct {
	pauses []time.Duration // before each event
	n      int
}

func (f *feed) Next(ctx context.Context) (dev.Stamped, error) {
	if f.n == len(f.pauses) {
		return dev.Stamped{}, io.EOF
	}
	pause, stop := context.WithTimeout(ctx, f.pauses[f.n])
	defer stop()
	<-pause.Done()
	if err := ctx.Err(); err != nil {
		return dev.Stamped{}, err
	}
	f.n++
	return dev.Stamped{Seq: uint64(f.n), Event: dev.LogLine{}}, nil
}

func TestRelay_BatchesWhatComesFastAndHandsOnTheRestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var sizes []int
		var times []time.Duration
		ended := false
		pauses := []time.Duration{time.Second}
		for range 100 { // 10 ms apart: three or four fit into a batch
			pauses = append(pauses, 10*time.Millisecond)
		}
		pauses = append(pauses, time.Minute)
		relay(t.Context(), &feed{pauses: pauses}, func(msg tea.Msg) {
			switch msg := msg.(type) {
			case eventsMsg:
				sizes, times = append(sizes, len(msg)), append(times, time.Since(start))
			case streamEndedMsg:
				ended = true
			}
		})
		all := 0
		for i, n := range sizes {
			all += n
			if n > 5 || i > 0 && times[i]-times[i-1] < batchEvery {
				t.Errorf("batch %d of %d events after %s", i, n, times[i])
			}
		}
		if all != 102 || len(sizes) < 25 || len(sizes) > 40 || !ended {
			t.Errorf("%d events in %d batches, ended %t", all, len(sizes), ended)
		}
		if times[0] != time.Second || times[len(times)-1] != 2*time.Second+time.Minute {
			t.Errorf("an event that came alone had to wait: %v", times)
		}
	})
}

func TestRelay_EndsWithItsContextThoughNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		relay(ctx, &feed{pauses: make([]time.Duration, 3*batchMost)}, func(tea.Msg) { <-ctx.Done() })
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Error("it ended by itself")
		}
	})
}

func TestMailbox_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newMailbox()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		for b.put(ctx, dev.Stamped{}) {
			n++
		}
		if n != batchMost {
			t.Errorf("%d events were kept waiting", n)
		}
	})
}
