package streamlit

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// frameLine matches a place in Python's traceback and in the message of a SyntaxError.
var frameLine = pattern.New(`File "([^"\n]+)", line (\d+)`)

// Location is the place in the project that an exception points at: the innermost frame of its stack below one
// of the mounts, as a path relative to the project. If there is none, it is the innermost frame outside Python and its
// packages, or else the innermost one of all, as a path in the container. Line is 0 if no place is known.
//
// A syntax error has no frame in its own file; its message contains the place.
func Location(e Exception, mounts []dev.Mount) (file string, line int) {
	places := slices.Clone(e.Stack)
	if strings.HasPrefix(e.Message, `File "`) {
		places = append(places, e.Message)
	}
	installed := false // whether file belongs to Python or a package
	for _, text := range slices.Backward(places) {
		m := frameLine.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			continue
		}
		if rel, ok := inProject(m[1], mounts); ok {
			return rel, n
		}
		if ofPython := installedFile.MatchString(m[1]); line == 0 || installed && !ofPython {
			file, line, installed = m[1], n, ofPython
		}
	}
	return file, line
}

// installedFile matches files of Python itself and of installed packages, and code without a file ("<string>").
var installedFile = pattern.New(`/(?:site|dist)-packages/|/lib/python3[^/]*/|^<`)

// inProject maps a path of the app's container to the project, by the longest mount that contains it. Installed packages
// do not belong to the project, even inside its directory.
func inProject(p string, mounts []dev.Mount) (string, bool) {
	p = path.Clean(p)
	best, found := "", false
	longest := -1
	for _, m := range mounts {
		root := path.Clean(m.Container)
		rel, ok := strings.CutPrefix(p, strings.TrimSuffix(root, "/")+"/")
		if p == root {
			rel, ok = "", true
		}
		if ok && len(root) > longest {
			best, found, longest = path.Join(m.Project, rel), true, len(root)
		}
	}
	for _, part := range strings.Split(best, "/") {
		if part == "site-packages" || part == "dist-packages" {
			return "", false
		}
	}
	return best, found
}

// Summary is the exception's message without the parts that Location and the type contain: Python puts the place, the
// line of code and the type of a syntax error into its message.
func (e Exception) Summary() string {
	lines := strings.Split(strings.TrimSpace(e.Message), "\n")
	last := lines[len(lines)-1]
	if rest, ok := strings.CutPrefix(last, e.Type+": "); ok && frameLine.MatchString(lines[0]) {
		return rest
	}
	return strings.TrimSpace(e.Message)
}
