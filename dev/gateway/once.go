package gateway

import (
	"sync"

	"sdev/dev"
)

// maxKinds limits how many different events an onceEmitter sends, because the keys come from requests.
const maxKinds = 50

// onceEmitter sends an event that may occur many times only once.
type onceEmitter struct {
	emit func(dev.Event)

	mu   sync.Mutex // guards seen
	seen map[string]bool
}

func newOnceEmitter(emit func(dev.Event)) *onceEmitter {
	return &onceEmitter{emit: emit, seen: map[string]bool{}}
}

// emitOnce sends an event, unless it has already sent one with the same key or maxKinds others.
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
