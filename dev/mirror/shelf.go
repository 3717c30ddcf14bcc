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

// shelf is one root in the container. Nothing is reached through it that lies outside: os.Root sees
// to that, whatever links there are.
type shelf struct {
	path   string
	root   *os.Root
	owner  Owner
	ledger *ledger
	temp   string          // name of a file while it is written; no two receivers have the same
	sure   map[string]bool // directories seen in this batch
	swept  map[string]bool // directories in which no earlier receiver's temporary file is left
}

func openShelf(dir string, owner Owner, l *ledger) (*shelf, error) {
	if !path.IsAbs(dir) {
		return nil, fmt.Errorf("%q is not absolute", dir)
	}
	dir = path.Clean(dir)
	if err := makeRoot(dir, owner, l); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &shelf{path: dir, root: root, owner: owner, ledger: l, sure: map[string]bool{}, swept: map[string]bool{}, temp: tempPrefix + strconv.Itoa(os.Getpid()) + tempSuffix}, nil
}

// Around the number of a receiver's process, these are the name of a file while it is written.
const tempPrefix, tempSuffix = ".sdev-", "~"

// sweep takes away what a receiver that was killed left in a directory. There is one at a time.
func (s *shelf) sweep(dir string) {
	if s.swept[dir] {
		return
	}
	s.swept[dir] = true
	f, err := s.root.Open(dir)
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // only read
	names, _ := f.Readdirnames(-1)
	for _, n := range names {
		if strings.HasPrefix(n, tempPrefix) && strings.HasSuffix(n, tempSuffix) {
			_ = s.root.Remove(path.Join(dir, n)) // what stays disturbs nobody
		}
	}
}

// makeRoot makes the directory where it is missing, and those that lead to it; they are the app's then.
func makeRoot(dir string, owner Owner, l *ledger) error {
	if _, err := os.Stat(dir); err == nil || dir == "/" {
		return nil
	}
	if err := makeRoot(path.Dir(dir), owner, l); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // as in an image
		return err
	}
	l.add(dir + "/")
	return os.Lchown(dir, owner.UID, owner.GID)
}

func (s *shelf) full(rel string) string { return path.Join(s.path, rel) }

// rel is the way from the root to an absolute path below it.
func (s *shelf) rel(full string) (string, bool) {
	if s.path == "/" {
		return full[1:], true
	}
	return strings.CutPrefix(full, s.path+"/")
}

// met reports whether nothing has to be done for w.
func (s *shelf) met(w want) bool {
	p := string(w.Path)
	if w.Weak && !s.ledger.has[s.full(p)] {
		return true
	}
	info, err := s.root.Lstat(p)
	if err != nil {
		return false
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = s.root.Readlink(p); err != nil {
			return false
		}
	}
	if !w.met(info, link) {
		return false
	}
	s.ledger.add(s.full(p)) // as good as if it had been put there
	return true
}

// put writes one file or link, beside and renamed.
func (s *shelf) put(rel string, h *tar.Header, content io.Reader) error {
	if err := s.makeDir(path.Dir(rel)); err != nil {
		return err
	}
	s.sweep(path.Dir(rel))
	temp := path.Join(path.Dir(rel), s.temp)
	if err := s.root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := s.write(temp, h, content)
	if err == nil {
		err = s.place(temp, rel)
	}
	if err != nil {
		_ = s.root.Remove(temp) // the first error is what matters
		return err
	}
	s.ledger.add(s.full(rel))
	return nil
}

func (s *shelf) write(temp string, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeSymlink:
		if err := s.root.Symlink(h.Linkname, temp); err != nil {
			return err
		}
		return s.root.Lchown(temp, s.owner.UID, s.owner.GID)
	case tar.TypeReg:
	default:
		return fmt.Errorf("%w: entry of type %q", errStream, h.Typeflag)
	}
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body{content})
	if err == nil {
		err = f.Chown(s.owner.UID, s.owner.GID)
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
	return s.root.Chtimes(temp, h.ModTime, h.ModTime)
}

// place renames. A directory that is in the way is not the project's any more: there it is a file.
func (s *shelf) place(temp, rel string) error {
	err := s.root.Rename(temp, rel)
	if err == nil {
		return nil
	}
	if info, lerr := s.root.Lstat(rel); lerr != nil || !info.IsDir() {
		return err
	}
	if err := s.root.RemoveAll(rel); err != nil {
		return err
	}
	s.ledger.drop(s.full(rel) + "/")
	clear(s.sure)
	return s.root.Rename(temp, rel)
}

// directory makes the directories that lead to a file. A file in the way is replaced by one; a link is only
// if it was put there, since the image may mean something by it.
func (s *shelf) makeDir(rel string) error {
	if rel == "." || s.sure[rel] {
		return nil
	}
	if err := s.makeDir(path.Dir(rel)); err != nil {
		return err
	}
	info, err := s.root.Lstat(rel)
	switch {
	case err == nil && info.IsDir():
		s.sure[rel] = true
		return nil
	case err == nil && info.Mode()&fs.ModeSymlink != 0 && !s.ledger.has[s.full(rel)]:
		return fmt.Errorf("%s is a link in the container", s.full(rel))
	case err == nil:
		if err := s.root.Remove(rel); err != nil {
			return err
		}
		s.ledger.drop(s.full(rel))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := s.root.Mkdir(rel, 0o755); err != nil {
		return err
	}
	s.ledger.add(s.full(rel) + "/")
	s.sure[rel] = true
	return s.root.Lchown(rel, s.owner.UID, s.owner.GID)
}

// remove takes one file away, and the directories that were made for it once they are empty. It reports
// whether there was something. A directory of that name stays: what is wanted gone was a file.
func (s *shelf) remove(rel string) (bool, error) {
	info, err := s.root.Lstat(rel)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() {
		s.ledger.drop(s.full(rel))
		return false, nil
	}
	if err == nil {
		err = s.root.Remove(rel)
	}
	if err != nil {
		return false, err
	}
	s.ledger.drop(s.full(rel))
	for dir := path.Dir(rel); dir != "." && s.ledger.has[s.full(dir)+"/"]; dir = path.Dir(dir) {
		s.sweep(dir)
		if s.root.Remove(dir) != nil {
			break // not empty
		}
		s.ledger.drop(s.full(dir) + "/")
		delete(s.sure, dir)
		delete(s.swept, dir)
	}
	return true, nil
}
