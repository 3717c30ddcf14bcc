package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"go.uber.org/goleak"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/plan"
	"sdev/dev/process"
)

// The test binary is also the program of keepers, and the sdev that tests kill. The first argument says which.
const (
	asKeeper = "be-a-keeper"
	asSdev   = "be-an-sdev"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == asKeeper:
		k := process.Keeper{Out: os.Stdout, Environ: os.Environ()}
		if err := process.Keep(context.Background(), k, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	case len(os.Args) > 1 && os.Args[1] == asSdev:
		beSdev(os.Args[2])
	default:
		goleak.VerifyTestMain(m)
	}
}

// image is the image that every runtime of a test has: this machine's Python.
const image = "python"

// open returns a runtime with a state of its own.
func open(t *testing.T) *process.Runtime {
	t.Helper()
	return openAt(t, options(t.TempDir()))
}

func options(dir string) process.Options {
	executable, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return process.Options{State: filepath.Join(dir, "state"), Cache: filepath.Join(dir, "cache"), Keeper: []string{executable, asKeeper}, Environ: os.Environ(),
		Recipe: func(_ context.Context, b plan.Build) (process.Recipe, error) {
			return process.Recipe{Service: b.Service, Dir: dir}, nil
		}}
}

func openAt(t *testing.T, o process.Options) *process.Runtime {
	t.Helper()
	r := process.New(o)
	if _, err := r.Build(t.Context(), plan.Build{Service: "app", Tag: image}, func(dev.Event) {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// world is a project on a runtime.
type world struct {
	*testing.T
	*process.Runtime
	options process.Options
	labels  plan.Labels
}

func newWorld(t *testing.T) *world {
	t.Helper()
	o := options(t.TempDir())
	w := &world{T: t, Runtime: openAt(t, o), options: o, labels: plan.Labels{Project: "demo", App: "app", Gateway: "gateway", Dir: "/work/demo"}}
	t.Cleanup(w.clean)
	return w
}

// clean removes every container.
func (w *world) clean() {
	for _, c := range w.containers() {
		if err := w.Kill(context.WithoutCancel(w.Context()), c.ID); err != nil {
			w.Error(err)
		}
	}
}

func (w *world) containers() []plan.Container {
	w.Helper()
	have, err := w.Observe(context.WithoutCancel(w.Context()), w.labels.Project, nil)
	if err != nil {
		w.Fatal(err)
	}
	return have.Containers
}

func (w *world) one() plan.Container {
	w.Helper()
	all := w.containers()
	if len(all) != 1 {
		w.Fatalf("containers %+v, want one", all)
	}
	return all[0]
}

// service is a service that runs a Python program.
func service(program string, args ...string) plan.Service {
	config := types.ServiceConfig{Name: "app"}
	config.Image, config.Command = image, append([]string{"python", "-c", program}, args...)
	grace := types.Duration(10 * time.Second)
	config.StopGracePeriod = &grace
	return plan.Service{Config: config}
}

func operation(verb plan.Verb, s plan.Service, labels plan.Labels) plan.Operation {
	return plan.Operation{Verb: verb, Kind: plan.ServiceContainer, Name: plan.ContainerName(labels.Project, s.Config), Service: s}
}

func (w *world) operation(verb plan.Verb, s plan.Service) plan.Operation {
	return operation(verb, s, w.labels)
}

func (w *world) do(op plan.Operation) {
	w.Helper()
	if err := w.Do(w.Context(), op, w.labels); err != nil {
		w.Fatalf("%s %s: %v", op.Verb, op.Name, err)
	}
}

func (w *world) run(s plan.Service) {
	w.Helper()
	w.do(w.operation(plan.Create, s))
	w.do(w.operation(plan.Start, s))
}

// printed waits until the container has printed so many lines, and returns them.
func (w *world) printed(n int) []string {
	w.Helper()
	var lines []string
	devtest.Eventually(w, func() []string { lines = w.Tail(w.Context(), w.one(), 100); return lines }, func(lines []string) bool { return len(lines) >= n })
	return lines
}

// ended waits until the container does not run any more.
func (w *world) ended() plan.Container {
	w.Helper()
	var last plan.Container
	devtest.Eventually(w, func() plan.Container { last = w.one(); return last }, func(c plan.Container) bool { return !c.Running })
	return last
}

// order is what an sdev that is a process of its own does.
type order struct {
	Options struct {
		State, Cache string
		Keeper       []string
		Attached     bool
	}
	Labels  plan.Labels
	Command []string // of the service that it creates and starts
	Grace   types.Duration
	Detach  bool
}

// beSdev carries out an order, prints a line, and then waits to be killed.
func beSdev(text string) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	r := process.New(process.Options{State: o.Options.State, Cache: o.Options.Cache, Keeper: o.Options.Keeper, Attached: o.Options.Attached, Environ: os.Environ()})
	s := service("")
	s.Config.Command, s.Config.StopGracePeriod = o.Command, &o.Grace
	for _, verb := range []plan.Verb{plan.Create, plan.Start} {
		if err := r.Do(context.Background(), operation(verb, s, o.Labels), o.Labels); err != nil {
			fmt.Fprintln(os.Stdout, err)
			return
		}
	}
	if o.Detach {
		if err := r.Detach(); err != nil {
			fmt.Fprintln(os.Stdout, err)
			return
		}
	}
	fmt.Fprintln(os.Stdout, "done")
	_, _ = os.Stdin.Read(make([]byte, 1))
}
