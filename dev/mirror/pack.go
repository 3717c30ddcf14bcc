package mirror

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// large is the size from which on a file is not read into memory before it is sent, and goes after
// those that are not.
const large = 4 << 20

// errCut says that a large file became shorter while it was on its way. What the receiver has of it
// must not be used, and the only way to say so is to end the stream.
var errCut = errors.New("the file became shorter while it was read")

// packer writes files of a project into an archive.
type packer struct {
	source Source
	tar    *tar.Writer
	label  func(spot) string // name of an entry
	failed []Failure
}

// add writes one file. One that cannot be read, or is gone again, is left out.
func (p *packer) add(it item) error {
	if it.isLink() {
		return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: p.label(it.spot), Linkname: string(it.Link), Mode: 0o777,
			Uid: p.source.Owner.UID, Gid: p.source.Owner.GID, Format: tar.FormatPAX})
	}
	f, err := openFile(p.source.abs(it.source))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			p.failed = append(p.failed, Failure{Path: it.source, Reason: reason(err)})
		}
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil // it was replaced meanwhile, and that is a change of its own
	}
	size := info.Size()
	body := io.LimitReader(f, size)
	if size < large {
		b, err := io.ReadAll(io.LimitReader(f, large))
		if err != nil {
			p.failed = append(p.failed, Failure{Path: it.source, Reason: reason(err)})
			return nil
		}
		body, size = bytes.NewReader(b), int64(len(b))
	}
	if err := p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: p.label(it.spot), Mode: int64(info.Mode().Perm()), Size: size, ModTime: info.ModTime(),
		Uid: p.source.Owner.UID, Gid: p.source.Owner.GID, Format: tar.FormatPAX}); err != nil {
		return err
	}
	n, err := io.Copy(p.tar, body)
	if err == nil && n < size {
		err = errCut
	}
	return err
}

// openFile does not wait for a writer, should the file have become a pipe, and follows no link.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0) //nolint:gosec // a file of the project
}

// entryName is how a batch names a place.
func entryName(s spot) string { return strconv.Itoa(s.Root) + "/" + string(s.Path) }

// entrySpot is the place that an entry's name stands for.
func entrySpot(entry string) (spot, error) {
	number, p, ok := strings.Cut(entry, "/")
	root, err := strconv.Atoi(number)
	if !ok || err != nil {
		return spot{}, fmt.Errorf("%q names no place", entry)
	}
	return spot{Root: root, Path: name(p)}, nil
}

// Pack writes an archive of everything that a container should have before it starts, as far as it
// lies in or below the directory under, where the archive is to be unpacked: program, which is the
// receiver, or "" where it is there already, the files, the directories that lead to them, and the
// ledger. It reports what could not be read.
func (s Source) Pack(w io.Writer, program, under string) ([]Failure, error) {
	items, failed := s.scan()
	items = slices.DeleteFunc(items, func(it item) bool { return it.Weak })
	p := &packer{source: s, tar: tar.NewWriter(w), failed: failed, label: func(at spot) string { return from(under, s.full(at)) }}
	if program != "" {
		if err := p.program(program, under); err != nil {
			return nil, fmt.Errorf("pack the receiver: %w", err)
		}
	}
	dirs := s.dirs(items)
	for _, dir := range dirs {
		if err := p.dirEntry(from(under, dir), s.Owner); err != nil {
			return nil, err
		}
	}
	var notes bytes.Buffer
	for _, dir := range dirs {
		notes.WriteString(ledgerLine('+', dir+"/"))
	}
	for _, it := range items {
		notes.WriteString(ledgerLine('+', s.full(it.spot)))
		if p.label(it.spot) == "" {
			continue
		}
		if err := p.add(it); err != nil {
			return nil, err
		}
	}
	if at := from(under, filled(Ledger)); at != "" {
		if err := p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: at, Mode: 0o600, Size: int64(notes.Len())}); err != nil {
			return nil, err
		}
		if _, err := p.tar.Write(notes.Bytes()); err != nil {
			return nil, err
		}
	}
	return p.failed, p.tar.Close()
}

// from is the way from a directory to an absolute path in or below it, "." for the directory itself, and
// "" for what lies elsewhere.
func from(under, full string) string {
	if full == under {
		return "."
	}
	rel, below := strings.CutPrefix(full, strings.TrimSuffix(under, "/")+"/")
	if !below {
		return ""
	}
	return rel
}

func (p *packer) dirEntry(entry string, owner Owner) error {
	if entry == "" {
		return nil
	}
	return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: entry + "/", Mode: 0o755, ModTime: time.Now(), Uid: owner.UID, Gid: owner.GID, Format: tar.FormatPAX})
}

// PackProgram writes an archive of the receiver alone, to be unpacked in the directory under.
func PackProgram(w io.Writer, program, under string) error {
	p := &packer{tar: tar.NewWriter(w)}
	if err := p.program(program, under); err != nil {
		return fmt.Errorf("pack the receiver: %w", err)
	}
	return p.tar.Close()
}

// full is the absolute path of a place.
func (s Source) full(at spot) string {
	return path.Join(s.Layout.Roots()[at.Root].Path, string(at.Path))
}

// directories are those below the roots that lead to files which a new container may lack, outermost
// first, and the roots that are our own.
func (s Source) dirs(items []item) []string {
	found := map[string]bool{}
	for _, r := range s.Layout.Roots() {
		if r.Own {
			found[r.Path] = true
		}
	}
	for _, it := range items {
		if !it.Whole {
			continue
		}
		for dir := path.Dir(string(it.Path)); dir != "."; dir = path.Dir(dir) {
			found[s.full(spot{Root: it.Root, Path: name(dir)})] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (p *packer) program(file, under string) error {
	at := from(under, Program)
	if at == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := p.dirEntry(from(under, Dir), Owner{}); err != nil {
		return err
	}
	if err := p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: at, Mode: 0o755, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(p.tar, f)
	return err
}

// reason is the system's word for why something failed, without paths.
func reason(err error) string {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no.Error()
	}
	return err.Error()
}
