package preflight

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
	"sdev/dev/pattern"
)

// steps checks the variables, build arguments and user of the Dockerfile's stage that ships. If there is an image,
// its own values count instead.
func (c *checker) steps() {
	user, stage := place{}, place{}
	name := ""
	for _, s := range c.App.Steps {
		at := place{file: s.File, line: s.Line}
		verb, rest, _ := strings.Cut(s.Value, " ")
		if rest = strings.TrimSpace(rest); stage.file == "" {
			stage = at
		}
		switch verb {
		case "ENV", "ARG":
			for _, pair := range variablesOf(verb, rest) {
				c.checkStepVariable(verb, pair, at)
			}
		case "RUN":
			if dev.WritesPassword(rest) {
				c.add("secret.image", at, "an address with a password stays in the image's history")
			}
		case "USER":
			name, user = rest, at
		case "FROM":
			name, user, stage = "", place{}, at
		}
	}
	c.checkStepsUser(name, user, stage)
	c.checkBuildArguments()
}

// checkStepVariable checks a value that ENV or ARG sets.
func (c *checker) checkStepVariable(verb string, pair [2]string, at place) {
	name, value := pair[0], pair[1]
	if verb == "ENV" && c.Image == nil {
		c.mockVariables(map[string]string{name: value}, func(string) place { return at })
	}
	switch {
	case !dev.HoldsSecret(name, value):
	case verb == "ENV":
		c.add("secret.variable", at, "%s has a value", name)
	default:
		c.add("secret.image", at, "the build argument %s has a value, which stays in the image's history", name)
	}
}

// checkBuildArguments checks the build arguments of the compose file.
func (c *checker) checkBuildArguments() {
	s, ok := c.service()
	if !ok || s.Build == nil {
		return
	}
	for _, arg := range slices.Sorted(maps.Keys(s.Build.Args)) {
		if v := s.Build.Args[arg]; v != nil && dev.HoldsSecret(arg, *v) && !c.isInterpolated(arg) {
			c.add("secret.image", c.composePlace(arg), "the value of the build argument %s stays in the image's history", arg)
		}
	}
}

// checkStepsUser reports the user root. Without USER, the base image's user counts.
func (c *checker) checkStepsUser(name string, at, stage place) {
	s, ok := c.service()
	if c.Image != nil || len(c.App.Steps) == 0 || ok && s.User != "" && !isRoot(s.User) {
		return
	}
	switch {
	case name == "":
		c.addAs("image.user", dev.Informs, place{file: stage.file}, "", "%s has no USER: unless its base image has one, the app runs as root", path.Base(stage.file))
	case isRoot(name):
		c.add("image.user", at, "the image runs as root")
	}
}

func isRoot(user string) bool {
	name, _, _ := strings.Cut(strings.Trim(user, `"'`), ":")
	id, err := strconv.Atoi(name)
	return name == "root" || name == "" || err == nil && id == 0
}

// variablesOf returns the names and values, without quotes, that an ENV or ARG instruction sets.
func variablesOf(verb, rest string) (out [][2]string) {
	for _, v := range (dockerfile.Instruction{Name: verb, Rest: rest}).Variables() {
		out = append(out, [2]string{strings.Trim(v.Name, `"'`), strings.Trim(v.Value, `"'`)})
	}
	return out
}

// installed is a version of Streamlit that an instruction installs.
var installed = pattern.New(`\bpip3?\b[^\n]*\binstall\b[^\n]*[\s"']streamlit(?:\[[^\]]*\])?([=~<>!][=~<>!\d.,*]*)?(?:["'\s]|$)`)

// streamlitInSteps returns the Streamlit that the Dockerfile installs without a list of packages.
func (c *checker) streamlitInSteps() (s Setting, specifier string) {
	for _, step := range slices.Backward(c.App.Steps) {
		all := findAll(installed, step.Value)
		if len(all) == 0 {
			continue
		}
		specifier, value := all[0].groups[1], "any"
		if exact, ok := strings.CutPrefix(specifier, "=="); ok && !strings.ContainsAny(exact, "*,") {
			value = strings.TrimPrefix(exact, "=")
		}
		return Setting{Value: value, File: step.File, Line: step.Line}, specifier
	}
	return Setting{}, ""
}

// bound is one part of a version specifier, also of Poetry and conda.
var bound = pattern.New(`(===?|~=|<=|<|~|=)\s*v?(\d+(?:\.\d+)*)(\.\*)?`)

// upperBound returns the version that a specifier keeps Streamlit below; nil if it sets no such limit.
func upperBound(specifier string) (limit []int, text string) {
	for _, m := range findAll(bound, specifier) {
		v := versionOf(m.groups[2])
		switch {
		case m.groups[1] == "<":
		case m.groups[1] == "<=":
			v = append(v, 1)
		case m.groups[3] != "":
			v[len(v)-1]++
		case (m.groups[1] == "~=" || m.groups[1] == "~") && len(v) > 2:
			v = v[:2]
			v[1]++
		case m.groups[1] == "~" && len(v) == 2:
			v[1]++
		default:
			continue
		}
		if limit == nil || slices.Compare(v, limit) < 0 {
			limit, text = v, m.groups[0]
		}
	}
	return limit, text
}

// checkUpperBound checks a Streamlit of which only the specifier is known.
func (c *checker) checkUpperBound(s Setting, specifier string) {
	if s.Value != "any" {
		return
	}
	if limit, text := upperBound(specifier); limit != nil && slices.Compare(limit, []int{1, 54}) <= 0 {
		c.add("streamlit.vulnerable", place{file: s.File, line: s.Line}, "streamlit %s allows only versions with known vulnerabilities", text)
	}
}

// specifierAt returns what a list of packages says about Streamlit's version on a line.
func (c *checker) specifierAt(s Setting) string {
	lines := strings.Split(c.files[s.File], "\n")
	if s.Line < 1 || s.Line > len(lines) {
		return ""
	}
	_, after, ok := strings.Cut(strings.ToLower(lines[s.Line-1]), "streamlit")
	if !ok {
		return ""
	}
	after, _, _ = strings.Cut(after, "#")
	after, _, _ = strings.Cut(after, ";") // an environment marker follows
	// In TOML: streamlit = "~1.50".
	if bare := strings.TrimLeft(after, " \"'"); strings.HasPrefix(bare, "= ") || strings.HasPrefix(bare, `="`) {
		_, after, _ = strings.Cut(after, "=")
	}
	return after
}
