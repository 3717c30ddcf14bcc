package console

import (
	"testing"
)

func TestFromHome_IsHowAShellWritesIt(t *testing.T) {
	home := "/home/ada"
	a := &Console{Streams: Streams{Getenv: func(string) string { return home }}}
	for dir, want := range map[string]string{"/home/ada/shop": "~/shop", "/home/adam/shop": "/home/adam/shop", "/srv/shop": "/srv/shop", "/home/ada": "/home/ada"} {
		if got := a.FromHome(dir); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
	home = ""
	if got := a.FromHome("/srv/shop"); got != "/srv/shop" {
		t.Errorf("without a home: %s", got)
	}
}

func TestScreen_IsATerminalThatKnowsMoreThanLines(t *testing.T) {
	for _, c := range []struct {
		term    string
		in, out bool
		want    bool
	}{{"xterm-256color", true, true, true}, {"", true, true, false}, {"dumb", true, true, false}, {"xterm", false, true, false}, {"xterm", true, false, false}} {
		a := &Console{Streams: Streams{InTTY: c.in, OutTTY: c.out, Getenv: func(string) string { return c.term }}}
		if got := a.HasScreen(); got != c.want {
			t.Errorf("TERM=%s, in %t, out %t: %t", c.term, c.in, c.out, got)
		}
	}
}
