package session

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"sdev/dev"
	"sdev/dev/plan"
)

// appPython runs a script with the Python of the running app, because an environment that only the image's entrypoint
// activates is not on the PATH of other processes. If no app runs, it uses the Python on the PATH. Without a container
// engine, the processes are those of the whole machine, and SDEV_CONTAINER, of package process, marks the app's.
const appPython = `for p in /proc/[0-9]*; do
	line=$(tr '\0' ' ' <$p/cmdline 2>/dev/null) || continue
	first=${line%% *}
	case "${first##*/} $line" in
	python*\ *streamlit*run*)
		if [ -n "$SDEV_CONTAINER" ] && ! tr '\0' '\n' <$p/environ 2>/dev/null | grep -qx "SDEV_CONTAINER=$SDEV_CONTAINER"; then
			continue
		fi
		python=$first
		path=$(tr '\0' '\n' <$p/environ 2>/dev/null | sed -n 's/^PATH=//p')
		;;
	esac
done
PATH=${path:-$PATH}
command -v "${python:=python}" >/dev/null || python=python3
exec "$python" - "$@"`

// RunPython runs a Python script in the app's container, with the app's own Python, and returns what it prints. If the
// script fails, the error is the last line of its standard error.
func RunPython(ctx context.Context, e Runner, container, script string, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	code, err := e.Run(ctx, plan.Exec{Container: container, In: strings.NewReader(script), Out: &out, Err: &errs,
		Command: append([]string{"sh", "-c", appPython, "sdev"}, args...)})
	if err == nil && code != 0 {
		text := strings.TrimSpace(errs.String())
		err = errors.New(dev.Sanitize(text[strings.LastIndexByte(text, '\n')+1:]))
	}
	return out.Bytes(), err
}
