package docker

import (
	"errors"
	"strings"
	"testing"

	"sdev/dev"
)

// TestEngineError_NamesTheCommandThatCannotStart wants the program and a way out, not the words of the runtime.
func TestEngineError_NamesTheCommandThatCannotStart(t *testing.T) {
	const prefix = "Error response from daemon: failed to create task: OCI runtime create failed: runc create failed: unable to start container process: "
	for text, want := range map[string][2]string{
		`exec: "uvicorn": executable file not found in $PATH: unknown`:                   {"start api: its image has no program uvicorn", "Dockerfile"},
		`exec: "/app/go.sh": stat /app/go.sh: no such file or directory: unknown`:        {"start api: its image has no program /app/go.sh", "Dockerfile"},
		`error during container init: exec: "/app/go.sh": permission denied: unknown`:    {"start api: /app/go.sh is not executable", "chmod +x"},
		`exec: "catatonit": executable file not found in $PATH`:                          {"start api: podman cannot start it, because catatonit is not installed", "apt install catatonit"},
		`invalid IP address in add-host: unable to derive the IP value for host-gateway`: {"start api: the engine knows no address of this machine", "host-gateway-ip"},
		`error mounting "/x" to rootfs at "/y": not a directory: unknown`:                {"start api: failed to create task", "the engine's own log"},
	} {
		e, ok := errors.AsType[*dev.Error](engineError("start api", errors.New(prefix+text)))
		if !ok || !strings.HasPrefix(e.Message, want[0]) || !strings.Contains(e.Hint, want[1]) {
			t.Errorf("%s\nbecomes %q, %q; want %q", text, e.Message, e.Hint, want)
		}
	}
}
