//go:build unix

package dev_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"sdev/dev"
)

func TestSystem_TellsOwnerAndNames(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	for _, err := range []error{os.WriteFile(name, nil, 0o600), os.Link(name, name+"2")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Stat(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	if uid, gid, ok := dev.Owner(info); uid != os.Getuid() || gid != os.Getgid() || !ok {
		t.Errorf("owner %d:%d, %t", uid, gid, ok)
	}
	if n := dev.LinkCount(info); n != 2 {
		t.Errorf("%d names", n)
	}
	if dev.Inode(info) == 0 || dev.Inode(info) == dev.Inode(other) {
		t.Errorf("the file has number %d, its directory %d", dev.Inode(info), dev.Inode(other))
	}
}

func TestSystem_KnowsTheNetworkErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, taken := net.Listen("tcp", l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, refused := net.Dial("tcp", l.Addr().String())
	if !dev.IsAddressTaken(taken) || dev.IsAddressTaken(refused) {
		t.Errorf("taken: %v; refused: %v", taken, refused)
	}
	if !dev.IsRefused(refused) || dev.IsRefused(taken) {
		t.Errorf("refused: %v; taken: %v", refused, taken)
	}
}

func TestSystem_KnowsThatAReaderIsGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("x"); !dev.IsReaderGone(err) {
		t.Errorf("%v", err)
	}
}
