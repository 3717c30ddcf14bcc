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
	// Auto says that nobody did anything: a fragment's timer asked.
	Auto bool
	// Replay is the BackMsg that asks for the same page with the same widget values once more: the
	// whole page, nothing pressed, nothing typed into a chat.
	Replay []byte
}

// RerunMain is the BackMsg that asks for the app's first page.
func RerunMain() []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, backRerun, protowire.BytesType), nil)
}

// PeekBack says from the first bytes of a BackMsg whether it asks for a run.
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

// ParseBack decodes a BackMsg; ok is false when it is sound but does not ask for a run.
func ParseBack(msg []byte) (rerun Rerun, ok bool, err error) {
	err = fields(msg, func(num protowire.Number, v value) error {
		if num != backRerun {
			return nil
		}
		ok = true
		state, auto, err := lasting(v.bytes)
		rerun.Auto = auto
		rerun.Replay = protowire.AppendBytes(protowire.AppendTag(nil, backRerun, protowire.BytesType), state)
		return err
	})
	if err != nil {
		return Rerun{}, false, fmt.Errorf("decode BackMsg: %w", err)
	}
	return rerun, ok, nil
}

// lasting copies a ClientState without what was meant for one moment: triggers, the fragment that
// was to run alone, and the messages the browser holds, which a new server has never sent.
func lasting(state []byte) (kept []byte, auto bool, err error) {
	kept, err = without(state, func(num protowire.Number, raw value) (drop bool, instead []byte, err error) {
		switch num {
		case clientAuto:
			auto = raw.number != 0
			return true, nil, nil
		case clientFragment, clientCachedHashes, clientHistory:
			return true, nil, nil
		case clientWidgets:
			instead, err = without(raw.bytes, func(num protowire.Number, raw value) (bool, []byte, error) {
				pressed, err := isTrigger(raw.bytes)
				return num == widgetsWidget && pressed, nil, err
			})
			return false, instead, err
		}
		return false, nil, nil
	})
	return kept, auto, err
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

// without copies a message field by field. judge may drop a field, or give other bytes for it.
func without(msg []byte, judge func(protowire.Number, value) (drop bool, instead []byte, err error)) ([]byte, error) {
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
