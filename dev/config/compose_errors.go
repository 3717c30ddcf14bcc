package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

// compose-go's messages about relations between services. The first group is the service, the second what it
// refers to. Source: compose-go v2, loader/validate.go, loader/loader.go and graph.
var (
	undefinedThing   = pattern.New(`^service "([^"]+)" refers to undefined (network|volume|secret|config) `)
	undefinedService = pattern.New(`^service "([^"]+)" depends on undefined service "([^"]+)"`)
	dependencyCycle  = pattern.New(`^dependency cycle detected: (\S+) -> `)
	missingFile      = pattern.New(`(?:open|stat) (\S.*): no such file or directory$`)
	bracketed        = pattern.New(`\[([^\]]+)\]`)
	atLine           = pattern.New(`^(?:line \d+: )+`)
)

// oneLine turns a multi-line message of compose-go into one line: if the first line is a heading, the next one
// says what is wrong.
func oneLine(message string) string {
	heading, rest, more := strings.Cut(message, "\n")
	rest = strings.TrimSpace(rest)
	switch {
	case !more || rest == "":
		return heading
	case strings.HasPrefix(heading, "Circular reference"):
		return "circular reference: " + strings.Join(strings.Fields(rest), " ")
	case strings.HasSuffix(heading, "construct errors:"), strings.HasPrefix(heading, "decoding failed"):
		first := firstLine(rest)
		return bracketed.ReplaceAllString(first, ".$1")
	}
	return heading
}

// parseConstructError parses an error of the YAML decoder. The line number before its message is that of the
// document; the one after it, if any, is the place.
func parseConstructError(message string) (words string, line int) {
	where := atLine.FindString(message)
	line = yamlLine(errors.New(where))
	message = strings.TrimPrefix(message, where)
	switch {
	case strings.Contains(message, "into struct {"):
		return "it is not a compose file: its top level must be a mapping with the key services", line
	case strings.Contains(message, "node visit limit"):
		return "its YAML aliases expand to an excessive size", 0
	}
	return message, line
}

// explainRelation finds the key that refers to something missing or circular, and what to do about it.
func (all sources) explainRelation(message string) (file string, line int, hint string) {
	if m := undefinedThing.FindStringSubmatch(message); m != nil {
		file, line = all.locate("services", m[1], m[2]+"s")
		return file, line, "declare it under " + m[2] + "s, or check its spelling"
	}
	if m := undefinedService.FindStringSubmatch(message); m != nil {
		file, line = all.locate("services", m[1], "depends_on", m[2])
		hint = "check its spelling, or remove the dependency"
		if profiles := all.profilesOf(m[2]); len(profiles) > 0 {
			hint = m[2] + " belongs to a profile: add --profile " + profiles[0]
		}
		return file, line, hint
	}
	if m := dependencyCycle.FindStringSubmatch(message); m != nil {
		file, line = all.locate("services", m[1], "depends_on")
		return file, line, "remove one of these dependencies"
	}
	return "", 0, ""
}

// profilesOf are the profiles of a service in the files.
func (all sources) profilesOf(service string) []string {
	var out []string
	for _, s := range all {
		if at, ok := s.find("services", service, "profiles"); ok {
			for _, leaf := range leaves(at.value) {
				out = append(out, leaf.Value)
			}
		}
	}
	return out
}

// locateValue finds the only value that contains a text; line is 0 if none or several do.
func (all sources) locateValue(text string) (file string, line int) {
	if text == "" {
		return "", 0
	}
	for _, s := range all {
		if s.root == nil {
			continue
		}
		for _, leaf := range leaves(s.root) {
			if leaf.Kind != yaml.ScalarNode || !strings.Contains(leaf.Value, text) {
				continue
			}
			if line != 0 && line != leaf.Line {
				return "", 0
			}
			file, line = s.path, leaf.Line
		}
	}
	return file, line
}

// lastWord is the last word of a message, without quotes: usually the refused value.
func lastWord(message string) string {
	if m := missingFile.FindStringSubmatch(message); m != nil {
		return filepath.Base(m[1])
	}
	i := strings.LastIndexAny(message, " ")
	return strings.Trim(message[i+1:], `"'.`)
}

// unreadable describes why a compose file could not be read.
func unreadable(path string, err error) (message, hint string) {
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return "it is a directory, not a compose file", "pass the file in it: -f " + filepath.Join(path, "compose.yaml")
	}
	if dev.IsUnsuitableFile(err) {
		return "cannot be read: " + reasonOf(err), "put a regular file there, or pass another one: -f FILE"
	}
	return "cannot be read: " + err.Error(), "check the file's permissions"
}
