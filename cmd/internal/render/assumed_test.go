package render_test

import (
	"bytes"
	"testing"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

func TestPlain_CallsWhatWasAssumedByItsName(t *testing.T) {
	for _, quiet := range []bool{false, true} { // nobody should have to guess what was guessed
		var out bytes.Buffer
		err := render.NewPlain(&out, render.Options{Quiet: quiet}).Print(dev.Stamped{Event: dev.Warning{Code: dev.CodeAssumed, Message: "no compose file, so one is assumed"}})
		if want := "assumed  no compose file, so one is assumed\n"; err != nil || out.String() != want {
			t.Errorf("%q, %v; want %q", out.String(), err, want)
		}
	}
}
