package config

import (
	"bytes"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// bad creates the package's kind of error: a place in the user's file, and exit code 3.
func bad(code dev.Code, file string, line int, message, hint string) *dev.Error {
	return &dev.Error{Code: code, File: file, Line: line, Message: message, Hint: hint, Exit: dev.ExitProject}
}

// badOctet matches the YAML parser's error for a file that is not UTF-8; the offset is in bytes.
var badOctet = pattern.New(`^offset (\d+): .*UTF-8`)

func syntaxError(file string, content []byte, err error) *dev.Error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := badOctet.FindStringSubmatch(message); m != nil {
		offset, _ := strconv.Atoi(m[1])
		return bad(dev.CodeComposeSyntax, file, 1+bytes.Count(content[:min(offset, len(content))], []byte("\n")), "it is not UTF-8 text", "save the file as UTF-8")
	}
	if i := strings.LastIndex(message, "line "); i >= 0 {
		if _, rest, ok := strings.Cut(message[i:], ": "); ok {
			message = rest
		}
	}
	return bad(dev.CodeComposeSyntax, file, yamlLine(err), "not valid YAML: "+message, "fix the file at that line; indentation is by spaces")
}

// fromCompose turns an error of compose-go into ours, with its place.
func fromCompose(all sources, err error) *dev.Error {
	message := strings.TrimSuffix(oneLine(err.Error()), ": invalid compose project")
	if _, rest, ok := strings.Cut(message, "validating "); ok {
		if _, after, ok := strings.Cut(rest, ": "); ok {
			message = after
		}
	}
	message = strings.TrimRight(message, ".")
	file, line := all.locateMentioned(message)
	code, hint := dev.CodeComposeInvalid, "see the Compose Specification for the allowed values"
	if f, l, h := all.explainRelation(message); f != "" {
		file, line, hint = f, l, h
	} else if line == 0 {
		if f, l := all.locateValue(lastWord(message)); l != 0 {
			file, line = f, l
		}
	}
	switch {
	case strings.Contains(err.Error(), "excessive aliasing"):
		message, line, hint = "its YAML aliases expand to an excessive size", 0, "use fewer nested aliases"
	case strings.Contains(err.Error(), "construct errors:"):
		message, line = parseConstructError(message)
		if strings.Contains(message, "aliases") {
			hint = "use fewer nested aliases"
		}
	case missingFile.MatchString(message) && !strings.Contains(message, "env file"):
		message, hint = missingFile.FindStringSubmatch(message)[1]+" does not exist", "check the path, or create the file"
	case strings.Contains(message, "required variable"):
		code, hint = dev.CodeComposeVariable, "set it in the environment or in .env beside the compose file"
	case strings.Contains(message, "interpolation format"):
		code, hint = dev.CodeComposeVariable, "write ${NAME}, or $$ for a plain dollar sign"
	case strings.Contains(message, "env file"):
		message, _, _ = strings.Cut(message, ": stat ")
		code, hint = dev.CodeComposeEnvFile, "create the file, or write {path: …, required: false}"
		file, line = all.locateEnvFile(message)
	case strings.Contains(message, "additional properties"):
		if m := quotedOnce.FindStringSubmatch(message); m != nil {
			message, hint = m[1]+" is not a key of the Compose Specification", "remove it, or check its spelling"
			file, line = all.locate(m[1])
		}
	case strings.HasSuffix(message, "false schema"):
		message = strings.TrimSuffix(message, " false schema") + " is not a key of the Compose Specification"
		hint = "remove it, or check its spelling"
	}
	e := bad(code, file, line, message, hint)
	e.Cause = err
	return e
}

// quotedOnce matches the schema's message about an unknown top-level key.
var quotedOnce = pattern.New(`'([^']+)'`)

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// locateEnvFile finds the env_file entry that an error names by its full path.
func (all sources) locateEnvFile(message string) (file string, line int) {
	for _, s := range all {
		services, ok := s.find("services")
		if !ok {
			continue
		}
		for i := 0; i+1 < len(services.value.Content); i += 2 {
			name := services.value.Content[i].Value
			entry, ok := s.find("services", name, "env_file")
			if !ok {
				continue
			}
			for _, leaf := range leaves(entry.value) {
				if leaf.Value != "" && strings.Contains(message, strings.TrimPrefix(leaf.Value, "./")) {
					return s.path, leaf.Line
				}
			}
		}
	}
	return all.locateMentioned(message)
}
