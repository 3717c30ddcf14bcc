package preflight

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/patternmatcher"

	"sdev/dev"
)

func suppressRules() []Rule {
	const fix = "edit x-sdev.deploy.suppress: {id: ID, reason: TEXT, until: YYYY-MM-DD}"
	return []Rule{
		{"suppress.reason", dev.Warns, "a suppression says no reason, and is not applied", fix, ""},
		{"suppress.date", dev.Warns, "a suppression says no day until which it holds, and is not applied", fix, ""},
		{"suppress.expired", dev.Warns, "a suppression's day is over", "put right what it is about, or decide again", ""},
		{"suppress.unknown", dev.Warns, "a suppression is about a rule that there is none of", "sdev help preflight lists the ids", ""},
		{"suppress.unused", dev.Informs, "a suppression is about something that is not found any more", "remove it", ""},
	}
}

// suppress marks what somebody decided to ship all the same. What a decision lacks, or that it is not
// needed any more, is a finding of its own; those about suppressions cannot be suppressed.
func (c *checker) suppress() {
	before := len(c.findings)
	for _, s := range c.Suppress {
		at := parsePlace(s.Origin)
		_, known := c.rules[s.ID]
		known = known || slices.ContainsFunc(c.Others, func(f dev.Finding) bool { return f.ID == s.ID })
		switch {
		case !known && c.isOurRule(s.ID):
			c.add("suppress.unknown", at, "there is no rule %q", s.ID)
			continue
		case strings.TrimSpace(s.Reason) == "":
			c.add("suppress.reason", at, "the suppression of %s says no reason", s.ID)
			continue
		case s.Until.IsZero():
			c.add("suppress.date", at, "the suppression of %s says no day", s.ID)
			continue
		case c.Now.After(endOfDay(s.Until)):
			c.add("suppress.expired", at, "the suppression of %s held until %s", s.ID, s.Until.Format(time.DateOnly))
			continue
		case !known:
			continue // of a target, which does not find it now
		}
		used := false
		for i, f := range c.findings[:before] {
			if f.ID == s.ID && f.Suppressed == nil && covers(s.Path, f) {
				decision := s
				c.findings[i].Suppressed, used = &decision, true
			}
		}
		if !used {
			c.add("suppress.unused", at, "nothing is found that the suppression of %s is about", s.ID)
		}
	}
}

// endOf is the end of a day.
func endOfDay(day time.Time) time.Time { return day.AddDate(0, 0, 1) }

// covers says whether a suppression's path is that of a finding, in the project or in the image.
func covers(pattern string, f finding) bool {
	if pattern == "" {
		return true
	}
	for _, name := range []string{f.File, strings.TrimPrefix(f.imagePath, "/")} {
		if name == "" {
			continue
		}
		if matched, err := patternmatcher.MatchesOrParentMatches(path.Clean(name), []string{strings.TrimPrefix(pattern, "/")}); err == nil && matched {
			return true
		}
	}
	return false
}

// placeOf reads "compose.yaml:14".
func parsePlace(origin string) place {
	if file, line, ok := strings.Cut(origin, ":"); ok {
		if n, err := strconv.Atoi(line); err == nil {
			return place{file: file, line: n}
		}
	}
	return place{where: origin}
}

// isOurs says that an id would have to be a row of the table: it is of one of its families, or of none.
// What a target tells has families of its own.
func (c *checker) isOurRule(id string) bool {
	family, _, dotted := strings.Cut(id, ".")
	if !dotted {
		return true
	}
	for other := range c.rules {
		if have, _, _ := strings.Cut(other, "."); have == family {
			return true
		}
	}
	return false
}
