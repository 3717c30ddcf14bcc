package process_test

import "testing"

// The process has a child with 64 MB, which works without pause.
func TestSample_CountsTheWholeFamily(t *testing.T) {
	w := newWorld(t)
	w.run(service(`
import subprocess, sys
child = """
held = bytearray(64 << 20)
held[::4096] = b"x" * len(held[::4096])
print("ready", flush=True)
while True: pass
"""
subprocess.run([sys.executable, "-c", child])
`))
	w.printed(1)
	first, err := w.Sample(t.Context(), w.one().ID)
	if err != nil {
		t.Fatal(err)
	}
	if held := int64(64 << 20); first.Memory < held || first.Memory > 4*held || first.CPU <= 0 || first.At.IsZero() {
		t.Errorf("%+v", first)
	}
	for later := first; later.CPU <= first.CPU; {
		if later, err = w.Sample(t.Context(), w.one().ID); err != nil || !later.At.After(first.At) {
			t.Fatalf("%+v, %v", later, err)
		}
	}
}

func TestSample_OfNothing(t *testing.T) {
	w := newWorld(t)
	if s, err := w.Sample(t.Context(), "no container"); err == nil {
		t.Errorf("%+v", s)
	}
}
