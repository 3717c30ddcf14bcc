//go:build docker

package main

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkDashboard measures the time from the start of the program to the first frame, and from a key to its frame.
func BenchmarkDashboard(b *testing.B) {
	p := scaffolded(b)
	p.up()
	b.Run("FirstFrame", func(b *testing.B) {
		for b.Loop() {
			tm := p.terminal(160, 48, "ui")
			tm.soon("1 Overview")
			b.StopTimer()
			tm.sees("● running")
			tm.keys("q")
			tm.ended()
			b.StartTimer()
		}
	})
	b.Run("KeyToFrame", func(b *testing.B) {
		tm := p.terminal(160, 48, "ui")
		tm.sees("● running")
		for b.Loop() {
			tm.keys("2")
			tm.soon("● follows")
			tm.keys("1")
			tm.soon("LAST SAVE")
		}
		b.StopTimer()
		tm.keys("q")
		tm.ended()
	})
}

// soon waits for a text without a pause between two checks.
func (tm *screen) soon(text string) {
	tm.t.Helper()
	for late := time.Now().Add(20 * time.Second); !strings.Contains(tm.screen(), text); {
		if time.Now().After(late) {
			tm.t.Fatalf("%q is not on the screen:\n%s", text, tm.screen())
		}
		select {
		case <-tm.changed:
		case <-time.After(100 * time.Millisecond):
		}
	}
}
