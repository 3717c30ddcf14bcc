package devtest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"sdev/dev"
)

// Tree holds a directory to what it was: every file and directory below it with content, kind, mode, owner and
// time. What is sdev's own (.sdev) is left out. It is safe for concurrent use.
type Tree struct {
	t   testing.TB
	dir string

	mu    sync.Mutex
	was   map[string]string // what is known of each path
	empty []string          // what may be there besides
}

// KeepTree takes a directory as it is now.
func KeepTree(t testing.TB, dir string) *Tree {
	t.Helper()
	k := &Tree{t: t, dir: dir}
	k.Renew()
	return k
}

// Renew takes the whole directory as it is now.
func (k *Tree) Renew() {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.was = k.read()
}

// Own takes paths, relative to the directory, as they are now, with what is below them and the directories that
// they are in: the test itself has changed them.
func (k *Tree) Own(paths ...string) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.read()
	mine := func(name string) bool {
		return slices.ContainsFunc(paths, func(p string) bool {
			p = filepath.Clean(p)
			return name == p || name == "." || strings.HasPrefix(name, p+"/") || strings.HasPrefix(p, name+"/")
		})
	}
	maps.DeleteFunc(k.was, func(name, _ string) bool { return mine(name) })
	for name, about := range now {
		if mine(name) {
			k.was[name] = about
		}
	}
}

// Allow names paths, relative to the directory, that may be there from now on besides what was there, as long
// as they are empty files or directories of such: places on which something is mounted. A later call replaces
// an earlier one.
func (k *Tree) Allow(paths ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.empty = paths
}

// allowed says whether something new is one of those.
func (k *Tree) allowed(name string) bool {
	st, err := os.Stat(filepath.Join(k.dir, filepath.FromSlash(name)))
	return err == nil && (st.IsDir() || st.Size() == 0) && slices.Contains(k.empty, name)
}

// Check fails the test if anything differs. when says what was done last.
func (k *Tree) Check(when string) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.read()
	var differs []string
	for name, was := range k.was {
		if is, there := now[name]; !there {
			differs = append(differs, name+" is gone")
		} else if is != was {
			differs = append(differs, fmt.Sprintf("%s is %s, and was %s", name, is, was))
		}
	}
	for name, is := range now {
		if _, there := k.was[name]; !there && !k.allowed(name) {
			differs = append(differs, name+" is new: "+is)
		}
	}
	if slices.Sort(differs); len(differs) > 0 {
		k.t.Errorf("the project's directory has changed after %s:\n\t%s", when, strings.Join(differs, "\n\t"))
		k.was = now // each change once
	}
}

func (k *Tree) read() map[string]string {
	k.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(k.dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // an editor's file beside another one
		}
		if err != nil {
			return err
		}
		if d.Name() == dev.StateDir && d.IsDir() {
			return filepath.SkipDir
		}
		name, err := filepath.Rel(k.dir, path)
		if err != nil {
			return err
		}
		about, err := about(path, d)
		if !os.IsNotExist(err) && about != "" {
			out[filepath.ToSlash(name)] = about
		} else {
			err = nil
		}
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}

func about(path string, d fs.DirEntry) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s %s %s", info.Mode(), owner(info), info.ModTime().Format("2006-01-02T15:04:05.000000000"))
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := os.Readlink(path)
		return text + " -> " + link, err
	case info.Mode().IsRegular():
		b, err := os.ReadFile(path)
		return fmt.Sprintf("%s %d bytes %.4x", text, len(b), sha256.Sum256(b)), err
	}
	return text, nil
}
