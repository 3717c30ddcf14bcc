package tui

import (
	"errors"
	"testing"

	"sdev/dev"
)

func TestDeploy_ChecksAndRendersTheTargetUnderTheCursor(t *testing.T) {
	r := newRig(t, 100, 40)
	handedOver(r)
	r.keys("5")
	r.sees("5 Deploy", "ecs-cognito", "LAST HAND-OFF TO ECS", "with uncommitted changes")
	r.keys("c")
	r.sees("2 blocking, 1 warning, 1 note, 1 suppressed", "docker-compose.yml:12", "→ take the line out", "until 2026-04-14: the platform maps root")
	r.keys("down", "c")
	r.sees("none yet", "nothing blocks")
	r.keys("enter")
	r.sees("Render the files for ecs-cognito?", "deploy/ecs-cognito")
	r.keys("n")
	if a := r.host.last(); a.Do == Render {
		t.Errorf("it was done all the same: %+v", a)
	}
	r.host.targets[1].Status = "ready"
	r.keys("enter", "y")
	if a := r.host.last(); a.Do != Render || a.Target != "ecs-cognito" {
		t.Errorf("done: %+v", a)
	}
	r.sees("done: render")
	r.seesNot("none yet") // the list was looked for again
	r.keys("up", "up", "down", "down", "down")
	r.sees("LAST HAND-OFF TO CLOUD-RUN")
}

func TestDeploy_SaysWhatCannotBeDone(t *testing.T) {
	r := newRig(t, 100, 40)
	handedOver(r)
	r.keys("5")
	r.host.fails = &dev.Error{Code: dev.CodeProjectInvalid, Message: "no such target", Hint: "look again"}
	r.keys("c")
	r.sees("no such target (look again)")
	r.host.fails = nil
	r.m.state.doing = "rebuilding"
	r.keys("c")
	r.sees("busy: rebuilding")
	r.m.state.doing = ""

	empty := newRig(t, 100, 40)
	empty.host.fails = errors.New("it is broken")
	empty.keys("5", "c", "enter", "down", "G")
	empty.sees("it is broken")
	if a := empty.host.last(); a.Do != "" {
		t.Errorf("done: %+v", a)
	}
}
