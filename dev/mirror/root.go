package mirror

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// openedRoot is one root directory in the container. os.Root keeps every access inside it, even through links.
type openedRoot struct {
	path      string
	dir       *os.Root
	owner     Owner
	manifest  *manifest
	temp      string          // name of the file being written; unique to this receiver
	knownDirs map[string]bool // directories that this batch has seen to exist
	sweptDirs map[string]bool // directories from which sweep has removed temporary files
}

func openRoot(dir string, owner Owner, m *manifest) (*openedRoot, error) {
	if !path.IsAbs(dir) {
		return nil, fmt.Errorf("%q is not absolute", dir)
	}
	dir = path.Clean(dir)
	if err := makeRoot(dir, owner, m); err != nil {
		return nil, err
	}
	opened, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &openedRoot{path: dir, dir: opened, owner: owner, manifest: m, knownDirs: map[string]bool{}, sweptDirs: map[string]bool{}, temp: tempPrefix + strconv.Itoa(os.Getpid()) + tempSuffix}, nil
}

// The name of a temporary file is the receiver's process id between these.
const tempPrefix, tempSuffix = ".sdev-", "~"

// sweep removes temporary files that a killed receiver left in a directory, the first time that this one looks there. Only
// one receiver runs at a time.
func (r *openedRoot) sweep(dir string) {
	if r.sweptDirs[dir] {
		return
	}
	r.sweptDirs[dir] = true
	f, err := r.dir.Open(dir)
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // only read
	names, _ := f.Readdirnames(-1)
	for _, n := range names {
		if strings.HasPrefix(n, tempPrefix) && strings.HasSuffix(n, tempSuffix) {
			_ = r.dir.Remove(path.Join(dir, n)) // a leftover does no harm
		}
	}
}

// makeRoot creates a missing directory and its missing parents, owned by the app's user.
func makeRoot(dir string, owner Owner, m *manifest) error {
	if _, err := os.Stat(dir); err == nil || dir == "/" {
		return nil
	}
	if err := makeRoot(path.Dir(dir), owner, m); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { // as in an image
		return err
	}
	m.add(dir + "/")
	return os.Lchown(dir, owner.UID, owner.GID)
}

func (r *openedRoot) full(rel string) string { return path.Join(r.path, rel) }

// rel returns an absolute path relative to the root; ok is false if it does not lie below the root.
func (r *openedRoot) rel(full string) (rel string, ok bool) {
	if r.path == "/" {
		return full[1:], true
	}
	return strings.CutPrefix(full, r.path+"/")
}

// upToDate reports whether the file in the container is the one that w describes.
func (r *openedRoot) upToDate(w want) bool {
	p := string(w.Path)
	if w.Weak && !r.manifest.paths[r.full(p)] {
		return true
	}
	info, err := r.dir.Lstat(p)
	if err != nil {
		return false
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = r.dir.Readlink(p); err != nil {
			return false
		}
	}
	if !w.matches(info, link) {
		return false
	}
	r.manifest.add(r.full(p)) // treat it as written by the receiver from now on
	return true
}

// put writes one file or link under a temporary name and renames it.
func (r *openedRoot) put(rel string, h *tar.Header, content io.Reader) error {
	if err := r.makeDir(path.Dir(rel)); err != nil {
		return err
	}
	r.sweep(path.Dir(rel))
	temp := path.Join(path.Dir(rel), r.temp)
	if err := r.dir.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := r.write(temp, h, content)
	if err == nil {
		err = r.place(temp, rel)
	}
	if err != nil {
		_ = r.dir.Remove(temp) // the first error matters
		return err
	}
	r.manifest.add(r.full(rel))
	return nil
}

func (r *openedRoot) write(temp string, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeSymlink:
		if err := r.dir.Symlink(h.Linkname, temp); err != nil {
			return err
		}
		return r.dir.Lchown(temp, r.owner.UID, r.owner.GID)
	case tar.TypeReg:
	default:
		return fmt.Errorf("%w: entry of type %q", errStream, h.Typeflag)
	}
	f, err := r.dir.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body{content})
	if err == nil {
		err = f.Chown(r.owner.UID, r.owner.GID)
	}
	if err == nil {
		err = f.Chmod(fs.FileMode(h.Mode).Perm())
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return r.dir.Chtimes(temp, h.ModTime, h.ModTime)
}

// place renames temp to rel. A directory in the way is removed: in the project, rel is a file now.
func (r *openedRoot) place(temp, rel string) error {
	err := r.dir.Rename(temp, rel)
	if err == nil {
		return nil
	}
	if info, lerr := r.dir.Lstat(rel); lerr != nil || !info.IsDir() {
		return err
	}
	if err := r.dir.RemoveAll(rel); err != nil {
		return err
	}
	r.manifest.drop(r.full(rel) + "/")
	clear(r.knownDirs)
	return r.dir.Rename(temp, rel)
}

// makeDir creates a directory and its parents. It replaces a file in the way. It replaces a link only if the receiver
// wrote it, because the image may need the links that it brings.
func (r *openedRoot) makeDir(rel string) error {
	if rel == "." || r.knownDirs[rel] {
		return nil
	}
	if err := r.makeDir(path.Dir(rel)); err != nil {
		return err
	}
	info, err := r.dir.Lstat(rel)
	switch {
	case err == nil && info.IsDir():
		r.knownDirs[rel] = true
		return nil
	case err == nil && info.Mode()&fs.ModeSymlink != 0 && !r.manifest.paths[r.full(rel)]:
		return fmt.Errorf("%s is a link in the container", r.full(rel))
	case err == nil:
		if err := r.dir.Remove(rel); err != nil {
			return err
		}
		r.manifest.drop(r.full(rel))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := r.dir.Mkdir(rel, 0o755); err != nil {
		return err
	}
	r.manifest.add(r.full(rel) + "/")
	r.knownDirs[rel] = true
	return r.dir.Lchown(rel, r.owner.UID, r.owner.GID)
}

// remove deletes one file, and those parent directories that the receiver created and that are now empty. It reports
// whether the file existed. A directory of that name stays, because the deleted path was a file.
func (r *openedRoot) remove(rel string) (existed bool, err error) {
	info, err := r.dir.Lstat(rel)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() {
		r.manifest.drop(r.full(rel))
		return false, nil
	}
	if err == nil {
		err = r.dir.Remove(rel)
	}
	if err != nil {
		return false, err
	}
	r.manifest.drop(r.full(rel))
	for dir := path.Dir(rel); dir != "." && r.manifest.paths[r.full(dir)+"/"]; dir = path.Dir(dir) {
		r.sweep(dir)
		if r.dir.Remove(dir) != nil {
			break // not empty
		}
		r.manifest.drop(r.full(dir) + "/")
		delete(r.knownDirs, dir)
		delete(r.sweptDirs, dir)
	}
	return true, nil
}
