package cli

import (
	"context"
	"strings"
	"testing"

	"sdev/cmd/internal/console"
)

func TestFlagError_NamesTheFlagThatWasMeant(t *testing.T) {
	for line, want := range map[string]string{
		"up --lcoal":         "did you mean: sdev up --local",
		"up --detatch":       "did you mean: sdev up --detach",
		"up --Json":          "did you mean: sdev up --json",
		"logs --sicne 5m":    "did you mean: sdev logs --since",
		"auth check --quite": "did you mean: sdev auth check --quiet",
		"up --nonsense":      "see: sdev up --help",
		"up --ab":            "see: sdev up --help",
		"up -ü":              "see: sdev up --help",
	} {
		s, _, errs := console.Buffers(nil)
		Main(context.WithoutCancel(t.Context()), t.Context(), s, strings.Fields(line))
		if !strings.HasSuffix(errs.String(), "\nhint: "+want+"\n") {
			t.Errorf("%s: %q, want the hint %q", line, errs.String(), want)
		}
	}
}
