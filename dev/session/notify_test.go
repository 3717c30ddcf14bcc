package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sdev/dev"
	"sdev/dev/gateway"
)

func TestNotifier_SendsBoundedReportsUntilTheyArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var received []gateway.Saved
		refuse := 3
		teller := newNotifier(func(_ context.Context, s gateway.Saved) error {
			if refuse--; refuse >= 0 {
				return errors.New("the gateway is being replaced")
			}
			received = append(received, s)
			return nil
		}, func() int { return 7 })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); teller.run(ctx) }()
		var changes []dev.Change
		for i := range 450 {
			changes = append(changes, dev.Change{Path: fmt.Sprint(i)})
		}
		first := time.Now()
		teller.add(changes, first)
		teller.add(nil, first)
		time.Sleep(time.Second)
		synctest.Wait()
		stop()
		<-ended
		var sizes []string
		for _, s := range received {
			sizes = append(sizes, fmt.Sprint(len(s.Changes), s.Watches, s.First.Equal(first)))
		}
		if got := strings.Join(sizes, "; "); got != "200 7 true; 200 7 true; 50 7 true" {
			t.Errorf("heard %s", got)
		}
	})
}

func TestHooks_RunOnceForManySavesAndAgainForALaterOne(t *testing.T) {
	running, proceed := make(chan string), make(chan struct{})
	h := newHooks(func(_ context.Context, r dev.Rule) {
		running <- r.Origin
		<-proceed
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); h.run(ctx) }()
	h.request(dev.Rule{Origin: "a"})
	if got := <-running; got != "a" {
		t.Errorf("%s runs", got)
	}
	for range 3 {
		h.request(dev.Rule{Origin: "a"})
		h.request(dev.Rule{Origin: "b"})
	}
	proceed <- struct{}{}
	for _, want := range []string{"a", "b"} {
		if got := <-running; got != want {
			t.Errorf("%s runs, want %s", got, want)
		}
		proceed <- struct{}{}
	}
	stop()
	<-ended
	select {
	case got := <-running:
		t.Errorf("%s runs once more", got)
	default:
	}
}
