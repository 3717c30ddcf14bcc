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

// GuardHint is the hint for an app that prevents sdev's start-up shim from keeping the bypass off.
const GuardHint = "do not change the container's PYTHONPATH, and start Python without -I, -E or -S, so that sdev's start-up shim runs"

// bypassProbe is a shell script that prints a word for each Python process that runs Streamlit: "kept" if the
// start-up shim keeps the bypass off in it, else "open", or "unknown" if the process cannot be inspected. The shim
// holds an in-memory file named sdev-login open. Without a container engine, /proc has the apps of other projects too, and a
// variable names the container of each process. The argument is /proc; a test passes a directory of its own.
const bypassProbe = `for p in "$1"/[0-9]*; do
	line=$(tr '\0' ' ' <$p/cmdline 2>/dev/null) || continue
	first=${line%% *}
	case "${first##*/} $line" in
	python*\ *streamlit*\ run\ * | pypy*\ *streamlit*\ run\ *) ;;
	*) continue ;;
	esac
	if [ -n "$SDEV_CONTAINER" ] && ! tr '\0' '\n' <$p/environ 2>/dev/null | grep -qx "SDEV_CONTAINER=$SDEV_CONTAINER"; then
		continue
	fi
	if ! files=$(ls -l $p/fd 2>/dev/null); then
		echo unknown
		continue
	fi
	case "$files" in
	*memfd:sdev-login*) echo kept ;;
	*) echo open ;;
	esac
done`

// CheckApp implements [engine.Gateway]. It warns of components that are to be isolated and cannot be. In a container
// without a shell it finds out nothing, because the probes are shell scripts.
func (l *gatewayLink) CheckApp(ctx context.Context, p engine.Project) []dev.Warning {
	out := l.checkBypass(ctx, p)
	if p.Isolate {
		out = append(out, isolationWarnings(InspectComponents(ctx, l.exec, l.config.project, p.Container))...)
	}
	return out
}

// checkBypass warns if something can bypass the login in the app's process, in a mode with a login.
func (l *gatewayLink) checkBypass(ctx context.Context, p engine.Project) []dev.Warning {
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

// isOpen reports whether the output of bypassProbe names a process that can bypass the login.
func isOpen(output string) bool { return slices.Contains(strings.Fields(output), "open") }
