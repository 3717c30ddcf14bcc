package release

import (
	"context"
	"errors"
	"testing"

	"sdev/dev"
	"sdev/dev/handoff"
)

// prompter gives the answers of a test, and records the questions.
type prompter struct {
	answers map[string]string
	no      bool
	err     error
	asked   []string
}

func (p *prompter) AskValues(_ context.Context, missing []handoff.Param) (map[string]string, error) {
	for _, m := range missing {
		p.asked = append(p.asked, m.Name)
	}
	return p.answers, p.err
}

func (p *prompter) Confirm(_ context.Context, dir string) (bool, error) {
	p.asked = append(p.asked, "write "+dir)
	return !p.no, p.err
}

// value is a value of the record.
func value(r *Release, name string) handoff.Value {
	for _, v := range r.Record.Values {
		if v.Name == name {
			return v.Value
		}
	}
	return handoff.Value{}
}

const (
	forAll    = "x-sdev: {deploy: {region: eu-west-1}}\n"
	forTarget = "x-sdev: {deploy: {region: eu-west-1, test: {region: eu-north-1}}}\n"
	services  = "name: shop\nservices: {streamlit: {build: .}}\n"
)

func TestValues_TheFirstThatSaysOneDecides(t *testing.T) {
	set, answer := map[string]string{"region": "eu-south-1"}, &prompter{answers: map[string]string{"region": "eu-central-1"}}
	for name, c := range map[string]struct {
		compose string
		set     map[string]string
		person  *prompter
		want    handoff.Value
	}{
		"the command line":      {forTarget + services, set, answer, handoff.Value{Text: "eu-south-1", Source: "--set"}},
		"x-sdev of the target":  {forTarget + services, nil, answer, handoff.Value{Text: "eu-north-1", Source: "x-sdev.deploy.test.region (compose.yaml:1)"}},
		"x-sdev for all":        {forAll + services, nil, answer, handoff.Value{Text: "eu-west-1", Source: "x-sdev.deploy.region (compose.yaml:1)"}},
		"an answer":             {services, nil, answer, handoff.Value{Text: "eu-central-1", Source: "your answer"}},
		"nobody, of one asked":  {services, nil, &prompter{}, handoff.Value{Text: "REPLACE-REGION", Source: "placeholder", Placeholder: true}},
		"nobody, where none is": {services, nil, nil, handoff.Value{Text: "REPLACE-REGION", Source: "placeholder", Placeholder: true}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Set: c.set}
			if c.person != nil {
				o.Prompter = c.person
			}
			out := newRig(t, map[string]string{"compose.yaml": c.compose}).prepared(o)
			if got := value(out, "region"); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if incomplete := out.Record.Status == handoff.Incomplete; incomplete != c.want.Placeholder {
				t.Errorf("it is %s", out.Record.Status)
			}
		})
	}
}

func TestValues_OfTheProjectComeBeforeTheDefault(t *testing.T) {
	if got := value(newRig(t, nil).prepared(Options{}), "size"); got != (handoff.Value{Text: "small", Source: "default"}) {
		t.Errorf("%+v", got)
	}
	r := newRig(t, map[string]string{"compose.yaml": "name: large-shop\nservices: {streamlit: {build: .}}\n"})
	if got := value(r.prepared(Options{}), "size"); got != (handoff.Value{Text: "large", Source: "the project's name"}) {
		t.Errorf("%+v", got)
	}
}

func TestValues_AreRememberedUntilTheyAreTakenBack(t *testing.T) {
	r := newRig(t, nil)
	r.write(Options{Set: map[string]string{"region": "eu-south-1"}})
	asked := &prompter{}
	if got := value(r.prepared(Options{Prompter: asked}), "region"); got.Text != "eu-south-1" || !got.Remembered || len(asked.asked) > 0 {
		t.Errorf("%+v, asked for %q", got, asked.asked)
	}
	if got := value(r.prepared(Options{Set: map[string]string{"region": ""}}), "region"); !got.Placeholder {
		t.Errorf("taken back: %+v", got)
	}
}

func TestValues_ThatAreRefused(t *testing.T) {
	r := newRig(t, map[string]string{"compose.yaml": "x-sdev: {deploy: {test: {size: huge}}}\n" + services})
	e := dev.AsError(second(r.prepare(Options{})))
	if e.Code != dev.CodeDeployValue || e.File != "compose.yaml" || e.Line != 1 {
		t.Errorf("of the compose file: %+v", e)
	}
	r = newRig(t, nil)
	for _, o := range []Options{{Set: map[string]string{"size": "huge"}}, {Set: map[string]string{"colour": "red"}}, {Prompter: &prompter{answers: map[string]string{"region": "two\nlines"}}}} {
		if _, err := r.prepare(o); dev.AsError(err).Exit != dev.ExitUsage {
			t.Errorf("%+v: %v", o.Set, err)
		}
	}
	gone := errors.New("the terminal is gone")
	if _, err := r.prepare(Options{Prompter: &prompter{err: gone}}); !errors.Is(err, gone) || r.read("deploy/test/HANDOFF.md") != "" {
		t.Errorf("%v", err)
	}
}

func second[A, B any](_ A, b B) B { return b }
