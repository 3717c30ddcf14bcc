package gateway

import (
	"sync"

	"sdev/dev"
)

// maxKinds limits how many different events an onceEmitter sends, because outsiders choose the keys.
const maxKinds = 50

// onceEmitter sends an event that may occur many times only once.
type onceEmitter struct {
	emit func(dev.Event)

	mu   sync.Mutex // guards what follows
	seen map[string]bool
}

func newOnceEmitter(emit func(dev.Event)) *onceEmitter {
	return &onceEmitter{emit: emit, seen: map[string]bool{}}
}

// emitOnce sends an event unless one with the same key, or too many others, have been sent.
func (o *onceEmitter) emitOnce(key string, e dev.Event) {
	o.mu.Lock()
	known := o.seen[key] || len(o.seen) >= maxKinds
	if !known {
		o.seen[key] = true
	}
	o.mu.Unlock()
	if !known {
		o.emit(e)
	}
}
