package dev

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// A file that sdev replaces is replaced in one step: the new content is written to a file beside it, which
// is then renamed. A reader, a crash or a full disk leaves the old content or the new, never a part of it, and
// after an error nothing new is left. A link is replaced, not followed.
//
// Whether the content is flushed to the disk before the rename is decided here, by whose file it is. Without
// the flush, some file systems (XFS; ext4 without auto_da_alloc) keep neither content when the power fails.
//   - A file of the user's ([RewriteFile], [ReplaceFileIn]) is flushed where it replaces another: nobody can
//     make the lost content again. Where none was there, none can be lost.
//   - State of sdev's own ([ReplaceFile]) is not: every reader treats state that is damaged as state that is
//     missing, and the provider writes some at each sign-in, which a flush would slow down by milliseconds.
//
// The rename itself is never flushed: a power failure may bring the old content back, and that is a whole file.

// ReplaceFile puts a file of sdev's own with this content where name is. Its permissions are perm, less the umask.
func ReplaceFile(name string, content []byte, perm fs.FileMode) error {
	return replaceByName(name, replacement{content: content, perm: perm})
}

// RewriteFile gives a file of the user's another content. It keeps its permissions and its owner.
func RewriteFile(name string, content []byte) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	return replaceByName(name, replacement{content: content, perm: info.Mode().Perm(), like: info, flush: true})
}

// ReplaceFileIn puts a file with this content into a directory of the user's, which links do not lead out
// of. The name has slashes; the permissions are perm, less the umask. check, unless it is nil, runs last
// before the rename, and its error stops it.
func ReplaceFileIn(root *os.Root, name string, content []byte, perm fs.FileMode, check func() error) error {
	_, err := root.Lstat(filepath.FromSlash(name))
	return replacement{content: content, perm: perm, flush: err == nil, check: check}.put(root, filepath.FromSlash(name), name)
}

// replacement is a file on its way into its place.
type replacement struct {
	content []byte
	perm    fs.FileMode
	like    fs.FileInfo // whose permissions and owner it takes, whatever the umask; nil takes perm alone
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

// besidePrefix begins the name of the file beside; the rest is random.
const besidePrefix = ".sdev-"

var beside = regexp.MustCompile(`^\.sdev-[A-Z2-7]{26}$`)

// IsHalfWritten reports whether a name is that of a file that was written beside its place and not
// renamed yet: of a run that was killed, unless one is at work right now.
func IsHalfWritten(base string) bool { return beside.MatchString(base) }

// put writes the file beside name and renames it; shown is what errors call it.
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
		err = replaceError("rename", shown, root.Rename(temp, name))
	}
	if err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	return nil
}

func (r replacement) fill(f *os.File, shown string) error {
	if _, err := f.Write(r.content); err != nil {
		return replaceError("write", shown, err)
	}
	if r.like != nil {
		if owner, ok := r.like.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
			if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
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

// replaceError is an error about the file itself: the name of the one beside it means nothing to anybody.
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
