package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api"
	"github.com/docker/docker/client"

	"sdev/dev"
	"sdev/dev/pattern"
)

// failure is an engine that did not answer, and why.
type failure struct {
	Endpoint
	err error
}

// unreachable returns the error for engines that do not answer. It lists the addresses tried, in order, and why each
// failed. The first one determines the hint.
func (s engineSystem) unreachable(failures []failure) error {
	first := failures[0]
	if e, ok := errors.AsType[*dev.Error](first.err); ok {
		return e
	}
	e := &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Cause: first.err,
		Message: fmt.Sprintf("the container engine at %s does not answer: %s", first.described(), cause(first.err)),
		Hint:    s.start}
	text := first.err.Error()
	switch {
	case errors.Is(first.err, fs.ErrPermission) || strings.HasPrefix(first.Host, "unix://") && strings.Contains(text, "permission denied"):
		e.Code = dev.CodeEnginePermission
		e.Message = fmt.Sprintf("you have no permission to open the container engine's socket %s", first.described())
		e.Hint = s.permit
	case strings.HasPrefix(first.Host, "ssh://"):
		e.Hint = "try: ssh " + strings.TrimPrefix(first.Host, "ssh://") + " docker version (sdev cannot answer prompts of ssh: the agent must hold the key, and known_hosts the host)"
	case strings.Contains(text, "x509: ") || strings.Contains(text, "tls: "):
		e.Hint = "check the certificates of the docker context, or those in DOCKER_CERT_PATH"
	case first.Context != "":
		e.Hint = "start it, or choose another one: docker context ls, docker context use NAME"
	}
	for _, f := range failures[1:] {
		e.Message += fmt.Sprintf("; then tried %s: %s", f.described(), cause(f.err))
	}
	return e
}

// described returns the address and what chose it, for messages.
func (p Endpoint) described() string {
	if p.Context != "" {
		return fmt.Sprintf("%s (context %s, %s)", p.Host, p.Context, p.Why)
	}
	return fmt.Sprintf("%s (%s)", p.Host, p.Why)
}

// ping opens a connection to a socket or port and closes it again. Its error says why a connection cannot be opened;
// the errors of the engine's client do not.
func ping(ctx context.Context, host string) error {
	network, address, _ := strings.Cut(host, "://")
	if network != "unix" && network != "tcp" {
		return nil
	}
	address, _, _ = strings.Cut(strings.TrimSuffix(address, "/"), "?")
	if network == "tcp" {
		address, _, _ = strings.Cut(address, "/")
		request := &http.Request{URL: &url.URL{Scheme: "https", Host: address}}
		if proxy, err := http.ProxyFromEnvironment(request); proxy != nil || err != nil {
			return nil // the client uses the proxy, which may be the only way
		}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// sshOutput matches ssh's output in the error of a connection.
var sshOutput = pattern.New(`(?s)stderr=(.+)$`)

// cause says in a few words why an engine did not answer.
func cause(err error) string {
	var dns *net.DNSError
	e, ours := errors.AsType[*dev.Error](err)
	switch {
	case ours:
		return e.Message
	case errors.Is(err, fs.ErrNotExist):
		return "the socket does not exist"
	case dev.IsRefused(err):
		return "nothing listens there"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "it timed out"
	case errors.Is(err, exec.ErrNotFound):
		return "the ssh command is not installed"
	case errors.As(err, &dns):
		return dns.Error()
	case plainHTTP.MatchString(err.Error()):
		return "it does not accept plain HTTP; if it needs TLS, set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"
	}
	if m := sshOutput.FindStringSubmatch(err.Error()); m != nil {
		return lastLine(m[1])
	}
	return firstLine(err.Error())
}

// plainHTTP matches the error of a plain request to a TLS port.
var plainHTTP = pattern.New(`"http://.*: EOF$|HTTP request to an HTTPS server|malformed HTTP response`)

// lastLine returns the last line of a program's output: ssh and git print warnings first, and the error last.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return dev.Sanitize(strings.TrimSpace(lines[len(lines)-1]))
}

func tooOld(host, version string) error {
	return &dev.Error{Code: dev.CodeEngineTooOld, Exit: dev.ExitEngine,
		Message: fmt.Sprintf("the container engine at %s supports API %s at most; sdev needs %s (Docker 20.10) to %s", host, version, MinAPI, api.DefaultVersion),
		Hint:    "update Docker"}
}

// tooLow is the error for a DOCKER_API_VERSION below the minimum.
func tooLow(version string) error {
	return &dev.Error{Code: dev.CodeEngineTooOld, Exit: dev.ExitEngine, Message: fmt.Sprintf("DOCKER_API_VERSION is %s; sdev needs %s to %s", version, MinAPI, api.DefaultVersion),
		Hint: "unset DOCKER_API_VERSION"}
}

// tooNew matches an engine's refusal of every API version that this sdev supports.
var tooNew = pattern.New(`client version [\d.]+ is too old. Minimum supported API version is ([\d.]+)`)

// engineError turns an engine's error into a *dev.Error. action is what sdev tried to do: "start shop-db-1".
func engineError(action string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*dev.Error](err); ok {
		return err
	}
	if m := tooNew.FindStringSubmatch(err.Error()); m != nil {
		return &dev.Error{Code: dev.CodeEngineTooOld, Exit: dev.ExitEngine, Cause: err,
			Message: fmt.Sprintf("the container engine supports API %s and newer; this sdev supports %s to %s", m[1], MinAPI, api.DefaultVersion), Hint: "update sdev, and unset DOCKER_API_VERSION"}
	}
	if client.IsErrConnectionFailed(err) {
		why, _, _ := strings.Cut(cause(err), ". Is the docker daemon running?")
		return &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Cause: err, Message: action + ": " + why, Hint: "start Docker"}
	}
	for _, k := range knownErrors() {
		if k.text.MatchString(err.Error()) {
			return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf(k.message, action, engineText(err)), Hint: k.hint}
		}
	}
	if m := badCommand.FindStringSubmatch(err.Error()); m != nil {
		e := &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("%s: its image has no program %s", action, m[1]),
			Hint: "install it in the Dockerfile, or correct the command there or in the compose file (command, entrypoint)"}
		if strings.HasSuffix(m[2], "permission denied") {
			e.Message = fmt.Sprintf("%s: %s is not executable", action, m[1])
			e.Hint = "run: chmod +x on the file, or start it with its interpreter (sh " + m[1] + ")"
		}
		return e
	}
	return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: action + ": " + engineText(err), Hint: "see: sdev logs, and the engine's own log"}
}

// badCommand matches the runtime's errors for a command that the image cannot start.
// Source: runc, libcontainer/standard_init_linux.go, and Go's os/exec.
var badCommand = pattern.New(`exec: "([^"]+)": (executable file not found in \$PATH|stat \S+: no such file or directory|permission denied)`)

// knownError is an error of an engine whose own text does not say what to do.
type knownError struct {
	text    *pattern.Pattern
	message string // a format: what sdev did, the engine's text
	hint    string
}

var (
	fullDisk = pattern.New(`no space left on device`)
	// missingDevice matches the errors for a GPU, a runtime or a device that the machine does not have.
	// Source: moby, daemon/devices.go, daemon/runtime_unix.go and daemon/pkg/oci.
	missingDevice = pattern.New(`could not select device driver|[Uu]nknown (?:or invalid )?runtime |error gathering device information`)
	missingInit   = pattern.New(`exec: "` + podmanInit + `"`)
	// missingGateway matches the errors of an engine without a default bridge, and of podman.
	// Source: moby, daemon/container_operations.go; podman, "host containers internal IP address is empty".
	missingGateway = pattern.New(`unable to derive the IP value for host-gateway|host containers internal IP address is empty`)
)

func knownErrors() []knownError {
	return []knownError{
		{fullDisk, "the engine's disk is full: %s: %s", makeRoom},
		{missingDevice, "%s: this machine lacks what the service asks for: %s",
			"leave it out on this machine, in compose.override.yaml (devices: !reset [], or runtime: !reset null); for a GPU, install the NVIDIA Container Toolkit"},
		{missingInit, "%s: podman cannot start it, because " + podmanInit + " is not installed on its machine: %s",
			"install it there, for example with: apt install " + podmanInit},
		{missingGateway, "%s: the engine knows no address of this machine, which host.docker.internal should lead to: %s",
			"name the address in the compose file: extra_hosts: [\"host.docker.internal:ADDRESS\"], or set host-gateway-ip in the engine's daemon.json"},
	}
}

// makeRoom is the hint for a full disk.
const makeRoom = "free disk space (docker system df shows the usage, docker builder prune deletes the build cache) and try again"

// engineText is the engine's message without the client's prefix.
func engineText(err error) string {
	return strings.TrimPrefix(err.Error(), "Error response from daemon: ")
}

func isGone(err error) bool { return errdefs.IsNotFound(err) }

// isPortTaken recognises the engine's error for a port in use.
func isPortTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "port is already allocated") || strings.Contains(text, "address already in use")
}

func imageMissing(ref string, err error) error {
	return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err,
		Message: fmt.Sprintf("image %s is missing and cannot be pulled: %s", ref, engineText(err)),
		Hint:    "check its name, your network and your registry login (docker login)"}
}
