package dev

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sdev/dev/pattern"
)

// sdev replaces a file in one step: it writes the new content to a temporary file in the same directory, then renames
// that. A reader, a crash or a full disk sees the old content or the new, never a part of it, and an error leaves no
// temporary file. A link is replaced, not followed. On Windows a file that another program has open cannot be
// replaced; the rename waits a little for it.
//
// The owner of the file decides whether the content is flushed to the disk before the rename. Without the flush, some
// file systems (XFS; ext4 without auto_da_alloc) may lose both contents when the power fails.
//   - A user's file ([RewriteFile], [ReplaceFileIn]) is flushed if it replaces another one, because nobody can restore
//     the lost content. A new file replaces nothing, so it needs no flush.
//   - sdev's own state ([ReplaceFile]) is not flushed. Every reader treats damaged state as missing, and a flush would
//     delay each sign-in at the provider by milliseconds.
//
// The rename itself is never flushed: a power failure may bring back the old content, but that is complete.

// ReplaceFile creates or replaces a file of sdev's own. Its permissions are perm, less the umask.
func ReplaceFile(name string, content []byte, perm fs.FileMode) error {
	return replaceByName(name, replacement{content: content, perm: perm})
}

// RewriteFile replaces the content of a user's file, and keeps its permissions and owner.
func RewriteFile(name string, content []byte) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	return replaceByName(name, replacement{content: content, perm: info.Mode().Perm(), like: info, flush: true})
}

// ReplaceFileIn creates or replaces a file in a user's directory; it fails if a link leads out of that. The name
// has slashes; the permissions are perm, less the umask. ReplaceFileIn calls check, unless it is nil, right before
// the rename, and gives up if check returns an error.
func ReplaceFileIn(root *os.Root, name string, content []byte, perm fs.FileMode, check func() error) error {
	_, err := root.Lstat(filepath.FromSlash(name))
	return replacement{content: content, perm: perm, flush: err == nil, check: check}.put(root, filepath.FromSlash(name), name)
}

// replacement is the new content of a file, before the rename.
type replacement struct {
	content []byte
	perm    fs.FileMode
	like    fs.FileInfo // copy its permissions and owner, regardless of the umask; nil uses perm
	flush   bool
	check   func() error
}

func replaceByName(name string, r replacement) error {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return replaceError("open", name, err)
	}
	defer root.Close()
	return r.put(root, filepath.Base(name), name)
}

// besidePrefix begins the name of the temporary file; the rest is random.
const besidePrefix = ".sdev-"

var beside = pattern.New(`^\.sdev-[A-Z2-7]{26}$`)

// IsHalfWritten reports whether a name is that of a temporary file: one that another process is about to rename, or
// that a killed process left behind.
func IsHalfWritten(base string) bool { return beside.MatchString(base) }

// put writes the temporary file and renames it to name. Errors contain shown as the file's name.
func (r replacement) put(root *os.Root, name, shown string) error {
	temp := filepath.Join(filepath.Dir(name), besidePrefix+rand.Text())
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, r.perm)
	if err != nil {
		return replaceError("open", shown, err)
	}
	err = errors.Join(r.fill(f, shown), replaceError("close", shown, f.Close()))
	if err == nil && r.check != nil {
		err = r.check()
	}
	if err == nil {
		err = replaceError("rename", shown, whileOpen(func() error { return root.Rename(temp, name) }, isOpenElsewhere, renameWithin))
	}
	if err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	return nil
}

// renameWithin limits how long a rename waits for other programs to close the file.
const renameWithin = 2 * time.Second

// whileOpen repeats a rename for a limited time as long as another program has the file open. The system does not tell
// when that ends, so whileOpen tries again after a pause that doubles, beginning with a millisecond.
func whileOpen(rename func() error, open func(error) bool, most time.Duration) error {
	end := time.Now().Add(most)
	for pause := time.Millisecond; ; pause *= 2 {
		err := rename()
		if err == nil || !open(err) || time.Now().Add(pause).After(end) {
			return err
		}
		<-time.After(pause)
	}
}

func (r replacement) fill(f *os.File, shown string) error {
	if _, err := f.Write(r.content); err != nil {
		return replaceError("write", shown, err)
	}
	if r.like != nil {
		if uid, gid, ok := Owner(r.like); ok && uid != os.Geteuid() {
			if err := f.Chown(uid, gid); err != nil {
				return replaceError("chown", shown, err)
			}
		}
		if err := f.Chmod(r.perm); err != nil {
			return replaceError("chmod", shown, err)
		}
	}
	if r.flush {
		return replaceError("sync", shown, f.Sync())
	}
	return nil
}

// replaceError puts the name of the replaced file into an error: users do not know the temporary one.
func replaceError(op, shown string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	return &fs.PathError{Op: op, Path: shown, Err: err}
}
