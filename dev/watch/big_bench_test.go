package watch_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"sdev/dev/devtest"
	"sdev/dev/watch"
)

// BenchmarkBigTree measures a tree of 100,000 watched files: the memory that knowing it takes, how long it takes to read,
// how long after a save its batch is there, and how much the memory has grown after many saves.
func BenchmarkBigTree(b *testing.B) {
	root := b.TempDir()
	const dirs, files = 1000, 100
	for d := range dirs {
		dir := filepath.Join(root, fmt.Sprintf("data/part=%d", d))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for f := range files {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("part-%05d.parquet", f)), []byte("x"), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	devtest.Write(b, root+"/Home.py", "a")
	before := heap()
	started := time.Now()
	w, err := watch.New(root, anything, watch.Options{})
	if err != nil {
		b.Fatal(err)
	}
	read, known := time.Since(started), heap()
	ctx, cancel := context.WithCancel(b.Context())
	batches, ended := make(chan watch.Batch, 1), make(chan error)
	go func() {
		ended <- w.Run(ctx, func(batch watch.Batch) {
			select {
			case batches <- batch:
			case <-ctx.Done():
			}
		})
	}()
	devtest.Eventually(b, w.Watches, func(n int) bool { return n == dirs+2 })
	var took time.Duration
	n := 0
	for b.Loop() {
		n++
		saved := time.Now()
		devtest.Write(b, fmt.Sprintf("%s/data/part=%d/part-%05d.parquet", root, n%dirs, n%files), saved.String())
		<-batches
		took += time.Since(saved)
	}
	b.ReportMetric(ms(read), "ms-to-read")
	b.ReportMetric(float64(known-before)/(dirs*files), "B/file")
	b.ReportMetric(ms(took)/float64(n), "ms-save")
	b.ReportMetric((float64(heap())-float64(known))/1024, "KiB-grown")
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// heap is the memory in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
