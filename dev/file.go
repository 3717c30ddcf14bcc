package dev

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Files of the user's are whatever lies under their names: a named pipe that nobody writes to, a device
// without an end, a socket, a directory, a link that leads to itself. Everything that sdev reads of them it
// reads with what stands here, which takes regular files alone, judges what it has opened and not what
// was there a moment before, never waits, and stops at a size.

// MaxFile is the size up to which a file is read as a whole: far more than anybody writes by hand.
const MaxFile = 16 << 20

// What is wrong with a file that is there and is not read.
var (
	// ErrNotRegular is the error of what is no regular file.
	ErrNotRegular = errors.New("no regular file")
	// ErrTooLarge is the error of what is larger than is read.
	ErrTooLarge = errors.New("too large")
)

// unfit is an error about a file that says what it is, and what would do.
type unfit struct {
	words string
	kind  error
}

func (e unfit) Error() string { return e.words }
func (e unfit) Unwrap() error { return e.kind }

// IsUnsuitableFile says whether an error is about a file that is there and is not read, because of what it is.
func IsUnsuitableFile(err error) bool {
	return errors.Is(err, ErrNotRegular) || errors.Is(err, ErrTooLarge)
}

// ReadFile is os.ReadFile for a regular file of at most [MaxFile].
func ReadFile(name string) ([]byte, error) { return ReadUpTo(name, MaxFile) }

// ReadUpTo is os.ReadFile for a regular file of at most so many bytes.
func ReadUpTo(name string, most int64) ([]byte, error) {
	f, err := OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return readAll(f, name, most)
}

// ReadFileIn is ReadFile for a file of a directory, which links do not lead out of. The name has slashes.
func ReadFileIn(root *os.Root, name string) ([]byte, error) {
	f, err := openIn(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return readAll(f, name, MaxFile)
}

// OpenFile is os.Open for a regular file of any size.
func OpenFile(name string) (*os.File, error) {
	// A look first, since opening alone does things to some devices. What counts is the look after it.
	if st, err := os.Stat(name); err != nil {
		return nil, notOpened(name, err)
	} else if err := regular(st, name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, openFlags, 0)
	return checked(f, err, name)
}

// WriteFile is os.WriteFile for a regular file, or where there is none yet. It does not wait for whoever
// reads a pipe either.
func WriteFile(name string, content []byte, perm fs.FileMode) error {
	if st, err := os.Stat(name); err == nil {
		if err := regular(st, name); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NONBLOCK|syscall.O_NOCTTY, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func openIn(root *os.Root, name string) (*os.File, error) {
	name = filepath.FromSlash(name)
	if st, err := root.Stat(name); err != nil {
		return nil, notOpened(name, err)
	} else if err := regular(st, name); err != nil {
		return nil, err
	}
	f, err := root.OpenFile(name, openFlags, 0)
	return checked(f, err, name)
}

// notOpened is what os.Open would say.
func notOpened(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return &fs.PathError{Op: "open", Path: name, Err: err}
}

// openFlags never wait for whoever writes to a pipe, and never make a terminal ours.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY

func checked(f *os.File, err error, name string) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil {
		err = regular(st, name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	_ = f.SetReadDeadline(time.Now().Add(readFor)) // most files have none, and need none
	return f, nil
}

// readFor bounds the reading of files that look regular and wait all the same, as the kernel's log does.
const readFor = 10 * time.Second

func regular(st fs.FileInfo, name string) error {
	if st.Mode().IsRegular() || isNull(st) {
		return nil
	}
	kind := "a special file"
	switch mode := st.Mode(); {
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return &fs.PathError{Op: "read", Path: name, Err: unfit{"it is " + kind + ", and a regular file is needed", ErrNotRegular}}
}

// isNull says whether a device is the empty one, which people name to say that there is no file.
func isNull(st fs.FileInfo) bool {
	if st.Mode()&fs.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(st, null)
}

func readAll(f *os.File, name string, most int64) ([]byte, error) {
	if st, err := f.Stat(); err == nil && st.Size() > most {
		return nil, tooLarge(name, most)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1)) // it may grow meanwhile, or not know its size
	if err == nil && int64(len(b)) > most {
		return nil, tooLarge(name, most)
	}
	return b, err
}

func tooLarge(name string, most int64) error {
	size := fmt.Sprintf("%d MiB", most>>20)
	if most < 1<<20 {
		size = fmt.Sprintf("%d KiB", most>>10)
	}
	return &fs.PathError{Op: "read", Path: name, Err: unfit{"it is larger than " + size, ErrTooLarge}}
}

// Files gives a directory as a file system from which links do not lead, whose files are regular ones and
// end at [MaxFile].
func Files(root *os.Root) fs.FS {
	return files{root.FS(), func(name string) (*os.File, error) { return openIn(root, name) }}
}

// FilesOf is Files of a directory by its name, which links may lead out of.
func FilesOf(dir string) fs.FS {
	return files{os.DirFS(dir), func(name string) (*os.File, error) { return OpenFile(filepath.Join(dir, filepath.FromSlash(name))) }}
}

// files opens what is no directory by a way of its own. What it takes over as it is opens nothing that could
// wait.
type files struct {
	fs.FS
	open func(name string) (*os.File, error)
}

// Open opens a directory, or a regular file.
func (t files) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if st, err := fs.Stat(t.FS, name); err == nil && st.IsDir() {
		return t.FS.Open(name)
	}
	f, err := t.open(name)
	if err != nil {
		return nil, err
	}
	return &bounded{f, name, MaxFile}, nil
}

// ReadFile reads a regular file.
func (t files) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	f, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return readAll(f, name, MaxFile)
}

func (t files) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(t.FS, name) }
func (t files) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(t.FS, name) }
func (t files) ReadLink(name string) (string, error)       { return fs.ReadLink(t.FS, name) }
func (t files) Lstat(name string) (fs.FileInfo, error)     { return fs.Lstat(t.FS, name) }

// bounded is a file that ends with an error where it is too large.
type bounded struct {
	file *os.File
	name string
	left int64
}

func (b *bounded) Stat() (fs.FileInfo, error) { return b.file.Stat() }
func (b *bounded) Close() error               { return b.file.Close() }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		if n, err := b.file.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, tooLarge(b.name, MaxFile)
	}
	n, err := b.file.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
