package tui

import (
	"bytes"
	"context"
	"os"
	"sync"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	tty "golang.org/x/term"

	"sdev/cmd/internal/terminal"
)

// frame is the content of the screen.
type frame struct {
	content string
	title   string
	mouse   bool
	look    look
}

// screen is the terminal while the dashboard owns it. It draws only when something is new, and only what
// differs. Bubble Tea's own renderer looks for a new frame at a fixed rate, for hours if need be: at 160 × 48 an idle
// program takes 0.8 % of a core at 60 frames a second, 0.5 % at 30 and 0.15 % at 10, where the frame of a key is up
// to 100 ms late. This one takes 0.02 %, and a frame is at most 4 ms late. (Bubble Tea 2.1.1; neither writes a byte.)
//
//	model.View ──show──▶ next ──run──▶ terminal
type screen struct {
	in, out *os.File
	env     []string
	changed chan struct{} // holds a token when there may be something to draw

	mu     sync.Mutex // guards everything below, and the terminal
	before *tty.State
	// sequencesOff undoes what enter did so that the terminal understands control sequences.
	sequencesOff func()
	buf          bytes.Buffer
	scr          *uv.TerminalRenderer
	cells        uv.ScreenBuffer
	width        int
	height       int
	next         frame
	shown        frame
	on           bool // the dashboard owns the terminal
}

func newScreen(in, out *os.File, env []string) *screen {
	return &screen{in: in, out: out, env: env, changed: make(chan struct{}, 1)}
}

// drawEvery is the minimal time between two drawings. The first one after a pause is immediate.
const drawEvery = 4 * time.Millisecond

// run draws until ctx ends.
func (s *screen) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-s.changed:
			s.draw()
		case <-ctx.Done():
			return
		}
		pause.Reset(drawEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// show schedules a frame; it replaces one that has not been drawn yet.
func (s *screen) show(f frame) {
	s.mu.Lock()
	same := s.next == f
	s.next = f
	s.mu.Unlock()
	if !same {
		token(s.changed)
	}
}

// size is the terminal's size, or the default if the terminal does not know it.
func (s *screen) size() (width, height int, err error) {
	width, height, err = tty.GetSize(int(s.out.Fd()))
	if err == nil && (width <= 0 || height <= 0) {
		return 80, 24, nil
	}
	return width, height, err
}

// enter puts the terminal into raw mode and switches to the alternate screen.
func (s *screen) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, err := tty.MakeRaw(int(s.in.Fd()))
	if err != nil {
		return err
	}
	s.before, s.on, s.shown = before, true, frame{}
	_, s.sequencesOff = terminal.EnableSequences(s.out)
	s.scr = uv.NewTerminalRenderer(&s.buf, s.env)
	s.scr.SetFullscreen(true)
	s.scr.SetRelativeCursor(false)
	s.scr.SetScrollOptim(true)
	s.scr.SetTabStops(-1)
	s.scr.Erase()
	s.width, s.height = 0, 0
	return s.writeLocked(ansi.SetModeAltScreenSaveCursor + ansi.ResetModeTextCursorEnable + ansi.SetModeBracketedPaste + ansi.SetModeFocusEvent + ansi.RequestBackgroundColor)
}

// leave restores the terminal. It may be called more than once.
func (s *screen) leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return nil
	}
	s.on = false
	text := ansi.ResetModeFocusEvent + ansi.ResetModeBracketedPaste + ansi.ResetStyle
	if s.shown.mouse {
		text += mouseOff
	}
	text += ansi.SetWindowTitle("") + ansi.SetModeTextCursorEnable + ansi.ResetModeAltScreenSaveCursor
	err := s.writeLocked(text)
	s.sequencesOff()
	if rerr := tty.Restore(int(s.in.Fd()), s.before); err == nil {
		err = rerr
	}
	return err
}

// write sends something that is not part of a frame.
func (s *screen) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeLocked(text)
}

func (s *screen) writeLocked(text string) error {
	_, err := s.out.WriteString(text)
	return err
}

const (
	mouseOn  = ansi.SetModeMouseButtonEvent + ansi.SetModeMouseExtSgr
	mouseOff = ansi.ResetModeMouseButtonEvent + ansi.ResetModeMouseExtSgr
)

// draw updates the terminal. It ignores write errors, because terminal.HungUp reports a closed terminal.
func (s *screen) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.next
	width, height, err := s.size()
	if !s.on || err != nil || f == s.shown && width == s.width && height == s.height {
		return
	}
	var around string
	if f.title != s.shown.title {
		around += ansi.SetWindowTitle(f.title)
	}
	if f.mouse != s.shown.mouse {
		around += map[bool]string{true: mouseOn, false: mouseOff}[f.mouse]
	}
	if width != s.width || height != s.height {
		s.width, s.height = width, height
		s.cells = uv.NewScreenBuffer(width, height)
		s.scr.Resize(width, height)
		s.scr.Erase()
	}
	s.scr.SetColorProfile(f.look.profile)
	s.cells.Clear()
	uv.NewStyledString(f.content).Draw(s.cells, s.cells.Bounds())
	s.scr.Render(s.cells.RenderBuffer)
	s.shown = f
	if err := s.scr.Flush(); err != nil || s.buf.Len()+len(around) == 0 {
		return
	}
	// A terminal shows the output between this pair at once; one without support ignores the pair.
	text := ansi.SetModeSynchronizedOutput + around + s.buf.String() + ansi.ResetModeSynchronizedOutput
	s.buf.Reset()
	_ = s.writeLocked(text)
}
