package streamlit

import (
	"bytes"
	"testing"
)

// The frames were written by each version's own protobuf classes; the expected replay is the same
// message with the fields taken out there.
func TestParseBack_ReplaysWhatLasts(t *testing.T) {
	for _, v := range versions {
		msg := frame(t, v+"-rerun")
		if got := PeekBack(msg[:1]); got != Keep {
			t.Errorf("%s: verdict %d", v, got)
		}
		r, ok, err := ParseBack(msg)
		if err != nil || !ok || !r.Auto {
			t.Fatalf("%s: %+v, %v, %v", v, r, ok, err)
		}
		if want := frame(t, v+"-rerun-replay"); !bytes.Equal(r.Replay, want) {
			t.Errorf("%s: replay\n%q\nwant\n%q", v, r.Replay, want)
		}
		again, ok, err := ParseBack(r.Replay)
		if err != nil || !ok || again.Auto || !bytes.Equal(again.Replay, r.Replay) {
			t.Errorf("%s: a replay replayed is %+v, %v, %v", v, again, ok, err)
		}
	}
}

func TestParseBack_LeavesOtherRequestsAlone(t *testing.T) {
	stop := []byte{0x38, 0x01} // stop_script
	if PeekBack(stop) != Skip {
		t.Error("stop_script is kept")
	}
	if _, ok, err := ParseBack(stop); ok || err != nil {
		t.Errorf("stop_script: %v, %v", ok, err)
	}
}

func TestParseBack_RefusesGarbage(t *testing.T) {
	whole := frame(t, "167-rerun")
	for _, b := range [][]byte{{0x5a, 0xff}, whole[:len(whole)-3], {0x5a, 0x03, 0x12, 0x02, 0x0a}} {
		if _, ok, err := ParseBack(b); err == nil || ok {
			t.Errorf("%x: %v, %v", b, ok, err)
		}
	}
}

func TestRerunMain_IsAnEmptyRequest(t *testing.T) {
	if got := RerunMain(); !bytes.Equal(got, []byte{0x5a, 0x00}) {
		t.Errorf("%x", got)
	}
}

func TestDevEnv_KeepsTheServerToItself(t *testing.T) {
	env := DevEnv(18501)
	for name, want := range map[string]string{
		"STREAMLIT_SERVER_ADDRESS":     "127.0.0.1",
		"STREAMLIT_SERVER_PORT":        "18501",
		"STREAMLIT_SERVER_RUN_ON_SAVE": "true",
		"PYTHONDONTWRITEBYTECODE":      "1",
	} {
		if env[name] != want {
			t.Errorf("%s=%q, want %q", name, env[name], want)
		}
	}
	for name := range env {
		switch name {
		case "STREAMLIT_SERVER_ENABLE_CORS", "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION":
			t.Errorf("%s is set: protection must be as in production", name)
		}
	}
}
