package door

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

var start = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// counted numbers keys: "k1", "k2" …
func counted(kind KeyKind) KeyKind {
	n := 0
	kind.NewID = func() string { n++; return "k" + string(rune('0'+n)) }
	return kind
}

func load(t *testing.T, state string, kind KeyKind) *Keys {
	t.Helper()
	k, err := LoadKeys(state, "test", kind, start)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ids(keys []Key) (out []string) {
	for _, k := range keys {
		out = append(out, k.ID)
	}
	return out
}

func TestKeys_RotateAndStayPublishedForTheOverlap(t *testing.T) {
	for name, c := range map[string]struct {
		kind         KeyKind
		first, after string   // the key that signs, before and after a rotation
		during, late []string // published within the overlap, and after it
	}{
		"for ever":     {KeyKind{}, "k1", "k2", []string{"k2", "k1"}, []string{"k2", "k1"}},
		"for a day":    {KeyKind{Overlap: 24 * time.Hour}, "k1", "k2", []string{"k2", "k1"}, []string{"k2"}},
		"with a spare": {KeyKind{Overlap: 24 * time.Hour, Spare: true}, "k1", "k2", []string{"k3", "k2", "k1"}, []string{"k3", "k2"}},
	} {
		k := load(t, "", counted(c.kind))
		if got := k.Signing().ID; got != c.first {
			t.Errorf("%s: %s signs", name, got)
		}
		if err := k.Rotate(start); err != nil {
			t.Fatal(err)
		}
		if got := k.Signing().ID; got != c.after {
			t.Errorf("%s: then %s signs", name, got)
		}
		if got := ids(k.Published(start.Add(23 * time.Hour))); !slices.Equal(got, c.during) {
			t.Errorf("%s: published are %q", name, got)
		}
		if got := ids(k.Published(start.Add(25 * time.Hour))); !slices.Equal(got, c.late) {
			t.Errorf("%s: later published are %q", name, got)
		}
	}
}

func TestKeys_AreBounded(t *testing.T) {
	k := load(t, "", KeyKind{NewID: func() string { return RandomText(Hex, 8) }})
	for range 2 * mostKeys {
		if err := k.Rotate(start); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(k.Published(start)); n != mostKeys {
		t.Errorf("%d keys", n)
	}
}

func TestKeys_OutliveTheGateway(t *testing.T) {
	state := filepath.Join(t.TempDir(), "new")
	first := load(t, state, counted(KeyKind{}))
	if err := first.Rotate(start); err != nil {
		t.Fatal(err)
	}
	sealed, err := first.Seal("p", "text")
	if err != nil {
		t.Fatal(err)
	}
	second := load(t, state, KeyKind{NewID: func() string { return "another" }})
	var text string
	if err := second.Open("p", sealed, &text); err != nil || text != "text" || !slices.Equal(ids(second.Published(start)), []string{"k2", "k1"}) || second.Signing().ID != "k2" {
		t.Errorf("%q, %v, keys %q", text, err, ids(second.Published(start)))
	}
	if info, err := os.Stat(filepath.Join(state, "door-test-keys.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if other, err := second.Unpublished(start); err != nil || other.ID != "another" || len(second.Published(start)) != 2 {
		t.Errorf("%s, %v", other.ID, err)
	}
}

func TestKeys_ADamagedFileIsReplaced(t *testing.T) {
	for name, content := range map[string]string{
		"no JSON": "{", "no keys": "{}", "a short key": `{"seal":"AAAA","keys":[]}`,
		"a key that is none": `{"seal":"` + strings.Repeat("A", 43) + `=","keys":[{"id":"x","private":"AAAA"}]}`, "no signing key": `{"seal":"` + strings.Repeat("A", 43) + `=","keys":[]}`,
	} {
		state := t.TempDir()
		file := filepath.Join(state, "door-test-keys.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if k := load(t, state, counted(KeyKind{})); k.Signing().ID != "k1" {
			t.Errorf("%s: %q", name, ids(k.Published(start)))
		}
		if again := load(t, state, counted(KeyKind{})); again.Signing().ID != "k1" || len(again.Published(start)) != 1 {
			t.Errorf("%s: the new keys were not stored", name)
		}
	}
}

func TestKeys_AStateThatCannotBeWrittenIsAnErrorWithAHint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadKeys(filepath.Join(file, "below"), "test", counted(KeyKind{}), start) // not even root can create that
	if e, ok := errors.AsType[*dev.Error](err); !ok || e.Code != dev.CodeAuthState || e.Hint == "" {
		t.Errorf("%v", err)
	}
	k := load(t, t.TempDir(), counted(KeyKind{}))
	k.file = File{filepath.Join(file, "below"), "its keys"}
	if err := k.Rotate(start); err == nil {
		t.Error("no error")
	}
}

func TestSealer_OpensOnlyWhatItSealedForThePurpose(t *testing.T) {
	k, other := load(t, "", counted(KeyKind{})), load(t, "", counted(KeyKind{}))
	type value struct {
		Text string `json:"text"`
	}
	sealed, err := k.Seal("session", value{"<a&b>"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := k.Seal("session", value{"<a&b>"})
	if err != nil || again == sealed {
		t.Errorf("the same text twice: %v", err)
	}
	if strings.Trim(sealed, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("%q is no text of a cookie", sealed)
	}
	var got value
	if err := k.Open("session", sealed, &got); err != nil || got.Text != "<a&b>" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, open := range map[string]func() error{
		"another purpose": func() error { return k.Open("state", sealed, &got) },
		"another key":     func() error { return other.Open("session", sealed, &got) },
		"changed":         func() error { return k.Open("session", "A"+sealed[1:]+"A", &got) },
		"cut off":         func() error { return k.Open("session", sealed[:len(sealed)-1], &got) },
		"empty":           func() error { return k.Open("session", "", &got) },
		"no base64":       func() error { return k.Open("session", "&", &got) },
		"another type":    func() error { return k.Open("session", sealed, new(int)) },
	} {
		if err := open(); !errors.Is(err, ErrSeal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Seal("p", func() {}); err == nil || strings.Contains(err.Error(), "0x") {
		t.Errorf("%v", err)
	}
}

func TestObject_KeepsTheOrderAndEscapesLittle(t *testing.T) {
	got, err := Object(Member{"z", "<a&b>"}, Member{"a", 1}, Member{"\"", nil}, Member{"l", []string{"x"}})
	if want := `{"z":"<a&b>","a":1,"\"":null,"l":["x"]}`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	if empty, err := Object(); err != nil || string(empty) != "{}" {
		t.Errorf("%s, %v", empty, err)
	}
	if _, err := Object(Member{"f", func() {}}); err == nil || !bytes.Contains([]byte(err.Error()), []byte("f")) {
		t.Errorf("%v", err)
	}
}
