package docker

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"sdev/dev/plan"
)

// Labels of Compose, so that its commands work on sdev's objects, and sdev's own.
// Source of the former: docker/compose, pkg/api/labels.go.
const (
	labelProject     = "com.docker.compose.project"
	labelService     = "com.docker.compose.service"
	labelHash        = "com.docker.compose.config-hash"
	labelNumber      = "com.docker.compose.container-number"
	labelOneOff      = "com.docker.compose.oneoff"
	labelWorkingDir  = "com.docker.compose.project.working_dir"
	labelConfigFiles = "com.docker.compose.project.config_files"
	labelNetwork     = "com.docker.compose.network"
	labelVolume      = "com.docker.compose.volume"
	labelVersion     = "com.docker.compose.version"
	ownService       = "dev.sdev.service" // the service's name; in Compose's label the gateway has the app's, see containerLabels
	ownHash          = "dev.sdev.hash"
)

func ofProject(project string) filters.Args {
	return filters.NewArgs(filters.Arg("label", labelProject+"="+project))
}

// Observe returns the containers, networks and volumes that carry the project's label, and which of the given images
// exist.
func (e *Engine) Observe(ctx context.Context, project string, images []string) (plan.Observed, error) {
	var have plan.Observed
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		var err error
		have.Containers, err = e.containers(gctx, project)
		return err
	})
	group.Go(func() error {
		list, err := e.api.NetworkList(gctx, network.ListOptions{Filters: ofProject(project)})
		for _, n := range list {
			have.Networks = append(have.Networks, plan.Resource{Name: n.Name, Hash: n.Labels[ownHash]})
		}
		return err
	})
	group.Go(func() error {
		var err error
		have.Volumes, err = e.volumes(gctx, project)
		return err
	})
	group.Go(func() error {
		for _, ref := range images {
			if _, err := e.api.ImageInspect(gctx, ref); err == nil {
				have.Images = append(have.Images, ref)
			} else if !isGone(err) {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return have, engineError("list containers", err)
	}
	slices.SortFunc(have.Networks, byName)
	slices.SortFunc(have.Volumes, byName)
	return have, nil
}

func (e *Engine) volumes(ctx context.Context, project string) ([]plan.Resource, error) {
	list, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: ofProject(project)})
	if err != nil || len(list.Volumes) == 0 {
		return nil, err
	}
	using := filters.NewArgs()
	out := make([]plan.Resource, 0, len(list.Volumes))
	for _, v := range list.Volumes {
		using.Add("volume", v.Name)
		out = append(out, plan.Resource{Name: v.Name, Hash: v.Labels[ownHash], ForContainer: v.Labels[ownFiles], Dir: v.Labels[labelWorkingDir]})
	}
	users, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: using})
	if err != nil {
		return nil, err
	}
	for _, c := range users {
		if c.Labels[labelProject] == project && c.Labels[labelOneOff] != "True" || len(c.Names) == 0 {
			continue
		}
		for i := range out {
			if slices.ContainsFunc(c.Mounts, func(m container.MountPoint) bool { return m.Name == out[i].Name }) {
				out[i].Users = strings.TrimPrefix(out[i].Users+" and container "+strings.TrimPrefix(c.Names[0], "/"), " and ")
			}
		}
	}
	return out, nil
}

func byName(a, b plan.Resource) int { return strings.Compare(a.Name, b.Name) }

func (e *Engine) containers(ctx context.Context, project string) ([]plan.Container, error) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: ofProject(project)})
	if err != nil {
		return nil, err
	}
	var out []plan.Container
	for _, c := range list {
		full, err := e.api.ContainerInspect(ctx, c.ID)
		if isGone(err) {
			continue // removed between the two calls
		}
		if err != nil {
			return nil, err
		}
		if full.Config.Labels[labelOneOff] == "True" {
			continue
		}
		out = append(out, describe(full))
	}
	slices.SortFunc(out, func(a, b plan.Container) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func describe(c container.InspectResponse) plan.Container {
	d := plan.Container{
		ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"), Image: c.Image,
		Service: c.Config.Labels[ownService], Hash: c.Config.Labels[ownHash],
		Running: c.State.Running, Restarting: c.State.Restarting, Restarts: c.RestartCount, ExitCode: c.State.ExitCode, Labels: c.Config.Labels, Reference: c.Config.Image, Env: envMap(c.Config.Env),
	}
	for _, m := range c.Mounts {
		d.Mounts = append(d.Mounts, m.Destination)
		if m.Type == mount.TypeVolume {
			d.Volumes = append(d.Volumes, m.Name)
		}
	}
	d.Dir = c.Config.Labels[labelWorkingDir]
	if d.Ours = d.Service != ""; !d.Ours {
		d.Service = c.Config.Labels[labelService]
	}
	d.Started, _ = time.Parse(time.RFC3339Nano, c.State.StartedAt)
	if c.State.Health != nil && c.State.Running { // the engine does not report it for ended containers
		d.Health = c.State.Health.Status
	}
	if c.HostConfig != nil {
		if c.HostConfig.NetworkMode.IsContainer() {
			d.Joins = c.HostConfig.NetworkMode.ConnectedContainer()
		}
		for _, port := range slices.Sorted(maps.Keys(c.HostConfig.PortBindings)) {
			for _, b := range c.HostConfig.PortBindings[port] {
				d.Ports = append(d.Ports, b.HostIP+":"+b.HostPort+"->"+string(port))
			}
		}
	}
	return d
}

// Projects returns the projects of which the engine has a container that sdev created, sorted by name and directory. One
// name has several directories if a project was moved while it ran.
func (e *Engine) Projects(ctx context.Context) ([]plan.Origin, error) {
	list, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", ownService), filters.Arg("label", labelProject))})
	if err != nil {
		return nil, engineError("list containers", err)
	}
	var out []plan.Origin
	for _, c := range list {
		if c.Labels[labelOneOff] != "True" {
			out = append(out, plan.Origin{Name: c.Labels[labelProject], Dir: c.Labels[labelWorkingDir]})
		}
	}
	return plan.SortOrigins(out), nil
}

// PortOwner is the container that publishes a host port; "" if none does.
func (e *Engine) PortOwner(ctx context.Context, port uint16) string {
	list, err := e.api.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return ""
	}
	for _, c := range list {
		for _, p := range c.Ports {
			if p.PublicPort == port && len(c.Names) > 0 {
				name := "container " + strings.TrimPrefix(c.Names[0], "/")
				if project := c.Labels[labelProject]; project != "" {
					name += " of project " + project
				}
				return name
			}
		}
	}
	return ""
}
