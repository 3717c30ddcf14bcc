package devtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/plan"
)

// Runtime is the subject of the contract. Package engine declares the same interface for itself.
type Runtime interface {
	Observe(ctx context.Context, project string, images []string) (plan.Observed, error)
	Do(ctx context.Context, op plan.Operation, labels plan.Labels) error
	Kill(ctx context.Context, id string) error
	Follow(ctx context.Context, f plan.Follow, emit func(time.Time, dev.Event)) error
	Tail(ctx context.Context, c plan.Container, n int) []string
}

// Images is the part of engine's interface that the contract can test without a registry.
type Images interface {
	Image(ctx context.Context, ref string) (plan.ImageInfo, bool, error)
	PortOwner(ctx context.Context, port uint16) string
}

// Catalog lists the projects of a runtime. Package session declares the same interface for itself.
type Catalog interface {
	Projects(ctx context.Context) ([]plan.Origin, error)
}

// TestCatalog tests that a catalog lists what a runtime has. open is called once per subtest.
func TestCatalog(t *testing.T, image string, open func(t *testing.T) (Runtime, Catalog)) {
	listed := func(c *contract, from Catalog) []plan.Origin {
		c.Helper()
		all, err := from.Projects(c.Context())
		if err != nil {
			c.Fatal(err)
		}
		return slices.DeleteFunc(all, func(o plan.Origin) bool { return !strings.HasPrefix(o.Name, c.labels.Project) }) // the engine may have others
	}
	t.Run("ProjectsAreListedWithTheirDirectories", func(t *testing.T) {
		r, catalog := open(t)
		c := newContract(t, image, r)
		if got := listed(c, catalog); len(got) > 0 {
			t.Errorf("listed before anything is created: %v", got)
		}
		moved := *c
		moved.labels.Project, moved.labels.Dir = c.labels.Project+"-2", c.labels.Dir+"/second"
		t.Cleanup(func() { c.clean(moved.labels) })
		for _, name := range []string{"app", "gateway"} {
			c.do(c.create(c.service(name, Script{})))
		}
		moved.do(moved.create(moved.service("app", Script{})))
		want := []plan.Origin{{Name: c.labels.Project, Dir: c.labels.Dir}, {Name: moved.labels.Project, Dir: moved.labels.Dir}}
		if got := listed(c, catalog); !slices.Equal(got, want) {
			t.Errorf("listed %v, want %v", got, want)
		}
		for _, have := range c.have().Containers {
			c.do(removal(have))
		}
		if got := listed(c, catalog); !slices.Equal(got, want[1:]) {
			t.Errorf("listed %v after a removal, want %v", got, want[1:])
		}
	})
	t.Run("ProjectsWithoutContainersAreNotListed", func(t *testing.T) {
		r, catalog := open(t)
		c := newContract(t, image, r)
		volume := c.labels.Project + "_data"
		c.do(plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: volume, Volume: types.VolumeConfig{Name: volume}})
		if got := listed(c, catalog); len(got) > 0 {
			t.Errorf("listed %v, of which only a volume exists", got)
		}
	})
}

// TestImages tests that images and port owners match what a runtime does. open is called once per subtest.
func TestImages(t *testing.T, image string, open func(t *testing.T) (Runtime, Images)) {
	t.Run("ImagesAreFoundOrNot", func(t *testing.T) {
		_, e := open(t)
		info, found, err := e.Image(t.Context(), image)
		if err != nil || !found || info.ID == "" {
			t.Errorf("%+v, %t, %v", info, found, err)
		}
		if _, found, err := e.Image(t.Context(), "contract.invalid/never-made:1"); found || err != nil {
			t.Errorf("an image that was never made: %t, %v", found, err)
		}
	})
	t.Run("ContainersRunTheImageThatIsFound", func(t *testing.T) {
		r, e := open(t)
		c := newContract(t, image, r)
		c.do(c.create(c.service("app", Script{})))
		if info, _, err := e.Image(t.Context(), image); err != nil || c.one().Image != info.ID {
			t.Errorf("image %s of the container, %s by name; %v", c.one().Image, info.ID, err)
		}
	})
	t.Run("PortsNameTheirOwner", func(t *testing.T) {
		r, e := open(t)
		c := newContract(t, image, r)
		port := freePort(t)
		s := c.service("app", Script{})
		s.Config.NetworkMode = ""
		s.Config.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(port), Target: 8501, Protocol: "tcp"}}
		c.do(c.create(s), c.start(s))
		if got := e.PortOwner(t.Context(), uint16(port)); !strings.HasPrefix(got, "container "+c.one().Name) { // from 1 to 65535
			t.Errorf("port %d belongs to %q", port, got)
		}
		c.do(removal(c.one()))
		if got := e.PortOwner(t.Context(), uint16(port)); got != "" { // from 1 to 65535
			t.Errorf("port %d belongs to %q after its container was removed", port, got)
		}
	})
}

// Promises are what only some runtimes promise. The contract tests what a runtime promises, and nothing else.
type Promises struct {
	// OwnRoot means that a container has a file system of its own: files are at their absolute paths, over whatever is
	// mounted there. Otherwise containers see the paths of this machine.
	OwnRoot bool
	// Compose means that Compose's commands work on the containers, because of their labels.
	Compose bool
}

// Everything is what a container engine promises.
func Everything() Promises { return Promises{OwnRoot: true, Compose: true} }

type cases map[string]func(*contract)

// cases returns the tests of what a runtime promises.
func (p Promises) cases() cases {
	all := cases{
		"AnUnknownProjectHasNoObjects":           (*contract).noObjects,
		"CreatedObjectsAreObserved":              (*contract).createdObjects,
		"CreateDoesNotStart":                     (*contract).createdOnly,
		"LabelsOfAServiceAreKept":                (*contract).serviceLabels,
		"ProjectsDoNotSeeEachOther":              (*contract).separateProjects,
		"RemovingAMissingObjectSucceeds":         (*contract).removedTwice,
		"RestartStartsAStoppedContainer":         (*contract).restarted,
		"StatesAreReportedInOrder":               (*contract).statesInOrder,
		"KillDoesNotWait":                        (*contract).killed,
		"LinesComeFromBothStreamsAndAreHarmless": (*contract).lines,
		"FollowOfPastLinesReturns":               (*contract).pastLines,
		"FollowReportsOnlyTheRequestedServices":  (*contract).requestedServices,
		"LinesOfTheGatewayAreEvents":             (*contract).gatewayLines,
		"FollowEndsWithItsContext":               (*contract).followCancelled,
		"TailGivesTheLastLines":                  (*contract).tail,
		"ATakenPortFailsAndLeavesNothing":        (*contract).takenPort,
		"WaitEndsOnceHealthy":                    (*contract).waitHealthy,
		"WaitEndsOnceCompleted":                  (*contract).waitCompleted,
		"WaitFailsOnceItCannotSucceed":           (*contract).waitFails,
		"WaitEndsWithItsContext":                 (*contract).waitCancelled,
		"HashesOfNetworksAndVolumesAreStored":    (*contract).hashes,
		"VolumesNameTheirDirectoryAndUsers":      (*contract).volumesOf,
		"PartsOfAContainerAreStored":             (*contract).parts,
		"AMissingImageFailsAndLeavesNothing":     (*contract).missingImage,
		"JoiningANetworkNeedsItsOwner":           (*contract).joined,
	}
	if p.OwnRoot {
		maps.Copy(all, cases{
			"FilesAreInTheContainer":                         (*contract).files,
			"FilesAreInAContainerThatIsReadOnly":             (*contract).filesReadOnly,
			"FilesInsideAMountDoNotChangeIt":                 (*contract).filesInMount,
			"FilesInsideAMountOfAReadOnlyContainer":          (*contract).filesInMountReadOnly,
			"FilesBesideAMountInsideAnother":                 (*contract).filesBesideNested,
			"FilesInsideAVolumeDoNotChangeIt":                (*contract).filesInVolume,
			"MountPointsGoWithTheLastContainerThatNeedsThem": (*contract).sharedPoints,
		})
	}
	if p.Compose {
		maps.Copy(all, cases{
			"LabelsAreThoseOfCompose":         (*contract).composeLabels,
			"ComposeTakesTheGatewayForTheApp": (*contract).gatewayLabels,
		})
	}
	return all
}

// TestRuntime tests the promises on which package engine relies, and those that the runtime gives beyond them. image is the
// reference of an existing image with Python. open returns the runtime, and is called once per subtest. Each subtest has a
// project name of its own, and removes all objects that it creates.
func TestRuntime(t *testing.T, image string, promises Promises, open func(t *testing.T) Runtime) {
	for name, test := range promises.cases() {
		t.Run(name, func(t *testing.T) { test(newContract(t, image, open(t))) })
	}
}

type contract struct {
	*testing.T
	Runtime
	image  string
	labels plan.Labels
}

func newContract(t *testing.T, image string, r Runtime) *contract {
	t.Helper()
	name := fmt.Sprintf("contract-%08x", rand.Uint32()) // a name
	c := &contract{T: t, Runtime: r, image: image, labels: plan.Labels{
		Project: name, App: "app", Gateway: "gateway", Dir: "/work/" + name, ConfigFiles: []string{"/work/compose.yml", "/work/more.yml"}}}
	t.Cleanup(func() { c.clean(c.labels) })
	return c
}

// clean kills and removes everything of a project.
func (c *contract) clean(labels plan.Labels) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), Patience)
	defer cancel()
	have, err := c.Observe(ctx, labels.Project, nil)
	if err != nil {
		c.Errorf("clean up: %v", err)
	}
	for _, container := range have.Containers {
		if err := c.Kill(ctx, container.ID); err != nil {
			c.Errorf("clean up: %v", err)
		}
	}
	for _, op := range plan.Down(plan.Observed{Networks: have.Networks, Volumes: have.Volumes}, true) {
		if err := c.Do(ctx, op, labels); err != nil {
			c.Errorf("clean up: %v", err)
		}
	}
}

func (c *contract) do(ops ...plan.Operation) {
	c.Helper()
	for _, op := range ops {
		if err := c.Do(c.Context(), op, c.labels); err != nil {
			c.Fatalf("%s %s: %v", op.Verb, op.Name, err)
		}
	}
}

func (c *contract) have() plan.Observed {
	c.Helper()
	have, err := c.Observe(c.Context(), c.labels.Project, []string{c.image, "never-made:1"})
	if err != nil {
		c.Fatal(err)
	}
	return have
}

// one returns the project's only container.
func (c *contract) one() plan.Container {
	c.Helper()
	have := c.have()
	if len(have.Containers) != 1 {
		c.Fatalf("containers %+v, want one", have.Containers)
	}
	return have.Containers[0]
}

func hasStopped(c plan.Container) bool { return !c.Running }

// service returns a service that plays a script.
func (c *contract) service(name string, s Script) plan.Service {
	config := types.ServiceConfig{Name: name}
	config.Image, config.Command, config.NetworkMode = c.image, s.Command(), "none"
	second := types.Duration(time.Second)
	config.StopGracePeriod = &second // for a process that has not installed its signal handler yet
	return plan.Service{Hash: "hash-of-" + name, Config: config}
}

func (c *contract) create(s plan.Service) plan.Operation {
	return plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: plan.ContainerName(c.labels.Project, s.Config), Service: s}
}

func (c *contract) start(s plan.Service) plan.Operation {
	op := c.create(s)
	op.Verb = plan.Start
	return op
}

func (c *contract) run(name string, s Script) plan.Service {
	c.Helper()
	service := c.service(name, s)
	c.do(c.create(service), c.start(service))
	return service
}

func removal(have plan.Container) plan.Operation {
	return plan.Operation{Verb: plan.Remove, Kind: plan.ServiceContainer, Name: have.Name, ID: have.ID}
}

// follow starts a Follow, and returns once it delivers events: once it has delivered an earlier line.
func (c *contract) follow(f plan.Follow) *Recorder {
	c.Helper()
	beacon := c.run("beacon", Script{Out: []string{"lit"}})
	if f.Services != nil {
		f.Services = append(f.Services, "beacon")
	}
	f.Project, f.Stay, f.Tail = c.labels.Project, true, -1
	s := &Recorder{}
	ctx, cancel := context.WithCancel(c.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.Follow(ctx, f, s.Emit)
	}()
	c.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			c.Errorf("Follow returned after its context ended: %v", err)
		}
	})
	Await(c, s, isLine(beacon.Config.Name, "lit"))
	return s
}

func isLine(service, text string) func(dev.Event) bool {
	return func(ev dev.Event) bool {
		l, ok := ev.(dev.LogLine)
		return ok && l.Service == service && l.Text == text
	}
}

func isState(service string, state dev.State, code int) func(dev.Event) bool {
	return func(ev dev.Event) bool { return ev == dev.ServiceState{Service: service, State: state, ExitCode: code} }
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
