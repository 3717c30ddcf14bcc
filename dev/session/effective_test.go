package session

import (
	"context"
	"errors"
	"testing"

	"sdev/dev/config"
)

// rootless is a container engine's machine whose engine is rootless, or does not answer.
type rootless struct {
	Machine
	err error
}

func (r rootless) Rootless(context.Context) (bool, error) { return r.err == nil, r.err }

func TestAskIDs_OnlyWhereTheAnswerMakesADifference(t *testing.T) {
	for name, c := range map[string]struct {
		machine config.Machine
		want    bool
	}{
		"a user":                 {config.Machine{UID: 1000}, true},
		"root":                   {config.Machine{}, false},
		"a virtual machine":      {config.Machine{UID: 501, Foreign: true}, false},
		"root beside such a one": {config.Machine{Foreign: true}, false},
	} {
		m := c.machine
		if err := askIDs(t.Context(), rootless{}, &m); m.Rootless != c.want || err != nil {
			t.Errorf("%s: rootless %v, %v", name, m.Rootless, err)
		}
		m = c.machine
		if err := askIDs(t.Context(), rootless{err: errors.New("no answer")}, &m); (err != nil) != c.want {
			t.Errorf("%s, from an engine that does not answer: %v", name, err)
		}
	}
}
