package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/containerd/errdefs"

	"sdev/dev"
)

func unreachable(host string, err error) error {
	e := &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Cause: err,
		Message: fmt.Sprintf("the container engine at %s does not answer", host),
		Hint:    "start Docker, or set DOCKER_HOST to where it listens"}
	if host == "" {
		e.Message = "the container engine's address cannot be used: " + err.Error()
		e.Hint = "check DOCKER_HOST"
	}
	if errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "permission denied") {
		e.Code = dev.CodeEnginePermission
		e.Message = fmt.Sprintf("you may not open the container engine's socket %s", host)
		e.Hint = "add yourself to the docker group (sudo usermod -aG docker $USER), then log in again"
	}
	return e
}

func tooOld(host, version string) error {
	return &dev.Error{Code: dev.CodeEngineTooOld, Exit: dev.ExitEngine,
		Message: fmt.Sprintf("the container engine at %s speaks API %s; sdev needs %s (Docker 20.10) or newer", host, version, MinAPI),
		Hint:    "update Docker"}
}

// refused words an engine's refusal of something that sdev asked for.
func refused(what string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*dev.Error](err); ok {
		return err
	}
	return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: what + ": " + engineText(err), Hint: "see: sdev logs, and the engine's own log"}
}

// engineText is the engine's message without the layers that the client puts before it.
func engineText(err error) string {
	return strings.TrimPrefix(err.Error(), "Error response from daemon: ")
}

func isGone(err error) bool { return errdefs.IsNotFound(err) }

// isPortTaken recognises the engine's refusal to publish a port.
func isPortTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "port is already allocated") || strings.Contains(text, "address already in use")
}

func imageMissing(ref string, err error) error {
	return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err,
		Message: fmt.Sprintf("image %s is not here and cannot be pulled: %s", ref, engineText(err)),
		Hint:    "check its name, your network and your registry login (docker login)"}
}
