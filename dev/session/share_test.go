package session

import (
	"strings"
	"testing"

	"sdev/dev"
)

func TestShareWarning_NamesTheShareThatNoEngineMounts(t *testing.T) {
	for dir, want := range map[string][2]string{
		`\\wsl$\Ubuntu-22.04\home\me\shop`:    {"the Linux distribution Ubuntu-22.04", "wsl -d Ubuntu-22.04"},
		`\\WSL.localhost\Debian\home\me\shop`: {"the Linux distribution Debian", "wsl -d Debian"},
		`//wsl.localhost/Debian/home/me/shop`: {"the Linux distribution Debian", "wsl -d Debian"},
		`\\files\team\shop`:                   {`the network share \\files\team\shop`, "a drive of this machine"},
	} {
		w, ok := shareWarning("windows", dir)
		if !ok || w.Code != dev.CodeWatchSilent || !strings.Contains(w.Message, want[0]) || !strings.Contains(w.Hint, want[1]) {
			t.Errorf("%s: %t %+v", dir, ok, w)
		}
	}
	for _, dir := range []string{`C:\Users\me\shop`, `\\?\C:\Users\me\shop`, `\\.\C:\shop`, ""} {
		if w, ok := shareWarning("windows", dir); ok {
			t.Errorf("%s: %+v", dir, w)
		}
	}
	if w, ok := shareWarning("linux", `\\files\team`); ok {
		t.Errorf("a name on Linux: %+v", w)
	}
}
