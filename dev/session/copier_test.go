package session

import (
	"errors"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/mirror"
)

func TestCopier_WarnsOfAFileOnceUntilItWentWell(t *testing.T) {
	var said []string
	c := &copier{emit: func(ev dev.Event) { said = append(said, ev.(dev.Warning).Message) }}
	warned := map[mirror.Failure]bool{}
	full := []mirror.Failure{{Path: "/app/a", Reason: "no space left on device"}, {Path: "/app/b", Reason: "no space left on device"}, {Path: "c"}, {Path: "d"}}
	c.warn(full, warned)
	c.warn(full, warned)
	if len(said) != 1 || !strings.Contains(said[0], "/app/a: no space left on device; /app/b") || !strings.HasSuffix(said[0], "and 1 more") {
		t.Errorf("said %q", said)
	}
	c.warn(nil, warned)
	c.warn(full[:1], warned)
	if len(said) != 2 {
		t.Errorf("said %q, want it again after it went well", said)
	}
}

func TestCopier_WarnsOnlyWhereStreamsGoOnFailing(t *testing.T) {
	said := 0
	c := &copier{emit: func(dev.Event) { said++ }}
	failures := 0
	play := func(reports ...mirror.Report) {
		for _, r := range reports {
			failures = c.countFailures(r, "shop-app-1", failures)
		}
	}
	broken := mirror.Report{Err: errors.New("no such program")}
	play(broken, broken, broken, mirror.Report{Connected: true}, broken, broken, broken, mirror.Report{Err: mirror.ErrNotRunning}, broken, mirror.Report{}, broken, broken)
	if said != 0 {
		t.Errorf("%d warnings of containers that come and go", said)
	}
	play(broken, broken, broken)
	if said != 1 {
		t.Errorf("%d warnings of one that never answers, want one", said)
	}
}
