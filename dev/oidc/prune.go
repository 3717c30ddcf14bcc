package oidc

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// Limits of each kind of entry. Open entries (of a login in progress, or of something that must be remembered
// until it expires) are never dropped early: if the limit is reached, new ones are refused instead. Of all
// others the least recently used half is dropped above maxKept, so a series of maxKept/2 logins finds its
// tokens still valid at the end.
const (
	maxKept = 4000
	maxOpen = 20000
)

// openSlack is how much longer a grant stays open than its code, because the token request may be slow.
const openSlack = 5 * time.Minute

// checkCapacity refuses a new entry if the limit is reached.
func checkCapacity[V any](m map[string]V, now time.Time, expires func(V) time.Time) error {
	if len(m) < maxKept+maxOpen {
		return nil
	}
	if dropExpired(m, now, expires); len(m) < maxKept+maxOpen {
		return nil
	}
	return &protocolError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "too many logins are in progress", Fix: "try again in a few minutes."}
}

func dropExpired[V any](m map[string]V, now time.Time, expires func(V) time.Time) {
	maps.DeleteFunc(m, func(_ string, v V) bool { return !now.Before(expires(v)) })
}

func unchanged(t time.Time) time.Time         { return t }
func (s session) expires() time.Time          { return s.Expires }
func (g grant) expires() time.Time            { return g.Expires }
func (t ticket) expires() time.Time           { return t.Expires }
func (p pushedRequest) expires() time.Time    { return p.Expires }
func (s registeredClient) expires() time.Time { return s.Expires }
func (d device) forgotten() time.Time         { return d.Expires.Add(deviceLifetime) } // until then a poll learns that it expired

// touchLocked marks a grant as used now.
func (p *Provider) touchLocked(id string, now time.Time) {
	if g, ok := p.data.Grants[id]; ok {
		g.Touched = now
		p.data.Grants[id] = g
	}
}

// prune drops expired entries, and old ones above the limit.
func (d *data) prune(now time.Time) {
	dropExpired(d.Sessions, now, session.expires)
	dropExpired(d.Codes, now, ticket.expires)
	dropExpired(d.Grants, now, grant.expires)
	dropExpired(d.Refresh, now, ticket.expires)
	dropExpired(d.Devices, now, device.forgotten)
	dropExpired(d.Pushed, now, pushedRequest.expires)
	dropExpired(d.Registered, now, registeredClient.expires)
	dropExpired(d.Revoked, now, unchanged)
	dropExpired(d.UsedOnce, now, unchanged)

	dropOldest(d.Sessions, func(_ string, s session) (time.Time, bool) { return s.At, true })
	dropOldest(d.Codes, func(_ string, t ticket) (time.Time, bool) { return t.Expires, t.Used })
	dropOldest(d.Grants, func(_ string, g grant) (time.Time, bool) { return g.Touched, !g.Open })
	dropOldest(d.Refresh, func(_ string, t ticket) (time.Time, bool) {
		if t.Used { // only a thief would use it
			return t.Expires.Add(-refreshLifetime), true
		}
		return t.Expires, true
	})
	dropOldest(d.Devices, func(_ string, v device) (time.Time, bool) { return v.Expires, v.Error != "" || !now.Before(v.Expires) })
	if len(d.Registered) > maxKept {
		needed := d.clients()
		dropOldest(d.Registered, func(id string, s registeredClient) (time.Time, bool) { return s.Expires, !needed[id] })
	}
}

// clients are the clients of all unexpired entries.
func (d *data) clients() map[string]bool {
	needed := make(map[string]bool)
	for _, g := range d.Grants {
		needed[g.Client] = true
	}
	for _, v := range d.Devices {
		needed[v.Client] = true
	}
	for _, p := range d.Pushed {
		needed[p.Client] = true
	}
	return needed
}

// dropOldest drops the older half of the finished entries once there are more than maxKept: half, so that the
// next new entry does not sort them again. rank returns an entry's age and whether it is finished.
func dropOldest[V any](m map[string]V, rank func(id string, v V) (at time.Time, finished bool)) {
	if len(m) <= maxKept {
		return
	}
	at := make(map[string]time.Time, len(m))
	for id, v := range m {
		if when, finished := rank(id, v); finished {
			at[id] = when
		}
	}
	if len(at) <= maxKept {
		return
	}
	ids := slices.SortedFunc(maps.Keys(at), func(a, b string) int { return at[a].Compare(at[b]) })
	for _, id := range ids[:len(ids)-maxKept/2] {
		delete(m, id)
	}
}
