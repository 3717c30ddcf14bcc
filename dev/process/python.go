package process

import (
	"slices"
	"strconv"
	"strings"

	"sdev/dev/pattern"
)

// newestMinor is the newest Python 3 whose program is looked for by its full name, such as python3.15. Newer ones are found
// as python3.
const newestMinor = 15

// pythonNames returns the names of Python's program, in the order in which they are tried.
func pythonNames(specifier string) []string {
	names := []string{"python3", "python"}
	for minor := newestMinor; minor >= 8; minor-- {
		if name := "3." + strconv.Itoa(minor); specifier != "" && accepts(specifier, name+".99") {
			names = append(names, "python"+name)
		}
	}
	return names
}

// clause is a part of a version specifier. Source: PEP 440, "Version specifiers".
var clause = pattern.New(`^(===?|~=|>=|<=|!=|<|>|)\s*v?(\d+(?:\.\d+)*)(\.\*)?$`)

// accepts reports whether a version specifier allows a version. A version alone, "3.11", allows all of its releases. What
// cannot be read is no reason to refuse.
func accepts(specifier, version string) bool {
	have := numbers(version)
	if len(have) == 0 {
		return false // there is no version
	}
	for part := range strings.SplitSeq(specifier, ",") {
		m := clause.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			continue
		}
		want := numbers(m[2])
		prefix := slices.Equal(have[:min(len(have), len(want))], want)
		order := slices.Compare(padded(have), padded(want))
		var ok bool
		switch m[1] {
		case ">=":
			ok = order >= 0
		case "<=":
			ok = order <= 0
		case ">":
			ok = order > 0
		case "<":
			ok = order < 0
		case "!=":
			ok = !prefix
		case "~=":
			above := want[:max(1, len(want)-1)]
			ok = order >= 0 && slices.Equal(have[:min(len(have), len(above))], above)
		default:
			ok = prefix
		}
		if !ok {
			return false
		}
	}
	return true
}

func numbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			break
		}
		out = append(out, n)
	}
	return out
}

// padded is a version with three numbers.
func padded(version []int) []int {
	return append(slices.Clone(version), 0, 0, 0)[:max(3, len(version))]
}
