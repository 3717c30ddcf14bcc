//go:build docker

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An app whose database is healthy after about a second, and a migration between the two: the time
// until all is up. The plain way is "docker compose up --wait" of what "sdev config" prints, with the
// program that COMPOSE names; without one only sdev's own time is told.
func BenchmarkUpWithDatabase(b *testing.B) {
	for _, interval := range []string{"1s", "30s"} {
		b.Run("interval="+interval, func(b *testing.B) {
			p := shopWithDatabase(b)
			p.write("docker-compose.override.yml", strings.Replace(neighbours, "interval: 30s", "interval: "+interval, 1))
			p.run(0, "up", "-d")
			file := filepath.Join(b.TempDir(), "compose.yml")
			if err := os.WriteFile(file, []byte(p.run(0, "config")), 0o600); err != nil {
				b.Fatal(err)
			}
			compose := func(args ...string) time.Duration {
				start := time.Now()
				if out, err := exec.Command(os.Getenv("COMPOSE"), append([]string{"-f", file}, args...)...).CombinedOutput(); err != nil {
					b.Fatalf("compose %s: %v\n%s", strings.Join(args, " "), err, out)
				}
				return time.Since(start)
			}
			p.run(0, "down", "--volumes")
			var times pair
			for b.Loop() {
				start := time.Now()
				p.run(0, "up", "-d")
				times.ours = append(times.ours, time.Since(start))
				p.run(0, "down", "--volumes")
				if os.Getenv("COMPOSE") != "" {
					times.plain = append(times.plain, compose("up", "-d", "--wait"))
					compose("down", "--volumes")
				}
			}
			if times.plain != nil {
				times.report(b)
				return
			}
			b.ReportMetric(float64(median(times.ours).Milliseconds()), "sdev-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
