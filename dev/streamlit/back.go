package streamlit

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers, from BackMsg.proto, ClientState.proto and WidgetStates.proto.
const (
	backRerun = 11

	clientWidgets      = 2
	clientFragment     = 5
	clientAuto         = 6
	clientCachedHashes = 7
	clientHistory      = 9

	widgetsWidget = 1

	widgetTrigger       = 2
	widgetStringTrigger = 14
	widgetChatInput     = 15
	widgetJSONTrigger   = 16
)

// Rerun is a browser's request to run the script.
type Rerun struct {
	// Auto says that a fragment's timer made the request, not the user.
	Auto bool
	// Fragment says that only a fragment shall run.
	Fragment bool
	// Replay is the BackMsg that runs the same page again with the same widget values: the whole page, without
	// pressing a button or sending a chat message.
	Replay []byte
}

// RerunMain is the BackMsg that runs the app's first page.
func RerunMain() []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, backRerun, protowire.BytesType), nil)
}

// PeekBack decides from the first bytes of a BackMsg whether it requests a run.
func PeekBack(prefix []byte) Verdict {
	num, typ, n := protowire.ConsumeTag(prefix)
	switch {
	case n < 0:
		return undecided(n)
	case num == backRerun && typ == protowire.BytesType:
		return Keep
	}
	return Skip
}

// ParseBack decodes a BackMsg; ok is false if it is valid but requests no run.
func ParseBack(msg []byte) (rerun Rerun, ok bool, err error) {
	err = fields(msg, func(num protowire.Number, v value) error {
		if num != backRerun {
			return nil
		}
		ok = true
		state, err := rerun.read(v.bytes)
		rerun.Replay = protowire.AppendBytes(protowire.AppendTag(nil, backRerun, protowire.BytesType), state)
		return err
	})
	if err != nil {
		return Rerun{}, false, fmt.Errorf("decode BackMsg: %w", err)
	}
	return rerun, ok, nil
}

// read reads a ClientState, and copies it without its transient parts: triggers, the fragment to run, and the hashes of
// messages that the browser has cached, which a new server has never sent.
func (r *Rerun) read(state []byte) (kept []byte, err error) {
	return filterFields(state, func(num protowire.Number, raw value) (drop bool, instead []byte, err error) {
		switch num {
		case clientAuto:
			r.Auto = raw.number != 0
			return true, nil, nil
		case clientFragment:
			r.Fragment = len(raw.bytes) > 0
			return true, nil, nil
		case clientCachedHashes, clientHistory:
			return true, nil, nil
		case clientWidgets:
			instead, err = filterFields(raw.bytes, func(num protowire.Number, raw value) (bool, []byte, error) {
				pressed, err := isTrigger(raw.bytes)
				return num == widgetsWidget && pressed, nil, err
			})
			return false, instead, err
		}
		return false, nil, nil
	})
}

func isTrigger(widget []byte) (trigger bool, err error) {
	err = fields(widget, func(num protowire.Number, _ value) error {
		switch num {
		case widgetTrigger, widgetStringTrigger, widgetChatInput, widgetJSONTrigger:
			trigger = true
		}
		return nil
	})
	return trigger, err
}

// filterFields copies a message field by field. judge may drop a field or replace its bytes.
func filterFields(msg []byte, judge func(protowire.Number, value) (drop bool, instead []byte, err error)) ([]byte, error) {
	kept := make([]byte, 0, len(msg))
	rest := msg
	err := fields(msg, func(num protowire.Number, v value) error {
		_, typ, n := protowire.ConsumeTag(rest)
		n += protowire.ConsumeFieldValue(num, typ, rest[n:])
		field := rest[:n]
		rest = rest[n:]
		drop, instead, err := judge(num, v)
		switch {
		case err != nil || drop:
			return err
		case instead != nil:
			kept = protowire.AppendBytes(protowire.AppendTag(kept, num, protowire.BytesType), instead)
		default:
			kept = append(kept, field...)
		}
		return nil
	})
	return slices.Clip(kept), err
}
