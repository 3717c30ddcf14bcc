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

// BenchmarkUpWithDatabase measures the time until everything is up: an app, a database that is healthy after about a
// second, and a migration between the two. The plain way is "docker compose up --wait" with the output of "sdev config".
// The variable COMPOSE names the program; without it the benchmark reports only sdev's time.
func BenchmarkUpWithDatabase(b *testing.B) {
	for _, interval := range []string{"1s", "30s"} {
		b.Run("interval="+interval, func(b *testing.B) {
			p := projectWithDatabase(b)
			p.write("docker-compose.override.yml", strings.Replace(otherServices, "interval: 30s", "interval: "+interval, 1))
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
				times.sdev = append(times.sdev, time.Since(start))
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
			b.ReportMetric(float64(median(times.sdev).Milliseconds()), "sdev-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
