package mirror

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Receive is the half inside a container: it does what comes from in and answers to out until in
// ends, which is no error. It needs the right to write everywhere and to give files away.
func Receive(in io.Reader, out io.Writer) error {
	r := &receiver{in: bufio.NewReaderSize(in, 256<<10), out: out}
	var h hello
	if err := readLine(r.in, &h); err != nil {
		return ended(err)
	}
	if err := r.open(h); err != nil {
		return errors.Join(err, writeLine(out, need{Error: err.Error()}))
	}
	defer r.close()
	answer, err := r.compare(h)
	if err != nil {
		return ended(err)
	}
	if err := writeLine(out, answer); err != nil {
		return err
	}
	for {
		var b batch
		if err := readLine(r.in, &b); err != nil {
			return ended(err)
		}
		d, err := r.batch(b)
		if err != nil {
			return ended(err)
		}
		if err := writeLine(out, d); err != nil {
			return err
		}
	}
}

// ended makes the end of the stream, wherever it comes, the ordinary end that it is.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

type receiver struct {
	in     *bufio.Reader
	out    io.Writer
	roots  []*shelf
	ledger *ledger
}

func (r *receiver) open(h hello) error {
	if h.V != version {
		return fmt.Errorf("stream version %d, and this receiver speaks %d", h.V, version)
	}
	if h.Files < 0 || h.Files > maxFiles {
		return fmt.Errorf("%d files are too many", h.Files)
	}
	var err error
	if r.ledger, err = openLedger(h.Ledger); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for _, root := range h.Roots {
		s, err := openShelf(root, h.Owner, r.ledger)
		if err != nil {
			r.close()
			return fmt.Errorf("open %s: %w", root, err)
		}
		r.roots = append(r.roots, s)
	}
	return nil
}

func (r *receiver) close() {
	for _, s := range r.roots {
		_ = s.root.Close() // nothing is written through it
	}
}

// compare reads what should be there, takes away what was put there and should not be any more, and
// says what is not as it should be.
func (r *receiver) compare(h hello) (need, error) {
	answer := need{Need: []int{}}
	wanted := make(map[string]bool, h.Files)
	for i := range h.Files {
		var w want
		if err := readLine(r.in, &w); err != nil {
			return answer, err
		}
		if err := w.valid(len(r.roots)); err != nil {
			return answer, err
		}
		s := r.roots[w.Root]
		wanted[s.full(string(w.Path))] = true
		if !s.met(w) {
			answer.Need = append(answer.Need, i)
		}
	}
	gone := r.stale(wanted)
	for _, at := range h.Gone {
		if at.valid(len(r.roots)) == nil && !wanted[r.roots[at.Root].full(string(at.Path))] {
			gone = append(gone, at)
		}
	}
	answer.Removed, answer.Failed = r.remove(gone)
	return answer, r.ledger.flush()
}

// stale gives what the ledger has and nobody wants any more. What lies below no root of today is
// left: a rule that is gone says nothing about its files.
func (r *receiver) stale(wanted map[string]bool) []spot {
	var out []spot
	for p := range r.ledger.has {
		if wanted[p] || strings.HasSuffix(p, "/") {
			continue
		}
		best := -1
		for i, s := range r.roots {
			if rel, ok := s.rel(p); ok && (best < 0 || len(s.path) > len(r.roots[best].path)) && (spot{Path: name(rel)}).valid(1) == nil {
				best = i
			}
		}
		if best >= 0 {
			rel, _ := r.roots[best].rel(p)
			out = append(out, spot{Root: best, Path: name(rel)})
		}
	}
	slices.SortFunc(out, func(a, b spot) int { return strings.Compare(string(a.Path), string(b.Path)) })
	return out
}

func (r *receiver) remove(gone []spot) (n int, failed []failure) {
	for _, at := range gone {
		did, err := r.roots[at.Root].remove(string(at.Path))
		if err != nil {
			failed = append(failed, failure{at, reason(err)})
		} else if did {
			n++
		}
	}
	return n, failed
}

// batch takes in one batch. An error means that the stream cannot be understood any more; what
// cannot be written is part of the answer.
func (r *receiver) batch(b batch) (done, error) {
	d := done{Batch: b.Batch}
	for _, at := range b.Gone {
		if err := at.valid(len(r.roots)); err != nil {
			return d, err
		}
	}
	for _, s := range r.roots {
		clear(s.sure)
	}
	d.Removed, d.Failed = r.remove(b.Gone)
	archive := tar.NewReader(r.in)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return d, err
		}
		at, err := entrySpot(h.Name)
		if err == nil {
			err = at.valid(len(r.roots))
		}
		if err != nil {
			return d, err
		}
		switch err := r.roots[at.Root].put(string(at.Path), h, archive); {
		case errors.Is(err, errStream):
			return d, err
		case err != nil:
			d.Failed = append(d.Failed, failure{at, reason(err)})
		default:
			d.Written++
		}
	}
	if err := r.ledger.flush(); err != nil {
		d.Failed = append(d.Failed, failure{spot{Path: name(r.ledger.file)}, reason(err)})
	}
	return d, nil
}

// errStream is what the other side did not deliver, as opposed to what could not be written.
var errStream = errors.New("the stream broke off")

// body tells an error of the stream from one of the disk.
type body struct{ io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errStream, err)
	}
	return n, err
}
