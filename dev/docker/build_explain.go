package docker

import (
	"path/filepath"
	"regexp"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// explain adds a hint to the error if the output of the failed step shows a known cause. It returns the lines of the
// output that matter.
func (r *recipe) explain(e *dev.Error, text string, tail []string) []string {
	all := text + "\n" + strings.Join(tail, "\n")
	contains := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(all, p) {
				return true
			}
		}
		return false
	}
	switch {
	case contains("no space left on device", "No space left on device"):
		e.Message = "the disk is full: " + e.Message
		e.Hint = makeRoom
	case contains("exec format error"):
		e.Message = "the image is for another processor architecture: " + e.Message
		e.Hint = "remove platform or set it to the engine's own, or install emulation where the engine runs (Debian: qemu-user-static)"
	case contains("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "self-signed certificate in certificate chain", "unable to get local issuer certificate", "UnknownIssuer", "certificate signed by unknown authority"):
		e.Hint = "the build does not trust a certificate: if a proxy intercepts TLS, set its CA (SSL_CERT_FILE in the environment, or x-sdev.ca)"
	case contains("Temporary failure in name resolution", "Could not resolve host", "Name or service not known", "Could not resolve proxy"):
		e.Hint = "the build cannot resolve a host name: check the network, VPN and proxy (HTTPS_PROXY)"
	case missingFile.MatchString(text):
		e.Hint = "create the file, or correct the instruction; .dockerignore may exclude the file"
	default:
		return r.explainRequirement(e, tail)
	}
	return tail
}

// unresolvedPatterns match the messages of package managers about requirements that they cannot find. The first
// group is the requirement. Source: what pip 23 to 25, uv 0.13, poetry 2, conda and micromamba print.
func unresolvedPatterns() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`No matching distribution found for ([^\s;]+)`),
		regexp.MustCompile(`Cannot install (.+) because these package versions have conflicting`),
		regexp.MustCompile(`Because only ([\w.-]+).* available and`),
		regexp.MustCompile(`there (?:is|are) no versions? of ([\w.-]+)`),
		regexp.MustCompile(`([\w.-]+) was not found in the package registry`),
		regexp.MustCompile(`[Bb]ecause .* depends on ([\w.-]+).* version solving failed`),
		regexp.MustCompile(`Package ([\w.-]+) \([^)]*\) not found`),
		regexp.MustCompile(`(?s)PackagesNotFoundError.*? - (?:\S+::)?([\w.-]+)`),
		regexp.MustCompile(`─ ([\w.-]+).* does not exist`),
	}
}

// relevantLine matches the lines in which a package manager explains a failure, as opposed to notices and progress.
var relevantLine = pattern.New(`^\s*(?i:error)\b|^\s*cause: |^\s*[×╰├│└]|^\s+- |PackagesNotFound|[Bb]ecause |^\s*The conflict is|^\s+.*(?:user requested| depends on )`)

// explainRequirement adds to the error the line of the file that requires an unavailable package.
func (r *recipe) explainRequirement(e *dev.Error, tail []string) []string {
	all := strings.Join(tail, "\n")
	for _, pattern := range unresolvedPatterns() {
		m := pattern.FindStringSubmatch(all)
		if m == nil {
			continue
		}
		e.Hint = "correct the requirement and try again"
		e.File, e.Line = r.findRequirement(e.Message, m[1])
		if kept := relevantLines(tail); len(kept) > 0 {
			return kept
		}
		return tail
	}
	return tail
}

func relevantLines(lines []string) []string {
	var out []string
	for _, l := range lines {
		if relevantLine.MatchString(l) {
			out = append(out, l)
		}
	}
	return out
}

// requirementFile matches the argument with the file from which a command reads packages.
var requirementFile = pattern.New(`(?:-r|--requirements?|-f|--file)[ =]?["']?([\w./-]+\.(?:txt|in|ya?ml|toml|lock))`)

// requirementName matches the name at the beginning of a requirement: on a line of its own, in a list or in quotes.
// The first group is the name.
var requirementName = pattern.New(`(?:^[ \t-]*|["'])([A-Za-z0-9][\w.-]*)`)

// findRequirement finds the file from which a step reads requirements, and the line of one of them: 0 if no line has
// it, "" if there is no such file.
func (r *recipe) findRequirement(step, requirement string) (file string, line int) {
	if remote(r.Context) {
		return "", 0
	}
	var names []string
	for _, m := range requirementFile.FindAllStringSubmatch(step, -1) {
		names = append(names, m[1], filepath.Base(m[1]))
	}
	names = append(names, "pyproject.toml", "environment.yml")
	wanted := ""
	if m := requirementName.FindStringSubmatch(requirement); m != nil {
		wanted = normalizeName(m[1])
	}
	for _, name := range names {
		content, err := dev.ReadFile(filepath.Join(r.Context, name))
		if err != nil {
			continue
		}
		if file == "" {
			file = name
		}
		number := 0
		for text := range strings.Lines(string(content)) {
			number++
			for _, m := range requirementName.FindAllStringSubmatch(text, -1) {
				if wanted != "" && normalizeName(m[1]) == wanted {
					return name, number
				}
			}
		}
	}
	return file, 0
}

// normalizeName is a package's name as indexes compare it. Source: PEP 503.
func normalizeName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}
