package engine_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/engine"
)

// No process listens on the page's port on this machine.
func TestUp_RemotePortIsAnErrorWithoutASupervisor(t *testing.T) {
	r := newRigWithoutPage(t)
	got := r.upFails(r.engine(), engine.Request{}, dev.CodeEngineFar, dev.ExitFailed)
	if !strings.Contains(got.Hint, "--detach") || len(r.containers()) != 0 {
		t.Errorf("%+v, %d containers left", got, len(r.containers()))
	}
}

func TestSupervise_ForwardsThePageOfARemoteEngine(t *testing.T) {
	r := newRigWithoutPage(t)
	e := r.engine()
	ended := make(chan struct{})
	r.gateway.forward = func(ctx context.Context, ports engine.Ports) error {
		defer close(ended)
		if ports.App == 0 || ports.Provider != 0 {
			t.Errorf("ports %+v, though nobody signs in", ports)
		}
		page := &http.Server{Addr: strings.TrimPrefix(r.url, "http://"), Handler: http.HandlerFunc(r.answer)} // a test
		defer context.AfterFunc(ctx, func() { _ = page.Close() })()
		return page.ListenAndServe()
	}
	ctx, interrupt := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Supervise(ctx, t.Context(), engine.Request{}) }()
	a := &supervision{rig: r}
	if w := a.awaitWarning(dev.CodeEngineFar); w.Hint == "" {
		t.Errorf("%+v", w)
	}
	a.await("ready")
	interrupt()
	<-done  //nolint:errcheck // the context was cancelled
	<-ended // when Supervise returns, not later
}
