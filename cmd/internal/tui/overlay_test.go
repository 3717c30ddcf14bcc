package tui

import (
	"reflect"
	"testing"
)

// An overlay is used as the router uses it, without a model.
func TestOverlays_AnswerWithWhatWasChosen(t *testing.T) {
	down := request{"stopping", Action{Do: Down}}
	rows := []choice{{"local", "", request{"switching", Action{Do: Switch}}}, {"rebuild", "", cmdRebuild}}
	for name, c := range map[string]struct {
		overlay overlay
		keys    []string
		want    answer
	}{
		"a confirmed question": {&question{confirmed: down}, []string{"x", "y"}, down},
		"a question":           {&question{confirmed: down}, []string{"enter"}, nil},
		"the first of a menu":  {newMenu("", rows), []string{"enter"}, rows[0].chosen},
		"the next of a menu":   {newMenu("", rows), []string{"down", "enter"}, cmdRebuild},
		"a menu left":          {newMenu("", rows), []string{"down", "esc"}, nil},
		"a prompt":             {newPrompt(cmdFilter, "", "", "level:"), []string{"w", "enter"}, typed{cmdFilter, "level:w"}},
		"a prompt left":        {newPrompt(cmdFilter, "", "", "level:"), []string{"w", "esc"}, nil},
		"the help":             {newHelp(inLogs), []string{"down", "q"}, nil},
	} {
		for i, k := range c.keys {
			closed, chosen := c.overlay.press(key(k))
			last := i == len(c.keys)-1
			if closed != last || !last && chosen != nil {
				t.Errorf("%s: after %s, closed %t, chosen %v", name, k, closed, chosen)
			}
			if last && !reflect.DeepEqual(chosen, c.want) {
				t.Errorf("%s: chosen %v, want %v", name, chosen, c.want)
			}
		}
	}
}
