package watch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"sdev/dev/devtest"
	"sdev/dev/watch"
)

// BenchmarkSave measures how long after a save its batch is there. Next to the mean it reports the
// median and the 95th percentile, in milliseconds.
func BenchmarkSave(b *testing.B) {
	for name, opts := range map[string]watch.Options{"native": {}, "poll": {Poll: true}} {
		b.Run(name, func(b *testing.B) {
			root := devtest.Project(b, map[string]string{"Home.py": "a", "pages/1_Sales.py": "a"})
			w, err := watch.New(root, anything, opts)
			if err != nil {
				b.Fatal(err)
			}
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

			var took []time.Duration
			for b.Loop() {
				saved := time.Now()
				devtest.Write(b, root+"/pages/1_Sales.py", saved.String())
				<-batches
				took = append(took, time.Since(saved))
			}
			slices.Sort(took)
			b.ReportMetric(ms(took[len(took)/2]), "ms-median")
			b.ReportMetric(ms(took[len(took)*95/100]), "ms-p95")
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
