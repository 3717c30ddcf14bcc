package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

// redaction replaces passwords in addresses (of a proxy, a package index, a repository, a database) in a printed
// model by variables, so that the printed file still runs: the variable with that value, or part of it, on this
// machine or in .env; or else a new one, which a note mentions.
type redaction struct {
	env   map[string]string // the variables of the compose files
	token string            // sdev's own secret, shared by app and gateway
}

// awsToken is the variable that replaces redaction's token, as in the app's container.
const awsToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN"

// redact returns the printed form of a value, and a note if it differs. path is its place in the model.
func (v redaction) redact(value string, path []string) (printed, note string) {
	if v.token != "" && strings.Contains(value, v.token) {
		return strings.ReplaceAll(value, v.token, "${"+awsToken+"}"), "the project's own token is left out; " + dev.StateDir + "/" + tokenFile + " contains it"
	}
	key := path[len(path)-1]
	assigned := key + "=" // the name identifies a proxy without a scheme
	if !dev.HasPassword(assigned + value) {
		return value, ""
	}
	if name, ok := v.redactNamed(value, func(name string) bool { return name == key }); ok {
		return "${" + name + "}", "it contains a password, so the environment has to provide it"
	}
	if name, ok := v.redactNamed(value, func(string) bool { return true }); ok {
		return "${" + name + "}", "it contains a password, so the environment has to provide it"
	}
	var names []string
	logins := map[string]string{} // variables by the credentials that they replace
	printed = dev.ReplacePasswords(assigned+value, func(who string) string {
		if user, password, both := strings.Cut(who, ":"); both {
			if name, ok := v.redactNamed(password, isSecretName); ok {
				return user + ":${" + name + "}"
			}
		} else if name, ok := v.redactNamed(who, isSecretName); ok {
			return "${" + name + "}"
		}
		if logins[who] == "" {
			logins[who] = loginVariable(path, len(logins))
			names = append(names, logins[who])
		}
		return "${" + logins[who] + "}"
	})
	printed = strings.TrimPrefix(printed, assigned)
	if len(names) == 0 {
		return printed, "the environment has to provide its password"
	}
	return printed, "its user and password are left out: set " + strings.Join(names, " and ") + ", as user:password, to run this file"
}

// redactNamed finds the first variable that has a value.
func (v redaction) redactNamed(value string, fits func(name string) bool) (string, bool) {
	for _, name := range slices.Sorted(maps.Keys(v.env)) {
		if v.env[name] == value && fits(name) {
			return name, true
		}
	}
	return "", false
}

// secretName matches names of variables that hold passwords. Others may have the same value by chance: a
// database's password is often the project's name.
var secretName = pattern.New(`(?i)pass|pwd|token|secret|key|cred|auth|login`)

func isSecretName(name string) bool { return secretName.MatchString(name) }

var notInNames = pattern.New(`[^A-Z0-9]+`)

// loginVariable is the name of a variable for the credentials in a value, derived from its path; before is the
// number of earlier ones there.
func loginVariable(path []string, before int) string {
	told := slices.DeleteFunc(slices.Clone(path), func(step string) bool {
		return slices.Contains([]string{"services", "environment", "build", "args"}, step)
	})
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToUpper(strings.Join(told, "_")), "_"), "_")
	if name == "" || name[0] <= '9' {
		name = "SDEV_" + name
	}
	if before > 0 {
		return fmt.Sprintf("%s_LOGIN_%d", name, before+1)
	}
	return name + "_LOGIN"
}

// node redacts every value of a model, and adds each note after its value.
func (v redaction) node(n *yaml.Node, path []string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			v.node(n.Content[i+1], append(slices.Clip(path), n.Content[i].Value))
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			v.node(c, append(slices.Clip(path), strconv.Itoa(i)))
		}
	case yaml.ScalarNode:
		plain := strings.ReplaceAll(n.Value, "$$", "$") // before dollar signs were doubled for Compose
		printed, note := v.redact(plain, path)
		if note == "" {
			return
		}
		n.Value = composeText(printed)
		n.LineComment = strings.TrimPrefix(n.LineComment+"; "+note, "; ")
	}
}

// variable matches what redact inserts.
var variable = pattern.New(`\$\{[A-Z0-9_a-z]+\}`)

// composeText doubles dollar signs that Compose must not interpolate.
func composeText(printed string) string {
	var b strings.Builder
	at := 0
	for _, found := range variable.Regexp().FindAllStringIndex(printed, -1) {
		b.WriteString(strings.ReplaceAll(printed[at:found[0]], "$", "$$") + printed[found[0]:found[1]])
		at = found[1]
	}
	return b.String() + strings.ReplaceAll(printed[at:], "$", "$$")
}

// value redacts every string of a decoded JSON value.
func (v redaction) value(x any, path []string) any {
	switch x := x.(type) {
	case string:
		printed, _ := v.redact(x, append([]string{""}, path...))
		return printed
	case []any:
		for i := range x {
			x[i] = v.value(x[i], append(slices.Clip(path), strconv.Itoa(i)))
		}
	case map[string]any:
		for k := range x {
			x[k] = v.value(x[k], append(slices.Clip(path), k))
		}
	}
	return x
}
