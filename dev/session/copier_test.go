package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/mirror"
	"sdev/dev/sidecar"
)

func TestCopier_WarnsOnceAboutAFileUntilItIsCopied(t *testing.T) {
	var warnings []string
	c := &copier{emit: func(ev dev.Event) { warnings = append(warnings, ev.(dev.Warning).Message) }}
	warned := map[mirror.Failure]bool{}
	full := []mirror.Failure{{Path: "/app/a", Reason: "no space left on device"}, {Path: "/app/b", Reason: "no space left on device"}, {Path: "c"}, {Path: "d"}}
	c.warn(full, warned)
	c.warn(full, warned)
	if len(warnings) != 1 || !strings.Contains(warnings[0], "/app/a: no space left on device; /app/b") || !strings.HasSuffix(warnings[0], "and 1 more") {
		t.Errorf("warnings %q", warnings)
	}
	c.warn(nil, warned)
	c.warn(full[:1], warned)
	if len(warnings) != 2 {
		t.Errorf("warnings %q, want a second one after a successful copy", warnings)
	}
}

func TestCopier_WarnsOnlyAfterSeveralFailedStreams(t *testing.T) {
	warnings := 0
	c := &copier{emit: func(dev.Event) { warnings++ }}
	failures := 0
	play := func(reports ...mirror.Report) {
		for _, r := range reports {
			failures = c.countFailures(r, "shop-app-1", failures)
		}
	}
	broken := mirror.Report{Err: errors.New("no such program")}
	play(broken, broken, broken, mirror.Report{Connected: true}, broken, broken, broken, mirror.Report{Err: mirror.ErrNotRunning}, broken, mirror.Report{}, broken, broken)
	if warnings != 0 {
		t.Errorf("%d warnings about single failures", warnings)
	}
	play(broken, broken, broken)
	if warnings != 1 {
		t.Errorf("%d warnings about a container that never answers, want one", warnings)
	}
}

// Nobody watches the project between the filling of its container and the first comparison.
func TestCopier_SavesSinceTheContainerWasFilledCount(t *testing.T) {
	saved := dev.Change{Path: "Home.py", Saved: time.Now().Add(time.Millisecond)}
	old := dev.Change{Path: "old.py", Saved: saved.Saved.Add(-time.Hour)}
	r := mirror.Report{Compared: true, Changes: []dev.Change{{Path: "noticed.py", Saved: saved.Saved}},
		Differed: []dev.Change{saved, saved, old, {Path: "noticed.py", Saved: saved.Saved}, {Path: "link", Saved: time.Unix(0, 0)}}}
	c := &copier{}
	if got := c.changesOf(r, "shop-app-1"); !slices.Equal(got, r.Changes) {
		t.Errorf("of a container that this sdev did not fill: %v", got)
	}
	c.noteFill("shop-app-1")
	if got, want := c.changesOf(r, "shop-app-1"), append(slices.Clone(r.Changes), saved); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// receiverFile is a container's receiver, as its file's size and time.
type receiverFile struct {
	Files
	size     int64
	modified time.Time
	exists   bool
}

func (f receiverFile) Stat(context.Context, string, string) (int64, time.Time, bool, error) {
	return f.size, f.modified, f.exists, nil
}

func TestCopier_KeepsTheReceiverThatIsTheSameProgram(t *testing.T) {
	p := sidecar.Program{Size: 7, Modified: time.Unix(1700000000, 0)} // Read is an error
	for name, c := range map[string]struct {
		file receiverFile
		same bool
	}{
		"the same":       {receiverFile{size: 7, modified: p.Modified.UTC(), exists: true}, true},
		"another size":   {receiverFile{size: 8, modified: p.Modified, exists: true}, false},
		"another time":   {receiverFile{size: 7, modified: p.Modified.Add(time.Second), exists: true}, false},
		"no file at all": {receiverFile{}, false},
	} {
		copier := &copier{files: c.file, program: func(context.Context) (sidecar.Program, error) { return p, nil }}
		receiver, err := copier.missingReceiver(t.Context(), "shop-app-1")
		if receiver != nil || (err == nil) != c.same {
			t.Errorf("%s: %v, %v", name, receiver, err)
		}
	}
}
