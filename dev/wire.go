package dev

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// WireVersion is the "v" of every JSON object that sdev prints. It changes whenever the meaning of a field does.
const WireVersion = 1

// Events returns one zero value of every event type, in the order of the documentation.
func Events() []Event {
	return []Event{
		PlanMade{}, BuildStep{}, BuildDone{}, ServiceState{}, Ready{}, FileChanged{}, AppReloaded{},
		AppException{}, AppRerun{}, SessionOpened{}, SessionClosed{}, AuthLogin{}, AuthDenied{}, AuthLogout{}, AuthFault{}, LogLine{}, LogDropped{}, Warning{}, Failed{}, Stopped{},
	}
}

var eventTypes = sync.OnceValue(func() map[string]reflect.Type {
	m := make(map[string]reflect.Type)
	for _, e := range Events() {
		m[e.Type()] = reflect.TypeOf(e)
	}
	return m
})

type envelope struct {
	V    int       `json:"v"`
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Type string    `json:"type"`
}

// MarshalJSON returns one flat object: v, seq, time and type, then the event's own fields. An empty list becomes
// [], never null. Characters that act on a terminal are escaped.
func (s Stamped) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(envelope{WireVersion, s.Seq, s.Time.UTC(), s.Event.Type()})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(withLists(s.Event))
	if err != nil {
		return nil, err
	}
	if bytes.Equal(body, []byte("{}")) {
		return head, nil
	}
	head[len(head)-1] = ','
	return EscapeJSON(append(head, body[1:]...)), nil
}

func withLists(e Event) Event {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	v.Set(reflect.ValueOf(e))
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.IsNil() {
			f.Set(reflect.MakeSlice(f.Type(), 0, 0))
		}
	}
	return v.Interface().(Event)
}

// UnmarshalJSON reads the output of MarshalJSON. It ignores unknown fields, and fails for an unknown type or
// version.
func (s *Stamped) UnmarshalJSON(b []byte) error {
	var env envelope
	if err := json.Unmarshal(b, &env); err != nil {
		return err
	}
	if env.V != WireVersion {
		return fmt.Errorf("event version %d, want %d", env.V, WireVersion)
	}
	t, ok := eventTypes()[env.Type]
	if !ok {
		return fmt.Errorf("unknown event type %q", env.Type)
	}
	v := reflect.New(t)
	if err := json.Unmarshal(b, v.Interface()); err != nil {
		return fmt.Errorf("event %s: %w", env.Type, err)
	}
	*s = Stamped{Seq: env.Seq, Time: env.Time, Event: v.Elem().Interface().(Event)}
	return nil
}
