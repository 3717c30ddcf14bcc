package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/watch"
)

// Config is the gateway's configuration at its start.
type Config = dev.GatewayConfig

// Run serves the app's origin and the control socket, and writes events as JSON lines of [dev.Stamped],
// until ctx ends. It then cuts open connections and returns nil.
func Run(ctx context.Context, cfg Config, events io.Writer) error {
	front, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer front.Close()
	if cfg.Socket != "" {
		if err := checkPrivate(filepath.Dir(cfg.Socket)); err != nil {
			return err
		}
	}
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
	if err := g.login.load(); err != nil {
		g.loop.emit(dev.Warning{Code: dev.CodeInternal, Message: err.Error(), Hint: "no action needed: sdev up sends it again"})
	}
	return g.serve(ctx, front, control)
}

// listen opens all services but the app's origin and the control socket.
func (g *gateway) listen(ctx context.Context) error {
	provider := ""
	if g.cfg.ProviderPort != 0 {
		host, _, _ := net.SplitHostPort(g.cfg.Listen) // where the page is, which has been opened already
		provider = net.JoinHostPort(host, strconv.Itoa(g.cfg.ProviderPort))
	}
	for _, s := range []struct {
		address string
		handler http.Handler
	}{{g.cfg.Credentials, &g.credentials}, {g.cfg.Parameters, &g.login.parameters}, {provider, g.login}} {
		if s.address == "" {
			continue
		}
		l, err := listen(ctx, s.address)
		if err != nil {
			return err
		}
		g.services = append(g.services, service{l, s.handler})
	}
	if g.cfg.Keys == "" {
		return nil
	}
	if err := g.listenKeys(ctx); err != nil {
		// The app runs all the same, except for the code that verifies the front door's tokens.
		g.loop.emit(dev.Warning{Code: dev.CodeAuthKeys, Message: "the gateway cannot answer for the hosts at which the app fetches the front door's keys: " + err.Error(),
			Hint: "check that the app does not use port 443 itself, and that the engine allows it to processes without privileges (sysctl net.ipv4.ip_unprivileged_port_start)"})
	}
	return nil
}

func (g *gateway) close() {
	for _, s := range g.services {
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

// gateway connects the parts. Each of them owns and guards its own state.
type gateway struct {
	cfg             Config
	hosts           hosts
	fronts          *fronts
	pages           *pages
	components      *components
	upstream        *upstream
	watcher         *watch.Watcher // nil if the gateway watches no files
	outside         []outside
	externalWatches atomic.Int64 // number of directories that the host watches instead
	loop            *eventLoop
	proxy           http.Handler
	requests        sync.WaitGroup // handlers, including those of upgraded connections

	login       *loginServer
	credentials awslocal.Credentials
	services    []service // all but the app's origin
}

// service is an HTTP handler with its own listener.
type service struct {
	listener net.Listener
	handler  http.Handler
}

func newGateway(cfg Config, events io.Writer) (*gateway, error) {
	rules, err := watch.Compile(cfg.Rules)
	if err != nil {
		return nil, err
	}
	g := &gateway{cfg: cfg, hosts: newHosts(cfg), fronts: newFronts(cfg), loop: newEventLoop(rules.Match, cfg.Mounts, events)}
	if slices.ContainsFunc(cfg.Rules, func(r dev.Rule) bool { return r.Action.Syncs() }) {
		g.loop.tracker.matchFor = matchWithinSynced
	}
	g.login = newLoginServer(cfg, g.loop.emit)
	g.pages = newPages(cfg, g.hosts.origin, g.fronts.isOwn, g.login.issuer, g.loop.emit)
	g.components = newComponents(cfg, g.hosts.origin, g.login.issuer, g.loop.emit)
	g.upstream = newUpstream(appAddress{cfg.Upstream, cfg.Socket}, g.loop.reachable, sync.OnceFunc(func() {
		g.loop.emit(dev.Warning{Code: dev.CodePortOpen, Message: "the app listens at " + cfg.Upstream + ", where other programs and users of this machine reach it without the gateway and its login",
			Hint: "start the app by \"streamlit run\", with a Streamlit that sdev supports; or use Docker: --runtime docker"})
	}))
	g.proxy = newProxy(g.upstream, g.loop, newIdentityFilter(cfg, g.loop.emit), g.login.user, g.login.leadTo)
	if cfg.Root == "" {
		return g, nil
	}
	if g.watcher, err = watch.New(cfg.Root, rulesInside(watchedRules(cfg.Rules)), watch.Options{Warn: g.loop.warn}); err != nil {
		return nil, err
	}
	g.outside, err = watchOutside(cfg, watch.Options{Warn: g.loop.warn})
	return g, err
}

// watchedRules returns the rules for the files that the gateway watches itself. It ignores files that the host copies,
// because the host reports their changes.
func watchedRules(rules []dev.Rule) []dev.Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		if rules[i].Action.Syncs() {
			rules[i].Action = dev.Ignored
		}
	}
	return rules
}

// serve blocks until ctx ends and every goroutine that it started has ended.
func (g *gateway) serve(ctx context.Context, front, control net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	if g.cfg.TLS {
		front = &tlsListener{front, g.pageTLS()}
	}
	serveHTTP(ctx, group, front, g)
	for _, s := range g.services {
		serveHTTP(ctx, group, s.listener, s.handler)
	}
	group.Go(func() error { return serveControl(ctx, control, g.answer) })
	group.Go(func() error { g.upstream.run(ctx); return nil })
	group.Go(func() error { g.loop.run(ctx); return nil })
	if g.watcher != nil {
		group.Go(func() error {
			return g.watcher.Run(ctx, func(b watch.Batch) { g.loop.saved(b.Changes, b.First) })
		})
	}
	for _, o := range g.outside {
		group.Go(func() error { return o.run(ctx, g.loop.saved) })
	}
	err := group.Wait()
	g.requests.Wait()
	return err
}

// serveHTTP serves until ctx ends. The base context then ends every request, so no graceful shutdown is
// needed.
func serveHTTP(ctx context.Context, group *errgroup.Group, l net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withConn,
		ReadHeaderTimeout: 10 * time.Second,
		// The server would log every tab that closes during a response.
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

// ServeHTTP serves the app's origin.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.requests.Add(1)
	defer g.requests.Done()
	verdict, to := g.hosts.check(r)
	if verdict == refuse && g.isDoorName(r) {
		verdict = serve
		if g.hosts.wantsTLS(r) {
			verdict, to = redirect, g.hosts.scheme()+r.Host+targetOf(r)
		}
	}
	if verdict == refuse && g.fronts.admits(r) {
		verdict, r = serve, r.WithContext(withFront(r.Context()))
	}
	switch verdict {
	case refuse:
		g.hosts.writeRefusal(w, r)
	case redirect:
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	case serve:
		g.admit(w, r)
	}
}

// admit proxies requests of the app's own pages, of listed pages, and of programs that are no browser.
func (g *gateway) admit(w http.ResponseWriter, r *http.Request) {
	if g.components.serve(w, r, g.pages, g.proxy) {
		return
	}
	from, foreign := g.pages.admit(r)
	if foreign != nil {
		foreign.isolated = g.components.isolate
		g.pages.refuse(w, foreign)
		return
	}
	g.pages.setPolicy(w.Header(), from)
	if from != "" {
		if preflight(w, r) {
			return
		}
		r = r.WithContext(withPage(r.Context(), from))
	}
	if r, ok := g.passDoor(w, r); ok && !g.components.lead(w, r) {
		g.proxy.ServeHTTP(w, r)
	}
}
