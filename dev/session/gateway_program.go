package session

import (
	"context"

	"sdev/dev/sidecar"
)

// GatewayProgram chooses the gateway's program for the machine that runs the containers.
//
// To ask the engine for its architecture takes longer than everything else in an "up" without changes. So if the engine
// has the image of the program for this machine's architecture, that program is the right one: no other is ever loaded.
func GatewayProgram(ctx context.Context, h Host, c Containers) (sidecar.Program, error) {
	if p, err := h.Gateway(""); err == nil {
		if _, found, err := c.Images.Image(ctx, p.Ref); found || err != nil {
			return p, err
		}
	}
	architecture, err := c.Machine.Architecture(ctx)
	if err != nil {
		return sidecar.Program{}, err
	}
	return h.Gateway(architecture)
}
