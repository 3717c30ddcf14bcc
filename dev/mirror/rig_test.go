package mirror_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/mirror"
)

// everything copies the whole project, except for the directory "ignored".
type everything struct {
	root  mirror.Root
	whole bool
}

func (e everything) Roots() []mirror.Root { return []mirror.Root{e.root} }

func (e everything) Places(file string) []mirror.Place {
	if strings.HasPrefix(file, "ignored/") {
		return nil
	}
	return []mirror.Place{{Path: file, Whole: e.whole}}
}

func (e everything) Reaches(dir string) bool { return dir != "ignored" }

// pair is a project, a fake container that is a directory, and a syncer between them.
type pair struct {
	*testing.T
	here, there, manifest string
	syncer                *mirror.Syncer

	mu      sync.Mutex // guards the fields below
	conn    io.Closer  // the stream of the running receiver
	down    bool       // the container does not run
	since   time.Time  // when its image was made
	reports []mirror.Report
	more    chan struct{} // holds a token when there is a new report
}

func newPair(t *testing.T) *pair {
	t.Helper()
	devtest.Leaks(t)
	base := t.TempDir()
	p := &pair{T: t, here: filepath.Join(base, "project"), there: filepath.Join(base, "container", "app"), manifest: filepath.Join(base, "own", "ledger"), more: make(chan struct{}, 1)}
	for _, dir := range []string{p.here, filepath.Dir(p.there)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.syncer = &mirror.Syncer{
		Source:   mirror.Source{Dir: p.here, Layout: everything{mirror.Root{Path: p.there}, true}},
		Manifest: p.manifest, Open: p.open, Report: p.report,
	}
	return p
}

// twoWay is one end of a stream.
type twoWay struct {
	io.Reader
	io.Writer
	hangUp func()
}

func (w twoWay) Close() error { w.hangUp(); return nil }

// open starts a receiver, which ends when the stream does.
func (p *pair) open(context.Context) (mirror.Peer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return mirror.Peer{}, mirror.ErrNotRunning
	}
	toIn, toOut := io.Pipe()
	fromIn, fromOut := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := mirror.Receive(toIn, fromOut); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			p.Errorf("receive: %v", err)
		}
		_ = fromOut.Close()
		_ = toIn.Close()
	}()
	conn := twoWay{fromIn, toOut, func() { _ = toOut.Close(); _ = fromIn.Close(); <-ended }}
	p.conn = conn
	return mirror.Peer{Conn: conn, Owner: mirror.Owner{UID: os.Getuid(), GID: os.Getgid()}, Since: p.since}, nil
}

func (p *pair) report(r mirror.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports = append(p.reports, r)
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// run starts the syncer.
func (p *pair) run() {
	p.Helper()
	ctx, cancel := context.WithCancel(p.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.syncer.Run(ctx) }()
	p.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			p.Errorf("run: %v", err)
		}
	})
}

// cut kills the receiver, or the connection to it.
func (p *pair) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		_ = p.conn.Close()
	}
}

// stop and start stop and start the container, as a user would by hand.
func (p *pair) stop() {
	p.mu.Lock()
	p.down = true
	p.mu.Unlock()
	p.cut()
}

func (p *pair) start() {
	p.mu.Lock()
	p.down = false
	p.mu.Unlock()
	p.syncer.Started()
}

// await waits for a report.
func (p *pair) await(ok func(mirror.Report) bool) mirror.Report {
	p.Helper()
	late := time.NewTimer(devtest.Patience)
	defer late.Stop()
	for {
		p.mu.Lock()
		for i, r := range p.reports {
			if ok(r) {
				p.reports = p.reports[i+1:]
				p.mu.Unlock()
				return r
			}
		}
		p.mu.Unlock()
		select {
		case <-p.more:
		case <-late.C:
			p.Fatalf("no such report among %+v", p.reports)
		}
	}
}

func compared(r mirror.Report) bool { return r.Compared }

// saved reports changed paths to the syncer, and waits until the container has them.
func (p *pair) saved(paths ...string) mirror.Report {
	p.Helper()
	p.changed(paths...)
	last := paths[len(paths)-1]
	return p.await(func(r mirror.Report) bool {
		for _, c := range r.Changes {
			if c.Path == last && r.Connected {
				return true
			}
		}
		return false
	})
}

func (p *pair) changed(paths ...string) {
	var changes []dev.Change
	for _, path := range paths {
		_, err := os.Lstat(filepath.Join(p.here, path))
		changes = append(changes, dev.Change{Path: path, Gone: err != nil})
	}
	p.syncer.Changed(changes, time.Now())
}

func (p *pair) write(path, content string) {
	p.Helper()
	full := filepath.Join(p.here, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		p.Fatal(err)
	}
}

func (p *pair) remove(path string) {
	p.Helper()
	if err := os.RemoveAll(filepath.Join(p.here, path)); err != nil {
		p.Fatal(err)
	}
}

// same fails the test if the files in the container differ from the project's.
func (p *pair) same() {
	p.Helper()
	want, got := list(p.T, p.here), list(p.T, p.there)
	for path, w := range want {
		if g, ok := got[path]; !ok || g != w {
			p.Errorf("%q is %q in the container, want %q", path, g, w)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			p.Errorf("%q is in the container, and not in the project", path)
		}
	}
}

// list returns every file below a directory: mode, time and content, or the target of a link.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "ignored" {
				return filepath.SkipDir
			}
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if link, err := os.Readlink(path); err == nil {
			out[rel] = "→ " + link
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		out[rel] = info.Mode().String() + " " + info.ModTime().Format(time.RFC3339Nano) + " " + string(b)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}
