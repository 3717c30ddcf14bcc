package preflight

import (
	"encoding/json"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/pattern"
	"sdev/dev/preflight/assign"
)

// bypassInSteps checks the instructions of the Dockerfile's stage that ships.
func (c *checker) bypassInSteps() {
	known := constants{}
	for _, s := range c.App.Steps {
		at := place{file: s.File, line: s.Line}
		verb, rest, _ := strings.Cut(s.Value, " ")
		if verb == "ONBUILD" {
			verb, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
		}
		rest = strings.TrimSpace(rest)
		switch verb {
		case "ENV", "ARG":
			for _, pair := range variablesOf(verb, rest) {
				name := known.expand(pair[0])
				// The value of an ARG is gone once the image is built.
				if verb == "ENV" && name == bypassVariable && pair[1] != "" {
					c.add("bypass.dockerfile", at, "%s is set: any value switches the login off, even 0", bypassVariable)
				}
				known[name] = known.expand(pair[1])
			}
		case "FROM", "LABEL", "USER", "EXPOSE", "WORKDIR", "VOLUME", "STOPSIGNAL", "SHELL", "MAINTAINER":
		case "RUN":
			if known.sets(rest) {
				severity, message := dev.Warns, "the step sets "+bypassVariable+" during the build; make sure that the image does not keep it"
				if occurs(persists, rest) {
					severity, message = dev.Blocks, "the step writes "+bypassVariable+" into the image"
				}
				c.addAs("bypass.dockerfile", severity, at, "", "%s", message)
			}
		default:
			if known.sets(rest) {
				c.add("bypass.dockerfile", at, "%s is set: any value switches the login off, even 0", bypassVariable)
			}
		}
	}
}

// persists matches a build step that writes something into the image.
var persists = pattern.New(`>|\btee\b|\bsed\b|\bconda env config\b|\binstall\b[^\n]*LOCAL_STREAMLIT|write|environ|profile|<<|\bln\b|\bsetx\b`)

// constants are the known variables of a build or an image.
type constants map[string]string

var reference = pattern.New(`\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)`)

func (known constants) expand(text string) string {
	return reference.ReplaceAllStringFunc(text, func(s string) string {
		m := reference.FindStringSubmatch(s)
		if v, ok := known[m[1]+m[3]]; ok {
			return v
		}
		if m[2] != "" {
			return m[2]
		}
		return s
	})
}

// sets reports whether a command, as a JSON list or as one line, sets the variable.
func (known constants) sets(command string) bool {
	var words []string
	if json.Unmarshal([]byte(command), &words) == nil {
		return known.wordsSet(words)
	}
	return len(assign.Shell(known.prelude()+command, bypassVariable)) > 0
}

func (known constants) wordsSet(words []string) bool {
	for _, word := range append(words, strings.Join(words, " ")) {
		if len(assign.Shell(known.prelude()+word, bypassVariable)) > 0 {
			return true
		}
		if strings.Contains(word, "environ") && len(assign.Python(map[string]string{"command": word}, bypassVariable)) > 0 {
			return true
		}
	}
	return false
}

// prelude returns shell assignments of the constants that may be parts of the name.
func (known constants) prelude() string {
	var b strings.Builder
	for name, value := range known {
		if value != "" && name != bypassVariable && len(value) <= len(bypassVariable) && strings.Contains(bypassVariable, value) {
			b.WriteString(name + "='" + value + "'\n")
		}
	}
	return b.String()
}

// bypassInService checks the commands of a compose service, the files that it gets, and a Dockerfile that is written
// into it.
func (c *checker) bypassInService(s types.ServiceConfig) {
	known := constants{}
	for name, v := range s.Environment {
		if v != nil {
			known[name] = *v
		}
	}
	for _, part := range []struct {
		key   string
		words []string
	}{{"entrypoint", s.Entrypoint}, {"command", s.Command}} {
		if known.wordsSet(part.words) {
			c.add("bypass.compose", c.composePlace(part.key), "the %s of service %s sets %s", part.key, c.Service, bypassVariable)
		}
	}
	for _, config := range s.Configs {
		if lines, _ := assignedInAnyLanguage(config.Target, c.Compose.Configs[config.Source].Content); len(lines) > 0 {
			c.add("bypass.compose", c.composePlace(config.Source), "the file %s of service %s sets %s", config.Target, c.Service, bypassVariable)
		}
	}
	if s.Build == nil {
		return
	}
	for line := range strings.Lines(s.Build.DockerfileInline) {
		if !strings.HasPrefix(strings.ToUpper(strings.TrimSpace(line)), "ARG ") && (occurs(bypassSet, line) || occurs(bypassLegacyENV, line)) {
			c.add("bypass.dockerfile", c.composePlace("dockerfile_inline"), "%s is set: any value switches the login off, even 0", bypassVariable)
		}
	}
}
