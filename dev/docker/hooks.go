package docker

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/plan"
)

// hooks runs what a service wants to be run in its container right after it started. One that fails
// is an error with what it printed.
func (e *Engine) hooks(ctx context.Context, op plan.Operation) error {
	for i, hook := range op.Service.Config.PostStart {
		var out bytes.Buffer
		code, err := e.Run(ctx, Exec{Container: op.Name, Command: hook.Command, User: hook.User, Dir: hook.WorkingDir, Env: environment(hook.Environment),
			Privileged: hook.Privileged, Out: &out, Err: &out})
		if err != nil {
			return err
		}
		if code != 0 {
			return &dev.Error{Code: dev.CodeServiceExited, Exit: dev.ExitNotReady,
				Message: fmt.Sprintf("post_start[%d] of service %s ended with exit code %d%s", i, op.Service.Config.Name, code, indented(out.String())),
				Hint:    "mend the command in the compose file"}
		}
	}
	return nil
}

// indented is output below a message; "" for none.
func indented(output string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(output)) {
		b.WriteString("\n  " + dev.Printable(strings.TrimRight(line, "\n")))
	}
	return b.String()
}

// checkVersion refuses what this engine is too old for, before it is ignored or crashes on it.
func (e *Engine) checkVersion(s types.ServiceConfig) error {
	old := func(key, version string) error {
		return &dev.Error{Code: dev.CodeEngineTooOld, Exit: dev.ExitProject,
			Message: fmt.Sprintf("services.%s.%s needs an engine with API %s, and this one speaks %s", s.Name, key, version, e.place.API), Hint: "remove it, or update Docker"}
	}
	for _, v := range s.Volumes {
		switch {
		case v.Volume != nil && v.Volume.Subpath != "" && !e.speaks("1.45"):
			return old("volumes.volume.subpath", "1.45")
		case v.Type == types.VolumeTypeImage && !e.speaks("1.48"):
			return old("volumes of type image", "1.48")
		case v.Bind != nil && v.Bind.Recursive == "readonly" && !e.speaks("1.44"):
			return old("volumes.bind.recursive", "1.44")
		}
	}
	for name, n := range s.Networks {
		switch {
		case n == nil:
		case n.GatewayPriority != 0 && !e.speaks("1.48"):
			return old("networks."+name+".gw_priority", "1.48")
		case n.MacAddress != "" && !e.speaks(apiEndpointMAC):
			return old("networks."+name+".mac_address", apiEndpointMAC)
		}
	}
	if len(s.Annotations) > 0 && !e.speaks(apiAnnotations) {
		return old("annotations", apiAnnotations)
	}
	return nil
}
