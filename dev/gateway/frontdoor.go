package gateway

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/gateway/access"
	"sdev/dev/gateway/alb"
	"sdev/dev/gateway/door"
	"sdev/dev/gateway/iap"
	"sdev/dev/oidc"
)

// frontDoor is an identity proxy of a cloud, which the gateway stands in for in some modes: see package door.
type frontDoor interface {
	// Admit decides about a request of the app's origin. If it returns false, it has answered the request itself. It may
	// set headers of the response in both cases, for example cookies.
	Admit(w http.ResponseWriter, r *http.Request) (door.Pass, bool)
	// ServeHost answers a request that the app makes to one of the door's public hosts, over TLS: for example for its keys.
	ServeHost(w http.ResponseWriter, r *http.Request)
	// ServeSignIn answers a request of a browser at the provider's origin, if the path is one of the door's own there; it
	// returns false otherwise.
	ServeSignIn(w http.ResponseWriter, r *http.Request) bool
	// Rotate replaces the keys that sign.
	Rotate() error
}

// newDoor makes the front door of a login; nil if the mode has none. provider is where its people sign in.
func (s *loginServer) newDoor(login dev.LoginSettings, provider *oidc.Provider) (frontDoor, error) {
	if login.Door == nil || provider == nil {
		return nil, nil
	}
	cfg := door.Config{FrontDoor: *login.Door, Project: s.project, Origin: s.origin, Base: s.base, Issuer: login.Issuer, State: s.state,
		Emit: s.emit, People: provider, Now: provider.Now, Faults: doorFaults{provider, login.Mode, login.Door.Client.ID}}
	switch {
	case cfg.ALB != nil:
		return alb.New(cfg)
	case cfg.IAP != nil:
		return iap.New(cfg)
	case cfg.Access != nil:
		return access.New(cfg)
	}
	return nil, nil
}

// doorFaults are the faults that the provider keeps for the front door.
type doorFaults struct {
	provider *oidc.Provider
	mode     dev.Mode
	client   string
}

// Take implements [door.Faults].
func (f doorFaults) Take(user string) door.Acting {
	return f.provider.DoorFaults(f.mode, f.client, user)
}

// door returns the front door of the mode; nil if it has none.
func (s *loginServer) door() frontDoor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.front
}

// passDoor lets the front door of the mode decide about a request. It returns the request for the app; ok is false if the
// door has answered it.
func (g *gateway) passDoor(w http.ResponseWriter, r *http.Request) (passed *http.Request, ok bool) {
	d := g.login.door()
	if d == nil || g.isDirect(r) {
		return r, true
	}
	pass, ok := d.Admit(w, r)
	if !ok {
		return r, false
	}
	g.login.told.record(pass, time.Now())
	return r.WithContext(withPass(r.Context(), pass)), true
}

// isDoorName reports whether a request is for a further host name that the app has by its front door, at the app's port.
// Such a name ends in .localhost, so nobody can rebind it.
func (g *gateway) isDoorName(r *http.Request) bool {
	name, port := splitHost(r.Host)
	return port == g.hosts.ports[0] && slices.Contains(g.doorNames(), name)
}

// doorNames are the further host names that the app has by its front door.
func (g *gateway) doorNames() []string {
	if d := g.login.frontDoor(); d != nil {
		return d.Names()
	}
	return nil
}

// isDirect reports whether a request would reach the app past the door in a deployment: a health check of a program, or a
// request of another service.
func (g *gateway) isDirect(r *http.Request) bool {
	name, _ := splitHost(r.Host)
	return g.hosts.isAlias(name) || door.IsHealthCheck(r, g.cfg.Base)
}

// tabUser returns the user of a tab: whom the front door named, or else whom the app's cookies name.
func tabUser(r *http.Request, userOf func(*http.Request) string) string {
	if pass, ok := passOf(r.Context()); ok {
		return pass.User
	}
	return userOf(r)
}

// passKey is the context key for what the front door adds to a request.
type passKey struct{}

func withPass(ctx context.Context, p door.Pass) context.Context {
	return context.WithValue(ctx, passKey{}, p)
}

func passOf(ctx context.Context) (door.Pass, bool) {
	p, ok := ctx.Value(passKey{}).(door.Pass)
	return p, ok
}

// addPass adds what the front door says about the user to a request for the app. Everything that the browser sent about
// that has been dropped before.
func addPass(h http.Header, p door.Pass) {
	maps.Copy(h, p.Header)
	if len(p.Cookies) == 0 {
		return
	}
	all := append([]string{}, h["Cookie"]...)
	h.Set("Cookie", strings.Join(append(all, p.Cookies...), "; "))
}
