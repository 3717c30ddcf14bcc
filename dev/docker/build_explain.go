package docker

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sdev/dev"
)

// explain adds what a person would do about what a step printed, where the cause is a known one,
// and gives the lines that matter.
func (r *recipe) explain(e *dev.Error, text string, tail []string) []string {
	all := text + "\n" + strings.Join(tail, "\n")
	says := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(all, p) {
				return true
			}
		}
		return false
	}
	switch {
	case says("no space left on device", "No space left on device"):
		e.Message = "the disk is full: " + e.Message
		e.Hint = "make room (docker system df shows what takes it, docker builder prune frees the build cache), then run it again"
	case says("exec format error"):
		e.Message = "the image is for another kind of processor, and the engine cannot run its programs: " + e.Message
		e.Hint = "leave platform away or name the engine's own, or install emulation where the engine runs (Debian: qemu-user-static)"
	case says("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "self-signed certificate in certificate chain", "unable to get local issuer certificate", "UnknownIssuer", "certificate signed by unknown authority"):
		e.Hint = "a certificate is not trusted: where a proxy opens TLS, name its CA (SSL_CERT_FILE in the environment, or x-sdev.ca)"
	case says("Temporary failure in name resolution", "Could not resolve host", "Name or service not known", "Could not resolve proxy"):
		e.Hint = "a host's name is not found from inside the build: check the network, VPN and proxy (HTTPS_PROXY)"
	default:
		return r.requirement(e, tail)
	}
	return tail
}

// unresolved are how package managers say that they cannot find what was asked for. The first group
// is the requirement, where it stands in the text.
func unresolved() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`No matching distribution found for ([^\s;]+)`),                                // pip
		regexp.MustCompile(`Cannot install (.+) because these package versions have conflicting`),         // pip
		regexp.MustCompile(`Because ([\w.-]+).* (?:was not found in|there (?:is|are) no versions? of)`),   // uv
		regexp.MustCompile(`No solution found when resolving`),                                            // uv
		regexp.MustCompile(`[Bb]ecause .* version solving failed`),                                        // poetry
		regexp.MustCompile(`(?:nothing provides requested|PackagesNotFoundError|does not exist)\W*(\S*)`), // conda, micromamba
	}
}

// matters are lines that belong to the failure of a package manager; the rest is notices and
// progress.
var matters = regexp.MustCompile(`^\s*(?:ERROR|error|Error)\b|^\s*[×╰├│└]|PackagesNotFound|[Bb]ecause `)

// requirement points at the line of the file that asks for a package which cannot be had.
func (r *recipe) requirement(e *dev.Error, tail []string) []string {
	all := strings.Join(tail, "\n")
	for _, say := range unresolved() {
		m := say.FindStringSubmatch(all)
		if m == nil {
			continue
		}
		asked := ""
		if len(m) > 1 {
			asked = m[1]
		}
		e.Hint = "correct the requirement, then run it again"
		e.File, e.Line = r.asking(e.Message, asked)
		if kept := filtered(tail); len(kept) > 0 {
			return kept
		}
		return tail
	}
	return tail
}

func filtered(lines []string) []string {
	var out []string
	for _, l := range lines {
		if matters.MatchString(l) {
			out = append(out, l)
		}
	}
	return out
}

// requirementFile is how a command names the file that its packages are read from.
var requirementFile = regexp.MustCompile(`(?:-r|--requirements?|-f|--file)[ =]?["']?([\w./-]+\.(?:txt|in|ya?ml|toml|lock))`)

// requirementName is the name at the start of a requirement.
var requirementName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*`)

// asking finds the file that a step reads packages from, and the line that asks for one of them.
func (r *recipe) asking(step, requirement string) (file string, line int) {
	if remote(r.Context) {
		return "", 0
	}
	var names []string
	for _, m := range requirementFile.FindAllStringSubmatch(step, -1) {
		names = append(names, m[1], filepath.Base(m[1]))
	}
	names = append(names, "pyproject.toml", "environment.yml")
	wanted := normal(requirementName.FindString(requirement))
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(r.Context, name))
		if err != nil {
			continue
		}
		if file == "" {
			file = name
		}
		number := 0
		for text := range strings.Lines(string(content)) {
			number++
			if wanted != "" && normal(requirementName.FindString(strings.TrimLeft(text, " \t-\"'"))) == wanted {
				return name, number
			}
		}
	}
	return file, 0
}

// normal is a package's name as indexes compare it. Source: PEP 503.
func normal(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}
