package config_test

import (
	"errors"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
)

func TestComponents_AreIsolatedIfTheLastFileSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		want          bool
	}{
		"nothing says":                          {"", "", false},
		"isolate":                               {"x-sdev: {components: isolate}\n", "", true},
		"trust":                                 {"x-sdev: {components: trust}\n", "", false},
		"a later file trusts":                   {"x-sdev: {components: isolate}\n", "x-sdev: {components: trust}\n", false},
		"a later file speaks of something else": {"x-sdev: {components: isolate}\n", "x-sdev: {origins: [http://localhost:3000]}\n", true},
	} {
		p := loadedFrom(t, map[string]string{"compose.yaml": streamlitOnly + c.first, "compose.override.yaml": "services: {}\n" + c.second})
		e, err := config.Overlay(p, config.Parts{Port: 8501, Env: func(int) map[string]string { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if e.GatewayConfig.Isolate != c.want {
			t.Errorf("%s: %v", name, e.GatewayConfig.Isolate)
		}
		printed, err := e.YAML()
		if err != nil || strings.Contains(string(printed), "# x-sdev.components: ") != c.want {
			t.Errorf("%s: %v in\n%s", name, err, printed)
		}
	}
}

func TestComponents_AWrongValueIsSaidWithItsLine(t *testing.T) {
	for _, value := range []string{"isolated", "true", "[isolate]", "{a: b}", `""`, "${ISOLATE:-isolate}"} {
		_, err := load(t, map[string]string{"compose.yaml": streamlitOnly + "x-sdev:\n  components: " + value + "\n"})
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeXSdev || e.Line != 5 || !strings.HasSuffix(e.File, "compose.yaml") || !strings.Contains(e.Message, "x-sdev.components is ") || e.Hint != "one of: trust, isolate" {
			t.Errorf("%s: %+v", value, err)
		}
	}
}
