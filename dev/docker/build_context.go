package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/docker/docker/api/types/network"

	"sdev/dev"
	"sdev/dev/plan"
)

// contextImage returns the image for a named context. It builds one from a directory or URL, because old builders
// do not support named contexts, and every builder can copy from an image.
func (e *Engine) contextImage(ctx context.Context, b plan.Build, name, context string) (string, error) {
	if ref, ok := strings.CutPrefix(context, "docker-image://"); ok {
		return ref, nil
	}
	if scheme, _, ok := strings.Cut(context, "://"); ok && !remote(context) {
		return "", &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: fmt.Sprintf("additional context %s of service %s is a %s, from which sdev cannot build", name, b.Service, scheme),
			Hint: "use a directory, docker-image://NAME or the address of a git repository"}
	}
	// Each build has its own names, because two builds of the same image may overlap.
	sum := sha256.Sum256(fmt.Append(nil, b.Tag, "\x00", name, "\x00", time.Now().UnixNano()))
	tag := contextName + ":" + hex.EncodeToString(sum[:8])
	_, err := e.Build(ctx, plan.Build{Service: b.Service, Tag: tag, Context: context, Inline: "FROM scratch\nCOPY . /\n", Proxy: b.Proxy, SSH: b.SSH,
		Labels: map[string]string{contextLabel: b.Tag}}, func(dev.Event) {})
	if failure, ok := errors.AsType[*dev.Error](err); ok {
		failure.Message = fmt.Sprintf("additional context %s: %s", name, failure.Message)
	}
	return tag, err
}

// contextName is the repository of images for named contexts.
const contextName = "sdev-context"

// contextLabel is the label of images for named contexts, with the image that is built from them.
const contextLabel = "dev.sdev.context-of"

// hostGateway is the engine's address in its default network.
func (e *Engine) hostGateway(ctx context.Context) (string, error) {
	bridge, err := e.api.NetworkInspect(ctx, "bridge", network.InspectOptions{})
	if err != nil {
		return "", engineError("find the address of host-gateway", err)
	}
	if gateway := gatewayOf(bridge.IPAM.Config); gateway != "" {
		return gateway, nil
	}
	return "", &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Message: "host-gateway: the engine's bridge network has no gateway", Hint: "use an address in extra_hosts"}
}

// gatewayOf returns the engine's own address in a network. An engine that has just created its default network
// reports no gateway until its next restart; such an engine uses the first address of the subnet.
func gatewayOf(configs []network.IPAMConfig) string {
	for _, c := range configs {
		if c.Gateway != "" {
			return c.Gateway
		}
	}
	for _, c := range configs {
		if subnet, err := netip.ParsePrefix(c.Subnet); err == nil {
			return subnet.Masked().Addr().Next().String()
		}
	}
	return ""
}
