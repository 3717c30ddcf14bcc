package tui

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
)

// hostile is what any text of others may hold.
const hostile = "x\x1b]0;t\x07\x1b[2J\x1b]52;c;eA==\x07\u009b2J\x9b2J\u202e\u2066\u200b\u2028\r\nready http://u:pw@evil/"

// fillAll makes every text of a value hostile, whatever is added to it later.
func fillAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Int, reflect.Int64, reflect.Uint64:
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillAll(v.Index(0))
		fillAll(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(hostile), reflect.ValueOf(hostile).Convert(v.Type().Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fillAll(f)
			}
		}
	}
}

func filled[T any]() T {
	var v T
	fillAll(reflect.ValueOf(&v).Elem())
	return v
}

func TestPanes_AreFitForATerminalWhateverIsInThem(t *testing.T) {
	for _, width := range []int{20, 80, 160} {
		for _, running := range []bool{false, true} {
			r := newRig(t, width, 40)
			r.host.facts = filled[Facts]()
			r.host.facts.Running = running
			r.host.use, r.host.excerpt, r.host.targets = filled[[]Usage](), filled[[]SourceLine](), filled[[]Target]()
			r.host.checks = map[string]Checks{dev.Inline(hostile): filled[Checks]()}
			r.m.applyFacts(factsMsg{facts: dev.SanitizeFields(r.host.facts)})
			for _, e := range dev.Events() {
				v := reflect.New(reflect.TypeOf(e)).Elem()
				fillAll(v)
				r.happen(v.Interface().(dev.Event))
				for _, pane := range []string{"1", "2", "3", "4", "5"} {
					r.keys(pane)
					r.checkFit(e.Type() + " in pane " + pane)
				}
			}
			r.send(doneMsg{result: hostile})
			r.checkFit("what was done")
			r.send(doneMsg{err: errors.New(hostile)})
			r.checkFit("what failed")
			r.send(shellMsg{errors.New(hostile)})
			r.checkFit("the shell")
		}
	}
}

// checkFit fails where the view holds a control sequence other than a look, or anything hidden.
func (r *rig) checkFit(what string) {
	r.t.Helper()
	view := r.m.View()
	if safe(view.WindowTitle) != view.WindowTitle {
		r.t.Errorf("%s: the title is %q", what, view.WindowTitle)
	}
	if strings.Contains(view.Content, "pw@") {
		r.t.Errorf("%s: tells a password", what)
	}
	var state byte
	for text := view.Content; text != ""; {
		part, width, n, next := ansi.DecodeSequence(text, state, nil)
		look := strings.HasPrefix(part, "\x1b[") && strings.HasSuffix(part, "m")
		if width == 0 && part != "\n" && !look || strings.ContainsAny(part, "\u202e\u2066\u200b\u2028") {
			r.t.Errorf("%s: holds %q", what, part)
			return
		}
		text, state = text[n:], next
	}
}
