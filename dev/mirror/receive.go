package mirror

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Receive is the half inside the container. It reads requests from in and writes answers to out until in ends, and then
// returns nil. It must run as a user that may write everywhere and change owners.
func Receive(in io.Reader, out io.Writer) error {
	r := &receiver{in: bufio.NewReaderSize(in, 256<<10), out: out}
	var h hello
	if err := readLine(r.in, &h); err != nil {
		return ignoreEOF(err)
	}
	if err := r.open(h); err != nil {
		return errors.Join(err, writeLine(out, helloReply{Error: err.Error()}))
	}
	defer r.close()
	answer, err := r.compare(h)
	if err != nil {
		return ignoreEOF(err)
	}
	if err := writeLine(out, answer); err != nil {
		return err
	}
	for {
		var b batch
		if err := readLine(r.in, &b); err != nil {
			return ignoreEOF(err)
		}
		d, err := r.batch(b)
		if err != nil {
			return ignoreEOF(err)
		}
		if err := writeLine(out, d); err != nil {
			return err
		}
	}
}

// ignoreEOF returns nil for the end of the stream, even in the middle of a message: the connection may break anywhere.
func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

type receiver struct {
	in       *bufio.Reader
	out      io.Writer
	roots    []*openedRoot
	manifest *manifest
}

func (r *receiver) open(h hello) error {
	if h.V != version {
		return fmt.Errorf("stream version %d is not supported: this receiver needs version %d", h.V, version)
	}
	if h.Files < 0 || h.Files > maxFiles {
		return fmt.Errorf("%d files are too many", h.Files)
	}
	var err error
	if r.manifest, err = openManifest(h.Manifest); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	for _, root := range h.Roots {
		s, err := openRoot(root, h.Owner, r.manifest)
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
		_ = s.dir.Close() // only a directory handle: nothing is left to write
	}
}

// compare reads the list of files that should exist. It deletes files that a receiver wrote and that are no longer
// wanted, and those that the syncer saw deleted. It answers with the files that it needs.
func (r *receiver) compare(h hello) (helloReply, error) {
	answer := helloReply{Need: []int{}}
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
		s.sweep(path.Dir(string(w.Path)))
		if !s.upToDate(w) {
			answer.Need = append(answer.Need, i)
		}
	}
	gone := r.unwanted(wanted)
	for _, at := range h.Gone {
		if at.valid(len(r.roots)) == nil && !wanted[r.roots[at.Root].full(string(at.Path))] {
			gone = append(gone, at)
		}
	}
	answer.Removed, answer.Failed = r.remove(gone)
	return answer, r.manifest.flush()
}

// unwanted lists the files of the manifest that are no longer wanted. It leaves out files below none of the current
// roots: they belong to a rule that was removed, and stay.
func (r *receiver) unwanted(wanted map[string]bool) []location {
	var out []location
	for p := range r.manifest.paths {
		if wanted[p] || strings.HasSuffix(p, "/") {
			continue
		}
		best := -1
		for i, s := range r.roots {
			if rel, ok := s.rel(p); ok && (best < 0 || len(s.path) > len(r.roots[best].path)) && (location{Path: rawPath(rel)}).valid(1) == nil {
				best = i
			}
		}
		if best >= 0 {
			rel, _ := r.roots[best].rel(p)
			out = append(out, location{Root: best, Path: rawPath(rel)})
		}
	}
	slices.SortFunc(out, func(a, b location) int { return strings.Compare(string(a.Path), string(b.Path)) })
	return out
}

func (r *receiver) remove(gone []location) (n int, failed []failure) {
	for _, at := range gone {
		existed, err := r.roots[at.Root].remove(string(at.Path))
		if err != nil {
			failed = append(failed, failure{at, reasonOf(err)})
		} else if existed {
			n++
		}
	}
	return n, failed
}

// batch carries out one batch. An error means that the stream is broken. Files that cannot be written are part of the
// answer.
func (r *receiver) batch(b batch) (batchReply, error) {
	d := batchReply{Batch: b.Batch}
	for _, at := range b.Gone {
		if err := at.valid(len(r.roots)); err != nil {
			return d, err
		}
	}
	for _, s := range r.roots {
		clear(s.knownDirs)
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
		at, err := parseEntryName(h.Name)
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
			d.Failed = append(d.Failed, failure{at, reasonOf(err)})
		default:
			d.Written++
		}
	}
	if err := r.manifest.flush(); err != nil {
		d.Failed = append(d.Failed, failure{location{Path: rawPath(r.manifest.file)}, reasonOf(err)})
	}
	return d, nil
}

// errStream marks an error of the stream, as opposed to one of writing a file.
var errStream = errors.New("the stream broke off")

// body marks errors of reading the stream with errStream.
type body struct{ io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errStream, err)
	}
	return n, err
}
