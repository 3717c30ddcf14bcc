package door

import "sync"

// MostReports limits how many things [Reports] remembers, because what they are about comes from requests. Later ones are
// not reported.
const MostReports = 1000

// Reports remembers what was reported, so that it is reported once. Its zero value is ready; it is safe for concurrent use.
type Reports struct {
	mu   sync.Mutex // guards seen
	seen map[string]bool
}

// First reports whether something has not been reported before, and remembers it.
func (r *Reports) First(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[what] || len(r.seen) >= MostReports {
		return false
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[what] = true
	return true
}
