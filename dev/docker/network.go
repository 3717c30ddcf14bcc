package docker

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/network"

	"sdev/dev/plan"
)

func (e *Engine) createNetwork(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	n := op.Network
	opts := network.CreateOptions{Driver: n.Driver, Options: n.DriverOpts, Internal: n.Internal, Attachable: n.Attachable, EnableIPv4: n.EnableIPv4, EnableIPv6: n.EnableIPv6,
		Labels: mergeLabels(n.Labels, map[string]string{labelProject: labels.Project, labelNetwork: strings.TrimPrefix(n.Name, labels.Project+"_"), labelVersion: composeVersion, ownHash: op.Hash})}
	if len(n.Ipam.Config) > 0 || n.Ipam.Driver != "" || len(n.Ipam.Options) > 0 {
		opts.IPAM = &network.IPAM{Driver: n.Ipam.Driver, Options: n.Ipam.Options}
		for _, pool := range n.Ipam.Config {
			opts.IPAM.Config = append(opts.IPAM.Config, network.IPAMConfig{Subnet: pool.Subnet, IPRange: pool.IPRange, Gateway: pool.Gateway, AuxAddress: pool.AuxiliaryAddresses})
		}
	}
	createCtx, cancel := withoutCancel(ctx)
	defer cancel()
	_, err := e.api.NetworkCreate(createCtx, n.Name, opts)
	return engineError("create network "+op.Name, err)
}

// awaitNetworks waits until networks exist that another operation creates at the same time. Docker needs them when the
// container starts; podman refuses to create the container without them.
func (e *Engine) awaitNetworks(ctx context.Context, names []string) error {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for _, name := range names {
		for {
			_, err := e.api.NetworkInspect(ctx, name, network.InspectOptions{})
			if err == nil {
				break
			}
			if !isGone(err) {
				return engineError("inspect network "+name, err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done(): // the other operation failed
				return ctx.Err()
			}
		}
	}
	return nil
}

// endpoints returns the networks that a container joins, under its service's name and aliases.
func (e *Engine) endpoints(s types.ServiceConfig) map[string]*network.EndpointSettings {
	out := map[string]*network.EndpointSettings{}
	links := slices.Concat(s.Links, s.ExternalLinks)
	for name, n := range s.Networks {
		settings := &network.EndpointSettings{Links: links}
		if n.ServiceNameAliasEnabled() {
			settings.Aliases = []string{s.Name}
		}
		if n != nil {
			settings.Aliases = append(settings.Aliases, n.Aliases...)
			settings.DriverOpts = n.DriverOpts
			settings.GwPriority = n.GatewayPriority
			if n.Ipv4Address != "" || n.Ipv6Address != "" || len(n.LinkLocalIPs) > 0 {
				settings.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: n.Ipv4Address, IPv6Address: n.Ipv6Address, LinkLocalIPs: n.LinkLocalIPs}
			}
			settings.MacAddress = n.MacAddress
		}
		if first := s.NetworksByPriority()[0]; e.supportsAPI(apiEndpointMAC) && settings.MacAddress == "" && name == first {
			settings.MacAddress = s.MacAddress
		}
		slices.Sort(settings.Aliases)
		settings.Aliases = slices.Compact(settings.Aliases)
		out[name] = settings
	}
	return out
}

// splitFirst separates the network of the highest priority from the others, which follow by priority: before API 1.44
// a container is created in one network at most, and joins the others afterwards.
func (e *Engine) splitFirst(s types.ServiceConfig) (first map[string]*network.EndpointSettings, others []endpoint) {
	all := e.endpoints(s)
	for _, name := range s.NetworksByPriority() {
		if first == nil {
			first = map[string]*network.EndpointSettings{name: all[name]}
			continue
		}
		others = append(others, endpoint{name, all[name]})
	}
	return first, others
}

type endpoint struct {
	network  string
	settings *network.EndpointSettings
}
