package access

import (
	"maps"
	"slices"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// identity is a sign-in. All tokens of one sign-in name it, so removing it ends them all.
type identity struct {
	Nonce   string     `json:"nonce"`
	Person  dev.Person `json:"person"` // as at the sign-in
	At      time.Time  `json:"at"`
	IP      string     `json:"ip"`
	Country string     `json:"country"`
}

// mostIdentities limits how many sign-ins are remembered; the oldest are forgotten first.
const mostIdentities = 2000

// identities are the sign-ins that have not ended. They are safe for concurrent use.
type identities struct {
	file door.File

	writing sync.Mutex // held while the file is written, so that the newest list is written last

	mu  sync.RWMutex // guards all; never held while a file is written, because each request waits for it
	all map[string]identity
}

// loadIdentities reads the sign-ins of an earlier gateway. A damaged file counts as empty: people then have to sign in
// again.
func loadIdentities(state string, now time.Time) (*identities, error) {
	s := &identities{all: map[string]identity{}, file: door.NewFile(state, "door-access-sessions.json", "who is signed in")}
	var stored []identity
	if ok, err := s.file.Read(&stored); err != nil || !ok {
		return s, err
	}
	for _, i := range stored {
		if now.Sub(i.At) <= dev.LongestAccessSession {
			s.all[i.Nonce] = i
		}
	}
	return s, nil
}

// find returns a sign-in; ok is false if it has ended.
func (s *identities) find(nonce string) (identity, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, ok := s.all[nonce]
	return i, ok
}

// add remembers a sign-in. The error is about the file only: the sign-in is valid in any case.
func (s *identities) add(i identity) error {
	s.mu.Lock()
	s.all[i.Nonce] = i
	s.mu.Unlock()
	return s.save()
}

// remove ends a sign-in. The error is about the file only.
func (s *identities) remove(nonce string) error {
	s.mu.Lock()
	_, ok := s.all[nonce]
	delete(s.all, nonce)
	s.mu.Unlock()
	if !ok {
		return nil
	}
	return s.save()
}

// newest returns the sign-ins, the newest first, and forgets those that are too many.
func (s *identities) newest() []identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file.Path == "" && len(s.all) <= mostIdentities {
		return nil // nobody wants the list
	}
	list := slices.SortedFunc(maps.Values(s.all), func(a, b identity) int { return b.At.Compare(a.At) })
	if len(list) > mostIdentities {
		for _, i := range list[mostIdentities:] {
			delete(s.all, i.Nonce)
		}
		list = list[:mostIdentities]
	}
	return list
}

// save writes the file.
func (s *identities) save() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.file.Write(s.newest())
}
