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

	"sdev/dev"
)

// largeFile is the size, in bytes, from which a file is streamed instead of read into memory, and is sent after the
// smaller ones.
const largeFile = 4 << 20

// errTruncated says that a large file became shorter while it was being sent. It breaks the stream, because nothing else
// keeps the receiver from using the part that it has.
var errTruncated = errors.New("the file became shorter while it was read")

// packer writes files of the project into an archive.
type packer struct {
	source    Source
	tar       *tar.Writer
	entryName func(location) string // returns the name of an entry; "" leaves the file out
	failed    []Failure
}

// add writes one file. It leaves out a file that no longer exists, and one that cannot be read, which it adds to failed.
func (p *packer) add(it item) error {
	if it.isLink() {
		return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: p.entryName(it.location), Linkname: string(it.Link), Mode: 0o777,
			Uid: p.source.Owner.UID, Gid: p.source.Owner.GID, Format: tar.FormatPAX})
	}
	f, err := openFile(p.source.abs(it.path))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			p.failed = append(p.failed, Failure{Path: it.path, Reason: reasonOf(err)})
		}
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil // something else has replaced the file, which the watcher reports as another change
	}
	size := info.Size()
	body := io.LimitReader(f, size)
	if size < largeFile {
		b, err := io.ReadAll(io.LimitReader(f, largeFile))
		if err != nil {
			p.failed = append(p.failed, Failure{Path: it.path, Reason: reasonOf(err)})
			return nil
		}
		body, size = bytes.NewReader(b), int64(len(b))
	}
	if err := p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: p.entryName(it.location), Mode: int64(dev.ContainerMode(info)), Size: size, ModTime: info.ModTime(),
		Uid: p.source.Owner.UID, Gid: p.source.Owner.GID, Format: tar.FormatPAX}); err != nil {
		return err
	}
	n, err := io.Copy(p.tar, body)
	if err == nil && n < size {
		err = errTruncated
	}
	return err
}

// openFile opens a file without following a link. It does not block if the file is now a pipe.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|dev.NoFollow, 0) // a file of the project
}

// batchEntryName returns the name of a file's entry in a batch.
func batchEntryName(s location) string { return strconv.Itoa(s.Root) + "/" + string(s.Path) }

// parseEntryName returns the location for which batchEntryName returned a name.
func parseEntryName(entry string) (location, error) {
	number, p, ok := strings.Cut(entry, "/")
	root, err := strconv.Atoi(number)
	if !ok || err != nil {
		return location{}, fmt.Errorf("%q is not the name of a file in a root", entry)
	}
	return location{Root: root, Path: rawPath(p)}, nil
}

// Pack writes an archive of all that a container should have before it starts: the receiver, the files, their
// directories and the manifest. The caller unpacks it in the directory under; Pack leaves out whatever does not lie
// there. receiver is nil if the container has it. Pack returns the files that could not be read.
func (s Source) Pack(w io.Writer, receiver *Receiver, under string) ([]Failure, error) {
	items, failed := s.scan()
	items = slices.DeleteFunc(items, func(it item) bool { return it.Weak })
	p := &packer{source: s, tar: tar.NewWriter(w), failed: failed, entryName: func(at location) string { return relTo(under, s.full(at)) }}
	if receiver != nil {
		if err := p.receiver(receiver, under); err != nil {
			return nil, fmt.Errorf("pack the receiver: %w", err)
		}
	}
	dirs := s.dirs(items)
	for _, dir := range dirs {
		if err := p.dirEntry(relTo(under, dir), s.Owner); err != nil {
			return nil, err
		}
	}
	var manifest bytes.Buffer
	for _, dir := range dirs {
		manifest.WriteString(manifestLine('+', dir+"/"))
	}
	for _, it := range items {
		manifest.WriteString(manifestLine('+', s.full(it.location)))
		if p.entryName(it.location) == "" {
			continue
		}
		if err := p.add(it); err != nil {
			return nil, err
		}
	}
	if at := relTo(under, packedManifest(Manifest)); at != "" {
		if err := p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: at, Mode: 0o600, Size: int64(manifest.Len())}); err != nil {
			return nil, err
		}
		if _, err := p.tar.Write(manifest.Bytes()); err != nil {
			return nil, err
		}
	}
	return p.failed, p.tar.Close()
}

// relTo returns the path full relative to the directory under: "." for the directory itself, "" if it lies outside.
func relTo(under, full string) string {
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

// PackReceiver writes an archive of only the receiver, for the directory under.
func PackReceiver(w io.Writer, receiver *Receiver, under string) error {
	p := &packer{tar: tar.NewWriter(w)}
	if err := p.receiver(receiver, under); err != nil {
		return fmt.Errorf("pack the receiver: %w", err)
	}
	return p.tar.Close()
}

// full returns the absolute path of a location in the container.
func (s Source) full(at location) string {
	return path.Join(s.Layout.Roots()[at.Root].Path, string(at.Path))
}

// dirs lists the directories that a new container may lack, parents first: roots with only copied files, and those
// between a root and a file that every new container gets.
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
			found[s.full(location{Root: it.Root, Path: rawPath(dir)})] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (p *packer) receiver(r *Receiver, under string) error {
	at := relTo(under, Program)
	if at == "" {
		return nil
	}
	if err := p.dirEntry(relTo(under, Dir), Owner{}); err != nil {
		return err
	}
	if err := p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: at, Mode: 0o755, Size: int64(len(r.Content)), ModTime: r.Modified}); err != nil {
		return err
	}
	_, err := p.tar.Write(r.Content)
	return err
}

// reasonOf returns the system's message for an error, without paths.
func reasonOf(err error) string {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no.Error()
	}
	return err.Error()
}
