package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"sdev/cmd/internal/terminal"
	"sdev/dev"
)

// Host is what the dashboard needs from the program. Several goroutines call its methods, which block until they
// are done or ctx ends.
type Host interface {
	// Do carries out an action and returns its result in one short sentence.
	Do(ctx context.Context, a Action) (string, error)
	// Facts returns what events do not contain.
	Facts(ctx context.Context) (Facts, error)
	// Usage measures what services use now. It is called only while that is visible.
	Usage(ctx context.Context) ([]Usage, error)
	// Excerpt returns the lines around a place in a file of the project, or none where there is no such
	// place.
	Excerpt(ctx context.Context, file string, line int) ([]SourceLine, error)
	// Shell returns a program for the terminal: a shell in the app's container.
	Shell(ctx context.Context) Program
}

// HandOff is what the dashboard needs for deployment. Several goroutines call its methods, which block as those of
// [Host] do.
type HandOff interface {
	// Targets returns the targets and the last hand-off to each.
	Targets(ctx context.Context) ([]Target, error)
	// Check runs the preflight for a target.
	Check(ctx context.Context, target string) (Checks, error)
}

// Program is a program that owns the terminal while it runs.
type Program func(in io.Reader, out, errs io.Writer) error

// Action is a request of the user.
type Action struct {
	Do      Verb
	Service string            // for Restart and Rebuild; "" is the app
	Mode    dev.Mode          // for Switch
	Email   string            // for SignInAs; "" asks
	Browse  bool              // for SignInAs: the page is opened too
	Fault   string            // for SetFault
	Params  map[string]string // for SetFault
	By      time.Duration     // for MoveClock
	Target  string            // for Render
	File    string            // for SaveLog
	Text    string            // for SaveLog
}

// Verb is what an [Action] does.
type Verb string

// The verbs.
const (
	Start       Verb = "start"
	Restart     Verb = "restart"
	Rebuild     Verb = "rebuild"
	Open        Verb = "open"
	Down        Verb = "down"
	DownVolumes Verb = "down with volumes"
	Switch      Verb = "switch"
	SaveLog     Verb = "save"
	SignInAs    Verb = "sign in as"
	SetFault    Verb = "set fault"
	ClearFaults Verb = "clear faults"
	MoveClock   Verb = "move the clock"
	RotateKeys  Verb = "rotate keys"
	Render      Verb = "render"
)

// Facts are the current state beyond events.
type Facts struct {
	Project string
	Dir     string
	Running bool // something of the project runs
	// Supervised says that some sdev acts on saves that need a rebuild or a restart.
	Supervised bool
	URL        string
	Mode       dev.Mode
	Modes      []dev.Mode // that the project can be switched to
	App        string     // the app's service
	Gateway    string     // the service of the gateway
	Services   []Service
	Tabs       []Tab
	How        dev.ReloadMethod // how saves reach the app: "mount", "sync"; "" where nothing is watched
	Watches    int              // directories watched
	AWS        AWS
	Engine     string // where the container engine is
	API        string // its version of the API
	Provider   Provider
}

// Told is what the front door told the app about a user with the last request.
type Told struct {
	User    string // e-mail
	At      time.Time
	Headers map[string]any // by name; a token's claims in place of the token
}

// Service holds the facts of a service.
type Service struct {
	Name   string
	State  dev.State
	Health string // "", "starting", "healthy", "unhealthy"
	Ports  []string
}

// Tab is a browser tab that shows the app.
type Tab struct {
	Page string // "" is the main page
	User string // e-mail; "" where nobody signed in
}

// AWS is the app's AWS login.
type AWS struct {
	Source  string // "mount", "session", "none"
	Profile string
	Region  string
	Expires time.Time // zero if it does not expire, or is unknown
}

// Provider is the state of the local provider, in modes with a login.
type Provider struct {
	Issuer  string
	Profile string
	People  []dev.Person
	// Current is the e-mail of the person who is signed in without the page, or who st.user is while the login is
	// bypassed; "" shows the page, or is nobody.
	Current string
	Clock   time.Duration
	// SignedIn are the e-mails of those with a session at the provider.
	SignedIn     []string
	Sessions     []Session  // sessions by client, newest first
	Told         []Told     // what the front door told the app, newest first
	ActiveFaults []Fault    // active ones
	Faults       []FaultDoc // all that exist
	Unmapped     []Unmapped // real identity providers that the app asked for something
}

// Unmapped is an address of a real identity provider, and how many requests the app sent there.
type Unmapped struct {
	Address string
	Count   int
}

// Session is what a client got about a user at the sign-in, without any token.
type Session struct {
	User   string // e-mail
	Client string
	At     time.Time
	Claims map[string]any // as JSON has them
}

// Fault is an active fault of the provider.
type Fault struct {
	Name string
	Left int // how many more times; 0 until it is cleared
}

// FaultDoc describes a fault of the provider.
type FaultDoc struct{ Name, About string }

// Usage is what a service uses.
type Usage struct {
	Service string
	CPU     float64 // of one core, in percent
	Memory  int64   // bytes
}

// SourceLine is a line of a file.
type SourceLine struct {
	Number int
	Text   string
}

// Stream is where events come from.
type Stream interface {
	// Next waits for the next event; io.EOF ends the stream in order.
	Next(ctx context.Context) (dev.Stamped, error)
}

// Options are what a dashboard shows and where.
type Options struct {
	Host    Host
	HandOff HandOff
	Before  dev.Snapshot // what is true before the first event of Events
	Events  Stream
	Facts   Facts // as far as they are known at the start

	In, Out *os.File // a terminal
	Env     []string // KEY=VALUE; decides on colours
	// Colors overrides what Env says of colours: "always", "never", or "auto".
	Colors string
	// StopOnQuit makes q stop the project; otherwise it keeps running.
	StopOnQuit bool
	// Owned says that this program started the project: then ctrl-c stops it, as without a dashboard.
	Owned bool
	Now   func() time.Time
}

// Exit is how a dashboard was left.
type Exit struct {
	Stop bool // the project should be stopped and removed
}

// Errors of Run, besides its context's.
var (
	ErrTerminal = errors.New("the terminal has closed")
	ErrBroke    = errors.New("the dashboard crashed")
)

// Run shows the dashboard until the user leaves it or ctx ends. In the second case it returns ctx's error.
func Run(ctx context.Context, o Options) (exit Exit, err error) {
	ctx, cancel := context.WithCancel(ctx)
	s := newScreen(o.In, o.Out, o.Env)
	m := newModel(ctx, o)
	m.terminal = s
	if err := s.enter(); err != nil {
		cancel()
		return Exit{}, fmt.Errorf("%w: %w", ErrTerminal, err)
	}
	p := tea.NewProgram(m, m.options(o)...)
	var beside sync.WaitGroup
	for _, run := range []func(){
		func() { relay(ctx, o.Events, p.Send) },
		func() { s.run(ctx) },
		func() { m.followSize(ctx, o.Out, p.Send) },
		func() {
			// Reading keys does not show the difference between a closed terminal and an idle one.
			if terminal.HungUp(ctx, o.Out) {
				p.Quit()
			}
		},
		func() {
			// With ctx as its own context Bubble Tea would stop at once and leave its reader behind.
			<-ctx.Done()
			p.Quit()
		},
	} {
		beside.Go(func() {
			defer func() {
				if m.work.caught(recover()) {
					p.Quit()
				}
			}()
			run()
		})
	}
	_, err = p.Run()
	outer := context.Cause(ctx)
	cancel()
	left := s.leave()
	beside.Wait()
	m.work.end()
	switch {
	case m.work.panicked() != "":
		return m.exit, fmt.Errorf("%w: %s", ErrBroke, m.work.panicked())
	case outer != nil:
		return m.exit, outer
	case err == nil && left == nil:
		return m.exit, nil
	}
	return m.exit, fmt.Errorf("%w: %w", ErrTerminal, errors.Join(err, left))
}

// options make Bubble Tea read keys and run the loop, and nothing else.
func (m *model) options(o Options) []tea.ProgramOption {
	opts := []tea.ProgramOption{
		tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithEnvironment(o.Env),
		tea.WithoutSignalHandler(), tea.WithoutRenderer(), tea.WithFPS(1),
	}
	if width, height, err := m.terminal.size(); err == nil {
		opts = append(opts, tea.WithWindowSize(width, height))
	}
	switch o.Colors {
	case "never":
		opts = append(opts, tea.WithColorProfile(colorprofile.ASCII))
	case "always":
		opts = append(opts, tea.WithColorProfile(max(colorprofile.ANSI, colorprofile.Env(o.Env))))
	}
	return opts
}

// followSize sends each new size of the terminal, until ctx ends. Without its renderer, Bubble Tea does not.
func (m *model) followSize(ctx context.Context, out *os.File, send func(tea.Msg)) {
	resized, stop := terminal.Resized(out)
	defer stop()
	for {
		select {
		case <-resized:
		case <-ctx.Done():
			return
		}
		if width, height, err := m.terminal.size(); err == nil {
			send(tea.WindowSizeMsg{Width: width, Height: height})
		}
	}
}
