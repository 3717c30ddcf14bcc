package release

import (
	"maps"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/handoff"
)

// onlyLocal are variables that have a meaning only on a developer's machine.
var onlyLocal = []string{"LOCAL_STREAMLIT", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"}

// environment returns the variables that the service has wherever it runs: those with a literal value in the compose
// file, without onlyLocal and without what looks like a secret. withheld are the other ones, also without onlyLocal.
func (p *Project) environment() (env []handoff.Variable, withheld []string) {
	literal := p.config.Literal(p.service.Name)
	for _, name := range slices.Sorted(maps.Keys(p.service.Environment)) {
		value, isLiteral := literal[name]
		switch {
		case slices.Contains(onlyLocal, name):
		case !isLiteral, dev.MayHoldSecret(name, value):
			withheld = append(withheld, name)
		default:
			env = append(env, handoff.Variable{Name: name, Value: value, Origin: "environment of service " + p.service.Name})
		}
	}
	return env, withheld
}

// withheldVariables is the finding about variables that are not handed over. platformVariables are those that the
// platform sets itself.
func (p *Project) withheldVariables(platformVariables []string) []dev.Finding {
	_, withheld := p.environment()
	withheld = slices.DeleteFunc(withheld, func(name string) bool { return slices.Contains(platformVariables, name) })
	if len(withheld) == 0 {
		return nil
	}
	return []dev.Finding{{ID: "ship.environment", Severity: dev.Warns, Where: "service " + p.service.Name,
		Message: "variables are not handed over, because their values come from this machine or look like secrets: " + dev.Sanitize(strings.Join(withheld, ", ")),
		Fix:     "store them in the platform's secret store, and name them in the bundle; if a value is not a secret, write it into the compose file"}}
}
