package docker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
)

// The output of a classic builder, as engine 20.10 sends it.
const classicStream = `{"stream":"Step 1/3 : FROM sdev-ca:123"}
{"stream":"\n"}
{"status":"Pulling from library/python","id":"3.11"}
{"stream":" ---\u003e ff08ec581c9f\n"}
{"stream":"Step 2/3 : COPY . ."}
{"stream":"\n"}
{"stream":" ---\u003e Using cache\n"}
{"stream":" ---\u003e 1d2c3b4a5f6e\n"}
{"stream":"Step 3/3 : RUN   make"}
{"stream":"\n"}
{"stream":" ---\u003e Running in 7c1d2e3f\n"}
{"stream":"first\nsec"}
{"stream":"ond\n\u001b[91mlast"}
`

func TestClassicSteps_AreReportedLikeBuildKits(t *testing.T) {
	var events []dev.Event
	now := time.Unix(0, 0)
	steps := &classicSteps{service: "app", names: strings.NewReplacer("sdev-ca:123", "python:3.11"), now: func() time.Time { now = now.Add(3 * time.Millisecond); return now },
		emit: func(e dev.Event) { events = append(events, e) }}
	err := steps.read(strings.NewReader(classicStream + `{"errorDetail":{"code":2,"message":"returned 2"},"error":"returned 2"}`))
	if err == nil || err.Error() != "returned 2" {
		t.Errorf("%v", err)
	}
	step := func(n int, text string, ms int64, cached bool) dev.Event {
		return dev.BuildStep{Service: "app", Step: n, Total: 3, Text: text, MS: ms, Cached: cached}
	}
	want := []dev.Event{step(1, "FROM python:3.11", 0, false), step(1, "FROM python:3.11", 3, false), step(2, "COPY . .", 0, false), step(2, "COPY . .", 3, true), step(3, "RUN   make", 0, false)}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Error(diff)
	}
	name, output := steps.failure(err)
	if name != "3, RUN   make" || !cmp.Equal(output, []string{"first", "second", "last"}) {
		t.Errorf("%s: %q", name, output)
	}
}

func TestClassicSteps_ThatEndWellHaveNoFailure(t *testing.T) {
	steps := &classicSteps{names: strings.NewReplacer(), now: time.Now, emit: func(dev.Event) {}}
	if err := steps.read(strings.NewReader(classicStream)); err != nil {
		t.Fatal(err)
	}
	if name, output := steps.failure(nil); name != "" || output != nil {
		t.Errorf("%s %q", name, output)
	}
	if err := steps.read(strings.NewReader(`{"stream":`)); err == nil {
		t.Error("a stream that breaks off is taken for one that ends")
	}
}

// The output of podman's builder, as version 5.8 sends it.
const podmanStream = `{"stream":"[1/2] STEP 1/2: FROM docker.io/library/python:3.11 AS base\n"}
{"stream":"[1/2] STEP 2/2: WORKDIR /app\n"}
{"stream":"--\u003e Using cache 8a9d9b787573\n"}
{"stream":"--\u003e 8a9d9b787573\n"}
{"stream":"[2/2] STEP 1/2: FROM 8a9d9b787573\n"}
{"stream":"[2/2] STEP 2/2: RUN make   \"all\"\n"}
{"stream":"what went wrong\n"}
{"stream":"one\ntwo\n"}
{"stream":"STEP 1/1: FROM 8a9d9b787573ff3102627a5bf6480ac915aa1ffb61c3bec86743bf6d053924bf AS other\n"}
{"error":"building at STEP \"RUN make \\\"all\\\"\": while running runtime: exit status 3\n"}
`

func TestClassicSteps_OfPodmanShowTheFailedStepsOutput(t *testing.T) {
	var events []dev.BuildStep
	steps := &classicSteps{names: strings.NewReplacer(), now: time.Now, emit: func(e dev.Event) { events = append(events, e.(dev.BuildStep)) }}
	err := steps.read(strings.NewReader(podmanStream))
	if err == nil {
		t.Fatal("a failed build is taken for one that ends well")
	}
	name, output := steps.failure(err)
	if name != "2, RUN make   \"all\"" || !cmp.Equal(output, []string{"what went wrong", "one", "two"}) {
		t.Errorf("%s: %q", name, output)
	}
	if len(events) != 9 || events[8].Text != "FROM 8a9d9b787573 AS other" || !events[3].Cached || events[3].Text != "WORKDIR /app" || events[5].Cached || events[6].Total != 2 {
		t.Errorf("%+v", events)
	}
	message := dev.AsError((&recipe{}).failed(err, name, output)).Message
	if want := "step 2, RUN make \"all\"\n  what went wrong\n  one\n  two"; !strings.HasSuffix(message, want) {
		t.Errorf("%q does not end with %q", message, want)
	}
}
