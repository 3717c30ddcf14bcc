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

// Tree checks that a directory does not change: all files and directories below it, with content, type, mode, owner
// and modification time. It ignores sdev's own directory (.sdev). It may be used by several goroutines.
type Tree struct {
	t   testing.TB
	dir string

	mu    sync.Mutex
	was   map[string]string // recorded state by path
	empty []string          // paths that may be added: see Allow
}

// KeepTree records the present state of a directory.
func KeepTree(t testing.TB, dir string) *Tree {
	t.Helper()
	k := &Tree{t: t, dir: dir}
	k.Renew()
	return k
}

// Renew records the present state of the whole directory.
func (k *Tree) Renew() {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.was = k.read()
}

// Own records the present state of paths relative to the directory, of all files below them, and of the directories
// above them: the test itself has changed them.
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

// Allow allows paths, relative to the directory, to be added as empty files or as directories: container engines
// create such mount points. A later call replaces an earlier one.
func (k *Tree) Allow(paths ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.empty = paths
}

// allowed reports whether a new path is one that Allow permits.
func (k *Tree) allowed(name string) bool {
	st, err := os.Stat(filepath.Join(k.dir, filepath.FromSlash(name)))
	return err == nil && (st.IsDir() || st.Size() == 0) && slices.Contains(k.empty, name)
}

// Check fails the test if anything differs from the recorded state. when describes the last action for the message.
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
		k.was = now // report each change once
	}
}

func (k *Tree) read() map[string]string {
	k.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(k.dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // a temporary file that is already gone
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
	uid, gid, _ := dev.Owner(info) // 0:0 where the system does not number them
	text := fmt.Sprintf("%s %d:%d %s", info.Mode(), uid, gid, info.ModTime().Format("2006-01-02T15:04:05.000000000"))
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
