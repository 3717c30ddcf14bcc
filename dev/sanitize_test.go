package dev_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"sdev/dev"
)

func TestSanitize_KeepsTextAndRemovesControls(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"plain":                  {"  You can now view your app.", "  You can now view your app."},
		"empty":                  {"", ""},
		"end of line":            {"text\r\n", "text"},
		"umlauts and emoji":      {"Grüße 🎈", "Grüße 🎈"},
		"colours":                {"\x1b[1;31mred\x1b[0m text", "red text"},
		"title":                  {"\x1b]0;owned\x07text", "text"},
		"a link":                 {"\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"},
		"cursor movement":        {"\x1b[2J\x1b[Htext", "text"},
		"bell, backspace, DEL":   {"a\ab\bc\x7fd", "abcd"},
		"C1 controls":            {"a\u009b31mb", "a31mb"},
		"a progress bar":         {"10 %\r50 %\r100 %", "100 %"},
		"a progress bar, ended":  {"10 %\r100 %\r\n", "100 %"},
		"tab":                    {"a\tb", "a    b"},
		"broken UTF-8":           {"a\xffb", "a\uFFFDb"},
		"right-to-left override": {"safe\u202eexe.txt", "safe\uFFFDexe.txt"},
		"isolates":               {"a\u2066b\u2069c", "a\uFFFDb\uFFFDc"},
		"direction marks":        {"a\u200eb\u200fc\u061cd", "a\uFFFDb\uFFFDc\uFFFDd"},
		"zero width":             {"re\u200bad\u2060y\ufeff", "re\uFFFDad\uFFFDy\uFFFD"},
		"joiners between Latin":  {"re\u200dad\u200cy", "re\uFFFDad\uFFFDy"},
		"visible characters":     {"│ … ─ 漢字 한글 é ñ ₿ →", "│ … ─ 漢字 한글 é ñ ₿ →"},
		"fillers and tags":       {"a\u3164b\U000e0041c\u00add", "a\uFFFDb\uFFFDc\uFFFDd"},
		"ends of lines":          {"a\u2028b\u2029c\u0085d", "a\uFFFDb\uFFFDcd"},
		"C1 as bytes":            {"a\x9b31mb\x9d0;x\x9cc", "a\uFFFD31mb\uFFFD0;x\uFFFDc"},
		"the clipboard":          {"a\x1b]52;c;cm0gLXJm\x07b", "ab"},
		"device control":         {"a\x1bPq#0\x1b\\b\x1b_x\x1b\\c\x1b^y\x1b\\d", "abcd"},
		"reset":                  {"a\x1bcb\x1b7\x1b8", "ab"},
		"an emoji of several":    {"👩\u200d💻 and 🏳️\u200d🌈", "👩\u200d💻 and 🏳️\u200d🌈"},
		"Persian":                {"می\u200cخواهم", "می\u200cخواهم"},
		"a password":             {"Looking in https://a:b@pypi.example/simple", "Looking in https://***@pypi.example/simple"},
	} {
		if got := dev.Sanitize(c.line); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestInline_LeavesOneLine(t *testing.T) {
	for value, want := range map[string]string{
		"Home.py":                      "Home.py",
		"a\nready    http://x\nb":      "a ready    http://x b",
		"hidden\rshown":                "hidden shown",
		"a\u2028b\u2029c\u0085d\ve\ff": "a b c d e f",
		"end\n":                        "end",
		"\x1b[2J\x1b]0;t\x07x":         "x",
	} {
		if got := dev.Inline(value); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

type named string

func TestLine_MakesValuesOfEveryTypeSafe(t *testing.T) {
	const evil = "x\n\x1b[2Jready"
	u, err := url.Parse("http://ada:pw@proxy/x")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{dev.Line("%s %d\n", evil, 3), "x ready 3\n"},
		{dev.Line("%v", errors.New(evil)), "x ready"},
		{dev.Line("%s", named(evil)), "x ready"},
		{dev.Line("%s", []byte(evil)), "x ready"},
		{dev.Line("%v", []string{evil, "b"}), "[x ready b]"},
		{dev.Line("%v", map[string]string{"k": evil}), "map[k:x ready]"},
		{dev.Line("%s", u), "http://***@proxy/x"},
		{dev.Line("%q", evil), `"x ready"`},
		{dev.Line("%-9s|", "a\n"), "a        |"},
		{dev.Line("%s", dev.Text("a\nb")), "a\nb"},
		{dev.Line("%s %v", 2*time.Second, nil), "2s <nil>"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestLines_IndentsAllButTheFirst(t *testing.T) {
	for text, want := range map[string]dev.Text{
		"one":                             "one",
		"one\r\ntwo\n\n  three\n":         "one\n  two\n\n  three",
		"no such file\nready    http://x": "no such file\n  ready    http://x",
		"a\u2028ready\x1b[2J":             "a\uFFFDready",
	} {
		if got := dev.Lines(text, "  "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Whatever is added to an event later is covered: every text in it is filled in here.
func TestSanitizeFields_ReachesEveryTextOfEveryEvent(t *testing.T) {
	const evil = "a\n\x1b]0;t\x07\u202e\u009b2J\x9bready http://u:pw@x"
	for _, e := range dev.Events() {
		v := reflect.New(reflect.TypeOf(e)).Elem()
		fillWith(v, evil)
		shown := dev.SanitizeFields(v.Interface().(dev.Event))
		text := fmt.Sprintf("%+v", shown)
		if strings.ContainsAny(text, "\x1b\u202e\u009b") || strings.Contains(text, "\nready") || strings.Contains(text, "pw@") {
			t.Errorf("%s: %q", e.Type(), text)
		}
		if again := dev.SanitizeFields(shown); !reflect.DeepEqual(again, shown) {
			t.Errorf("%s: shown again it is %+v", e.Type(), again)
		}
	}
}

func fillWith(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillWith(v.Index(0), text)
	case reflect.Struct:
		for i := range v.NumField() {
			fillWith(v.Field(i), text)
		}
	}
}

func TestSanitizeFields_KeepsTheOriginal(t *testing.T) {
	given := dev.PlanMade{Operations: []dev.Operation{{Verb: "a\nb"}}}
	if shown := dev.SanitizeFields(given); shown.Operations[0].Verb != "a b" || given.Operations[0].Verb != "a\nb" {
		t.Errorf("shown %+v, given %+v", shown, given)
	}
	type claims struct {
		At   time.Time
		All  map[string]any
		None map[string]any
		Who  *dev.Person
	}
	at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	got := dev.SanitizeFields(claims{At: at, All: map[string]any{"a\n": []any{"b\n", 1, nil}}, Who: &dev.Person{Email: "c\nd"}})
	if want := (claims{At: at, All: map[string]any{"a": []any{"b", 1, nil}}, Who: &dev.Person{Email: "c d"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEscapeJSON_KeepsValuesAndIsSafeForATerminal(t *testing.T) {
	const value = "a\x1b\x07\x7f\u0085\u009b\u061c\u200b\u200d\u202e\u2028\u2066\ufeff\U000e0041 Grüße 🎈"
	b, err := json.Marshal(map[string]string{value: value})
	if err != nil {
		t.Fatal(err)
	}
	b = dev.EscapeJSON(b)
	for _, r := range string(b) {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("holds %U: %s", r, b)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(b, &back); err != nil || back[value] != value {
		t.Errorf("%q, %v", back, err)
	}
	if !strings.Contains(string(b), "Grüße 🎈") {
		t.Errorf("text is escaped: %s", b)
	}
}

func TestStamped_JSONIsSafeForATerminal(t *testing.T) {
	b, err := json.Marshal(dev.Stamped{Seq: 1, Event: dev.Warning{Message: "a\u009b2J\u202e http://u:pw@x"}})
	if err != nil || !strings.Contains(string(b), `"message":"a\u009b2J\u202e http://***@x"`) {
		t.Errorf("%s, %v", b, err)
	}
}

// What is passed over without asking the tables is what the tables say.
func TestIsHidden_IsWhatUnicodeSays(t *testing.T) {
	for r := rune(0xa0); r <= unicode.MaxRune; r++ {
		want := unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r) && r != '\ufe0e' && r != '\ufe0f'
		if dev.IsHidden(r) != want {
			t.Errorf("%U: %v", r, !want)
		}
	}
}
