package cli

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/engine"
)

// guardHint is what lets the start-up shim keep the bypass off.
const guardHint = "leave PYTHONPATH as the container has it, and start Python without -I, -E or -S, so that sdev's start-up shim runs"

// guarded says of each process of Python that runs Streamlit whether the start-up shim keeps the bypass
// off in it: "kept", "open", or "unknown" where it does not let itself be looked into. The shim has a
// file of that name in memory. It takes /proc, which a test has one of its own of.
const guarded = `for p in "$1"/[0-9]*; do
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

// verify is engine.Engine's Verify: with a login, that nothing can bypass it in the app's process. What
// has no shell cannot be asked, and tells nothing.
func verify(runtime *docker.Engine) func(context.Context, engine.Project) []dev.Warning {
	return func(ctx context.Context, p engine.Project) []dev.Warning {
		if !p.Mode.SignsIn() {
			return nil
		}
		var out bytes.Buffer
		code, err := runtime.Run(ctx, docker.Exec{Container: p.Container, Out: &out, Err: &bytes.Buffer{}, Command: []string{"sh", "-c", guarded, "guarded", "/proc"}})
		if err != nil || code != 0 || !isOpen(out.String()) {
			return nil
		}
		return []dev.Warning{{Code: dev.CodeAuthBypass, Message: "nothing keeps LOCAL_STREAMLIT off in the app's process: its code, its secrets or its start script may bypass the login", Hint: guardHint}}
	}
}

// isOpen reads what guarded says.
func isOpen(said string) bool { return slices.Contains(strings.Fields(said), "open") }
