package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/watch"
)

// Config is what the gateway is told at its start.
type Config = dev.Sidecar

// Run serves the app's origin and the control socket, and writes what happens to events as JSON
// lines of [dev.Stamped], until ctx ends, which is no error. Open connections are then cut.
func Run(ctx context.Context, cfg Config, events io.Writer) error {
	front, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer front.Close()
	control, err := listenControl(ctx, cfg.Control)
	if err != nil {
		return err
	}
	defer control.Close()
	g, err := newGateway(cfg, events)
	if err != nil {
		return err
	}
	defer g.close()
	if err := g.listen(ctx); err != nil {
		return err
	}
	if err := g.identity.recall(); err != nil {
		g.desk.told(dev.Warning{Code: dev.CodeInternal, Message: err.Error(), Hint: "nothing needs to be done: sdev up sends it again"})
	}
	return g.serve(ctx, front, control)
}

// listen opens everything but the app's origin and the control socket.
func (g *gateway) listen(ctx context.Context) error {
	provider := ""
	if g.cfg.Identity != 0 {
		provider = fmt.Sprintf(":%d", g.cfg.Identity)
	}
	for _, s := range []struct {
		address string
		handler http.Handler
	}{{g.cfg.Credentials, &g.credentials}, {g.cfg.Parameters, &g.identity.parameters}, {provider, g.identity}} {
		if s.address == "" {
			continue
		}
		l, err := listen(ctx, s.address)
		if err != nil {
			return err
		}
		g.more = append(g.more, service{l, s.handler})
	}
	return nil
}

func (g *gateway) close() {
	for _, s := range g.more {
		s.listener.Close()
	}
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &dev.Error{
			Code: dev.CodePortTaken, Message: "the gateway cannot listen on " + address,
			Exit: dev.ExitFailed, Cause: err,
		}
	}
	return l, nil
}

// gateway is the composition: each part owns its own state.
type gateway struct {
	cfg      Config
	hosts    hosts
	pages    *pages
	upstream *upstream
	watcher  *watch.Watcher // nil where nothing is watched here
	outside  atomic.Int64   // directories that somebody else watches and tells of
	desk     *desk
	proxy    http.Handler
	requests sync.WaitGroup // handlers, those of taken-over connections included

	identity    *identity
	credentials awslocal.Credentials
	more        []service // what is served besides the app's origin
}

// service is something that is served on a listener of its own.
type service struct {
	listener net.Listener
	handler  http.Handler
}

func newGateway(cfg Config, events io.Writer) (*gateway, error) {
	rules, err := watch.Compile(cfg.Rules)
	if err != nil {
		return nil, err
	}
	g := &gateway{cfg: cfg, hosts: newHosts(cfg), desk: newDesk(rules.Match, cfg.Mounts, events)}
	if slices.ContainsFunc(cfg.Rules, func(r dev.Rule) bool { return r.Action.Syncs() }) {
		g.desk.tracker.explainFor = explainTold
	}
	g.identity = newIdentity(cfg, g.desk.told)
	g.pages = newPages(cfg, g.hosts.origin, g.identity.issuer, g.desk.told)
	g.upstream = newUpstream(cfg.Upstream, g.desk.reachable)
	g.proxy = newProxy(g.upstream, g.desk, newForgeries(cfg, g.desk.told), g.identity.user)
	if cfg.Root == "" {
		return g, nil
	}
	g.watcher, err = watch.New(cfg.Root, mounted(cfg.Rules), watch.Options{Warn: g.desk.warned})
	return g, err
}

// mounted are the rules as they concern what the gateway sees itself. What is copied is noticed, and
// told, by whoever copies it.
func mounted(rules []dev.Rule) []dev.Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		if rules[i].Action.Syncs() {
			rules[i].Action = dev.Ignored
		}
	}
	return rules
}

// serve blocks until ctx ends and everything it started has ended.
func (g *gateway) serve(ctx context.Context, front, control net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	serveHTTP(ctx, group, front, g)
	for _, s := range g.more {
		serveHTTP(ctx, group, s.listener, s.handler)
	}
	group.Go(func() error { return serveControl(ctx, control, g.answer) })
	group.Go(func() error { g.upstream.run(ctx); return nil })
	group.Go(func() error { g.desk.run(ctx); return nil })
	if g.watcher != nil {
		group.Go(func() error {
			return g.watcher.Run(ctx, func(b watch.Batch) { g.desk.saved(b.Changes, b.First) })
		})
	}
	err := group.Wait()
	g.requests.Wait()
	return err
}

// serveHTTP serves until ctx ends. The base context then ends every request, so there is nothing
// to wait for gracefully.
func serveHTTP(ctx context.Context, group *errgroup.Group, l net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		// Tabs that go away in the middle of a response are everyday life, not news.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
}

// ServeHTTP is the front of the app's origin.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.requests.Add(1)
	defer g.requests.Done()
	switch verdict, to := g.hosts.judge(r); verdict {
	case refuse:
		g.hosts.explain(w, r)
	case redirect:
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	case serve:
		g.admit(w, r)
	}
}

// admit passes on what the app's own pages ask for, what listed ones do, and what is no browser's.
func (g *gateway) admit(w http.ResponseWriter, r *http.Request) {
	from, intrusion := g.pages.admit(r)
	if intrusion != nil {
		g.pages.refuse(w, intrusion)
		return
	}
	g.pages.guard(w.Header(), from)
	if from == "" {
		g.proxy.ServeHTTP(w, r)
		return
	}
	if !preflight(w, r) {
		g.proxy.ServeHTTP(w, r.WithContext(withPage(r.Context(), from)))
	}
}
