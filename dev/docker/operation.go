package docker

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"sdev/dev"
	"sdev/dev/plan"
)

// Do carries out one operation. Removing something that no longer exists is not an error.
func (e *Engine) Do(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch op.Kind {
	case plan.Image:
		return e.loadGateway(ctx, op.Name)
	case plan.Network:
		if op.Verb == plan.Remove {
			return e.ignoreNotFound("remove network "+op.Name, e.api.NetworkRemove(ctx, op.Name))
		}
		return e.createNetwork(ctx, op, labels)
	case plan.Volume:
		if op.Verb == plan.Remove {
			return e.ignoreNotFound("remove volume "+op.Name, e.api.VolumeRemove(ctx, op.Name, false))
		}
		createCtx, cancel := withoutCancel(ctx)
		defer cancel()
		_, err := e.api.VolumeCreate(createCtx, volume.CreateOptions{Name: op.Volume.Name, Driver: op.Volume.Driver, DriverOpts: op.Volume.DriverOpts,
			Labels: mergeLabels(op.Volume.Labels, map[string]string{labelProject: labels.Project, labelVolume: strings.TrimPrefix(op.Volume.Name, labels.Project+"_"), labelVersion: composeVersion, labelWorkingDir: labels.Dir, ownHash: op.Hash})})
		return engineError("create volume "+op.Name, err)
	case plan.ServiceContainer:
		return e.doContainer(ctx, op, labels)
	}
	return fmt.Errorf("unknown kind of operation: %q", op.Kind)
}

func (e *Engine) doContainer(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	switch op.Verb {
	case plan.Create:
		return e.createContainer(ctx, op, labels)
	case plan.Start:
		return e.startContainer(ctx, op)
	case plan.Restart:
		if err := e.api.ContainerRestart(ctx, op.Name, container.StopOptions{}); err != nil {
			return engineError("restart "+op.Name, err)
		}
		return e.hooks(ctx, op)
	case plan.Remove:
		return e.removeContainer(ctx, op.ID)
	case plan.Wait:
		return e.wait(ctx, op)
	case plan.Load, plan.Sync: // Load is for images; package engine carries out Sync itself
	}
	return fmt.Errorf("unknown operation on a container: %q", op.Verb)
}

// removeContainer stops a container within its grace period, then removes it with everything that belongs only to
// it.
func (e *Engine) removeContainer(ctx context.Context, id string) error {
	if err := e.api.ContainerStop(ctx, id, container.StopOptions{}); err != nil && !isGone(err) {
		return engineError("stop a container", err)
	}
	return e.kill(ctx, id)
}

// Kill ends a container at once.
func (e *Engine) Kill(ctx context.Context, id string) error { return e.kill(ctx, id) }

// kill removes a container, running or not, and everything created only for it: anonymous volumes, the volume of
// its files, and mount points on this machine.
func (e *Engine) kill(ctx context.Context, id string) error {
	c, err := e.api.ContainerInspect(ctx, id)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return engineError("inspect a container", err)
	}
	name := strings.TrimPrefix(c.Name, "/")
	if err := e.ignoreNotFound("remove "+name, e.removeAfterUsers(ctx, id)); err != nil {
		return err
	}
	if files := c.Config.Labels[ownFiles]; files != "" {
		if err := e.ignoreNotFound("remove volume "+files, e.api.VolumeRemove(ctx, files, true)); err != nil {
			return err
		}
	}
	return e.removeMountPoints(ctx, parseMountPoints(c.Config.Labels))
}

// dependents matches what podman answers if containers use the network namespace of the one to remove.
var dependents = regexp.MustCompile(`has dependent containers which must be removed before it: ([0-9a-f, ]+)`)

// removeAfterUsers removes a container. Docker removes one whose network namespace others use. Podman does not, so
// removeAfterUsers waits for their removal, which is in progress whenever a plan removes a gateway: plans remove
// containers in parallel. If nobody removes them, podman's refusal is the error.
func (e *Engine) removeAfterUsers(ctx context.Context, id string) error {
	options := container.RemoveOptions{Force: true, RemoveVolumes: true}
	err := e.api.ContainerRemove(ctx, id, options)
	if err == nil {
		return nil
	}
	refused := dependents.FindStringSubmatch(err.Error())
	if refused == nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, user := range strings.FieldsFunc(refused[1], func(r rune) bool { return r == ',' || r == ' ' }) {
		removed, failed := e.api.ContainerWait(waiting, user, container.WaitConditionRemoved)
		select {
		case <-removed:
		case _ = <-failed: // most likely it is gone; else the engine refuses again
		}
	}
	return e.api.ContainerRemove(ctx, id, options)
}

func (e *Engine) ignoreNotFound(what string, err error) error {
	if err == nil || isGone(err) || strings.Contains(err.Error(), "already in progress") {
		return nil
	}
	return engineError(what, err)
}

// startContainer starts a container. If the engine refuses because a port is in use, the error is a
// [*PortTakenError], and the container is removed.
func (e *Engine) startContainer(ctx context.Context, op plan.Operation) error {
	err := e.api.ContainerStart(ctx, op.Name, container.StartOptions{})
	if err == nil {
		return e.hooks(ctx, op)
	}
	if !isPortTaken(err) {
		return engineError("start "+op.Name, err)
	}
	_ = e.kill(ctx, op.Name) // the engine's error matters
	return &PortTakenError{Cause: err}
}

// PortTakenError says that the engine could not publish a port, because it is in use.
type PortTakenError struct{ Cause error }

func (e *PortTakenError) Error() string { return engineText(e.Cause) }
func (e *PortTakenError) Unwrap() error { return e.Cause }

// PortTaken is the mark by which package engine recognises this error; it then chooses another port.
func (e *PortTakenError) PortTaken() bool { return true }

// withoutCancel returns a context for a request that creates something; it ends after a minute at the latest. If the
// request were cancelled, the engine would continue with it, and a cleanup would not see the result yet.
func withoutCancel(ctx context.Context) (context.Context, context.CancelFunc) {
	const most = time.Minute
	return context.WithTimeout(context.WithoutCancel(ctx), most)
}

// composeVersion is the version that sdev puts into Compose's version label. Compose's commands check that the label
// exists, not its value.
const composeVersion = "2.0.0"

func (e *Engine) createContainer(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	s := op.Service.Config
	if err := e.checkVersion(s); err != nil {
		return err
	}
	config, err := e.containerConfig(s)
	if err != nil {
		return err
	}
	config.Labels = mergeLabels(s.Labels, containerLabels(op.Service, labels))
	host, err := e.hostConfig(s, op.Joins)
	if err != nil {
		return err
	}
	if err := e.checkExternal(ctx, s, op.Awaits); err != nil {
		return err
	}
	copied, mounted, volume, err := e.mountFiles(ctx, op, labels, host)
	if err != nil {
		return err
	}
	op.Service.Files = copied
	if volume != "" {
		config.Labels[ownFiles] = volume
	}
	err = e.makeContainer(ctx, op, config, host, mounted)
	if source, absent := absentSource(s, labels.Dir, err); absent {
		err = &MountAbsentError{Source: source, Cause: engineError("create "+op.Name, err)}
	}
	if err != nil && volume != "" {
		_ = e.api.VolumeRemove(context.WithoutCancel(ctx), volume, true) // the first error matters
	}
	return err
}

// makeContainer creates a container with everything that it needs before the start. It removes the remains of a
// failure.
func (e *Engine) makeContainer(ctx context.Context, op plan.Operation, config *container.Config, host *container.HostConfig, mounted map[string]bool) error {
	s := op.Service.Config
	first, others := network.NetworkingConfig{}, []endpoint(nil)
	if op.Joins == "" {
		first.EndpointsConfig, others = e.splitFirst(s)
	}
	createCtx, cancel := withoutCancel(ctx)
	defer cancel()
	made := ""
	err := e.withMountPoints(createCtx, s, host, mounted, func(label string) error {
		if label != "" {
			config.Labels[ownPoints] = label
		}
		response, err := e.api.ContainerCreate(createCtx, config, host, &first, platform(s.Platform), op.Name)
		if isGone(err) && len(op.Awaits) > 0 && !strings.Contains(err.Error(), "No such image") {
			if err := e.awaitNetworks(ctx, op.Awaits); err != nil {
				return err
			}
			response, err = e.api.ContainerCreate(createCtx, config, host, &first, platform(s.Platform), op.Name)
		}
		made = response.ID
		return err
	})
	switch {
	case err == nil:
		err = e.finishContainer(ctx, made, op.Service, others)
	case isGone(err) && strings.Contains(err.Error(), "No such image"):
		return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err, Message: "image " + s.Image + " was removed meanwhile", Hint: "run the command again: it builds or pulls missing images"}
	case made == "":
		return engineError("create "+op.Name, err)
	}
	if err != nil {
		_ = e.kill(createCtx, made) // the first error matters
	}
	return err
}

// MountAbsentError says that the engine cannot mount a path that exists on this machine: it runs on another
// machine, or cannot see this one's files.
type MountAbsentError struct {
	Source string
	Cause  error
}

func (e *MountAbsentError) Error() string {
	return "the engine cannot see " + e.Source + ", which exists on this machine"
}
func (e *MountAbsentError) Unwrap() error { return e.Cause }

// MountAbsent is the mark by which package engine recognises this error; it then copies the files instead.
func (e *MountAbsentError) MountAbsent() bool { return true }

// absentSource returns the directory of the project that the engine could not mount, if err says so.
func absentSource(s types.ServiceConfig, dir string, err error) (string, bool) {
	if err == nil || !strings.Contains(err.Error(), "bind source path does not exist") {
		return "", false
	}
	for _, v := range s.Volumes {
		if _, serr := os.Stat(v.Source); v.Type == types.VolumeTypeBind && serr == nil && dev.IsWithin(dir, v.Source) && strings.Contains(err.Error(), v.Source) {
			return v.Source, true
		}
	}
	return "", false
}

// finishContainer adds files and networks to a new container.
func (e *Engine) finishContainer(ctx context.Context, id string, s plan.Service, networks []endpoint) error {
	for _, n := range networks {
		if err := e.api.NetworkConnect(ctx, n.network, id, n.settings); err != nil {
			return engineError("connect to network "+n.network, err)
		}
	}
	return e.copyFiles(ctx, id, s)
}

// containerLabels are Compose's labels and sdev's. The gateway counts as a second container of the app's service,
// so that "docker compose down" with the same file removes it.
func containerLabels(s plan.Service, l plan.Labels) map[string]string {
	labels := map[string]string{
		labelProject: l.Project, labelService: s.Config.Name, labelHash: s.Hash, labelNumber: "1", labelOneOff: "False",
		labelWorkingDir: l.Dir, labelConfigFiles: strings.Join(l.ConfigFiles, ","), labelVersion: composeVersion,
		plan.LabelDepends: plan.DependsLabel(s.Config), ownService: s.Config.Name, ownHash: s.Hash, plan.LabelParts: s.Parts.String(),
	}
	if s.Config.Name == l.Gateway {
		labels[labelService], labels[labelNumber] = l.App, "2"
	}
	return labels
}

func mergeLabels(own types.Labels, ours map[string]string) map[string]string {
	out := make(map[string]string, len(own)+len(ours))
	for k, v := range own {
		out[k] = v
	}
	for k, v := range ours {
		out[k] = v
	}
	return out
}
