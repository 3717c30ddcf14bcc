package preflight

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/pattern"
)

func streamlitRules() []Rule {
	const releases = "https://docs.streamlit.io/develop/quick-reference/release-notes"
	return []Rule{
		{"streamlit.vulnerable", dev.Blocks, "Streamlit is older than 1.54 and has known vulnerabilities", "require streamlit>=1.58", "https://github.com/streamlit/streamlit/security/advisories"},
		{"streamlit.old", dev.Warns, "Streamlit is older than 1.58: it loses logins at a restart, and its new server has unfixed defects", "require streamlit>=1.58", releases},
		{"streamlit.unpinned", dev.Warns, "no version of Streamlit is fixed, so every build may install another one", "write streamlit==X.Y.Z, or keep a lock file", releases},
		{"streamlit.python", dev.Blocks, "Python is too old for this version of Streamlit", "use a newer Python in the Dockerfile", "https://pypi.org/project/streamlit/"},
		{"deps.lock", dev.Warns, "the versions of the app's packages are not fixed", "keep a lock file (uv lock), or use pip-compile --generate-hashes", "https://docs.astral.sh/uv/concepts/projects/sync/"},
		{"deps.hashes", dev.Informs, "versions are fixed, but downloads are not verified against hashes", "uv pip compile --generate-hashes, and pip install --require-hashes", "https://pip.pypa.io/en/stable/topics/secure-installs/"},
	}
}

// advisory is a known vulnerability of Streamlit.
type advisory struct {
	id    string
	fixed []int
}

// advisories are the published ones, and the first versions that fix them. Source: github.com/advisories,
// "streamlit".
func advisories() []advisory {
	return []advisory{
		{"CVE-2022-35918", []int{1, 11, 1}},
		{"GHSA-8qw9-gf7w-42x5", []int{1, 30, 0}},
		{"CVE-2024-42474", []int{1, 37, 0}},
		{"CVE-2025-1684", []int{1, 43, 2}},
		{"CVE-2026-10804", []int{1, 53, 1}},
		{"CVE-2026-33682", []int{1, 54, 0}},
	}
}

// versionOf returns the numbers that a version begins with; nil if it begins with none.
func versionOf(text string) []int {
	var out []int
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		out = append(out, n)
	}
	return out
}

// streamlit checks the version that is installed, or would be.
func (c *checker) streamlit() {
	have, specifier := c.App.Streamlit, ""
	if have.File == "" {
		have, specifier = c.streamlitInSteps()
	} else {
		specifier = c.specifierAt(have)
	}
	at := place{file: have.File, line: have.Line}
	if v := c.image.packages.streamlit; v != "" { // the image's own version counts
		have.Value, at = v, place{where: "packages of the image"}
	}
	if v := versionOf(have.Value); v != nil {
		c.checkVersion(have.Value, v, at)
	} else if !c.isLocked() {
		c.checkUpperBound(have, specifier)
	}
	c.checkPins(have)
}

func (c *checker) checkVersion(text string, v []int, at place) {
	var ids []string
	for _, a := range advisories() {
		if slices.Compare(v, a.fixed) < 0 {
			ids = append(ids, a.id)
		}
	}
	switch {
	case slices.Compare(v, []int{1, 54}) < 0:
		c.add("streamlit.vulnerable", at, "streamlit %s has %s: %s", text, vulnerabilities(len(ids)), strings.Join(ids, ", "))
	case slices.Compare(v, []int{1, 58}) < 0:
		c.add("streamlit.old", at, "streamlit %s is older than 1.58", text)
	}
	python, from := c.App.Python, place{file: c.App.Python.File, line: c.App.Python.Line}
	if p := c.image.packages.python; p != "" {
		python.Value, from = p, place{where: "packages of the image"}
	}
	// Source: the metadata of streamlit's packages.
	for _, need := range []struct{ streamlit, python []int }{{[]int{1, 66, 1}, []int{3, 11}}, {[]int{1, 58}, []int{3, 10}}} {
		if p := versionOf(python.Value); p != nil && slices.Compare(v, need.streamlit) >= 0 && slices.Compare(p, need.python) < 0 {
			c.add("streamlit.python", from, "Python is %s, but streamlit %s needs %d.%d or newer", python.Value, text, need.python[0], need.python[1])
			break
		}
	}
}

func vulnerabilities(n int) string {
	if n == 1 {
		return "a known vulnerability"
	}
	return strconv.Itoa(n) + " known vulnerabilities"
}

// lockFiles fix versions and hashes of all packages.
func lockFiles() []string {
	return []string{"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml", "conda-lock.yml", "pixi.lock"}
}

// checkPins checks the list of packages that the app is installed from.
func (c *checker) checkPins(streamlit Setting) {
	if c.isLocked() {
		return
	}
	if streamlit.Value == "any" {
		c.add("streamlit.unpinned", place{file: streamlit.File, line: streamlit.Line}, "streamlit is listed without a fixed version")
	}
	list := c.App.Streamlit.File
	text, ok := c.files[list]
	switch {
	case !ok:
	case strings.HasSuffix(list, ".txt"), strings.HasSuffix(list, ".in"):
		c.checkRequirements(list, text)
	case strings.HasSuffix(list, ".yml"), strings.HasSuffix(list, ".yaml"):
		c.checkConda(list, text)
	default:
		c.add("deps.lock", place{file: list}, "%s has no lock file beside it", path.Base(list))
	}
}

// isLocked reports whether a lock file fixes the versions of all packages.
func (c *checker) isLocked() bool {
	dirs := []string{"."}
	for dir := path.Dir(c.App.Entry); dir != "." && dir != "/" && dir != ""; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		for _, name := range lockFiles() {
			if _, ok := c.files[path.Join(dir, name)]; ok || c.Project != nil && c.exists(path.Join(dir, name)) {
				return true
			}
		}
	}
	return false
}

var requirementLine = pattern.New(`^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(===?)?`)

func (c *checker) checkRequirements(name, text string) {
	loose, first, pinned := 0, 0, 0
	n := 0
	for line := range strings.Lines(text) {
		n++
		m := requirementLine.FindStringSubmatch(line)
		switch {
		case m == nil || strings.HasPrefix(strings.TrimSpace(line), "-"):
		case m[2] == "" && !strings.Contains(line, "@"):
			if loose++; first == 0 {
				first = n
			}
		default:
			pinned++
		}
	}
	switch {
	case loose > 0:
		c.add("deps.lock", place{file: name, line: first}, "%s without a fixed version", plural(loose, "package"))
	case pinned > 0 && !strings.Contains(text, "--hash="):
		c.add("deps.hashes", place{file: name}, "versions are fixed, but hashes are missing")
	}
}

// condaExact is a package with its version: "pandas=2.1", "pandas==2.1.4", "pip::x==1".
var condaExact = pattern.New(`^[^<>!~*]+==?[^<>!~*=]+(=\S+)?$`)

func (c *checker) checkConda(name, text string) {
	var doc struct {
		Dependencies []yaml.Node `yaml:"dependencies"`
	}
	if yaml.Unmarshal([]byte(text), &doc) != nil {
		return
	}
	loose, first := 0, 0
	take := func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Value != "pip" && !condaExact.MatchString(n.Value) {
			if loose++; first == 0 {
				first = n.Line
			}
		}
	}
	for i := range doc.Dependencies {
		n := &doc.Dependencies[i]
		take(n)
		if pip := mappingValue(n, "pip"); pip != nil {
			for _, p := range pip.Content {
				take(p)
			}
		}
	}
	if loose > 0 {
		c.add("deps.lock", place{file: name, line: first}, "%s without a fixed version", plural(loose, "package"))
	}
}

// names returns the names of the texts in order.
func (c *checker) names() []string { return slices.Sorted(maps.Keys(c.files)) }
