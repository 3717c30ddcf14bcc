package door

import (
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// keepRefreshed is how long a refreshed session is remembered for requests that were on their way with the old one.
const keepRefreshed = time.Minute

// Refresher refreshes sessions of type S. Of all requests with the same old session one does it, and the others get its
// result: a provider may accept a refresh token only once. Its zero value is ready; it is safe for concurrent use.
type Refresher[S any] struct {
	group singleflight.Group

	mu    sync.Mutex // guards fresh
	fresh map[string]refreshed[S]
}

// refreshed is a session that was refreshed.
type refreshed[S any] struct {
	session S
	until   time.Time // when it is forgotten, by the real clock
}

// Do returns the successor of the session with an id, which refresh makes unless it was made within the last minute.
func (f *Refresher[S]) Do(id string, refresh func() (S, error)) (S, error) {
	got, err, _ := f.group.Do(id, func() (any, error) {
		if known, ok := f.remembered(id); ok {
			return known, nil
		}
		fresh, err := refresh()
		if err == nil {
			f.remember(id, fresh)
		}
		return fresh, err
	})
	fresh, _ := got.(S)
	return fresh, err
}

func (f *Refresher[S]) remembered(id string) (S, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.fresh[id]
	return known.session, ok && time.Now().Before(known.until)
}

// remember stores a session, and drops those that are too old.
func (f *Refresher[S]) remember(id string, s S) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.fresh == nil {
		f.fresh = map[string]refreshed[S]{}
	}
	for old, r := range f.fresh {
		if !now.Before(r.until) {
			delete(f.fresh, old)
		}
	}
	f.fresh[id] = refreshed[S]{s, now.Add(keepRefreshed)}
}
