package session

import (
	"errors"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/mirror"
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
