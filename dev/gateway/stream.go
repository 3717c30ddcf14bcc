package gateway

import (
	"errors"
	"io"
	"sync"
	"time"

	"sdev/dev/streamlit"
)

// replayAfter is how long the gateway waits for a tab that reconnected to a new app to request a run by
// itself. The frontend does so at once, and only if a run was active or a fragment runs on a timer.
const replayAfter = 60 * time.Millisecond

// Buffer sizes of a connection: most tabs are idle most of the time, so each direction owns a small buffer and
// borrows a large one only for large transfers.
const (
	smallBuffer = 2 << 10
	largeBuffer = 64 << 10
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// stream is the connection to the app for one tab's WebSocket. It parses the bytes in both directions as they pass. Two
// goroutines of the proxy use it: one reads, one writes.
type stream struct {
	backend io.ReadWriteCloser
	up      *upstream
	loop    *eventLoop
	tab     *tab
	fromApp frames // only the reading goroutine uses it
	blank   bool   // a run has begun, and nothing is on its page yet; only the reading goroutine uses it

	mu      sync.Mutex  // guards the fields below, and the order of frames towards the app
	fromTab frames      // parses the tab's messages
	replay  []byte      // the request to send unless the tab sends its own; nil if none
	due     bool        // replayAfter has passed
	timer   *time.Timer // calls replayDue; nil without a replay
}

// newStream opens the tab in the event loop. session is the Streamlit session that the tab wants to resume; user is the
// signed-in user, if any.
func newStream(backend io.ReadWriteCloser, up *upstream, loop *eventLoop, session, user string) *stream {
	s := &stream{backend: backend, up: up, loop: loop, tab: &tab{user: user}}
	s.tab.request = func(msg []byte) { time.AfterFunc(0, func() { s.inject(msg) }) }
	_, generation := up.state()
	replay := loop.opened(s.tab, session, generation)
	s.fromApp.sink = &collector{peek: s.peekForward, take: s.appMessage}
	s.fromTab.sink = &collector{peek: streamlit.PeekBack, take: s.tabMessage}
	if replay != nil {
		s.mu.Lock()
		s.replay = replay
		s.timer = time.AfterFunc(replayAfter, s.replayDue)
		s.mu.Unlock()
	}
	return s
}

// peekForward also notices the first element of a run's page, whose message it does not need.
func (s *stream) peekForward(prefix []byte) streamlit.Verdict {
	verdict := streamlit.PeekForward(prefix)
	if verdict == streamlit.Skip && s.blank && streamlit.IsElement(prefix) {
		s.blank = false
		s.loop.appMessage(s.tab, streamlit.Forward{Kind: streamlit.Element})
	}
	return verdict
}

// appMessage passes a message of the app to the loop; it ignores one that it cannot parse.
func (s *stream) appMessage(msg []byte) {
	if f, err := streamlit.ParseForward(msg); err == nil && f.Kind != streamlit.Other {
		s.blank = s.blank || f.Kind == streamlit.NewSession
		s.loop.appMessage(s.tab, f)
	}
}

// tabMessage passes a message of the tab to the loop. The caller holds s.mu.
func (s *stream) tabMessage(msg []byte) {
	if rerun, ok, err := streamlit.ParseBack(msg); err == nil && ok {
		s.replay = nil
		s.loop.rerunRequested(s.tab, rerun)
	}
}

// inject sends a request to run the page in the tab's name, unless the tab sends one before.
func (s *stream) inject(msg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replay, s.due = msg, true
	// The goroutines that read and write notice a broken connection.
	_ = s.sendReplay()
}

// replayDue sends the replay request now or, if the tab is in the middle of a message, right after it.
func (s *stream) replayDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = true
	// The goroutines that read and write notice a broken connection.
	_ = s.sendReplay()
}

// sendReplay sends the request if it is due and no message is being sent. The caller holds s.mu.
func (s *stream) sendReplay() error {
	if !s.due || s.replay == nil || !s.fromTab.boundary() {
		return nil
	}
	frame := maskedFrame(s.replay)
	s.replay = nil
	_, err := s.backend.Write(frame)
	return err
}

// Read reads bytes from the app.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.backend.Read(p)
	s.fromApp.pass(p[:n])
	if err != nil {
		// The browser may close its side later; for the app the tab is gone now.
		s.tabClosed()
	}
	return n, err
}

// Write sends the tab's bytes to the app, and the replay request once it may.
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

// WriteTo does what Read does, with buffers for a connection that is mostly idle.
func (s *stream) WriteTo(w io.Writer) (int64, error) { return relay(w, s) }

// ReadFrom does what Write does, with such buffers.
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

// tabClosed reports the end of the tab, once. It also asks for a check of the app, whose end may be the reason.
func (s *stream) tabClosed() {
	s.loop.closed(s.tab)
	s.up.check()
}

// relay copies until r ends or either side fails: with a small buffer, and with a large one while reads fill the small
// one.
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

// relayLarge copies with a borrowed buffer as long as reads fill it. A shorter read has emptied the connection;
// the next one may wait for hours and must not hold the buffer.
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
