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
	"syscall"
	"time"

	"sdev/dev"
	"sdev/dev/awslocal"
	"sdev/dev/oidc"
	"sdev/dev/watch"
)

// Request is a command to the gateway.
type Request struct {
	Do     string         `json:"do"` // one of the Do constants
	Expect Expect         `json:"expect,omitzero"`
	Grant  awslocal.Grant `json:"grant,omitzero"`
	Login  *dev.Login     `json:"login,omitempty"`
	Auth   oidc.Command   `json:"auth,omitzero"`
	Saved  Saved          `json:"saved,omitzero"`
	Probe  string         `json:"probe,omitempty"` // with DoProbe: the name of a file in the project's state directory
}

// The commands.
const (
	DoStatus = "status" // change nothing
	DoExpect = "expect" // be told what is about to happen to the app
	DoLogin  = "login"  // be told how people sign in
	DoAuth   = "auth"   // steer the provider
	DoGrant  = "grant"  // be given the AWS credentials that the app may have
	DoSaved  = "saved"  // be told of saves that somebody else noticed
	DoProbe  = "probe"  // say whether a file that is written over and over is seen here, and noticed
)

// Probe is the answer to DoProbe.
type Probe struct {
	Visible bool `json:"visible"` // the file is there
	Noticed bool `json:"noticed"` // and the system told of its being written
}

// probeFor is how long a file that is written over and over may go unnoticed.
const probeFor = time.Second

// Saved is what whoever watches the project from outside noticed, and has copied into the app's
// container where that was to be done. It counts exactly like what the gateway notices itself.
type Saved struct {
	Changes []dev.Change `json:"changes"`
	First   time.Time    `json:"first"`   // when the first of them was noticed
	Watches int          `json:"watches"` // directories watched there now
}

// Expect is what is about to happen to the app, or has: it is what the page that stands in for the
// app says, and how the next reload is called.
type Expect struct {
	How     string `json:"how"`     // one of the How constants
	Trigger string `json:"trigger"` // the path whose change is the reason; may be empty
	Text    string `json:"text"`    // one more sentence for the person who waits; may be empty
}

// What can be expected.
const (
	HowStart   = "start"   // the app starts for the first time
	HowRestart = "restart" // its process is started again
	HowRebuild = "rebuild" // its image is rebuilt, then it is replaced
	HowExited  = "exited"  // it ended by itself and will not come back without help
	HowNothing = "nothing" // what was announced does not come to pass: a build failed, say
)

// How a save reaches an app that goes on running.
const (
	howMount = "mount" // its source is mounted
	howSync  = "sync"  // its source is copied
)

// Status is what the gateway knows.
type Status struct {
	V          int              `json:"v"`
	Mode       dev.Mode         `json:"mode"`
	How        string           `json:"how"` // how saves reach the app: "mount", "sync", or "" if nothing is watched
	Up         bool             `json:"up"`  // the app answered when last asked
	Generation uint64           `json:"generation"`
	Sessions   int              `json:"sessions"` // tabs connected now
	Watches    int              `json:"watches"`  // directories watched now
	Reloads    int              `json:"reloads"`
	Reload     dev.AppReloaded  `json:"reload"`    // the last one
	Exception  dev.AppException `json:"exception"` // the one a tab shows now
	Expect     Expect           `json:"expect"`    // what was announced and has not been seen yet
	// AWSExpires is when the credentials run out that the app may have; zero where there are none, or
	// they do not run out.
	AWSExpires time.Time `json:"aws_expires,omitzero"`
	Probe      Probe     `json:"probe,omitzero"`
	Tabs       []Tab     `json:"tabs,omitempty"` // those connected now, by page
	// Auth is what is true of the provider; empty in modes without a login.
	Auth oidc.State `json:"auth,omitzero"`
	// Refused is why the provider did not do what it was asked for; nil where it did.
	Refused *dev.Failed `json:"refused,omitempty"`
}

// Tab is a browser tab that shows the app.
type Tab struct {
	Page string `json:"page"` // name of the page that ran last; "" for the main page
	User string `json:"user"` // e-mail of the signed-in user; "" if nobody is signed in, or unknown
}

// reply is what goes over the socket.
type reply struct {
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"`
}

// A command is a line; nobody on this socket is slow.
const controlTimeout = 5 * time.Second

// controlLimit bounds a command. The largest tells of a few hundred saves, each with its whole path.
const controlLimit = 2 << 20

// startFor is how long a gateway may take from the start of its container until it listens.
const startFor = 5 * time.Second

// Call sends one command to the gateway that listens on socket and gives its status afterwards. One
// that is just starting is waited for, a few seconds or until ctx ends.
func Call(ctx context.Context, socket string, req Request) (Status, error) {
	conn, err := dialControl(ctx, socket)
	if err != nil {
		return Status{}, fmt.Errorf("reach the gateway: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return Status{}, fmt.Errorf("ask the gateway: %w", err)
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

// dialControl connects to a gateway as soon as it listens.
func dialControl(ctx context.Context, socket string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	var absent error // why there was nobody, which says more than that time ran out
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", socket)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
			absent = err
		case err != nil && absent != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)):
			return nil, absent
		default:
			return conn, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, absent
		}
	}
}

// listenControl opens the socket for its owner alone, in place of one that an earlier gateway left.
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
			// A client that says nothing is cut off by the deadline, so that shutting down never waits
			// for longer than that; the error needs no handling on a unix socket.
			_ = conn.SetDeadline(time.Now().Add(controlTimeout))
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			var req Request
			var rep reply
			if err := json.NewDecoder(io.LimitReader(conn, controlLimit)).Decode(&req); err != nil {
				rep.Error = "not a request: " + err.Error()
			} else if rep.Status, err = answer(ctx, req); err != nil {
				rep.Error = err.Error()
			}
			// Who does not wait for the answer does not want it.
			_ = json.NewEncoder(conn).Encode(rep)
		})
	}
}

// answer carries out a command.
func (g *gateway) answer(ctx context.Context, req Request) (Status, error) {
	var loginErr error // what a new login came to
	switch req.Do {
	case DoStatus:
	case DoExpect:
		switch req.Expect.How {
		case HowStart, HowRestart, HowRebuild, HowExited, HowNothing:
		default:
			return Status{}, fmt.Errorf("how %q is not one of start, restart, rebuild, exited, nothing", req.Expect.How)
		}
		g.loop.expect(req.Expect)
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
	auth, err := g.identity.do(ctx, req.command())
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
	st.Mode = g.identity.mode()
	st.AWSExpires, _ = g.credentials.Expires()
	if g.watcher != nil {
		st.How, st.Watches = howMount, g.watcher.Watches()
	}
	if g.cfg.Root == "" {
		st.How = howSync
	}
	st.Watches += int(g.externalWatches.Load())
	return st, ctx.Err()
}

// command is what a request asks of the provider; most ask for nothing.
func (r Request) command() oidc.Command {
	if r.Do == DoAuth {
		return r.Auth
	}
	return oidc.Command{Do: oidc.DoState}
}

// setLogin puts a login into force. Another mode means that the app is about to be recreated for it.
func (g *gateway) setLogin(ctx context.Context, login *dev.Login) error {
	if login == nil {
		return errors.New("no login was sent")
	}
	switched, err := g.identity.set(ctx, *login)
	if up, _ := g.upstream.state(); err != nil || !switched || !up {
		return err
	}
	text := "It comes back with its login."
	if !login.Mode.SignsIn() {
		text = "It comes back with its login bypassed."
	}
	g.loop.expect(Expect{How: HowRestart, Text: text})
	return nil
}

// probe waits until a file in the project's state directory is noticed, or for long enough that it will
// not be.
func (g *gateway) probe(ctx context.Context, name string) Probe {
	if g.cfg.Root == "" || filepath.Base(name) != name {
		return Probe{}
	}
	dir := filepath.Join(g.cfg.Root, dev.StateDir)
	ctx, cancel := context.WithTimeout(ctx, probeFor)
	defer cancel()
	noticed, err := watch.Notices(ctx, dir, name)
	_, serr := os.Stat(filepath.Join(dir, name))
	// Where no watch is granted the watcher polls, and says so itself.
	return Probe{Visible: noticed || serr == nil, Noticed: noticed || err != nil && serr == nil}
}
