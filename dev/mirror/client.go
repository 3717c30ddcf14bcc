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

	"sdev/dev"
)

// Limits of one batch. The client sends the next one after the answer.
const (
	batchFiles = 512
	batchBytes = 8 << 20
)

// client is the project's end of a stream to a receiver.
type client struct {
	source  Source
	conn    io.ReadWriteCloser
	batches int // number of batches sent

	answers chan json.RawMessage
	broken  chan struct{} // closed when the stream has ended
	err     error         // why it ended; set before broken is closed
}

// newClient starts a goroutine that reads the stream, so that the client notices its end even while it expects no
// answer. close waits for that goroutine.
func newClient(s Source, conn io.ReadWriteCloser) *client {
	c := &client{source: s, conn: conn, answers: make(chan json.RawMessage), broken: make(chan struct{})}
	go func() {
		defer close(c.broken)
		in := bufio.NewReader(conn)
		for {
			var line json.RawMessage
			if c.err = readLine(in, &line); c.err != nil {
				return
			}
			select {
			case c.answers <- line:
			case <-time.After(answerTimeout):
				c.err = errors.New("the receiver sent an answer to no request")
				return
			}
		}
	}()
	return c
}

// answerTimeout is how long an answer may wait until the client takes it.
const answerTimeout = 10 * time.Second

// close ends the stream and waits until the reading goroutine has ended.
func (c *client) close() {
	_ = c.conn.Close() // nothing is left to read or write
	<-c.broken
}

// answer reads the receiver's next answer.
func (c *client) answer(v any) error {
	select {
	case line := <-c.answers:
		return json.Unmarshal(line, v)
	case <-c.broken:
		return c.err
	}
}

// outcome is the result of one or several batches.
type outcome struct {
	Written, Removed int
	Failed           []Failure
	retry            []string     // paths of the project to try again
	differed         []dev.Change // files that a comparison has copied
}

func (o *outcome) add(more outcome) {
	o.Written, o.Removed = o.Written+more.Written, o.Removed+more.Removed
	o.Failed = append(o.Failed, more.Failed...)
	o.retry = append(o.retry, more.retry...)
}

// dial compares all files over a new stream and copies those that differ. The caller closes the client; on an error
// dial has closed the stream. It does not look at ctx while it waits for the receiver: to stop it, close conn.
func dial(ctx context.Context, s Source, conn io.ReadWriteCloser, manifest string, gone []location) (*client, outcome, error) {
	c := newClient(s, conn)
	items, failed := s.scan()
	answer, err := c.sendHello(items, manifest, gone)
	if err != nil {
		c.close()
		return nil, outcome{}, err
	}
	out := outcome{Removed: answer.Removed, Failed: failed}
	out.add(c.describeFailures(answer.Failed, nil))
	var needed []item
	for _, i := range answer.Need {
		if i < 0 || i >= len(items) {
			c.close()
			return nil, outcome{}, fmt.Errorf("the receiver asked for file %d of %d", i, len(items))
		}
		needed = append(needed, items[i])
		out.differed = append(out.differed, dev.Change{Path: items[i].path, Saved: time.Unix(0, items[i].Time)})
	}
	more, err := c.send(ctx, needed, nil)
	if err != nil {
		c.close()
		return nil, outcome{}, err
	}
	out.add(more)
	return c, out, nil
}

func (c *client) sendHello(items []item, manifest string, gone []location) (helloReply, error) {
	h := hello{V: version, Manifest: manifest, Owner: c.source.Owner, Gone: gone, Files: len(items)}
	for _, r := range c.source.Layout.Roots() {
		h.Roots = append(h.Roots, r.Path)
	}
	var answer helloReply
	w := bufio.NewWriterSize(c.conn, 256<<10)
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
	if err := c.answer(&answer); err != nil {
		return answer, fmt.Errorf("the receiver does not answer: %w", err)
	}
	if answer.Error != "" {
		return answer, fmt.Errorf("the receiver refuses: %s", answer.Error)
	}
	return answer, nil
}

// send copies files to the receiver and deletes others, in batches, small files first.
func (c *client) send(ctx context.Context, items []item, gone []location) (outcome, error) {
	var out outcome
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.Size/largeFile, b.Size/largeFile) })
	for len(items) > 0 || len(gone) > 0 {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		n := inBatch(items)
		more, err := c.batch(items[:n], gone)
		out.add(more)
		if err != nil {
			return out, err
		}
		items, gone = items[n:], nil
	}
	return out, nil
}

// inBatch returns how many of the items fit into one batch.
func inBatch(items []item) int {
	var size int64
	for i, it := range items {
		if size += it.Size; i == batchFiles || i > 0 && size > batchBytes {
			return i
		}
	}
	return len(items)
}

func (c *client) batch(items []item, gone []location) (outcome, error) {
	c.batches++
	w := bufio.NewWriterSize(c.conn, 256<<10)
	if err := writeLine(w, batch{Batch: c.batches, Gone: gone, Files: len(items)}); err != nil {
		return outcome{}, err
	}
	p := &packer{source: c.source, tar: tar.NewWriter(w), entryName: batchEntryName}
	for _, it := range items {
		if err := p.add(it); err != nil {
			return outcome{}, err
		}
	}
	if err := errors.Join(p.tar.Close(), w.Flush()); err != nil {
		return outcome{}, err
	}
	var d batchReply
	if err := c.answer(&d); err != nil {
		return outcome{}, fmt.Errorf("the receiver is gone: %w", err)
	}
	if d.Batch != c.batches {
		return outcome{}, fmt.Errorf("the receiver answered batch %d instead of %d", d.Batch, c.batches)
	}
	out := outcome{Written: d.Written, Removed: d.Removed, Failed: p.failed}
	for _, f := range p.failed {
		out.retry = append(out.retry, f.Path)
	}
	out.add(c.describeFailures(d.Failed, items))
	return out, nil
}

// describeFailures names the files that the receiver could not write or delete, and those to try again.
func (c *client) describeFailures(list []failure, items []item) outcome {
	var out outcome
	for _, f := range list {
		if f.Root < 0 || f.Root >= len(c.source.Layout.Roots()) {
			continue
		}
		out.Failed = append(out.Failed, Failure{Path: c.source.full(f.location), Reason: f.Reason})
		for _, it := range items {
			if it.Root == f.Root && string(it.Path) == string(f.Path) {
				out.retry = append(out.retry, it.path)
			}
		}
	}
	return out
}
