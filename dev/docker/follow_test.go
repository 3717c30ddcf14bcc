package docker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/plan"
)

// The gateway numbers its events, so a missing number is a lost event.
func TestLines_ReportLostEventsOfTheGateway(t *testing.T) {
	var text strings.Builder
	write := func(seq uint64) {
		line, err := dev.Stamped{Seq: seq, Time: time.Unix(1, 0).UTC(), Event: dev.SessionOpened{Sessions: int(seq)}}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("2026-11-28T10:00:00.000000001Z " + string(line) + "\n")
	}
	for _, seq := range []uint64{7, 8, 11, 1, 2} { // the tail of a log; two lost; a gateway that restarted
		write(seq)
	}
	var got []dev.Event
	r := &follower{Follow: plan.Follow{Gateway: "gateway"}, emit: func(_ time.Time, ev dev.Event) { got = append(got, ev) }}
	r.lines(strings.NewReader(text.String()), "gateway", "stdout")
	want := []dev.Event{dev.SessionOpened{Sessions: 7}, dev.SessionOpened{Sessions: 8}, dev.LogDropped{N: 2}, dev.SessionOpened{Sessions: 11}, dev.SessionOpened{Sessions: 1}, dev.SessionOpened{Sessions: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
