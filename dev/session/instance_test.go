package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The containers under a project's name may belong to another directory. A command that observed them without [Observe]
// would act on those.
func TestObserve_IsTheOnlyPlaceThatObservesContainers(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	commands, err := filepath.Glob("../../cmd/internal/cli/*.go")
	must(t, err)
	var places []string
	for _, file := range append(files, commands...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		must(t, err)
		for range strings.Count(string(b), ".Observe(") - strings.Count(string(b), "session.Observe(") {
			places = append(places, file)
		}
	}
	if len(places) != 1 || places[0] != "instance.go" {
		t.Errorf("the engine is observed in %q", places)
	}
}
