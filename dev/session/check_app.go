package session

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// GuardHint says what lets the start-up shim keep the bypass off.
const GuardHint = "do not change the container's PYTHONPATH, and start Python without -I, -E or -S, so that sdev's start-up shim runs"

// bypassProbe prints for each Python process that runs Streamlit whether the start-up shim keeps the
// bypass off in it: "kept", "open", or "unknown" where the process cannot be looked into. The shim holds
// an in-memory file of that name. The argument is /proc; a test passes a directory of its own.
const bypassProbe = `for p in "$1"/[0-9]*; do
	line=$(tr '\0' ' ' <$p/cmdline 2>/dev/null) || continue
	first=${line%% *}
	case "${first##*/} $line" in
	python*\ *streamlit*\ run\ * | pypy*\ *streamlit*\ run\ *) ;;
	*) continue ;;
	esac
	if ! files=$(ls -l $p/fd 2>/dev/null); then
		echo unknown
		continue
	fi
	case "$files" in
	*memfd:sdev-login*) echo kept ;;
	*) echo open ;;
	esac
done`

// CheckApp is engine.Gateway's: with a login, it warns where something can bypass the login in the app's
// process. A container without a shell cannot be asked, and yields nothing.
func (l *gatewayLink) CheckApp(ctx context.Context, p engine.Project) []dev.Warning {
	if !p.Mode.SignsIn() {
		return nil
	}
	var out bytes.Buffer
	code, err := l.exec.Run(ctx, plan.Exec{Container: p.Container, Out: &out, Err: &bytes.Buffer{}, Command: []string{"sh", "-c", bypassProbe, "probe", "/proc"}})
	if err != nil || code != 0 || !isOpen(out.String()) {
		return nil
	}
	return []dev.Warning{{Code: dev.CodeAuthBypass, Message: "sdev cannot keep LOCAL_STREAMLIT off in the app's process: its code, its secrets or its start script may bypass the login", Hint: GuardHint}}
}

// isOpen reads the output of bypassProbe.
func isOpen(output string) bool { return slices.Contains(strings.Fields(output), "open") }
