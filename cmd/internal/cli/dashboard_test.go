package cli

import "testing"

func TestFromHome_IsHowAShellWritesIt(t *testing.T) {
	home := "/home/ada"
	a := &app{Streams: Streams{Getenv: func(string) string { return home }}}
	for dir, want := range map[string]string{"/home/ada/shop": "~/shop", "/home/adam/shop": "/home/adam/shop", "/srv/shop": "/srv/shop", "/home/ada": "/home/ada"} {
		if got := a.fromHome(dir); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
	home = ""
	if got := a.fromHome("/srv/shop"); got != "/srv/shop" {
		t.Errorf("without a home: %s", got)
	}
}
