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

// A user's file name may belong to anything: a named pipe without a writer, an endless device, a socket, a directory, a
// link to itself. The functions of this file read such files safely. They accept regular files only, check the opened
// file and not only its name, never wait, and stop at a size limit. All of sdev reads users' files with them.

// MaxFile limits the size, in bytes, of a file that is read as a whole: 16 MiB, far more than a person writes.
const MaxFile = 16 << 20

// Reasons not to read an existing file.
var (
	// ErrNotRegular means that the file is a directory, a pipe, a socket or a device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge means that the file exceeds the size limit.
	ErrTooLarge = errors.New("too large")
)

// unsuitable is an error that tells what a file is and what it should be. It wraps ErrNotRegular or ErrTooLarge.
type unsuitable struct {
	text string
	kind error
}

func (e unsuitable) Error() string { return e.text }
func (e unsuitable) Unwrap() error { return e.kind }

// IsUnsuitableFile reports whether an error concerns a file that exists but is not regular, or is too large.
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

// ReadFileIn is ReadFile for a file in a directory. It fails if a link leads out of the directory. The name has
// slashes.
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
	// Opening some devices has side effects, so check first. The check of the opened file is the one that counts.
	if st, err := os.Stat(name); err != nil {
		return nil, notOpened(name, err)
	} else if err := regular(st, name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, openFlags, 0)
	return checked(f, err, name)
}

// WriteFile is os.WriteFile for a regular file, which it creates if it does not exist. It does not wait for the
// reader of a named pipe.
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

// listIn lists a directory that root holds. An os.Root reads the details of each file of a listing, which takes most of the
// time in big trees; here a file's details are read when somebody asks for them.
func listIn(root *os.Root, name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	name = filepath.FromSlash(name)
	if _, err := root.Stat(name); err != nil {
		return nil, notOpened(name, err)
	}
	return os.ReadDir(filepath.Join(root.Name(), name))
}

// notOpened returns the error that os.Open would return.
func notOpened(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return &fs.PathError{Op: "open", Path: name, Err: err}
}

// openFlags prevent an open from waiting for the writer of a pipe, and from making a terminal the controlling one.
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
	_ = f.SetReadDeadline(time.Now().Add(readFor)) // most files support no deadline, and need none
	return f, nil
}

// readFor limits the reading of files that look regular but block, such as the kernel's log.
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
	return &fs.PathError{Op: "read", Path: name, Err: unsuitable{"it is " + kind + ", not a regular file", ErrNotRegular}}
}

// isNull reports whether a file is /dev/null, with which users say that there is no file.
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
	b, err := io.ReadAll(io.LimitReader(f, most+1)) // the file may grow meanwhile, or report a wrong size
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
	return &fs.PathError{Op: "read", Path: name, Err: unsuitable{"it is larger than " + size, ErrTooLarge}}
}

// Files returns a directory as a file system. Its files are regular and end at [MaxFile]; links that lead out of
// the directory fail.
func Files(root *os.Root) fs.FS {
	return openingFS{root.FS(), func(name string) (*os.File, error) { return openIn(root, name) }, func(name string) ([]fs.DirEntry, error) { return listIn(root, name) }}
}

// FilesOf is Files of a directory by name, but links may lead out of it.
func FilesOf(dir string) fs.FS {
	files := os.DirFS(dir)
	return openingFS{files, func(name string) (*os.File, error) { return OpenFile(filepath.Join(dir, filepath.FromSlash(name))) }, func(name string) ([]fs.DirEntry, error) { return fs.ReadDir(files, name) }}
}

// openingFS opens files by its own function, which never waits. The embedded FS opens only directories.
type openingFS struct {
	fs.FS
	open func(name string) (*os.File, error)
	list func(name string) ([]fs.DirEntry, error)
}

// Open opens a directory, or a regular file.
func (t openingFS) Open(name string) (fs.File, error) {
	if _, err := filepath.Localize(name); err != nil {
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
func (t openingFS) ReadFile(name string) ([]byte, error) {
	if _, err := filepath.Localize(name); err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	f, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return readAll(f, name, MaxFile)
}

func (t openingFS) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(t.FS, name) }
func (t openingFS) ReadDir(name string) ([]fs.DirEntry, error) { return t.list(name) }
func (t openingFS) ReadLink(name string) (string, error)       { return fs.ReadLink(t.FS, name) }
func (t openingFS) Lstat(name string) (fs.FileInfo, error)     { return fs.Lstat(t.FS, name) }

// bounded is a file whose reads fail beyond a size.
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
