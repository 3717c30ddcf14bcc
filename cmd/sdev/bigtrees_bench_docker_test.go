//go:build docker

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkUpWithNothingToDoInABigTree has 50,000 data files and 1,500 directories of node_modules beside the page.
func BenchmarkUpWithNothingToDoInABigTree(b *testing.B) {
	p := scaffolded(b)
	for d := range 100 {
		dir := filepath.Join(p.dir, fmt.Sprintf("code_package/data/part=%d", d))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for f := range 500 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.parquet", f)), []byte("x"), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	besidePage(b, filepath.Join(p.dir, "code_package"))
	p.run(0, "up", "--local", "-d")
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		p.run(0, "up", "--local", "-d")
		times = append(times, time.Since(start))
	}
	b.ReportMetric(float64(median(times).Milliseconds()), "sdev-ms")
	b.ReportMetric(0, "ns/op")
}
