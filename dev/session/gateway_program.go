package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"sdev/dev/sidecar"
)

// GatewayProgram chooses the gateway's program for the machine that runs the containers.
//
// To ask the engine for its architecture takes longer than everything else in an "up" without changes. So if the engine
// has the image of the program for this machine's architecture, that program is the right one: no other is ever loaded.
func GatewayProgram(ctx context.Context, h Host, c Containers) (sidecar.Program, error) {
	if c.OnHost {
		return ownProgram()
	}
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

// ownProgram is this program itself as the gateway's, for a process of this machine. Its reference changes with the
// file, so that a new sdev replaces the gateway of an old one.
func ownProgram() (sidecar.Program, error) {
	file, err := os.Executable()
	if err != nil {
		return sidecar.Program{}, fmt.Errorf("find this program's file: %w", err)
	}
	st, err := os.Stat(file)
	if err != nil {
		return sidecar.Program{}, fmt.Errorf("find this program's file: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", file, st.Size(), st.ModTime().UnixNano()))
	return sidecar.Program{Ref: "sdev-gateway:process-" + hex.EncodeToString(sum[:8]), Size: st.Size()}, nil
}
