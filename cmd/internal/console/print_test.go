package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"sdev/dev/devtest"
)

func TestScreen_PassesTextAndColoursAlone(t *testing.T) {
	for _, c := range []struct {
		colors     bool
		text, want string
	}{
		{false, "Grüße 🎈\n\tx\n", "Grüße 🎈\n\tx\n"},
		{true, "\x1b[1;32mok\x1b[0m \x1b[38:5:3mx\x1b[m", "\x1b[1;32mok\x1b[0m \x1b[38:5:3mx\x1b[m"},
		{false, "\x1b[1;32mok\x1b[0m", "ok"},
		{true, "a\x1b[2J\x1b[1A\x1b[?25l\x1b[>4m\x1b]0;t\x07\x1b]52;c;eA==\x1b\\\x1bPq\x1b\\\x1bc\rb", "ab"},
		{true, "a\u009b2Jb\x9b2Jc\x7f\b\v", "a2Jb\uFFFD2Jc"},
		{false, "http://ada:pw@proxy:3128 is down\n", "http://***@proxy:3128 is down\n"},
	} {
		var out bytes.Buffer
		s := cleanWriter{&out, c.colors, nil}
		if n, err := s.Write([]byte(c.text)); n != len(c.text) || err != nil || out.String() != c.want {
			t.Errorf("%q gives %q, %d, %v; want %q", c.text, out.String(), n, err, c.want)
		}
	}
	if _, err := (cleanWriter{gone{}, false, nil}).Write([]byte("x")); !errors.Is(err, errGone) {
		t.Errorf("the error of the stream is lost: %v", err)
	}
}

type gone struct{}

var errGone = errors.New("gone")

func (gone) Write([]byte) (int, error) { return 0, errGone }

// unanswered is input from somebody who does not answer until the test is over.
type unanswered struct{ asked, over chan struct{} }

func (u unanswered) Read([]byte) (int, error) {
	close(u.asked)
	<-u.over
	return 0, io.EOF
}

func TestForms_EndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, _, _ := Buffers(map[string]string{"TERM": "dumb"})
	in := unanswered{asked: make(chan struct{}), over: make(chan struct{})}
	defer close(in.over)
	s.In = in
	go func() {
		<-in.asked
		cancel()
	}()
	yes := true
	if err := (&Console{Streams: s}).Ask(ctx, Confirmation(&yes, "Write %s?", devtest.Hostile)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestForms_ShowTextOfOthersFitForATerminal(t *testing.T) {
	s, out, _ := Buffers(map[string]string{"TERM": "dumb"})
	s.In = strings.NewReader("1\ny\n")
	var name string
	yes := true
	if err := (&Console{Streams: s}).Ask(t.Context(), Selection(devtest.Hostile, OptionsOf([]string{devtest.Hostile, "b"}), &name), Confirmation(&yes, "Write %s?", devtest.Hostile)); err != nil {
		t.Fatal(err)
	}
	if name != devtest.Hostile {
		t.Errorf("what was chosen is %q", name)
	}
	devtest.CheckPrintable(t, strings.ReplaceAll(ansi.Strip(out.String()), "\r", ""))
	if strings.Contains(out.String(), "\x1b]") || strings.Contains(out.String(), "\x1b[2J") {
		t.Errorf("%q", out)
	}
}

func TestTable_AlignsByWhatIsSeen(t *testing.T) {
	s, out, _ := Buffers(nil)
	s.OutTTY, s.Width = true, 32
	c := &Console{Streams: s}
	if err := c.Table([][]string{{"A", "LONG", "TEXT"}, {"日本", "x", "several words that need room"}, {"b", "", ""}}); err != nil {
		t.Fatal(err)
	}
	want := "A     LONG  TEXT\n日本  x     several words that\n            need room\nb\n"
	if out.String() != want {
		t.Errorf("\n%s", out)
	}
}
