package config

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"strconv"

	"sdev/dev"
)

// CheckStateDir checks sdev's own directory, which holds tokens and keys, before anything is read or written there: it
// must be a directory of the user who runs sdev, and contain nothing that leads elsewhere. A repository might
// contain a link instead, so that a token would be written where others can read it. Private corrects modes that
// let others in. A missing directory is fine.
func CheckStateDir(dir string) error {
	info, err := os.Lstat(dir)
	if isNotExist(err) {
		return nil
	}
	if err != nil {
		return unsafeStateError(dir, err.Error())
	}
	p := private{dir: dir, owners: owners(filepath.Dir(dir))}
	if !info.IsDir() {
		return unsafeStateError(dir, "it is "+kindOf(dir, info)+", but must be a directory")
	}
	if uid := ownerOf(info); !p.owners[uid] {
		return unsafeStateError(dir, "it belongs to "+userName(uid))
	}
	if err := restrictMode(info, func(mode os.FileMode) error { return os.Chmod(dir, mode) }); err != nil { // first, since it may not even be readable
		return unsafeStateError(dir, err.Error())
	}
	if p.root, err = os.OpenRoot(dir); err != nil {
		return unsafeStateError(dir, err.Error())
	}
	defer p.root.Close()
	if opened, err := p.root.Stat("."); err != nil || !os.SameFile(opened, info) {
		return unsafeStateError(dir, "it was replaced just now")
	}
	return fs.WalkDir(p.root.FS(), ".", p.check)
}

// private is a directory that is being checked.
type private struct {
	dir    string
	root   *os.Root
	owners map[uint32]bool
}

// cacheDepth is the depth of the private copies of AWS caches (aws/sso/cache). The app's container writes there as
// any user; sdev never follows links in them.
const cacheDepth = "aws/*/*"

func (p private) check(name string, d fs.DirEntry, err error) error {
	full := filepath.Join(p.dir, filepath.FromSlash(name))
	var info fs.FileInfo
	if err == nil {
		info, err = p.root.Lstat(filepath.FromSlash(name))
	}
	if isNotExist(err) {
		return nil // another sdev has deleted it
	}
	if err != nil {
		return unsafeStateError(full, err.Error())
	}
	uid := ownerOf(info)
	isCache, _ := path.Match(cacheDepth, name) // the pattern is a good one
	switch {
	case !info.IsDir() && !info.Mode().IsRegular():
		return unsafeStateError(full, "it is "+kindOf(full, info))
	case isCache && info.IsDir():
		return fs.SkipDir
	case !p.owners[uid] && uid != 0:
		return unsafeStateError(full, "it belongs to "+userName(uid))
	case info.Mode().IsRegular() && dev.LinkCount(info) > 1:
		return unsafeStateError(full, "the file has a second name elsewhere (a hard link)")
	case !p.owners[uid]: // owned by root, as a container may leave it
		return nil
	}
	if path.Dir(name) == dev.MountedDir && info.Mode().IsRegular() && info.Mode().Perm()&0o022 == 0 {
		return nil // a container's user reads it; on this machine, the directory keeps others out
	}
	if err := restrictMode(info, func(mode os.FileMode) error { return p.root.Chmod(filepath.FromSlash(name), mode) }); err != nil && !isNotExist(err) {
		return unsafeStateError(full, err.Error())
	}
	return nil
}

// restrictMode removes access of others than the owner. On a read-only file system it does nothing.
func restrictMode(info fs.FileInfo, chmod func(os.FileMode) error) error {
	want := info.Mode().Perm() &^ 0o077
	if info.IsDir() {
		want |= 0o700
	}
	if want == info.Mode().Perm() {
		return nil
	}
	if err := chmod(want); err != nil && !dev.IsReadOnly(err) {
		return err
	}
	return nil
}

// owners are the users whose state directory is trusted: the user who runs sdev and, for root, also the owner of
// the project.
func owners(parent string) map[uint32]bool {
	own := map[uint32]bool{uint32(os.Getuid()): true} // what the system gave as 32 bits
	if info, err := os.Stat(parent); err == nil && os.Getuid() == 0 {
		own[ownerOf(info)] = true
	}
	return own
}

func ownerOf(info fs.FileInfo) uint32 {
	if uid, _, ok := dev.Owner(info); ok {
		return uint32(uid) // as above
	}
	return uint32(os.Getuid()) // as above
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return "user " + u.Username
	}
	return "user " + id
}

func kindOf(file string, info fs.FileInfo) string {
	switch t := info.Mode().Type(); {
	case t&fs.ModeSymlink != 0:
		if to, err := os.Readlink(file); err == nil {
			return "a link to " + dev.Sanitize(to)
		}
		return "a link"
	case t&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case t&fs.ModeSocket != 0:
		return "a socket"
	case t&fs.ModeDevice != 0:
		return "a device"
	}
	return "a file"
}

func unsafeStateError(file, why string) error {
	return bad(dev.CodeStateUnsafe, "", 0, fmt.Sprintf("sdev stores secrets in %s, but that is not safe: %s", dev.Sanitize(file), why),
		"find out who created it, then delete it: sdev recreates what it needs")
}
