package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sdev/dev/plan"
)

// engineSystem is what finding an engine, and getting one to answer, means on an operating system. thisSystem returns
// that of the system for which sdev was built (sockets_linux.go and so on). The three are compiled and tested on each.
type engineSystem struct {
	// addresses are where well-known engines listen, besides the default socket. Unix sockets that do not exist are left
	// out later; named pipes are tried.
	addresses func(f finder) []known
	own       bool   // this machine runs engines itself, and not only in virtual machines
	start     string // the hint for an engine that does not answer
	permit    string // the hint for a socket that this user may not open
}

// known is the address of a well-known engine.
type known struct{ host, product string }

// Products that the package tells apart.
const (
	rootless = "rootless Docker"
	rancher  = "Rancher Desktop"
)

// hostRoute says how containers of the engine at an address reach this machine. It goes by the address alone, because
// the engine takes long to describe itself. Podman, and every engine with a virtual machine, makes host.docker.internal
// known by itself. Podman refuses host-gateway where it finds no address. Rancher Desktop leads it to the virtual
// machine; the others to this machine.
// Source: the manual of podman run (--add-host); Rancher Desktop, issue 7611; colima, pull requests 574 and 904.
func (f finder) hostRoute(host string) plan.HostRoute {
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return plan.RouteUnknown
	}
	product := ""
	for _, k := range f.on.addresses(f) {
		if realFile(strings.TrimPrefix(k.host, "unix://")) == realFile(socket) {
			product = k.product
			break
		}
	}
	switch {
	case product == rancher:
		return plan.RouteByName
	case f.on.own && (product == "" || product == rootless):
		return plan.RouteByGateway
	}
	return plan.RouteUnknown
}

// realFile is a path without links: the default socket often is a link to another engine's.
func realFile(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// usualFirst returns the default socket, then the existing sockets of other engines.
func (f finder) usualFirst() ([]candidate, error) {
	first, err := f.fromHost(Endpoint{Host: f.usual, Why: "the default socket"})
	if err != nil {
		return nil, err
	}
	out := []candidate{first}
	for _, k := range f.on.addresses(f) {
		if socket, ok := strings.CutPrefix(k.host, "unix://"); ok {
			if st, err := os.Stat(socket); err != nil || st.Mode()&os.ModeSocket == 0 {
				continue
			}
		}
		c, err := f.fromHost(Endpoint{Host: k.host, Why: k.product + ", because the default socket does not answer"})
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// onLinux is a machine that runs the engine itself.
// Source: the manuals of rootless Docker, Docker Desktop, colima, Rancher Desktop, podman.
func onLinux() engineSystem {
	return engineSystem{
		addresses: func(f finder) []known {
			runtime := f.getenv("XDG_RUNTIME_DIR")
			if runtime == "" {
				runtime = fmt.Sprintf("/run/user/%d", f.uid)
			}
			out := []known{{unixHost(runtime, "docker.sock"), rootless}}
			out = append(out, f.inHome()...)
			return append(out, known{unixHost(runtime, "podman/podman.sock"), "podman"}, known{"unix:///run/podman/podman.sock", "podman"})
		},
		own:    true,
		start:  "start Docker, or set DOCKER_HOST to where it listens",
		permit: "add yourself to the docker group (sudo usermod -aG docker $USER), then log in again",
	}
}

// onMac is macOS, where every engine runs in a virtual machine.
// Source: the manuals of Docker Desktop, OrbStack, colima, Rancher Desktop and podman (podman machine inspect).
func onMac() engineSystem {
	return engineSystem{
		addresses: func(f finder) []known {
			out := f.inHome()
			if temp := f.getenv("TMPDIR"); temp != "" {
				out = append(out, known{unixHost(temp, "podman/podman-machine-default-api.sock"), "podman machine"})
			}
			if f.home == "" {
				return out
			}
			machines := filepath.Join(f.home, ".local/share/containers/podman/machine")
			return append(out, known{unixHost(machines, "podman.sock"), "podman machine"}, known{unixHost(machines, "qemu/podman.sock"), "podman machine"})
		},
		start:  "start Docker Desktop (or OrbStack, colima, Rancher Desktop, podman machine), or set DOCKER_HOST to where the engine listens",
		permit: "another user of this Mac has started the engine: start Docker Desktop as yourself, or choose your own engine: docker context ls, docker context use NAME",
	}
}

// onWindows is Windows, where engines listen at named pipes. Docker Desktop, Rancher Desktop and podman machine all take
// the default one, unless another engine has it.
// Source: the manuals of Docker Desktop (context desktop-linux) and podman (podman machine inspect).
func onWindows() engineSystem {
	return engineSystem{
		addresses: func(finder) []known {
			return []known{
				{"npipe:////./pipe/dockerDesktopLinuxEngine", "Docker Desktop"},
				{"npipe:////./pipe/podman-machine-default", "podman machine"},
			}
		},
		start:  "start Docker Desktop (or Rancher Desktop, podman machine), or set DOCKER_HOST to where the engine listens",
		permit: "an administrator adds you to the group docker-users (net localgroup docker-users NAME /add); then sign out of Windows and in again",
	}
}

// inHome are the sockets that engines with a virtual machine put into the home directory.
func (f finder) inHome() []known {
	if f.home == "" {
		return nil
	}
	out := []known{{unixHost(f.home, ".docker/run/docker.sock"), "Docker Desktop"}, {unixHost(f.home, ".docker/desktop/docker.sock"), "Docker Desktop"}}
	for _, dir := range []string{".colima", ".config/colima"} {
		out = append(out, f.colima(dir)...)
	}
	return append(out, known{unixHost(f.home, ".rd/docker.sock"), rancher}, known{unixHost(f.home, ".orbstack/run/docker.sock"), "OrbStack"})
}

// colima returns the sockets of colima's profiles in its directory, the default profile first.
func (f finder) colima(dir string) []known {
	const socket, product = "docker.sock", "colima"
	out := []known{{unixHost(f.home, dir, "default", socket), product}}
	names, err := filepath.Glob(filepath.Join(f.home, filepath.FromSlash(dir), "*", socket))
	if err != nil {
		names = nil // a home directory with brackets in its name
	}
	for _, name := range names {
		if profile := filepath.Base(filepath.Dir(name)); profile != "default" {
			out = append(out, known{"unix://" + name, product + ", profile " + profile})
		}
	}
	return out
}

func unixHost(parts ...string) string { return "unix://" + filepath.Join(parts...) }
