package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// tabBubble is a tab that reconnects to a new app, in a synctest bubble. app receives the bytes that the tab writes to
// the stream and those that the gateway adds.
type tabBubble struct {
	t      *testing.T
	stream *stream
	app    *messageSink
}

// inBubble runs play with a tab that resumes a session.
func inBubble(t *testing.T, session string, play func(*tabBubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		match := func(string) (dev.Rule, bool) { return dev.Rule{}, false }
		d := newEventLoop(match, nil, io.Discard)
		ctx, cancel := context.WithCancel(t.Context())
		go d.run(ctx)
		here, there := net.Pipe()
		b := &tabBubble{t: t, app: &messageSink{}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f := frames{sink: b.app}
			buf := make([]byte, 100)
			for {
				n, err := there.Read(buf)
				f.pass(buf[:n])
				if err != nil {
					return
				}
			}
		}()
		b.stream = newStream(here, newUpstream(appAddress{addr: "127.0.0.1:1"}, func(bool) {}, nil), d, session, "")
		play(b)
		if err := b.stream.Close(); err != nil {
			t.Error(err)
		}
		<-ended
		cancel()
		<-d.done
	})
}

// send writes bytes of the tab.
func (b *tabBubble) send(p []byte) {
	b.t.Helper()
	if _, err := b.stream.Write(p); err != nil {
		b.t.Fatal(err)
	}
}

// expect checks which messages the app has received so far.
func (b *tabBubble) expect(want ...string) {
	b.t.Helper()
	time.Sleep(10 * replayAfter)
	synctest.Wait()
	got := b.app.msgs
	if len(got) != len(want) {
		b.t.Fatalf("the app received %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			b.t.Errorf("message %d is %q, want %q", i, got[i], want[i])
		}
	}
}

const (
	stopScript = "\x38\x01"
	rerunMain  = "\x5a\x00"
)

func TestStream_ReplaysForASilentTab(t *testing.T) {
	inBubble(t, "of an earlier life", func(b *tabBubble) { b.expect(rerunMain) })
}

func TestStream_LeavesAFreshPageAlone(t *testing.T) {
	inBubble(t, "", func(b *tabBubble) { b.expect() })
}

func TestStream_ReplaysNothingIfTheTabRequestsARun(t *testing.T) {
	own := "\x5a\x02\x0a\x00"
	inBubble(t, "of an earlier life", func(b *tabBubble) {
		b.send(wsFrame(wholeMessage, 7, own))
		b.expect(own)
	})
}

func TestStream_ReplaysOnceWhileTheTabSendsOtherMessages(t *testing.T) {
	inBubble(t, "of an earlier life", func(b *tabBubble) {
		b.send(wsFrame(wholeMessage, 7, stopScript))
		b.expect(stopScript, rerunMain)
	})
}

func TestStream_SplitsNoMessage(t *testing.T) {
	inBubble(t, "of an earlier life", func(b *tabBubble) {
		long := bytes.Repeat([]byte("\x38\x01"), 300)
		msg := append(wsFrame(begins, 3, string(long[:400])), wsFrame(ends, 4, string(long[400:]))...)
		for _, cut := range []int{1, 200, 390} { // in the header, in a frame, between two frames
			b.send(msg[:cut])
			msg = msg[cut:]
			time.Sleep(5 * replayAfter)
		}
		b.expect()
		b.send(msg)
		b.expect(string(long), rerunMain)
	})
}

func TestStream_ReplaysNothingAfterItsEnd(t *testing.T) {
	inBubble(t, "of an earlier life", func(b *tabBubble) {
		b.stream.Close()
		b.expect()
	})
}

// shortReads returns a stream of bytes in pieces of varying size.
type shortReads struct {
	data []byte
	n    int
}

func (r *shortReads) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	r.n = (r.n*7 + 1) % 70_000
	n := copy(p[:min(len(p), r.n+1)], r.data)
	r.data = r.data[n:]
	return n, nil
}

func TestRelay_PassesEverythingOn(t *testing.T) {
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	var got bytes.Buffer
	n, err := relay(&got, &shortReads{data: data})
	if err != nil || n != int64(len(data)) || !bytes.Equal(got.Bytes(), data) {
		t.Errorf("%d of %d bytes, %v", n, len(data), err)
	}
}

func TestRelay_GivesTheErrorOfEitherSide(t *testing.T) {
	r, w := io.Pipe()
	w.CloseWithError(io.ErrNoProgress)
	if _, err := relay(io.Discard, r); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("reading: %v", err)
	}
	other, closed := io.Pipe()
	other.CloseWithError(io.ErrShortWrite)
	if _, err := relay(closed, bytes.NewReader(make([]byte, 10))); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("writing: %v", err)
	}
}

func TestStream_ReadsTheAppsMessages(t *testing.T) {
	var kinds []streamlit.Kind
	c := &collector{peek: streamlit.PeekForward, take: func(msg []byte) {
		f, err := streamlit.ParseForward(msg)
		if err != nil {
			t.Error(err)
		}
		kinds = append(kinds, f.Kind)
	}}
	f := frames{sink: c}
	for _, name := range []string{"new-session", "status", "navigation", "heading", "long-exception", "finished", "reference", "compile-exception"} {
		for _, version := range []string{"158-", "167-"} {
			f.pass(wsFrame(wholeMessage, 0, string(captured(t, version+name))))
		}
	}
	want := []streamlit.Kind{
		streamlit.NewSession, streamlit.NewSession, streamlit.Navigation, streamlit.Navigation, streamlit.ShownException, streamlit.ShownException,
		streamlit.Finished, streamlit.Finished, streamlit.Reference, streamlit.Reference, streamlit.CompileException, streamlit.CompileException,
	}
	if len(kinds) != len(want) {
		t.Fatalf("kinds %v, want %v", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Errorf("message %d is of kind %d, want %d", i, kinds[i], want[i])
		}
	}
}
