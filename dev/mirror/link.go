package mirror

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Bounds of one batch: until it is answered nothing else is sent.
const (
	batchFiles = 512
	batchBytes = 8 << 20
)

// link is a stream to a receiver, seen from the project's side.
type link struct {
	source Source
	conn   io.ReadWriteCloser
	sent   int // batches

	answers chan json.RawMessage
	broken  chan struct{} // closed once nothing more will come
	why     error         // set before broken is closed
}

// open starts to listen, so that the end of a stream is noticed also while nothing is asked.
func open(s Source, conn io.ReadWriteCloser) *link {
	l := &link{source: s, conn: conn, answers: make(chan json.RawMessage), broken: make(chan struct{})}
	go func() {
		defer close(l.broken)
		in := bufio.NewReader(conn)
		for {
			var line json.RawMessage
			if l.why = readLine(in, &line); l.why != nil {
				return
			}
			select {
			case l.answers <- line:
			case <-time.After(unasked):
				l.why = errors.New("the receiver says what nobody asked for")
				return
			}
		}
	}()
	return l
}

// unasked is how long an answer may wait for somebody who asked.
const unasked = 10 * time.Second

// close ends the stream and waits until the listener has ended.
func (l *link) close() {
	_ = l.conn.Close() // it was read to where it matters
	<-l.broken
}

// answer waits for what the receiver says next.
func (l *link) answer(v any) error {
	select {
	case line := <-l.answers:
		return json.Unmarshal(line, v)
	case <-l.broken:
		return l.why
	}
}

// outcome is what came of one or several batches.
type outcome struct {
	Written, Removed int
	Failed           []Failure
	again            []string // paths of the project that failed
}

func (o *outcome) add(more outcome) {
	o.Written, o.Removed = o.Written+more.Written, o.Removed+more.Removed
	o.Failed = append(o.Failed, more.Failed...)
	o.again = append(o.again, more.again...)
}

// dial compares everything over a new stream, and brings over what differs. Whoever calls it closes
// the link, if there is one; without one the stream is closed. It does not look at ctx while it waits
// for the other side: conn has to be closed for that.
func dial(ctx context.Context, s Source, conn io.ReadWriteCloser, ledger string, gone []spot) (*link, outcome, error) {
	l := open(s, conn)
	items, failed := s.scan()
	answer, err := l.greet(items, ledger, gone)
	if err != nil {
		l.close()
		return nil, outcome{}, err
	}
	out := outcome{Removed: answer.Removed, Failed: failed}
	out.add(l.failures(answer.Failed, nil))
	var needed []item
	for _, i := range answer.Need {
		if i < 0 || i >= len(items) {
			l.close()
			return nil, outcome{}, fmt.Errorf("the receiver asks for file %d of %d", i, len(items))
		}
		needed = append(needed, items[i])
	}
	more, err := l.send(ctx, needed, nil)
	if err != nil {
		l.close()
		return nil, outcome{}, err
	}
	out.add(more)
	return l, out, nil
}

func (l *link) greet(items []item, ledger string, gone []spot) (need, error) {
	h := hello{V: version, Ledger: ledger, Owner: l.source.Owner, Gone: gone, Files: len(items)}
	for _, r := range l.source.Layout.Roots() {
		h.Roots = append(h.Roots, r.Path)
	}
	var answer need
	w := bufio.NewWriterSize(l.conn, 256<<10)
	if err := writeLine(w, h); err != nil {
		return answer, err
	}
	for _, it := range items {
		if err := writeLine(w, it.want); err != nil {
			return answer, err
		}
	}
	if err := w.Flush(); err != nil {
		return answer, err
	}
	if err := l.answer(&answer); err != nil {
		return answer, fmt.Errorf("the receiver does not answer: %w", err)
	}
	if answer.Error != "" {
		return answer, fmt.Errorf("the receiver refuses: %s", answer.Error)
	}
	return answer, nil
}

// send brings files over and takes others away, in batches; small files first.
func (l *link) send(ctx context.Context, items []item, gone []spot) (outcome, error) {
	var out outcome
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.Size/large, b.Size/large) })
	for len(items) > 0 || len(gone) > 0 {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		n := inBatch(items)
		more, err := l.batch(items[:n], gone)
		out.add(more)
		if err != nil {
			return out, err
		}
		items, gone = items[n:], nil
	}
	return out, nil
}

// inBatch is how many of the items go into one batch.
func inBatch(items []item) int {
	var size int64
	for i, it := range items {
		if size += it.Size; i == batchFiles || i > 0 && size > batchBytes {
			return i
		}
	}
	return len(items)
}

func (l *link) batch(items []item, gone []spot) (outcome, error) {
	l.sent++
	w := bufio.NewWriterSize(l.conn, 256<<10)
	if err := writeLine(w, batch{Batch: l.sent, Gone: gone, Files: len(items)}); err != nil {
		return outcome{}, err
	}
	p := &packer{source: l.source, tar: tar.NewWriter(w), label: entryName}
	for _, it := range items {
		if err := p.add(it); err != nil {
			return outcome{}, err
		}
	}
	if err := errors.Join(p.tar.Close(), w.Flush()); err != nil {
		return outcome{}, err
	}
	var d done
	if err := l.answer(&d); err != nil {
		return outcome{}, fmt.Errorf("the receiver is gone: %w", err)
	}
	if d.Batch != l.sent {
		return outcome{}, fmt.Errorf("the receiver answers batch %d instead of %d", d.Batch, l.sent)
	}
	out := outcome{Written: d.Written, Removed: d.Removed, Failed: p.failed}
	for _, f := range p.failed {
		out.again = append(out.again, f.Path)
	}
	out.add(l.failures(d.Failed, items))
	return out, nil
}

// failures puts what the receiver could not do into words, and finds the files it is about.
func (l *link) failures(list []failure, items []item) outcome {
	var out outcome
	for _, f := range list {
		if f.Root < 0 || f.Root >= len(l.source.Layout.Roots()) {
			continue
		}
		out.Failed = append(out.Failed, Failure{Path: l.source.full(f.spot), Reason: f.Reason})
		for _, it := range items {
			if it.Root == f.Root && string(it.Path) == string(f.Path) {
				out.again = append(out.again, it.source)
			}
		}
	}
	return out
}
