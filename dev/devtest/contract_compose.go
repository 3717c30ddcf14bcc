package devtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev/plan"
)

func (c *contract) files()         { c.withFiles(false) }
func (c *contract) filesReadOnly() { c.withFiles(true) }

func (c *contract) withFiles(readOnly bool) {
	s := c.service("job", Script{Show: []string{"/opt/deep/down/settings.toml", "/run/secrets/word"}, Ends: true})
	s.Config.ReadOnly = readOnly
	s.Files = []plan.File{
		{What: "config settings", Path: "/opt/deep/down/settings.toml", Content: []byte("from = \"file\"\n"), Mode: 0o444},
		{What: "secret word", Path: "/run/secrets/word", Content: []byte("given $in place\n"), Mode: 0o400},
	}
	c.do(c.create(s), c.start(s))
	Eventually(c, c.one, hasStopped)
	if got, want := strings.Join(c.Tail(c.Context(), c.one(), 5), "|"), `from = "file"|given $in place`; got != want {
		c.Errorf("the container read %q, want %q", got, want)
	}
}

// checked returns a service whose health check runs a command.
func (c *contract) checked(name string, s Script, command string) plan.Service {
	service := c.service(name, s)
	interval, retries := types.Duration(200*time.Millisecond), uint64(1)
	service.Config.HealthCheck = &types.HealthCheckConfig{Test: types.HealthCheckTest{"CMD", command}, Interval: &interval, Timeout: &interval, Retries: &retries}
	return service
}

func (c *contract) wait(s plan.Service, until plan.Until) error {
	op := c.start(s)
	op.Verb, op.Until = plan.Wait, until
	ctx, cancel := context.WithTimeout(c.Context(), Patience)
	defer cancel()
	return c.Do(ctx, op, c.labels)
}

func (c *contract) waitHealthy() {
	s := c.checked("db", Script{}, "true")
	hour := types.Duration(time.Hour)
	s.Config.HealthCheck.Interval = &hour // too long to wait for the engine's own first check
	c.do(c.create(s), c.start(s))
	if err := c.wait(s, plan.Healthy); err != nil {
		c.Error(err)
	}
}

func (c *contract) waitCompleted() {
	s := c.run("job", Script{Out: []string{"done"}, Ends: true})
	if err := c.wait(s, plan.Completed); err != nil {
		c.Error(err)
	}
	if got := c.one(); got.Running || got.ExitCode != 0 {
		c.Errorf("%+v", got)
	}
}

func (c *contract) waitFails() {
	failing, ending, unhealthy, unchecked := c.service("failing", Script{Ends: true, Code: 3}), c.checked("ending", Script{Ends: true}, "sleep"), c.checked("unhealthy", Script{}, "false"), c.service("unchecked", Script{})
	gone := c.service("gone", Script{})
	for _, s := range []plan.Service{failing, ending, unhealthy, unchecked} {
		c.do(c.create(s), c.start(s))
	}
	for _, try := range []struct {
		service plan.Service
		until   plan.Until
		as      func(e *plan.UnmetError) bool
	}{
		{failing, plan.Completed, func(e *plan.UnmetError) bool { return e.Container.ExitCode == 3 && !e.Container.Running }},
		{ending, plan.Healthy, func(e *plan.UnmetError) bool { return !e.Container.Running }},
		{unhealthy, plan.Healthy, func(e *plan.UnmetError) bool { return e.Container.Running && e.Container.Health == "unhealthy" }},
		{unchecked, plan.Healthy, func(e *plan.UnmetError) bool { return e.NoCheck }},
		{gone, plan.Healthy, func(e *plan.UnmetError) bool { return e.Container.ID == "" && e.Container.Service == "gone" }},
	} {
		err := c.wait(try.service, try.until)
		if unmet, ok := errors.AsType[*plan.UnmetError](err); !ok || !try.as(unmet) {
			c.Errorf("%s: %v, %+v", try.service.Config.Name, err, unmet)
		}
	}
}

func (c *contract) waitCancelled() {
	s := c.run("job", Script{})
	ctx, cancel := context.WithTimeout(c.Context(), 100*time.Millisecond)
	defer cancel()
	op := c.start(s)
	op.Verb, op.Until = plan.Wait, plan.Completed
	if err := c.Do(ctx, op, c.labels); !errors.Is(err, context.DeadlineExceeded) {
		c.Errorf("error %v", err)
	}
}

func (c *contract) hashes() {
	network, volume := c.labels.Project+"_back", c.labels.Project+"_data"
	c.do(plan.Operation{Verb: plan.Create, Kind: plan.Network, Name: network, Network: types.NetworkConfig{Name: network}, Hash: "n1"},
		plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: volume, Volume: types.VolumeConfig{Name: volume}, Hash: "v1"})
	have := c.have()
	if !slices.Equal(have.Networks, []plan.Resource{{Name: network, Hash: "n1"}}) || !slices.Equal(have.Volumes, []plan.Resource{{Name: volume, Hash: "v1", Dir: c.labels.Dir}}) {
		c.Errorf("networks %v, volumes %v", have.Networks, have.Volumes)
	}
}

func (c *contract) volumesOf() {
	volume := c.labels.Project + "_data"
	c.do(plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: volume, Volume: types.VolumeConfig{Name: volume}})
	other := *c
	other.labels.Project += "-other"
	c.Cleanup(func() { c.clean(other.labels) }) // runs first, because a volume in use cannot be removed
	for _, project := range []*contract{c, &other} {
		s := project.service("app", Script{})
		s.Config.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: volume, Target: "/data"}}
		project.do(project.create(s))
	}
	want := []plan.Resource{{Name: volume, Dir: c.labels.Dir, Users: "container " + other.one().Name}}
	if have := c.have(); !slices.Equal(have.Volumes, want) {
		c.Errorf("volumes %+v, want %+v", have.Volumes, want)
	}
}

func (c *contract) parts() {
	s := c.service("app", Script{})
	s.Parts = plan.Parts{"environment GREETING": "1"}
	c.do(c.create(s))
	if got := c.one().Labels[plan.LabelParts]; got != s.Parts.String() {
		c.Errorf("kept %q, want %q", got, s.Parts)
	}
}
