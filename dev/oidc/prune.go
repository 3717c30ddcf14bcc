package oidc

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// How many of each kind are kept. What is open (a login that is under way, or something that must be
// remembered until it runs out) is never dropped before its time: where there is no room, a newcomer
// is refused instead, and may come again. Of all else the least recently used half goes once there
// are more than most, so a run of most/2 logins finds its own tokens good at its end.
const (
	maxKept = 4000
	maxOpen = 20000
)

// openSlack is how much longer a grant is open than its code: the request that trades the code may
// take its time, as a slow endpoint does.
const openSlack = 5 * time.Minute

// checkCapacity refuses one more of a kind where as many are kept as may be.
func checkCapacity[V any](m map[string]V, now time.Time, expires func(V) time.Time) error {
	if len(m) < maxKept+maxOpen {
		return nil
	}
	if dropExpired(m, now, expires); len(m) < maxKept+maxOpen {
		return nil
	}
	return &protocolError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "too much is under way at once", Fix: "try again in a few minutes."}
}

func dropExpired[V any](m map[string]V, now time.Time, expires func(V) time.Time) {
	maps.DeleteFunc(m, func(_ string, v V) bool { return !now.Before(expires(v)) })
}

func unchanged(t time.Time) time.Time         { return t }
func (s session) expires() time.Time          { return s.Expires }
func (c code) expires() time.Time             { return c.Expires }
func (g grant) expires() time.Time            { return g.Expires }
func (r refresh) expires() time.Time          { return r.Expires }
func (p pushedRequest) expires() time.Time    { return p.Expires }
func (s registeredClient) expires() time.Time { return s.Expires }
func (d device) forgotten() time.Time         { return d.Expires.Add(deviceLifetime) } // until then it is told that it ran out

// touchLocked notes that a grant is in use.
func (p *Provider) touchLocked(id string, now time.Time) {
	if g, ok := p.data.Grants[id]; ok {
		g.Touched = now
		p.data.Grants[id] = g
	}
}

// prune drops what has run out, and what is too much.
func (d *data) prune(now time.Time) {
	dropExpired(d.Sessions, now, session.expires)
	dropExpired(d.Codes, now, code.expires)
	dropExpired(d.Grants, now, grant.expires)
	dropExpired(d.Refresh, now, refresh.expires)
	dropExpired(d.Devices, now, device.forgotten)
	dropExpired(d.Pushed, now, pushedRequest.expires)
	dropExpired(d.Registered, now, registeredClient.expires)
	dropExpired(d.Revoked, now, unchanged)
	dropExpired(d.UsedOnce, now, unchanged)

	dropOldest(d.Sessions, func(_ string, s session) (time.Time, bool) { return s.At, true })
	dropOldest(d.Codes, func(_ string, c code) (time.Time, bool) { return c.Expires, c.Used })
	dropOldest(d.Grants, func(_ string, g grant) (time.Time, bool) { return g.Touched, !g.Open })
	dropOldest(d.Refresh, func(_ string, r refresh) (time.Time, bool) {
		if r.Used { // it is of use only to whoever stole it
			return r.Expires.Add(-refreshLifetime), true
		}
		return r.Expires, true
	})
	dropOldest(d.Devices, func(_ string, v device) (time.Time, bool) { return v.Expires, v.Error != "" || !now.Before(v.Expires) })
	if len(d.Registered) > maxKept {
		needed := d.clients()
		dropOldest(d.Registered, func(id string, s registeredClient) (time.Time, bool) { return s.Expires, !needed[id] })
	}
}

// clients are those that something refers to which has not run out.
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

// dropOldest drops the older half of those that are settled, where they are more than most: half, so that
// they are not sorted again for each one that comes. rank says how old one is, and whether it is settled.
func dropOldest[V any](m map[string]V, rank func(id string, v V) (at time.Time, settled bool)) {
	if len(m) <= maxKept {
		return
	}
	at := make(map[string]time.Time, len(m))
	for id, v := range m {
		if when, settled := rank(id, v); settled {
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
