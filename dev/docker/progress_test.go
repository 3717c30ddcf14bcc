package docker

import "testing"

// TestStep_NamesItsStage wants the stage without the spaces that BuildKit aligns its numbers with.
func TestStep_NamesItsStage(t *testing.T) {
	for name, want := range map[string]string{
		"[2/6] RUN mkdir /a":            "RUN mkdir /a",
		"[build  4/19] RUN mkdir /a":    "build: RUN mkdir /a",
		"[build 14/19] RUN mkdir /a":    "build: RUN mkdir /a",
		"[internal] load build context": "[internal] load build context",
	} {
		if got := (&step{name: name}).text(); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}
