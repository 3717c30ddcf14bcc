package scaffold

import (
	"fmt"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// maxName is the longest name, in bytes: that of a DNS label, because the name becomes part of host names.
const maxName = 63

// projectName matches the names that Compose accepts for a project
// (https://docs.docker.com/compose/how-tos/project-name/).
var projectName = pattern.New(`^[a-z0-9][a-z0-9_-]*$`)

var notInNames = pattern.New(`[^a-z0-9_-]+`)

// CheckName checks the name of a project. The error is a *dev.Error whose hint suggests a valid name.
func CheckName(name string) error {
	message := ""
	switch {
	case name == "":
		message = "the name of a project must not be empty"
	case len(name) > maxName:
		message = fmt.Sprintf("the name of a project has at most %d characters, this one has %d", maxName, len(name))
	case !projectName.MatchString(name):
		message = fmt.Sprintf("%q cannot be the name of a project: use lower-case letters, digits, - and _, and begin with a letter or digit", name)
	default:
		return nil
	}
	return &dev.Error{Code: dev.CodeScaffoldName, Message: message, Hint: "--name " + SuggestName(name), Exit: dev.ExitUsage}
}

// SuggestName makes a valid name from any text, such as the name of a directory.
func SuggestName(text string) string {
	name := notInNames.ReplaceAllString(strings.ToLower(text), "-")
	name = strings.TrimLeft(name, "-_")
	name = strings.TrimRight(name[:min(len(name), maxName)], "-_")
	if name == "" {
		return "app"
	}
	return name
}
