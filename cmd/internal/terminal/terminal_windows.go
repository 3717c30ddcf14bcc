package terminal

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

// compareEvery is the time between two looks at the terminal's size.
const compareEvery = 250 * time.Millisecond

func resized(f *os.File) (changed <-chan struct{}, stop func()) {
	return resizedBy(func() (int, int, error) { return term.GetSize(int(f.Fd())) }, compareEvery)
}

func suspend() error { return ErrNoJobControl }

func hungUp(ctx context.Context, _ *os.File) bool {
	<-ctx.Done()
	return false
}

func enableSequences(f *os.File) (ok bool, restore func()) {
	console := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return false, func() {}
	}
	const wanted = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	if before&wanted == wanted {
		return true, func() {}
	}
	if err := windows.SetConsoleMode(console, before|wanted); err != nil {
		return false, func() {}
	}
	return true, sync.OnceFunc(func() { _ = windows.SetConsoleMode(console, before) }) // the console may have closed
}

func hasCursorControl(term string) bool { return term != "dumb" }
