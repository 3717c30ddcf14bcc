//go:build docker

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sdev/dev"
)

// What differs if the engine runs in a virtual machine, as on macOS and Windows.

// shareWithVM makes the engine see the project as a virtual machine does: at the same path as sdev, but through a
// filesystem of its own (FUSE), which raises no events for saves on this machine. sdev and the test use the files
// themselves: sdev at that path, the test in p.dir.
func (p *project) shareWithVM() {
	p.t.Helper()
	view := filepath.Join(p.t.TempDir(), p.name)
	if err := os.Mkdir(view, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if out, err := exec.Command("bindfs", p.dir, view).CombinedOutput(); err != nil {
		p.t.Fatalf("bindfs: %v\n%s", err, out)
	}
	p.t.Cleanup(func() {
		if err := syscall.Unmount(view, syscall.MNT_DETACH); err != nil { // ends bindfs once no container uses it
			p.t.Error(err)
		}
	})
	p.seenAt(view)
	p.t.Cleanup(func() { p.wrap = nil })
}

// sdev finds out by itself that saves raise no events in the virtual machine, and copies them.
func TestDockerVM_SavesAreCopiedWhereMountsRaiseNoEvents(t *testing.T) {
	p := scaffolded(t)
	p.shareWithVM()
	up := p.attend()
	w := awaitEvent[dev.Warning](t, up)
	for w.Code != dev.CodeWatchSilent {
		w = awaitEvent[dev.Warning](t, up)
	}
	if !strings.HasPrefix(w.Message, "saves on this machine raise no file events in containers") || !strings.HasSuffix(w.Message, "sdev copies the project into them instead") {
		t.Errorf("%+v", w)
	}
	awaitEvent[dev.Ready](t, up)
	p.write("code_package/streamlit/Home.py", home("copied"))
	if c := awaitEvent[dev.FileChanged](t, up); c.Action != dev.Sync || len(c.Paths) != 1 || c.Paths[0] != "code_package/streamlit/Home.py" {
		t.Errorf("file.changed = %+v", c)
	}
	p.arrives("/app/code_package/streamlit/Home.py", home("copied"))
	p.tree.Check("sdev up")
}
