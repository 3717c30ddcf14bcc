package process

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/plan"
)

// settings are what a container is created with. Paths are those inside a container, unless a field says otherwise.
type settings struct {
	Name, Project, Service string
	Hash                   string
	Image, Reference       string
	Environment            string // directory of the image's environment on this machine; "" if it has none
	Program                string // file of sdev's own program on this machine, if the image has it
	Joins                  string
	ProjectDir             string // on this machine
	Labels                 map[string]string

	Command    []string
	Env        map[string]string
	WorkingDir string
	Mounts     []mount
	Files      []string // secrets and configs
	Ports      []string // as "127.0.0.1:8501->8501/tcp"
	Exposed    []string // further ports on which the process listens, on 127.0.0.1
	Check      *check
	Grace      time.Duration // between the request to stop and the kill
	StopSignal string
	Restart    restartPolicy
}

// mount leads a path to a directory or file of this machine.
type mount struct {
	Target    string
	Source    string // on this machine
	Volume    string // name of a volume; "" for anything else
	Temporary bool   // it is emptied before each start
}

// check is a health check.
type check struct {
	Command                 []string
	Interval, Timeout, Wait time.Duration // Wait is the time in which failures do not count
	Retries                 int
}

// restartPolicy says after which ends the keeper starts the process again.
type restartPolicy struct {
	Always, OnFailure bool
	Most              int // restarts after failures; 0 means any number
}

// Docker's values for what a service does not set. Source: Docker Engine API 1.41, HealthConfig and ContainerConfig.
const (
	defaultInterval = 30 * time.Second
	defaultRetries  = 3
	defaultGrace    = 10 * time.Second
	defaultSignal   = "SIGTERM"
)

// newSettings translates a service. b is the directory that its container will have, program is sdev's own, and volume
// returns the directory of a volume.
func newSettings(op plan.Operation, labels plan.Labels, image imageRecord, b box, program string, volume func(name string) string) (settings, error) {
	s := op.Service.Config
	out := settings{Name: op.Name, Project: labels.Project, Service: s.Name, Hash: op.Service.Hash, Image: image.ID, Reference: s.Image, Environment: image.Dir,
		Joins: op.Joins, ProjectDir: labels.Dir, Labels: containerLabels(op.Service),
		Command: slices.Concat(s.Entrypoint, s.Command), Env: map[string]string{}, WorkingDir: s.WorkingDir,
		Grace: defaultGrace, StopSignal: cmp.Or(s.StopSignal, defaultSignal), Restart: policyOf(s.Restart), Check: checkOf(s.HealthCheck)}
	if len(out.Command) == 0 {
		out.Command = image.Command
	}
	if image.Program {
		out.Program = program
	}
	if len(out.Command) == 0 {
		return out, &dev.Error{Code: dev.CodeComposeInvalid, Exit: dev.ExitProject, Message: dev.Line("service %s has no command, and without a container engine there is no image that names one", s.Name),
			Hint: "add command: to the service, for example: streamlit run Home.py"}
	}
	if s.StopGracePeriod != nil {
		out.Grace = time.Duration(*s.StopGracePeriod)
	}
	for _, p := range s.Ports {
		out.Ports = append(out.Ports, fmt.Sprintf("%s:%s->%d/%s", p.HostIP, p.Published, p.Target, cmp.Or(p.Protocol, "tcp")))
	}
	out.Exposed = s.Expose
	var err error
	if out.Mounts, err = mountsOf(s, b, volume); err != nil {
		return out, err
	}
	paths := found{settings: out}.paths()
	for name, value := range image.Env {
		if paths.leadsNowhere(value) {
			continue // a file that only the image has, for example one of certificates
		}
		out.Env[name] = value
	}
	for name, value := range s.Environment {
		if value != nil {
			out.Env[name] = *value
		}
	}
	if out.WorkingDir == "" {
		out.WorkingDir = image.WorkingDir
		if paths.leadsNowhere(out.WorkingDir) {
			out.WorkingDir = image.Mounted
		}
	}
	return out, nil
}

// containerLabels are the labels of the service, and those from which a plan learns what to do. The labels of Compose are
// missing, because its commands cannot see these containers.
func containerLabels(s plan.Service) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, s.Config.Labels)
	labels[plan.LabelDepends], labels[plan.LabelParts] = plan.DependsLabel(s.Config), s.Parts.String()
	return labels
}

// mountsOf returns what a service mounts, and its temporary directories.
func mountsOf(s types.ServiceConfig, b box, volume func(name string) string) ([]mount, error) {
	var out []mount
	private := func() string { return filepath.Join(b.privateDir(), strconv.Itoa(len(out))) }
	for _, v := range s.Volumes {
		m := mount{Target: path.Clean(v.Target)}
		switch {
		case v.Type == types.VolumeTypeBind:
			m.Source = v.Source
			if _, err := os.Stat(v.Source); err != nil && (v.Bind == nil || !bool(v.Bind.CreateHostPath)) {
				return nil, &dev.Error{Code: dev.CodeComposeInvalid, Exit: dev.ExitProject, Cause: err, Message: dev.Line("service %s mounts %s, which does not exist", s.Name, v.Source),
					Hint: "create it, or correct volumes in the compose file"}
			}
		case v.Type == types.VolumeTypeVolume && v.Source != "":
			m.Volume, m.Source = v.Source, volume(v.Source)
		case v.Type == types.VolumeTypeVolume:
			m.Source = private()
		default: // a tmpfs, or something that needs an engine: a directory of its own is the nearest to it
			m.Source, m.Temporary = private(), true
		}
		out = append(out, m)
	}
	for _, entry := range s.Tmpfs {
		target, _, _ := strings.Cut(entry, ":")
		out = append(out, mount{Target: path.Clean(target), Source: private(), Temporary: true})
	}
	return out, nil
}

func (s settings) volumeNames() []string {
	var names []string
	for _, m := range s.Mounts {
		if m.Volume != "" {
			names = append(names, m.Volume)
		}
	}
	return names
}

func checkOf(h *types.HealthCheckConfig) *check {
	if h == nil || h.Disable || len(h.Test) < 2 {
		return nil
	}
	c := check{Interval: orDefault(h.Interval, defaultInterval), Timeout: orDefault(h.Timeout, defaultInterval), Wait: orDefault(h.StartPeriod, 0), Retries: defaultRetries}
	if h.Retries != nil && *h.Retries > 0 {
		c.Retries = int(*h.Retries)
	}
	switch h.Test[0] {
	case "CMD":
		c.Command = h.Test[1:]
	case "CMD-SHELL":
		c.Command = []string{"/bin/sh", "-c", h.Test[1]}
	default: // NONE
		return nil
	}
	return &c
}

func orDefault(d *types.Duration, value time.Duration) time.Duration {
	if d == nil || *d == 0 {
		return value
	}
	return time.Duration(*d)
}

// policyOf reads the restart policy of a service: "no", "always", "unless-stopped", "on-failure[:N]".
func policyOf(text string) restartPolicy {
	name, most, _ := strings.Cut(text, ":")
	switch name {
	case types.RestartPolicyAlways, types.RestartPolicyUnlessStopped:
		return restartPolicy{Always: true}
	case types.RestartPolicyOnFailure:
		n, _ := strconv.Atoi(most) // reading the compose file has rejected anything but a number
		return restartPolicy{OnFailure: true, Most: n}
	}
	return restartPolicy{}
}

// again reports whether a process that ended by itself starts again.
func (p restartPolicy) again(exitCode, restarts int) bool {
	return p.Always || p.OnFailure && exitCode != 0 && (p.Most == 0 || restarts < p.Most)
}
