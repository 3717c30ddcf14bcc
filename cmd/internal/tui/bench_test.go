package tui

import (
	"fmt"
	"testing"

	tea "charm.land/bubbletea/v2"

	"sdev/dev"
)

// batchOf is what a third of a tenth of a second brings, at so many lines a second.
func batchOf(perSecond int) eventsMsg {
	batch := make(eventsMsg, perSecond/30)
	for i := range batch {
		batch[i] = dev.Stamped{Time: clock, Event: dev.LogLine{Service: "app", Stream: "stdout", Text: fmt.Sprintf("2026-03-14 09:26:53.1 INFO request %d took 12 ms and did a lot of things on its way", i)}}
	}
	return batch
}

// A key that moves through the log, with a frame drawn, while lines come in.
func BenchmarkKeyToFrame(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {160, 48}, {300, 80}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			r := newRig(b, size[0], size[1])
			r.keys("2")
			r.send(batchOf(100_000))
			keys := []tea.KeyPressMsg{key("up"), key("pgup"), key("G")}
			for i := 0; b.Loop(); i++ {
				r.m.Update(keys[i%len(keys)])
				r.m.View()
			}
		})
	}
}

// What thirty batches of a second's lines cost, each with its frame.
func BenchmarkSecondOfLines(b *testing.B) {
	for _, perSecond := range []int{1_000, 10_000} {
		for _, pane := range []string{"1", "2"} {
			b.Run(fmt.Sprintf("%d/pane%s", perSecond, pane), func(b *testing.B) {
				r := newRig(b, 160, 48)
				r.keys(pane)
				batch := batchOf(perSecond)
				for b.Loop() {
					for range 30 {
						r.m.Update(batch)
						r.m.View()
					}
				}
			})
		}
	}
}

func BenchmarkOverview(b *testing.B) {
	r := newRig(b, 160, 48)
	r.running(dev.Local)
	for b.Loop() {
		r.m.dirty = true
		r.m.View()
	}
}
