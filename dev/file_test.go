package dev_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"sdev/dev"
	"sdev/dev/devtest"
)

// things returns a directory with every kind of file.
func things(t *testing.T) string {
	t.Helper()
	// A socket's path must be short.
	dir, err := os.MkdirTemp("", "sdev")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("text"), 0o600), os.Mkdir(at("directory"), 0o700), devtest.MakePipe(at("pipe")),
		os.Symlink("file", at("link")), os.Symlink("loop", at("loop")), os.Symlink("nowhere", at("dangling")), os.Symlink("/dev/zero", at("zero")), os.Symlink("/dev/null", at("empty")), os.Symlink("pipe", at("link to pipe")),
		os.WriteFile(at("large"), nil, 0o600), os.Truncate(at("large"), dev.MaxFile+1), os.WriteFile(at("full"), nil, 0o600), os.Truncate(at("full"), dev.MaxFile),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadFile_AcceptsRegularFilesOnly(t *testing.T) {
	dir := things(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, c := range map[string]struct {
		size  int
		is    error
		words string
	}{
		"file":         {size: 4},
		"empty":        {size: 0},
		"link":         {size: 4},
		"full":         {size: dev.MaxFile},
		"large":        {is: dev.ErrTooLarge, words: "larger than 16 MiB"},
		"directory":    {is: dev.ErrNotRegular, words: "it is a directory"},
		"pipe":         {is: dev.ErrNotRegular, words: "it is a named pipe, not a regular file"},
		"link to pipe": {is: dev.ErrNotRegular, words: "it is a named pipe"},
		"socket":       {is: dev.ErrNotRegular, words: "it is a socket"},
		"zero":         {is: dev.ErrNotRegular, words: "it is a device"},
		"dangling":     {is: fs.ErrNotExist, words: "no such file"},
		"missing":      {is: fs.ErrNotExist, words: "no such file"},
		"loop":         {is: syscall.ELOOP, words: "too many levels of symbolic links"},
	} {
		files := dev.Files(root)
		for how, read := range map[string]func() ([]byte, error){
			"ReadFile":   func() ([]byte, error) { return dev.ReadFile(filepath.Join(dir, name)) },
			"ReadFileIn": func() ([]byte, error) { return dev.ReadFileIn(root, name) },
			"Files":      func() ([]byte, error) { return fs.ReadFile(files, name) },
			"FilesOf":    func() ([]byte, error) { return fs.ReadFile(dev.FilesOf(dir), name) },
			"Files, opened": func() ([]byte, error) {
				f, err := files.Open(name)
				if err != nil {
					return nil, err
				}
				defer f.Close()
				if st, err := f.Stat(); err != nil || st.IsDir() {
					return nil, errors.Join(dev.ErrNotRegular, errors.New("it is a directory"), err)
				}
				var b bytes.Buffer
				_, err = io.Copy(&b, f)
				return b.Bytes(), err
			},
		} {
			b, err := read()
			switch {
			case name == "empty" && how != "ReadFile" && how != "FilesOf": // its link leads out of the directory
				if err == nil {
					t.Errorf("%s of %s: no error", how, name)
				}
			case c.is == nil && (err != nil || len(b) != c.size):
				t.Errorf("%s of %s: %d bytes, %v", how, name, len(b), err)
			case name == "zero" && how != "ReadFile" && how != "FilesOf": // a link that leads out of the directory
				if err == nil {
					t.Errorf("%s of %s: no error", how, name)
				}
			case name == "loop" && how != "ReadFile" && how != "FilesOf": // the system detects the loop by counting links
				if err == nil {
					t.Errorf("%s of %s: no error", how, name)
				}
			case c.is != nil && (!errors.Is(err, c.is) || !strings.Contains(err.Error(), c.words)):
				t.Errorf("%s of %s: %v", how, name, err)
			}
			if dev.IsUnsuitableFile(err) != (c.is == dev.ErrTooLarge || c.is == dev.ErrNotRegular) && name != "zero" { //nolint:errorlint // of the table
				t.Errorf("%s of %s: IsUnsuitableFile is %v", how, name, dev.IsUnsuitableFile(err))
			}
		}
	}
}

func TestFiles_IsAFileSystem(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "directory"), 0o700), os.WriteFile(filepath.Join(dir, "directory", "a.py"), []byte("a"), 0o600), os.WriteFile(filepath.Join(dir, "b.py"), []byte("b"), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, files := range []fs.FS{dev.Files(root), dev.FilesOf(dir)} {
		if err := fstest.TestFS(files, "directory/a.py", "b.py"); err != nil {
			t.Error(err)
		}
	}
}

func TestFiles_ListsNoDirectoryOutside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, err := range []error{os.WriteFile(filepath.Join(outside, "secret.txt"), nil, 0o600), os.Symlink(outside, filepath.Join(dir, "out")), os.Mkdir(filepath.Join(dir, "real"), 0o700),
		os.WriteFile(filepath.Join(dir, "real", "a.py"), nil, 0o600), os.Symlink("real", filepath.Join(dir, "in"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"out", "..", "/", "missing"} {
		if list, err := fs.ReadDir(dev.Files(root), name); err == nil {
			t.Errorf("%s is listed: %v", name, list)
		}
	}
	if list, err := fs.ReadDir(dev.Files(root), "in"); err != nil || len(list) != 1 || list[0].Name() != "a.py" {
		t.Errorf("a link that stays inside: %v, %v", list, err)
	}
}

func TestWriteFile_WritesToRegularFilesOnly(t *testing.T) {
	dir := things(t)
	for name, want := range map[string]error{"file": nil, "new": nil, "link": nil, "pipe": dev.ErrNotRegular, "directory": dev.ErrNotRegular, "zero": dev.ErrNotRegular, "socket": dev.ErrNotRegular, "link to pipe": dev.ErrNotRegular} {
		err := dev.WriteFile(filepath.Join(dir, name), []byte("written"), 0o600)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
		if b, rerr := dev.ReadFile(filepath.Join(dir, name)); want == nil && (rerr != nil || string(b) != "written") {
			t.Errorf("%s holds %q, %v", name, b, rerr)
		}
	}
}
