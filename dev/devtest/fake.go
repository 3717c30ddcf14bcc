package devtest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/plan"
)

// Fake is a container engine in memory. It passes [TestRuntime], and tests can make it fail. Its containers play a
// [Script] if their command is one; otherwise they wait to be stopped. Any number of goroutines may use it, and it
// starts none.
type Fake struct {
	mu         sync.Mutex                // guards everything below
	containers map[string]*fakeContainer // by name
	networks   map[string]fakeResource   // by name
	volumes    map[string]fakeResource
	images     map[string]plan.ImageInfo // by reference
	journal    []record
	grown      chan struct{} // closed and replaced when journal grows
	done       plan.Plan
	before     func(context.Context, plan.Operation) error
	build      func(context.Context, plan.Build) error
	serial     int // number of the last container or image id
}

type fakeContainer struct {
	plan.Container
	project string
	script  Script
	files   map[string]string // files copied into it, by path
	gone    chan struct{}     // closed on removal
	check   *types.HealthCheckConfig
}

// fakeResource is a network or a volume.
type fakeResource struct {
	project string
	plan.Resource
}

// record is a state change or a log line.
type record struct {
	at                   time.Time
	project, service, id string
	state                dev.ServiceState
	stream, text         string // a log line, if stream is not empty
}

// NewFake returns an engine that has only these images.
func NewFake(images ...string) *Fake {
	f := &Fake{containers: map[string]*fakeContainer{}, networks: map[string]fakeResource{}, volumes: map[string]fakeResource{},
		images: map[string]plan.ImageInfo{}, grown: make(chan struct{})}
	for _, ref := range images {
		f.images[ref] = plan.ImageInfo{ID: f.id("sha256:")}
	}
	return f
}

// Before sets a function that Do calls before each operation. If it returns an error, Do returns that and does
// nothing. The function may block, and may use the fake.
func (f *Fake) Before(call func(ctx context.Context, op plan.Operation) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = call
}

// Done returns the operations that were carried out, in order.
func (f *Fake) Done() plan.Plan {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
}

// End makes a service's running container exit by itself.
func (f *Fake) End(service string, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		if c.Service == service && c.Running {
			f.end(c, code)
		}
	}
}

// Crash makes a service's running container exit by itself several times, each time restarted by its restart policy. The
// next restart is still to come.
func (f *Fake) Crash(service string, times, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		if c.Service == service && c.Running {
			c.Restarts, c.Restarting, c.ExitCode = c.Restarts+times, true, code
		}
	}
}

// Print makes a service's container print a line, on stdout or stderr.
func (f *Fake) Print(service, stream, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		if c.Service == service {
			f.print(c, stream, text)
		}
	}
}

// Tell makes a service's container print an event, as a gateway does.
func (f *Fake) Tell(service string, ev dev.Event) {
	line, err := dev.Stamped{Seq: 1, Time: time.Now(), Event: ev}.MarshalJSON()
	if err != nil {
		panic(err) // impossible: a test of package dev encodes every event
	}
	f.Print(service, "stdout", string(line))
}

// Observe returns the objects of a project.
func (f *Fake) Observe(ctx context.Context, project string, images []string) (plan.Observed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var have plan.Observed
	for _, name := range slices.Sorted(maps.Keys(f.containers)) {
		if c := f.containers[name]; c.project == project {
			have.Containers = append(have.Containers, c.Container)
		}
	}
	have.Networks, have.Volumes = owned(f.networks, project), owned(f.volumes, project)
	for i, v := range have.Volumes {
		for _, name := range slices.Sorted(maps.Keys(f.containers)) {
			if c := f.containers[name]; c.project != project && slices.Contains(c.Volumes, v.Name) {
				have.Volumes[i].Users = strings.TrimPrefix(have.Volumes[i].Users+" and container "+name, " and ")
			}
		}
	}
	for _, ref := range images {
		if _, ok := f.images[ref]; ok {
			have.Images = append(have.Images, ref)
		}
	}
	return have, ctx.Err()
}

// Projects returns the projects that have a container.
func (f *Fake) Projects(ctx context.Context) ([]plan.Origin, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []plan.Origin
	for _, c := range f.containers {
		if c.Ours {
			out = append(out, plan.Origin{Name: c.project, Dir: c.Dir})
		}
	}
	return plan.SortOrigins(out), ctx.Err()
}

// Foreign makes a container that something other than sdev created, as "docker compose up" does.
func (f *Fake) Foreign(labels plan.Labels, service string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := labels.Project + "-" + service + "-1"
	f.containers[name] = &fakeContainer{project: labels.Project, gone: make(chan struct{}), files: map[string]string{},
		Container: plan.Container{ID: f.id(""), Name: name, Service: service, Running: true, Dir: labels.Dir, Labels: fakeLabels(service, labels)}}
}

func owned(all map[string]fakeResource, project string) []plan.Resource {
	var out []plan.Resource
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].project == project {
			out = append(out, all[name].Resource)
		}
	}
	return out
}

// Do carries out one operation.
func (f *Fake) Do(ctx context.Context, op plan.Operation, labels plan.Labels) error {
	f.mu.Lock()
	before := f.before
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx, op); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case op.Kind == plan.ServiceContainer && op.Verb == plan.Remove:
		return f.remove(ctx, op)
	case op.Verb == plan.Wait:
		return f.wait(ctx, op)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.do(op, labels); err != nil {
		return err
	}
	f.done = append(f.done, op)
	return nil
}

func (f *Fake) do(op plan.Operation, labels plan.Labels) error {
	switch op.Kind {
	case plan.Image:
		f.images[op.Name] = plan.ImageInfo{ID: f.id("sha256:")}
	case plan.Network:
		return change(f.networks, op, fakeResource{labels.Project, plan.Resource{Name: op.Name, Hash: op.Hash}})
	case plan.Volume:
		return change(f.volumes, op, fakeResource{labels.Project, plan.Resource{Name: op.Name, Hash: op.Hash, Dir: labels.Dir}})
	case plan.ServiceContainer:
		if op.Verb == plan.Create {
			return f.create(op, labels)
		}
		return f.start(op)
	}
	return nil
}

func change(all map[string]fakeResource, op plan.Operation, r fakeResource) error {
	_, there := all[op.Name]
	switch {
	case op.Verb == plan.Remove:
		delete(all, op.Name)
	case there:
		return fmt.Errorf("%s %s is there already", op.Kind, op.Name)
	default:
		all[op.Name] = r
	}
	return nil
}

func (f *Fake) create(op plan.Operation, labels plan.Labels) error {
	s := op.Service.Config
	image, ok := f.images[s.Image]
	if !ok {
		return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: "image " + s.Image + " is not here"}
	}
	if _, there := f.containers[op.Name]; there {
		return fmt.Errorf("container %s is there already", op.Name)
	}
	c := &fakeContainer{project: labels.Project, gone: make(chan struct{}), files: map[string]string{}, script: scriptOf(s.Command)}
	c.Container = plan.Container{ID: f.id(""), Name: op.Name, Service: s.Name, Hash: op.Service.Hash, Image: image.ID, Reference: s.Image, Joins: op.Joins, Dir: labels.Dir, Ours: true,
		Env: map[string]string{}, Labels: fakeLabels(s.Name, labels)}
	maps.Copy(c.Labels, s.Labels)
	for k, v := range s.Environment {
		if v != nil {
			c.Env[k] = *v
		}
	}
	for _, v := range s.Volumes {
		c.Mounts = append(c.Mounts, v.Target)
		if v.Type == types.VolumeTypeVolume {
			c.Volumes = append(c.Volumes, v.Source)
		}
	}
	for _, p := range s.Ports {
		c.Ports = append(c.Ports, fmt.Sprintf("%s:%s->%d/%s", p.HostIP, p.Published, p.Target, p.Protocol))
	}
	for _, file := range op.Service.Files {
		c.files[file.Path] = string(file.Content)
	}
	c.Labels[plan.LabelDepends] = plan.DependsLabel(s)
	c.Labels[plan.LabelParts] = op.Service.Parts.String()
	c.check = s.HealthCheck
	f.containers[op.Name] = c
	f.state(c, dev.ServiceState{State: dev.Creating})
	return nil
}

// fakeLabels returns the labels by which Compose's commands find containers.
func fakeLabels(service string, l plan.Labels) map[string]string {
	if service == l.Gateway {
		service = l.App
	}
	return map[string]string{
		"com.docker.compose.project": l.Project, "com.docker.compose.service": service, "com.docker.compose.oneoff": "False",
		"com.docker.compose.project.working_dir": l.Dir, "com.docker.compose.project.config_files": strings.Join(l.ConfigFiles, ","),
	}
}

// start starts or restarts a container.
func (f *Fake) start(op plan.Operation) error {
	c, ok := f.containers[op.Name]
	if !ok {
		return fmt.Errorf("no container %s", op.Name)
	}
	if op.Verb == plan.Restart && c.Running {
		f.end(c, 0)
	}
	if host := f.containers[c.Joins]; c.Joins != "" && (host == nil || !host.Running) {
		return fmt.Errorf("container %s lives in the network of %s, which does not run", c.Name, c.Joins)
	}
	for _, binding := range c.Ports {
		if f.taken(c, binding) {
			f.removeLocked(c)
			return PortTakenError{Binding: binding}
		}
	}
	c.Running, c.ExitCode, c.Started = true, 0, time.Now()
	c.Restarting, c.Restarts = false, 0
	c.Health = c.healthAfterStart()
	f.state(c, dev.ServiceState{State: dev.Running})
	for _, line := range c.script.Out {
		f.print(c, "stdout", line)
	}
	for _, line := range c.script.Err {
		f.print(c, "stderr", line)
	}
	for _, path := range c.script.Show {
		for line := range strings.Lines(c.files[path]) {
			f.print(c, "stdout", line)
		}
	}
	if c.script.Ends {
		f.end(c, c.script.Code)
	}
	return nil
}

// taken reports whether another container, or a program on this machine, uses a host port.
func (f *Fake) taken(c *fakeContainer, binding string) bool {
	address, _, _ := strings.Cut(binding, "->")
	for _, other := range f.containers {
		if other != c && other.Running && slices.ContainsFunc(other.Ports, func(b string) bool { return strings.HasPrefix(b, address+"->") }) {
			return true
		}
	}
	l, err := net.Listen("tcp", address) //nolint:noctx // at once
	if err == nil {
		_ = l.Close()
	}
	return err != nil
}

// PortTakenError is the fake's error for a host port in use.
type PortTakenError struct{ Binding string }

func (e PortTakenError) Error() string { return "port is already allocated: " + e.Binding }

// PortTaken marks the error for package engine.
func (e PortTakenError) PortTaken() bool { return true }

// remove stops a container, then removes it. A deaf one never stops, so remove waits until Kill has removed it.
func (f *Fake) remove(ctx context.Context, op plan.Operation) error {
	f.mu.Lock()
	c := f.byID(op.ID)
	if c != nil && c.Running && c.script.Deaf {
		f.mu.Unlock()
		select {
		case <-c.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
		f.mu.Lock()
		c = nil
	}
	defer f.mu.Unlock()
	if c != nil {
		if c.Running {
			f.end(c, 0)
		}
		f.removeLocked(c)
	}
	f.done = append(f.done, op)
	return nil
}

// Kill removes a container at once.
func (f *Fake) Kill(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.byID(id); c != nil {
		if c.Running {
			f.end(c, 137)
		}
		f.removeLocked(c)
	}
	return nil
}

func (f *Fake) byID(id string) *fakeContainer {
	for _, c := range f.containers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (f *Fake) removeLocked(c *fakeContainer) {
	delete(f.containers, c.Name)
	close(c.gone)
	f.state(c, dev.ServiceState{State: dev.Removed})
}

func (f *Fake) end(c *fakeContainer, code int) {
	c.Running, c.ExitCode = false, code
	f.state(c, dev.ServiceState{State: dev.Exited, ExitCode: code})
}

func (f *Fake) state(c *fakeContainer, s dev.ServiceState) {
	s.Service = c.Service
	f.record(record{project: c.project, service: c.Service, id: c.ID, state: s})
}

func (f *Fake) print(c *fakeContainer, stream, text string) {
	f.record(record{project: c.project, service: c.Service, id: c.ID, stream: stream, text: text})
}

func (f *Fake) record(r record) {
	r.at = time.Now()
	f.journal = append(f.journal, r)
	close(f.grown)
	f.grown = make(chan struct{})
}

func (f *Fake) id(prefix string) string {
	f.serial++
	return prefix + fmt.Sprintf("%064x", f.serial)
}
