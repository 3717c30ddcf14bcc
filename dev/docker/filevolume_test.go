package docker

import "testing"

func TestSplitBind_KnowsDrives(t *testing.T) {
	for bind, want := range map[string][2]string{
		`/srv/shop:/app:ro`:        {"/srv/shop", "/app"},
		`data:/data`:               {"data", "/data"},
		`C:\Users\me\shop:/app:rw`: {`C:\Users\me\shop`, "/app"},
		`c:/Users/me/shop:/app`:    {"c:/Users/me/shop", "/app"},
		`C:/data`:                  {"C:/data", ""},
		`v:data`:                   {"v", "data"},
		``:                         {"", ""},
	} {
		if source, target := splitBind(bind); source != want[0] || target != want[1] {
			t.Errorf("%s: %q at %q, want %q", bind, source, target, want)
		}
	}
}
