package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/oidc"
	"sdev/dev/watch"
)

// Request is a command to the gateway.
type Request struct {
	Do       string             `json:"do"`              // one of the Do constants
	Announce dev.Announcement   `json:"expect,omitzero"` // the name that gateways of older versions know
	Grant    awslocal.Grant     `json:"grant,omitzero"`
	Login    *dev.LoginSettings `json:"login,omitempty"`
	Auth     oidc.Command       `json:"auth,omitzero"`
	Saved    Saved              `json:"saved,omitzero"`
	Probe    string             `json:"probe,omitempty"` // for DoProbe: the name of a file in the project's state directory
}

// The commands.
const (
	DoStatus   = "status" // only return the status
	DoAnnounce = "expect" // announce what is about to happen to the app
	DoLogin    = "login"  // set how people sign in
	DoAuth     = "auth"   // run a command of the local provider
	DoGrant    = "grant"  // set the AWS credentials that the app may use
	DoSaved    = "saved"  // report saves that the host noticed
	DoProbe    = "probe"  // check whether the gateway sees a file, and notices writes to it
)

// Probe is the answer to DoProbe.
type Probe struct {
	Visible bool   `json:"visible"`        // the file exists in the gateway's container
	Noticed bool   `json:"noticed"`        // the file watcher reported a write
	Boot    string `json:"boot,omitempty"` // dev.BootID in that container
}

// probeFor is how long DoProbe waits for a write to be noticed.
const probeFor = time.Second

// Saved is a batch of changes that the host noticed, and has copied into the app's container if a rule says
// so. The gateway treats them like changes that it notices itself.
type Saved struct {
	Changes []dev.Change `json:"changes"`
	First   time.Time    `json:"first"`   // when the first of them was noticed
	Watches int          `json:"watches"` // number of directories that the host watches
}

// Status is the state of the gateway.
type Status struct {
	V          int              `json:"v"`
	Mode       dev.Mode         `json:"mode"`
	How        dev.ReloadMethod `json:"how"` // how saves reach the app: "mount", "sync", or "" if nothing is watched
	Up         bool             `json:"up"`  // the app answered last time
	Generation uint64           `json:"generation"`
	Sessions   int              `json:"sessions"` // tabs connected now
	Watches    int              `json:"watches"`  // directories watched now
	Reloads    int              `json:"reloads"`
	Reload     dev.AppReloaded  `json:"reload"`    // the last one
	Exception  dev.AppException `json:"exception"` // the one that a tab shows now
	Announced  dev.Announcement `json:"expect"`    // the last announcement that has not come true yet
	// AWSExpires is when the app's AWS credentials expire; zero if it has none, or they do not expire.
	AWSExpires time.Time `json:"aws_expires,omitzero"`
	Probe      Probe     `json:"probe,omitzero"`
	Tabs       []Tab     `json:"tabs,omitempty"` // the connected tabs, sorted by page
	// Auth is the provider's state; empty in modes without a login.
	Auth oidc.State `json:"auth,omitzero"`
	// Told is what the front door told the app about each user, the latest request first; empty in modes without one.
	Told []Told `json:"told,omitempty"`
	// Refused is why the provider refused the command; nil if it did not.
	Refused *dev.Failed `json:"refused,omitempty"`
}

// Tab is a browser tab that shows the app.
type Tab struct {
	Page string `json:"page"` // name of the page that ran last; "" for the main page
	User string `json:"user"` // e-mail of the signed-in user; "" if nobody is signed in, or unknown
}

// reply is the answer to a Request.
type reply struct {
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"`
}

// controlTimeout limits one command, which is a single line from a local program.
const controlTimeout = 5 * time.Second

// controlLimit is the maximal size of a command. The largest one reports a few hundred saves with full paths.
const controlLimit = 2 << 20

// startFor is how long a gateway may take from the start of its container until it listens.
const startFor = 5 * time.Second

// Call sends one command to the gateway that listens on socket and returns its status afterwards. It waits
// a few seconds, or until ctx ends, for a gateway that is just starting.
func Call(ctx context.Context, socket string, req Request) (Status, error) {
	conn, err := dialControl(ctx, socket)
	if err != nil {
		return Status{}, fmt.Errorf("reach the gateway: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return Status{}, fmt.Errorf("send a command to the gateway: %w", err)
	}
	var rep reply
	if err := json.NewDecoder(conn).Decode(&rep); err != nil {
		return Status{}, fmt.Errorf("read the gateway's answer: %w", err)
	}
	if rep.Error != "" {
		return Status{}, fmt.Errorf("the gateway refused %q: %s", req.Do, rep.Error)
	}
	return rep.Status, nil
}

// dialControl connects to the gateway as soon as it listens.
func dialControl(ctx context.Context, socket string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	var absent error // why nothing listened: a better message than a timeout
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", socket)
		switch {
		case errors.Is(err, fs.ErrNotExist), dev.IsRefused(err):
			absent = err
		case err != nil && absent != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)):
			return nil, absent
		default:
			return conn, err
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, absent
		}
	}
}

// checkPrivate creates a directory for the owner alone, or checks that one which exists is that.
func checkPrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("directory for sockets: %w", err)
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("directory for sockets: %w", err)
	}
	uid, _, known := dev.Owner(st)
	if !st.IsDir() || known && (uid != os.Getuid() || st.Mode().Perm()&0o077 != 0) {
		return &dev.Error{Code: dev.CodeStateUnsafe, Exit: dev.ExitFailed, Message: dev.Line("%s is for sockets that only you may reach, but it is not a directory of yours that is closed to others", dir),
			Hint: "remove it, or set XDG_RUNTIME_DIR to a directory of your own"}
	}
	return nil
}

// listenControl opens the socket, for its owner only. It replaces a socket that an earlier gateway left behind.
func listenControl(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

// serveControl answers one request per connection until ctx ends.
func serveControl(ctx context.Context, l net.Listener, answer func(context.Context, Request) (Status, error)) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("control socket: %w", err)
		}
		conns.Go(func() {
			defer conn.Close()
			// The deadline ends the connection of a silent client, so that a shutdown never waits longer;
			// the error needs no handling on a unix socket.
			_ = conn.SetDeadline(time.Now().Add(controlTimeout))
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			var req Request
			var rep reply
			if err := json.NewDecoder(io.LimitReader(conn, controlLimit)).Decode(&req); err != nil {
				rep.Error = "not a request: " + err.Error()
			} else if rep.Status, err = answer(ctx, req); err != nil {
				rep.Error = err.Error()
			}
			// The client may have gone and need no answer.
			_ = json.NewEncoder(conn).Encode(rep)
		})
	}
}

// answer carries out a command.
func (g *gateway) answer(ctx context.Context, req Request) (Status, error) {
	var loginErr error // from applying a new login
	switch req.Do {
	case DoStatus:
	case DoAnnounce:
		switch req.Announce.How {
		case dev.AnnounceStart, dev.AnnounceRestart, dev.AnnounceRebuild, dev.AnnounceExit, dev.AnnounceNothing:
		default:
			return Status{}, fmt.Errorf("how %q must be start, restart, rebuild, exited or nothing", req.Announce.How)
		}
		g.loop.announce(req.Announce)
	case DoLogin:
		loginErr = g.setLogin(ctx, req.Login)
	case DoGrant:
		g.credentials.Set(req.Grant)
	case DoSaved:
		g.externalWatches.Store(int64(req.Saved.Watches))
		if len(req.Saved.Changes) > 0 {
			g.loop.saved(req.Saved.Changes, req.Saved.First)
		}
	case DoProbe, DoAuth:
	default:
		return Status{}, errors.New("unknown command")
	}
	auth, err := g.login.do(ctx, req.command())
	if loginErr != nil {
		err = loginErr
	}
	refusal, isOurs := errors.AsType[*dev.Error](err)
	if err != nil && !isOurs {
		return Status{}, err
	}
	st := g.loop.status()
	st.Auth = auth
	if isOurs {
		refused := refusal.Event()
		st.Refused = &refused
	}
	if req.Do == DoProbe {
		st.Probe = g.probe(ctx, req.Probe)
	}
	st.Up, st.Generation = g.upstream.state()
	st.Mode, st.Told = g.login.mode(), g.login.told.list()
	st.AWSExpires, _ = g.credentials.Expires()
	if g.watcher != nil {
		st.How, st.Watches = dev.ReloadMount, g.watcher.Watches()
		for _, o := range g.outside {
			st.Watches += o.watcher.Watches()
		}
	}
	if g.cfg.Root == "" {
		st.How = dev.ReloadSync
	}
	st.Watches += int(g.externalWatches.Load())
	return st, ctx.Err()
}

// command returns the command for the provider; for most requests it only reads the provider's state.
func (r Request) command() oidc.Command {
	if r.Do == DoAuth {
		return r.Auth
	}
	return oidc.Command{Do: oidc.DoState}
}

// setLogin applies a login. If the mode changes, the host recreates the app next, which the hold page announces.
func (g *gateway) setLogin(ctx context.Context, login *dev.LoginSettings) error {
	if login == nil {
		return errors.New("the command has no login")
	}
	switched, err := g.login.set(ctx, *login)
	if up, _ := g.upstream.state(); err != nil || !switched || !up {
		return err
	}
	text := "It will come back with its login."
	if !login.Mode.SignsIn() {
		text = "It will come back in local mode."
	}
	g.loop.announce(dev.Announcement{How: dev.AnnounceRestart, Text: text})
	return nil
}

// probe waits until the watcher notices a write to a file in the project's state directory, or probeFor has
// passed.
func (g *gateway) probe(ctx context.Context, name string) Probe {
	if g.cfg.Root == "" || filepath.Base(name) != name {
		return Probe{}
	}
	dir := filepath.Join(g.cfg.Root, dev.StateDir)
	ctx, cancel := context.WithTimeout(ctx, probeFor)
	defer cancel()
	noticed, err := watch.Notices(ctx, dir, name)
	_, serr := os.Stat(filepath.Join(dir, name))
	// If the system grants no watch, the watcher polls and warns by itself.
	return Probe{Visible: noticed || serr == nil, Noticed: noticed || err != nil && serr == nil, Boot: dev.BootID()}
}
