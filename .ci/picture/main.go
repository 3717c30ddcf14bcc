// Command picture makes the pictures of the dashboard in the README. It runs sdev on a real engine in a terminal
// emulator, opens the page in Chromium, saves and breaks a file, and draws the screen of the terminal. "make picture"
// calls it.
//
//	picture SDEV DIR    the program to run, and the directory for the pictures
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/chromedp/chromedp"
	"github.com/creack/pty"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: picture SDEV DIR")
		os.Exit(2)
	}
	if err := take(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

const (
	width, height = 120, 26
	page          = "code_package/streamlit/Home.py"
	project       = "shop"
)

// take creates a project, runs it, and writes the pictures to outDir.
func take(ctx context.Context, sdev, outDir string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	home, err := os.MkdirTemp("", "sdev-picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	dir := filepath.Join(home, project)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.WithoutCancel(ctx), sdev, args...)
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+cache, "TERM=xterm-256color", "COLORTERM=truecolor")
		return cmd
	}
	do := func(args ...string) error {
		cmd := command(args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("sdev %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := do("init", dir, "--yes", "--no-git", "--name", project); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, do("-C", dir, "down", "--volumes")) }()
	screen, err := open(command("-C", dir, "up", "--local"))
	if err != nil {
		return err
	}
	defer screen.close()
	if err := screen.sees(3*time.Minute, "● running", "no tab open"); err != nil {
		return err
	}
	browser, err := screen.browse(ctx)
	if err != nil {
		return err
	}
	defer browser()

	file := filepath.Join(dir, page)
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	save := func(more, about string, seen func(screen string) bool) error {
		// Streamlit may overlook a save that comes while it shows a page for the first time.
		for try := 1; ; try++ {
			if err := os.WriteFile(file, fmt.Appendf(source, "\n# %d\n\n\n%s\n", time.Now().UnixNano(), more), 0o644); err != nil {
				return err
			}
			if err := screen.until(3*time.Second, about, seen); err == nil || try == 5 {
				return err
			}
		}
	}
	for range 24 {
		<-time.After(500 * time.Millisecond) // the pause of a user who saves quickly
		before := reloads(screen.text())
		if err := save("", "another reload", func(s string) bool { return reloads(s) > before }); err != nil {
			return err
		}
	}
	if err := screen.shoot(filepath.Join(outDir, "dashboard.svg")); err != nil {
		return err
	}
	if err := save("orders = []\nst.metric(\"Average order\", sum(orders) / len(orders))", "the exception", func(s string) bool { return strings.Contains(s, "ZeroDivisionError") && strings.Contains(s, "› ") }); err != nil {
		return err
	}
	return screen.shoot(filepath.Join(outDir, "exception.svg"))
}

// terminal is a terminal emulator in which a program runs.
type terminal struct {
	pty *os.File // the emulator's end of the pseudo-terminal
	cmd *exec.Cmd

	mu sync.Mutex // guards vt, except for reads of its answers
	vt *vt.Emulator
}

func open(cmd *exec.Cmd) (*terminal, error) {
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: width, Rows: height})
	if err != nil {
		return nil, err
	}
	t := &terminal{pty: file, cmd: cmd, vt: vt.NewEmulator(width, height)}
	go func() { _, _ = io.Copy(file, t.vt) }() // the emulator's answers to queries
	go func() { _, _ = io.Copy(t, file) }()    // ends with an error when the program ends
	return t, nil
}

func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.vt.Write(b)
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.vt.String()
}

// sees waits until the screen shows all texts.
func (t *terminal) sees(within time.Duration, texts ...string) error {
	return t.until(within, fmt.Sprintf("%q", texts), func(s string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(s, text) })
	})
}

// until waits until seen returns true for the screen. about describes that, for the error.
func (t *terminal) until(within time.Duration, about string, seen func(screen string) bool) error {
	late := time.After(within)
	for !seen(t.text()) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-late:
			return fmt.Errorf("never on the screen: %s\n%s", about, t.text())
		}
	}
	return nil
}

var reloadCount = regexp.MustCompile(`median .* of (\d+)`)

// reloads returns how many saves became live, according to the screen.
func reloads(screen string) int {
	if m := reloadCount.FindStringSubmatch(screen); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits
		return n
	}
	return strings.Count(screen, "  live in ")
}

// shoot writes a picture of the screen once it no longer changes.
func (t *terminal) shoot(file string) error {
	for before := ""; before != t.text(); {
		before = t.text()
		<-time.After(time.Second)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return os.WriteFile(file, []byte(svgImage(t.vt, "sdev up --local")), 0o644)
}

// browse opens the page in Chromium. The returned function closes it.
func (t *terminal) browse(ctx context.Context) (func(), error) {
	start := strings.Index(t.text(), "http://localhost:")
	if start < 0 {
		return nil, errors.New("no address on the screen")
	}
	url := strings.Fields(t.text()[start:])[0]
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	tab, closed := chromedp.NewContext(ctx)
	if _, err := chromedp.Run(tab, chromedp.Navigate(url)); err != nil {
		stop()
		return nil, err
	}
	return func() { closed(); stop() }, t.sees(time.Minute, "1 tab open", "main page")
}

func (t *terminal) close() {
	_, _ = t.pty.WriteString("\x03") // it may have ended already
	_ = t.cmd.Wait()
	_ = t.pty.Close()
}
