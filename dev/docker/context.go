package docker

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	dockerconfig "github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/connhelper"
	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"

	"sdev/dev"
)

// Endpoint is the address of an engine and why it is used.
type Endpoint struct {
	Host    string // address: unix:///var/run/docker.sock, ssh://me@there, tcp://…
	Context string // docker context with this address; "" if none
	Why     string // what chose it, for messages
	API     string // negotiated version; "" before that
}

// candidate is an engine's address and how to connect to it.
type candidate struct {
	Endpoint
	opts []client.Opt
}

// finder finds engines in the order of the docker command: the context of the flag, DOCKER_HOST, the context in
// DOCKER_CONTEXT, that of "docker context use", the default socket. If none of them names an engine and the default
// socket does not answer, it tries the sockets of other well-known engines.
type finder struct {
	getenv func(string) string
	home   string
	usual  string // address of the default socket
	uid    int
	on     engineSystem // what differs between operating systems

	timeout time.Duration // how long an engine may take to answer; 0 is the default
}

func newFinder() finder {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // then there are no sockets below it
	}
	return finder{getenv: os.Getenv, home: home, usual: client.DefaultDockerHost, uid: os.Getuid(), on: thisSystem()}
}

// standard is the name of the context that stands for DOCKER_HOST or the default socket.
const standard = "default"

// candidates returns the engines to try, in order. There is more than one only if neither flag nor settings name one.
func (f finder) candidates(flag string) ([]candidate, error) {
	name, why := flag, "--context"
	if name == "" {
		if host := f.getenv(client.EnvOverrideHost); host != "" {
			return one(f.fromHost(Endpoint{Host: host, Why: "DOCKER_HOST"}))
		}
		name, why = f.getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
	}
	if name == "" {
		// An unreadable file counts as no choice, as with the docker command.
		if file, err := dockerSettings(f.configDir()); err == nil {
			name, why = file.CurrentContext, "docker context use"
		}
	}
	switch {
	case name == "":
		return f.usualFirst()
	case name != standard:
		return one(f.fromContext(name, why))
	case f.getenv(client.EnvOverrideHost) != "":
		return one(f.fromHost(Endpoint{Host: f.getenv(client.EnvOverrideHost), Context: standard, Why: why + ", DOCKER_HOST"}))
	}
	return one(f.fromHost(Endpoint{Host: f.usual, Context: standard, Why: why}))
}

func one(c candidate, err error) ([]candidate, error) { return []candidate{c}, err }

// dockerSettings are the settings of the docker command.
func dockerSettings(dir string) (*configfile.ConfigFile, error) {
	if _, err := dev.ReadFile(filepath.Join(dir, dockerconfig.ConfigFileName)); dev.IsUnsuitableFile(err) {
		return nil, err
	}
	return dockerconfig.Load(dir)
}

// dockerLogins are the registry logins of the docker command.
func dockerLogins() *configfile.ConfigFile {
	file := filepath.Join(dockerconfig.Dir(), dockerconfig.ConfigFileName)
	if _, err := dev.ReadFile(file); dev.IsUnsuitableFile(err) {
		return configfile.New(file)
	}
	return dockerconfig.LoadDefaultConfigFile(io.Discard)
}

func (f finder) configDir() string {
	if dir := f.getenv(dockerconfig.EnvOverrideConfigDir); dir != "" {
		return dir
	}
	return filepath.Join(f.home, ".docker")
}

// fromHost is the candidate for an address, with the certificates of the environment.
func (f finder) fromHost(p Endpoint) (candidate, error) {
	c := candidate{Endpoint: p}
	if strings.HasPrefix(p.Host, "ssh://") {
		opts, err := overSSH(p.Host)
		if err != nil {
			return c, f.unusable(p, err, "check "+p.Why)
		}
		c.opts = append(opts, client.WithVersionFromEnv())
		return c, nil
	}
	if _, err := client.ParseHostURL(p.Host); err != nil {
		return c, f.unusable(p, err, "check "+p.Why)
	}
	if strings.HasPrefix(p.Host, "tcp://") && (f.getenv(client.EnvTLSVerify) != "" || f.getenv("DOCKER_TLS") != "") {
		opt, err := f.withTLS()
		if err != nil {
			return c, f.unusable(p, err, "put ca.pem, cert.pem and key.pem into the directory that DOCKER_CERT_PATH names, or unset DOCKER_TLS_VERIFY")
		}
		c.opts = append(c.opts, opt)
	}
	c.opts = append(c.opts, client.WithHost(p.Host), client.WithVersionFromEnv())
	return c, nil
}

// withTLS verifies the engine's certificate, even if only DOCKER_TLS is set; the docker command would not verify it
// then.
func (f finder) withTLS() (client.Opt, error) {
	dir := f.getenv(client.EnvOverrideCertPath)
	if dir == "" {
		dir = f.configDir()
	}
	config, err := tlsconfig.Client(tlsconfig.Options{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), ExclusiveRootPools: true})
	if err != nil {
		return nil, err
	}
	return client.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: config}, CheckRedirect: client.CheckRedirect}), nil
}

// overSSH connects to an engine on another machine through the docker command there. ssh must not prompt on the
// terminal, and times out if the machine does not answer.
func overSSH(host string) ([]client.Opt, error) {
	helper, err := connhelper.GetConnectionHelperWithSSHOpts(host, []string{"-oBatchMode=yes", "-oConnectTimeout=10"})
	if err != nil {
		return nil, err
	}
	return []client.Opt{
		client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: helper.Dialer}}),
		client.WithHost(helper.Host),
		client.WithDialContext(helper.Dialer),
	}, nil
}

// fromContext is the candidate for a docker context.
func (f finder) fromContext(name, why string) (candidate, error) {
	c := candidate{Endpoint: Endpoint{Context: name, Why: why}}
	settings := store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dockercontext.DockerEndpoint, func() any { return &dockercontext.EndpointMeta{} }))
	contexts := store.New(filepath.Join(f.configDir(), "contexts"), settings)
	endpoint, err := contextEndpoint(contexts, name)
	if err == nil {
		c.Host = endpoint.Host
		if strings.HasPrefix(endpoint.Host, "ssh://") {
			c.opts, err = overSSH(endpoint.Host)
			c.opts = append(c.opts, client.WithVersionFromEnv())
		} else {
			c.opts, err = endpoint.ClientOpts()
		}
	}
	if err != nil {
		return c, &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Cause: err,
			Message: fmt.Sprintf("docker context %q, chosen by %s, cannot be used: %v", name, why, err), Hint: "see: docker context ls"}
	}
	return c, nil
}

func contextEndpoint(contexts store.Reader, name string) (dockercontext.Endpoint, error) {
	meta, err := contexts.GetMetadata(name)
	if err != nil {
		return dockercontext.Endpoint{}, err
	}
	place, err := dockercontext.EndpointFromContext(meta)
	if err != nil {
		return dockercontext.Endpoint{}, err
	}
	return dockercontext.WithTLSData(contexts, name, place)
}

func (f finder) unusable(p Endpoint, err error, hint string) error {
	return &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Cause: err,
		Message: fmt.Sprintf("the container engine's address %s (%s) cannot be used: %v", p.Host, p.Why, err), Hint: hint}
}
