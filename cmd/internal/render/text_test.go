package render_test

import (
	"testing"

	"sdev/cmd/internal/render"
)

func TestCount_FormsThePlural(t *testing.T) {
	for want, c := range map[string]struct {
		n    int
		noun string
	}{"1 key": {1, "key"}, "2 keys": {2, "key"}, "0 tabs": {0, "tab"}, "3 entries": {3, "entry"}} {
		if got := render.Count(c.n, c.noun); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
