package engine_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// A service's port belongs to the first checkout even while that is down.
func TestUp_MovesThePortsOfServicesInASecondCheckout(t *testing.T) {
	r := newRig(t)
	usual := freePort(t)
	db := dev.PublishedPort{Service: "db", Target: 5432, Protocol: "tcp", Port: usual}
	udp := dev.PublishedPort{Service: "db", Target: 53, Protocol: "udp", Port: usual}
	r.project.Separate = []dev.PublishedPort{db, udp}
	r.up(engine.Request{})
	first := r.usedPorts.Moved
	if first[db] <= usual || first[udp] <= usual || first[db] == first[udp] {
		t.Fatalf("ports %v, of %d", first, usual)
	}
	var said []string
	for _, ev := range r.Events() {
		if w, ok := ev.(dev.Warning); ok && w.Code == dev.CodePortMoved {
			said = append(said, w.Message+"; "+w.Hint)
		}
	}
	if len(said) != 2 || !strings.Contains(said[0], "service db is at port "+strconv.Itoa(first[db])+" here: "+strconv.Itoa(usual)) || !strings.Contains(said[0], "127.0.0.1:"+strconv.Itoa(first[db])) {
		t.Errorf("said %q", said)
	}
	before := len(r.Events())
	r.up(engine.Request{})
	if again := r.usedPorts.Moved; again[db] != first[db] || again[udp] != first[udp] {
		t.Errorf("then %v, before %v", again, first)
	}
	if slices.ContainsFunc(r.Events()[before:], func(ev dev.Event) bool { return ev.Type() == "warning" }) {
		t.Errorf("said twice: %v", r.Events()[before:])
	}
	if kept := engine.LastMoved(r.project.StateDir, r.project.Separate); kept[db] != first[db] || kept[udp] != first[udp] {
		t.Errorf("kept %v", kept)
	}
	// Another program takes the port while the project is down.
	if err := r.engine().Down(t.Context(), t.Context(), r.project, false); err != nil {
		t.Fatal(err)
	}
	listen(t, first[db])
	r.up(engine.Request{})
	if got := r.usedPorts.Moved[db]; got == first[db] || got <= usual {
		t.Errorf("port %d is taken, and it uses %d", first[db], got)
	}
}

// The service's own container is no reason to move its port again.
func TestUp_KeepsThePortThatItsOwnServiceUses(t *testing.T) {
	r := newRig(t)
	usual := freePort(t)
	wanted := dev.PublishedPort{Service: "db", Target: 5432, Protocol: "tcp", Port: usual}
	r.project.Separate = []dev.PublishedPort{wanted}
	r.up(engine.Request{})
	port := r.usedPorts.Moved[wanted]
	db := types.ServiceConfig{Name: "db"}
	db.Image = gatewayImage
	db.Ports = []types.ServicePortConfig{{HostIP: "127.0.0.1", Published: strconv.Itoa(port), Target: 5432, Protocol: "tcp"}}
	r.addServices(db)
	r.project.Images = append(r.project.Images, plan.ImageSource{Service: "db", Ref: gatewayImage})
	r.up(engine.Request{})
	listen(t, port) // as the engine does for a container
	r.up(engine.Request{})
	if got := r.usedPorts.Moved[wanted]; got != port {
		t.Errorf("moved from %d to %d", port, got)
	}
}

// "down --all" finds projects by sdev's labels alone.
func TestDown_OfAFoundProjectRemovesWhatSdevCreatedThere(t *testing.T) {
	for name, gone := range map[string]bool{"its directory exists": false, "its directory is gone": true} {
		t.Run(name, func(t *testing.T) {
			first, second := clones(t)
			first.up(engine.Request{})
			own, other := first.project.Labels.Dir, second.project.Labels.Dir
			makeVolume(t, first.fake, "shop_other", other)
			first.fake.Foreign(plan.Labels{Project: "shop", Dir: own}, "compose")
			if gone {
				if err := os.RemoveAll(own); err != nil {
					t.Fatal(err)
				}
			}
			found := engine.Project{Name: "shop", Found: true, StateDir: filepath.Join(own, ".sdev"), Labels: plan.Labels{Project: "shop", Dir: own}}
			if err := first.engine().Down(t.Context(), t.Context(), found, true); err != nil {
				t.Fatal(err)
			}
			have, err := first.fake.Observe(t.Context(), "shop", nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(have.Containers) != 1 || have.Containers[0].Service != "compose" {
				t.Errorf("left are %+v", have.Containers)
			}
			if len(have.Volumes) != 1 || have.Volumes[0].Name != "shop_other" {
				t.Errorf("volumes %+v", have.Volumes)
			}
			events := first.Events()
			if stopped, ok := events[len(events)-1].(dev.Stopped); !ok || stopped.Project != "shop" {
				t.Errorf("the last event is %+v", events[len(events)-1])
			}
		})
	}
}

// Systems do not resolve names below localhost; browsers do.
func TestUp_WaitsForAPageAtANameBelowLocalhost(t *testing.T) {
	r := newRig(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://shop-7f3a.localhost:" + port
	if run := r.up(engine.Request{}); run.URL != r.url {
		t.Errorf("ready at %s", run.URL)
	}
}
