package devtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/plan"
)

func (c *contract) noObjects() {
	want := plan.Observed{Images: []string{c.image}}
	if diff := cmp.Diff(want, c.have()); diff != "" {
		c.Errorf("-want +got:\n%s", diff)
	}
}

func (c *contract) createdObjects() {
	network, volume := c.labels.Project+"_default", c.labels.Project+"_data"
	port := freePort(c.T)
	s := c.service("app", Script{})
	s.Config.NetworkMode = ""
	s.Config.Networks = map[string]*types.ServiceNetworkConfig{network: nil}
	s.Config.Environment = types.NewMappingWithEquals([]string{"COLOUR=red and blue"})
	s.Config.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: volume, Target: "/data"}}
	s.Config.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(port), Target: 8501, Protocol: "tcp"}}
	c.do(
		plan.Operation{Verb: plan.Create, Kind: plan.Network, Name: network, Network: types.NetworkConfig{Name: network}},
		plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: volume, Volume: types.VolumeConfig{Name: volume}},
		c.create(s), c.start(s))
	have := c.have()
	if !slices.Equal(have.Networks, []plan.Resource{{Name: network}}) || !slices.Equal(have.Volumes, []plan.Resource{{Name: volume, Dir: c.labels.Dir}}) {
		c.Errorf("networks %v, volumes %v", have.Networks, have.Volumes)
	}
	got := c.one()
	if time.Since(got.Started).Abs() > time.Minute || got.ID == "" || got.Image == "" {
		c.Errorf("%+v", got)
	}
	if got.Env["COLOUR"] != "red and blue" {
		c.Errorf("environment %v", got.Env)
	}
	got.ID, got.Image, got.Started, got.Env, got.Labels = "", "", time.Time{}, nil, nil
	want := plan.Container{Name: c.labels.Project + "-app-1", Service: "app", Hash: "hash-of-app", Running: true, Reference: c.image,
		Ports: []string{fmt.Sprintf("127.0.0.1:%d->8501/tcp", port)}, Mounts: []string{"/data"}, Volumes: []string{volume}, Dir: c.labels.Dir, Ours: true}
	if diff := cmp.Diff(want, got); diff != "" {
		c.Errorf("-want +got:\n%s", diff)
	}
}

func (c *contract) createdOnly() {
	c.do(c.create(c.service("app", Script{})))
	if got := c.one(); got.Running {
		c.Errorf("%+v", got)
	}
}

func (c *contract) serviceLabels() {
	s := c.service("app", Script{})
	s.Config.Labels = types.Labels{"owner": "alice"}
	c.do(c.create(s))
	if got := c.one().Labels["owner"]; got != "alice" {
		c.Errorf("label owner is %q, want alice", got)
	}
}

func (c *contract) composeLabels() {
	c.do(c.create(c.service("app", Script{})))
	got := c.one().Labels
	for label, want := range map[string]string{
		"com.docker.compose.project": c.labels.Project, "com.docker.compose.service": "app", "com.docker.compose.oneoff": "False",
		"com.docker.compose.project.working_dir": c.labels.Dir, "com.docker.compose.project.config_files": "/work/compose.yml,/work/more.yml",
	} {
		if got[label] != want {
			c.Errorf("label %s is %q, want %q", label, got[label], want)
		}
	}
}

func (c *contract) gatewayLabels() {
	c.do(c.create(c.service("gateway", Script{})))
	got := c.one()
	if got.Service != "gateway" || got.Labels["com.docker.compose.service"] != "app" {
		c.Errorf("service %s, for Compose %s", got.Service, got.Labels["com.docker.compose.service"])
	}
}

func (c *contract) separateProjects() {
	c.do(c.create(c.service("app", Script{})))
	mine := c.labels
	c.labels.Project += "x"
	defer func() { c.clean(c.labels); c.labels = mine }()
	if have := c.have(); len(have.Containers) != 0 {
		c.Errorf("another project's containers: %+v", have.Containers)
	}
	c.do(c.create(c.service("other", Script{})))
	if got := c.one(); got.Service != "other" {
		c.Errorf("%+v", got)
	}
}

func (c *contract) removedTwice() {
	network, volume := c.labels.Project+"_default", c.labels.Project+"_data"
	c.do(plan.Operation{Verb: plan.Create, Kind: plan.Network, Name: network, Network: types.NetworkConfig{Name: network}},
		plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: volume, Volume: types.VolumeConfig{Name: volume}})
	c.run("app", Script{})
	down := plan.Down(c.have(), true)
	if len(down) != 3 {
		c.Fatalf("to be removed:\n%s", down)
	}
	c.do(down...)
	c.do(down...)
	c.noObjects()
}

func (c *contract) restarted() {
	s := c.run("app", Script{Ends: true, Code: 4})
	Eventually(c, c.one, hasStopped)
	before := c.one()
	if before.ExitCode != 4 {
		c.Errorf("exit code %d, want 4", before.ExitCode)
	}
	again := c.start(s)
	again.Verb, again.ID = plan.Restart, before.ID
	c.do(again)
	if after := c.one(); after.ID != before.ID || !after.Started.After(before.Started) {
		c.Errorf("before %+v\nafter %+v", before, after)
	}
}

func (c *contract) statesInOrder() {
	events := c.follow(plan.Follow{})
	s := c.run("job", Script{Out: []string{"working"}, Ends: true, Code: 3})
	Await(c, events, isState("job", dev.Creating, 0))
	Await(c, events, isState("job", dev.Running, 0))
	Await(c, events, isState("job", dev.Exited, 3))
	for _, have := range c.have().Containers {
		if have.Service == s.Config.Name {
			c.do(removal(have))
		}
	}
	Await(c, events, isState("job", dev.Removed, 0))
}

func (c *contract) killed() {
	events := c.follow(plan.Follow{})
	c.run("job", Script{Out: []string{"deaf"}, Deaf: true})
	Await(c, events, isLine("job", "deaf"))
	for _, have := range c.have().Containers {
		if have.Service == "job" {
			if err := c.Kill(c.Context(), have.ID); err != nil {
				c.Fatal(err)
			}
			if err := c.Kill(c.Context(), have.ID); err != nil {
				c.Errorf("again: %v", err)
			}
		}
	}
	Await(c, events, isState("job", dev.Exited, 137))
	Await(c, events, isState("job", dev.Removed, 0))
	if got := c.one(); got.Service != "beacon" {
		c.Errorf("%+v", got)
	}
}

func (c *contract) lines() {
	events := c.follow(plan.Follow{})
	c.run("job", Script{Out: []string{"\x1b[31mred\x1b[0m \tgrün", ""}, Err: []string{"50%\r\x1b]0;title\a99%"}})
	want := map[dev.Event]bool{
		dev.LogLine{Service: "job", Stream: "stdout", Text: "red     grün"}: true,
		dev.LogLine{Service: "job", Stream: "stdout", Text: ""}:             true,
		dev.LogLine{Service: "job", Stream: "stderr", Text: "99%"}:          true,
	}
	for len(want) > 0 {
		e := Await(c, events, func(ev dev.Event) bool { l, ok := ev.(dev.LogLine); return ok && l.Service == "job" })
		if !want[e.Event] {
			c.Errorf("unexpected %+v", e.Event)
		}
		if time.Since(e.Time).Abs() > time.Minute {
			c.Errorf("%+v at %s", e.Event, e.Time)
		}
		delete(want, e.Event)
	}
}

func (c *contract) pastLines() {
	c.run("job", Script{Out: []string{"one", "two", "three"}, Ends: true})
	Eventually(c, c.one, hasStopped)
	for _, try := range []struct {
		tail  int
		since time.Time
		want  []string
	}{
		{-1, time.Time{}, []string{"one", "two", "three"}},
		{2, time.Time{}, []string{"two", "three"}},
		{0, time.Time{}, nil},
		{-1, time.Now().Add(time.Hour), nil},
	} {
		var got []string
		events := &Recorder{}
		f := plan.Follow{Project: c.labels.Project, Tail: try.tail, Since: try.since}
		if err := c.Follow(c.Context(), f, events.Emit); err != nil {
			c.Fatal(err)
		}
		for _, e := range events.Events() {
			got = append(got, e.(dev.LogLine).Text)
		}
		if !slices.Equal(got, try.want) {
			c.Errorf("tail %d, since %v: %q, want %q", try.tail, try.since, got, try.want)
		}
	}
	for _, try := range []struct {
		whole bool
		want  []string
	}{{false, []string{"two", "three"}}, {true, []string{"one", "two", "three"}}} { // lines of the gateway may be events
		events := &Recorder{}
		if err := c.Follow(c.Context(), plan.Follow{Project: c.labels.Project, Gateway: "job", Tail: 2, Whole: try.whole}, events.Emit); err != nil {
			c.Fatal(err)
		}
		var got []string
		for _, e := range events.Events() {
			got = append(got, e.(dev.LogLine).Text)
		}
		if !slices.Equal(got, try.want) {
			c.Errorf("of the gateway, whole %v: %q, want %q", try.whole, got, try.want)
		}
	}
}

func (c *contract) requestedServices() {
	events := c.follow(plan.Follow{Services: []string{"job"}, Gateway: "gateway"})
	c.run("other", Script{Out: []string{"unheard"}, Ends: true})
	c.run("gateway", Script{Out: []string{"gateway"}})
	c.run("job", Script{Out: []string{"heard"}, Ends: true})
	reported := map[string]bool{}
	for !reported["line of job"] || !reported["line of gateway"] || !reported["exited job"] {
		switch e := Await(c, events, func(dev.Event) bool { return true }).Event.(type) {
		case dev.LogLine:
			reported["line of "+e.Service] = true
		case dev.ServiceState:
			reported[string(e.State)+" "+e.Service] = true
		}
	}
	for what := range reported {
		if strings.HasSuffix(what, "other") || what == "running gateway" {
			c.Errorf("reported: %s", what)
		}
	}
}

func (c *contract) gatewayLines() {
	saved := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	line, err := dev.Stamped{Seq: 7, Time: saved, Event: dev.SessionOpened{Sessions: 2}}.MarshalJSON()
	if err != nil {
		c.Fatal(err)
	}
	events := c.follow(plan.Follow{Gateway: "gateway"})
	c.run("gateway", Script{Out: []string{string(line), "panic: oh no"}})
	e := Await(c, events, func(ev dev.Event) bool { return ev == dev.SessionOpened{Sessions: 2} })
	if !e.Time.Equal(saved) {
		c.Errorf("the event's time is %s, want %s", e.Time, saved)
	}
	Await(c, events, isLine("gateway", "panic: oh no"))
}

func (c *contract) tail() {
	c.run("job", Script{Out: []string{"one", "two", "\x1b[1mthree"}, Ends: true, Code: 1})
	Eventually(c, c.one, hasStopped)
	for n, want := range map[int][]string{2: {"two", "three"}, 10: {"one", "two", "three"}} {
		if got := c.Tail(c.Context(), c.one(), n); !slices.Equal(got, want) {
			c.Errorf("last %d: %q, want %q", n, got, want)
		}
	}
	if got := c.Tail(c.Context(), plan.Container{ID: "0123456789ab"}, 2); len(got) != 0 {
		c.Errorf("of a container that is not there: %q", got)
	}
}

func (c *contract) takenPort() {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		c.Fatal(err)
	}
	defer l.Close()
	s := c.service("app", Script{})
	s.Config.NetworkMode = ""
	s.Config.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(l.Addr().(*net.TCPAddr).Port), Target: 8501, Protocol: "tcp"}}
	c.do(c.create(s))
	err = c.Do(c.Context(), c.start(s), c.labels)
	taken, ok := errors.AsType[interface {
		error
		PortTaken() bool
	}](err)
	if !ok || !taken.PortTaken() {
		c.Errorf("error %v does not say that the port is taken", err)
	}
	if have := c.have(); len(have.Containers) != 0 {
		c.Errorf("left over: %+v", have.Containers)
	}
}

func (c *contract) missingImage() {
	s := c.service("app", Script{})
	s.Config.Image = "contract.invalid/never-made:1"
	err := c.Do(c.Context(), c.create(s), c.labels)
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeImageMissing || !strings.Contains(e.Message, s.Config.Image) {
		c.Errorf("error %v", err)
	}
	if have := c.have(); len(have.Containers) != 0 {
		c.Errorf("left over: %+v", have.Containers)
	}
}

func (c *contract) joined() {
	host, guest := c.service("gateway", Script{}), c.service("app", Script{})
	c.do(c.create(host))
	op := c.create(guest)
	op.Joins = plan.ContainerName(c.labels.Project, host.Config)
	c.do(op)
	if err := c.Do(c.Context(), c.start(guest), c.labels); err == nil {
		c.Error("a container was started in the network of one that does not run")
	}
	c.do(c.start(host), c.start(guest))
	for _, have := range c.have().Containers {
		if !have.Running {
			c.Errorf("%+v", have)
		}
	}
}

// The end of its context, for whatever cause, is no error of Follow, and not an engine error in particular.
func (c *contract) followCancelled() {
	c.run("job", Script{Out: []string{"one"}})
	ctx, cancel := context.WithCancelCause(c.Context())
	cancel(errors.New("nobody reads any more"))
	if err := c.Follow(ctx, plan.Follow{Project: c.labels.Project, Tail: -1, Stay: true}, new(Recorder).Emit); err != nil {
		c.Errorf("a Follow whose context had ended: %v", err)
	}
}
