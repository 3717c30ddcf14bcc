package gateway

import (
	"errors"
	"io"
	"sync"
	"time"

	"sdev/dev/streamlit"
)

// replayAfter is how long a tab that came back to a new app may take to ask for a run by itself.
// The frontend does so at once, and only if a run was under way or a fragment runs by a timer.
const replayAfter = 60 * time.Millisecond

// Buffers of a connection: most tabs are idle most of the time, so each direction has a small one of
// its own and borrows a large one only while a lot passes.
const (
	smallBuffer = 2 << 10
	largeBuffer = 64 << 10
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// stream is the app's side of one tab's WebSocket. Reading from it is what the app says, writing to
// it what the tab says; both are looked at in passing. The proxy's two copying goroutines call it,
// one each way.
type stream struct {
	backend io.ReadWriteCloser
	up      *upstream
	loop    *eventLoop
	tab     *tab
	fromApp frames // by the app; used by the reading goroutine alone

	mu      sync.Mutex // guards what follows, and the order of frames towards the app
	fromTab frames     // by the tab
	replay  []byte     // the request to put in once the tab has had its chance; nil if none
	due     bool
	timer   *time.Timer
}

// newStream announces the tab. session is the Streamlit session it wants back, and user who signed in
// there, if any.
func newStream(backend io.ReadWriteCloser, up *upstream, loop *eventLoop, session, user string) *stream {
	s := &stream{backend: backend, up: up, loop: loop, tab: &tab{user: user}}
	_, generation := up.state()
	replay := loop.opened(s.tab, session, generation)
	s.fromApp.sink = &collector{peek: streamlit.PeekForward, take: s.appMessage}
	s.fromTab.sink = &collector{peek: streamlit.PeekBack, take: s.tabMessage}
	if replay != nil {
		s.mu.Lock()
		s.replay = replay
		s.timer = time.AfterFunc(replayAfter, s.replayDue)
		s.mu.Unlock()
	}
	return s
}

// appMessage takes a message of the app; one that cannot be read is the page's business alone.
func (s *stream) appMessage(msg []byte) {
	if f, err := streamlit.ParseForward(msg); err == nil && f.Kind != streamlit.Other {
		s.loop.appMessage(s.tab, f)
	}
}

// tabMessage takes a message of the tab. It is called with s.mu held.
func (s *stream) tabMessage(msg []byte) {
	if rerun, ok, err := streamlit.ParseBack(msg); err == nil && ok {
		s.replay = nil
		s.loop.rerunRequested(s.tab, rerun)
	}
}

// replayDue puts the request in, here or, if the tab is in the middle of a message, right after it.
func (s *stream) replayDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = true
	// A connection that broke is noticed by the copying goroutines.
	_ = s.sendReplay()
}

// sendReplay sends the request if it is due and this is the place. It is called with s.mu held.
func (s *stream) sendReplay() error {
	if !s.due || s.replay == nil || !s.fromTab.boundary() {
		return nil
	}
	frame := maskedFrame(s.replay)
	s.replay = nil
	_, err := s.backend.Write(frame)
	return err
}

// Read passes on what the app says.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.backend.Read(p)
	s.fromApp.pass(p[:n])
	if err != nil {
		// The browser may take its time to close its side; for the app the tab is gone now.
		s.tabClosed()
	}
	return n, err
}

// Write passes on what the tab says.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.backend.Write(p)
	s.fromTab.pass(p[:n])
	if err != nil {
		return n, err
	}
	return n, s.sendReplay()
}

// WriteTo is Read with buffers that suit a connection that is idle most of the time.
func (s *stream) WriteTo(w io.Writer) (int64, error) { return relay(w, s) }

// ReadFrom is Write with such buffers.
func (s *stream) ReadFrom(r io.Reader) (int64, error) { return relay(s, r) }

// Close ends the connection to the app.
func (s *stream) Close() error {
	s.mu.Lock()
	s.replay = nil
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	err := s.backend.Close()
	s.tabClosed()
	return err
}

// tabClosed ends the tab; the second time it does nothing. The app may be why, and if it has ended, the
// sooner that is known the better.
func (s *stream) tabClosed() {
	s.loop.closed(s.tab)
	s.up.check()
}

// relay copies until r ends or either side fails, in the smallest buffer that does.
func relay(w io.Writer, r io.Reader) (total int64, err error) {
	small := make([]byte, smallBuffer)
	for {
		n, rerr := r.Read(small)
		if n == 0 && rerr == nil {
			continue
		}
		m, werr := w.Write(small[:n])
		total += int64(m)
		if werr == nil && rerr == nil && n == len(small) {
			var more int64
			more, rerr, werr = relayLarge(w, r)
			total += more
		}
		switch {
		case werr != nil:
			return total, werr
		case errors.Is(rerr, io.EOF):
			return total, nil
		case rerr != nil:
			return total, rerr
		}
	}
}

// relayLarge copies with a borrowed buffer for as long as reads fill it. A read that does not has
// emptied the connection, and the next one may wait for hours: not with that buffer in hand.
func relayLarge(w io.Writer, r io.Reader) (total int64, rerr, werr error) {
	large := largeBuffers.Get().(*[largeBuffer]byte)
	defer largeBuffers.Put(large)
	for {
		var n, m int
		n, rerr = r.Read(large[:])
		m, werr = w.Write(large[:n])
		total += int64(m)
		if rerr != nil || werr != nil || n < largeBuffer {
			return total, rerr, werr
		}
	}
}
