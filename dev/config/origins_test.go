package config_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
)

func TestOrigins_GoToTheGatewayAndAreShown(t *testing.T) {
	p := loadedFrom(t, map[string]string{
		"compose.yaml":          streamlitOnly + "x-sdev: {origins: [http://localhost:3000]}\n",
		"compose.override.yaml": "x-sdev:\n  origins:\n    - https://portal.example.com\n    - http://shop.localhost\n",
	})
	e, err := config.Overlay(p, config.Parts{Port: 8501, Env: func(int) map[string]string { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"https://portal.example.com", "http://shop.localhost"}
	var told dev.GatewayConfig
	if err := json.Unmarshal([]byte(*e.Project.Services[config.GatewayService].Environment[dev.GatewayConfigEnv]), &told); err != nil || !slices.Equal(told.Origins, want) {
		t.Errorf("the gateway is told of %q, %v", told.Origins, err)
	}
	printed, err := e.YAML()
	if err != nil || !strings.Contains(string(printed), "# x-sdev.origins: pages of https://portal.example.com, http://shop.localhost may") {
		t.Errorf("%v in\n%s", err, printed)
	}
}

func TestOrigins_ThatAreWrongAreSaidWithTheirLine(t *testing.T) {
	for value, want := range map[string]string{
		"https://portal.example.com":           "must be a list",
		"{a: b}":                               "must be a list",
		"[[https://a.example]]":                "must be a string",
		`["*"]`:                                "every page on the internet",
		`["null"]`:                             "sandboxed frame",
		"[portal.example.com]":                 "not the origin of a web page",
		"[https://portal.example.com/]":        "browsers send it: write https://portal.example.com",
		"[https://*.example.com]":              "patterns are not supported",
		`["https://${PORTAL:-a}.example.com"]`: "not the origin of a web page",
		"[https://portal.example.com, https://portal.example.com]": "listed twice",
		"[https://portal.example.com, ftp://a.example]":            "not the origin of a web page",
	} {
		_, err := load(t, map[string]string{"compose.yaml": streamlitOnly + "x-sdev:\n  origins: " + value + "\n"})
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeXSdev || e.Line != 5 || !strings.HasSuffix(e.File, "compose.yaml") || !strings.Contains(e.Message, want) || !strings.Contains(e.Message, "x-sdev.origins") || e.Hint == "" {
			t.Errorf("%s: %+v, want %q", value, err, want)
		}
	}
}

func TestOverlay_FindsTheHeadersThatTheAppBelieves(t *testing.T) {
	const variable = "STREAMLIT_SERVER_TRUSTED_USER_HEADERS"
	for name, c := range map[string]struct {
		toml, service string
		image         config.ImageFacts
		want          []string
	}{
		"nothing says":     {"", "", config.ImageFacts{}, nil},
		"a table":          {"[server.trustedUserHeaders]\nX-Shop-Person = \"email\"\n", "", config.ImageFacts{}, []string{"X-Shop-Person"}},
		"inline":           {"[server]\ntrustedUserHeaders = {X-B = 'name', X-A = 'email'}\n", "", config.ImageFacts{}, []string{"X-A", "X-B"}},
		"no mapping":       {"[server]\ntrustedUserHeaders = 'x'\n", "    environment: {" + variable + ": x}\n", config.ImageFacts{}, nil},
		"everywhere":       {"[server.trustedUserHeaders]\nX-File = 'a'\n", "    command: [streamlit, run, a.py, '--server.trustedUserHeaders={\"X-Flag\":\"a\"}']\n    environment: {" + variable + ": '{\"X-Compose\":\"a\"}'}\n", config.ImageFacts{Env: map[string]string{variable: `{"X-Image":"a"}`}}, []string{"X-Compose", "X-File", "X-Flag", "X-Image"}},
		"the image's flag": {"", "", config.ImageFacts{Command: []string{"streamlit", "run", "a.py", "--server.trustedUserHeaders", `{"X-Flag": "a"}`}}, []string{"X-Flag"}},
	} {
		p, err := load(t, map[string]string{"compose.yaml": "services:\n  streamlit:\n    image: x\n" + c.service, ".streamlit/config.toml": c.toml})
		if err != nil {
			t.Fatal(err)
		}
		e, err := config.Overlay(p, config.Parts{Port: 8501, Image: c.image, Env: func(int) map[string]string { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(e.GatewayConfig.TrustedHeaders, c.want) {
			t.Errorf("%s: %q, want %q", name, e.GatewayConfig.TrustedHeaders, c.want)
		}
	}
}
