package gateway

import (
	"sync"

	"sdev/dev"
)

// mostTold bounds how many different things are told of: whoever makes them up could go on for ever.
const mostTold = 50

// teller tells of what may happen again and again, each thing once.
type teller struct {
	emit func(dev.Event)

	mu   sync.Mutex // guards what follows
	told map[string]bool
}

func newTeller(emit func(dev.Event)) *teller {
	return &teller{emit: emit, told: map[string]bool{}}
}

// tell passes an event on, unless one of the same key was, or too many others were.
func (t *teller) tell(key string, e dev.Event) {
	t.mu.Lock()
	known := t.told[key] || len(t.told) >= mostTold
	if !known {
		t.told[key] = true
	}
	t.mu.Unlock()
	if !known {
		t.emit(e)
	}
}
