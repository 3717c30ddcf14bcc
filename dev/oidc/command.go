package oidc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"sdev/dev"
)

// The commands of [Provider.Do].
const (
	DoState  = "state"  // only returns the state
	DoUse    = "use"    // sign Email in without the page from now on; "" shows the page again
	DoFault  = "fault"  // set Fault; it replaces one with the same name, user and client
	DoClear  = "clear"  // clear the faults with Fault's name; "" clears all
	DoClock  = "clock"  // set the provider's clock ahead of the real time by Clock
	DoRotate = "rotate" // sign with new keys; the old ones stay published for a while
	DoPeople = "people" // replace the project's people by People
)

// Command is a request to change a provider while it runs.
type Command struct {
	Do     string        `json:"do"`
	Email  string        `json:"email,omitempty"`
	Fault  Fault         `json:"fault,omitzero"`
	Clock  time.Duration `json:"clock,omitempty"` // nanoseconds
	People []dev.Person  `json:"people,omitempty"`
}

// State is the state of a provider. It holds no secret.
type State struct {
	Issuer   string          `json:"issuer"`
	Profile  string          `json:"profile"`
	Current  string          `json:"current,omitempty"` // e-mail of the person who is signed in without the page
	Clock    time.Duration   `json:"clock"`             // ahead of the real time, in nanoseconds
	Faults   []Fault         `json:"faults"`            // with the remaining times
	Keys     []Key           `json:"keys"`              // published, newest first
	SignedIn []string        `json:"signed_in"`         // e-mails of those with a session, sorted
	Sessions []ClientSession `json:"sessions"`          // the sessions by client, newest first, at most [maxClientSessions]
	People   []dev.Person    `json:"people"`
	// Unmapped are the addresses of real identity providers that the app asked for something since the provider started.
	Unmapped []Unmapped `json:"unmapped,omitempty"`
}

// ClientSession is what a client knows about a signed-in user: the claims of their ID token, without the token
// and without the claims that change with each token.
type ClientSession struct {
	User    string         `json:"user"` // e-mail
	Client  string         `json:"client"`
	At      time.Time      `json:"at"`      // when the user signed in, by the provider's clock
	Expires time.Time      `json:"expires"` // end of the session at the provider
	Claims  map[string]any `json:"claims"`
}

// maxClientSessions limits the size of the state, which is read often.
const maxClientSessions = 20

// Key is a published key.
type Key struct {
	ID      string    `json:"id"`
	Alg     string    `json:"alg"`
	Since   time.Time `json:"since"`
	Signing bool      `json:"signing"` // signs new tokens; the others only verify old ones
}

// Do runs a command, which takes effect with the next request, and returns the state after it. The error is a
// [*dev.Error].
func (p *Provider) Do(ctx context.Context, c Command) (State, error) {
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.change(c); err != nil {
		return State{}, err
	}
	if c.Do != DoState {
		if err := p.awaitSave(); err != nil {
			return State{}, err
		}
	}
	return p.stateLocked(), nil
}

func (p *Provider) change(c Command) error {
	switch c.Do {
	case DoState:
	case DoUse:
		who, ok := personIn(p.data.People, c.Email)
		if c.Email != "" && !ok {
			return unknownPerson(c.Email, p.data.People)
		}
		p.data.Current = who.Email
	case DoFault:
		return p.setFault(c.Fault)
	case DoClear:
		if _, ok := p.kinds[c.Fault.Name]; c.Fault.Name != "" && !ok {
			return unknownFault(c.Fault.Name)
		}
		p.data.Faults = slices.DeleteFunc(p.data.Faults, func(f Fault) bool { return c.Fault.Name == "" || f.Name == c.Fault.Name })
	case DoClock:
		p.data.Clock = c.Clock
	case DoRotate:
		return p.rotateLocked(0)
	case DoPeople:
		if err := checkPeople(c.People); err != nil {
			return err
		}
		p.data.People = slices.Clone(c.People)
		if _, ok := personIn(p.data.People, p.data.Current); !ok {
			p.data.Current = ""
		}
	default:
		return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: fmt.Sprintf("unknown command of the provider: %q", c.Do)}
	}
	return nil
}

func (p *Provider) stateLocked() State {
	now := p.nowLocked()
	s := State{
		Issuer: p.cfg.Issuer, Profile: p.profile.name, Current: p.data.Current, Clock: p.data.Clock,
		Faults: []Fault{}, Keys: []Key{}, SignedIn: []string{}, Sessions: p.clientSessionsLocked(now), People: slices.Clone(p.data.People), Unmapped: slices.Clone(p.unmapped),
	}
	for _, f := range p.data.Faults {
		s.Faults = append(s.Faults, f.clone())
	}
	for _, k := range p.keys.Keys {
		if k.published(now) {
			s.Keys = append(s.Keys, Key{ID: k.ID, Alg: k.Alg, Since: k.Since, Signing: k.Retired.IsZero()})
		}
	}
	for _, sn := range p.data.Sessions {
		if now.Before(sn.Expires) && !slices.Contains(s.SignedIn, sn.Person.Email) {
			s.SignedIn = append(s.SignedIn, sn.Person.Email)
		}
	}
	sort.Strings(s.SignedIn)
	return s
}

// clientSessionsLocked lists the newest grant of each client in each session.
func (p *Provider) clientSessionsLocked(now time.Time) []ClientSession {
	live := map[string]session{}
	for _, sn := range p.data.Sessions {
		if now.Before(sn.Expires) {
			live[sn.ID] = sn
		}
	}
	type place struct{ session, client string }
	newest := map[place]grant{}
	for _, g := range p.data.Grants {
		sn, ok := live[g.Session]
		at := place{g.Session, g.Client}
		if !ok || g.Person == nil || !now.Before(g.Expires) || !slices.Contains(sn.Clients, g.Client) || newest[at].Expires.After(g.Expires) {
			continue
		}
		newest[at] = g
	}
	list := make([]ClientSession, 0, len(newest))
	for _, g := range newest {
		list = append(list, ClientSession{User: g.Person.Email, Client: g.Client, At: g.At, Expires: live[g.Session].Expires, Claims: p.stableClaims(g)})
	}
	slices.SortFunc(list, func(a, b ClientSession) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(a.User, b.User), strings.Compare(a.Client, b.Client))
	})
	return list[:min(len(list), maxClientSessions)]
}
