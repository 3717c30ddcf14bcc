package mirror_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/mirror"
)

// BenchmarkSyncer_Save measures one changed file in a project of 3,000 files, from Changed to the receiver's answer.
func BenchmarkSyncer_Save(b *testing.B) {
	here, there, own := b.TempDir(), b.TempDir(), b.TempDir()
	for i := range 3000 {
		name := filepath.Join(here, fmt.Sprintf("d%d/f%d.py", i%60, i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	reports := make(chan mirror.Report, 16)
	k := &mirror.Syncer{
		Source: mirror.Source{Dir: here, Layout: everything{mirror.Root{Path: there}, true}}, Manifest: filepath.Join(own, "ledger"),
		Report: func(r mirror.Report) { reports <- r },
		Open: func(context.Context) (mirror.Peer, error) {
			toIn, toOut := io.Pipe()
			fromIn, fromOut := io.Pipe()
			go func() { _ = fromOut.CloseWithError(mirror.Receive(toIn, fromOut)) }() // ends with the stream
			return mirror.Peer{Conn: twoWay{fromIn, toOut, func() { _ = toOut.Close() }}, Owner: mirror.Owner{UID: os.Getuid(), GID: os.Getgid()}}, nil
		},
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	if r := <-reports; r.Written != 3000 {
		b.Fatalf("%+v", r)
	}
	n := 0
	for b.Loop() {
		n++
		if err := os.WriteFile(filepath.Join(here, "d7/f7.py"), fmt.Appendf(nil, "x = %d\n", n), 0o644); err != nil {
			b.Fatal(err)
		}
		k.Changed([]dev.Change{{Path: "d7/f7.py"}}, time.Now())
		if r := <-reports; r.Written != 1 {
			b.Fatalf("%+v", r)
		}
	}
}
