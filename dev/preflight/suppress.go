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
		{"suppress.reason", dev.Warns, "a suppression gives no reason, so it is not applied", fix, ""},
		{"suppress.date", dev.Warns, "a suppression gives no last day, so it is not applied", fix, ""},
		{"suppress.expired", dev.Warns, "the last day of a suppression has passed", "remove the cause, or extend the suppression", ""},
		{"suppress.unknown", dev.Warns, "a suppression names a rule that does not exist", "sdev help preflight lists the ids", ""},
		{"suppress.unused", dev.Informs, "a suppression matches no finding any more", "remove it", ""},
	}
}

// suppress marks the findings that the project ships in spite of. An incomplete or needless suppression is a finding
// itself, which cannot be suppressed.
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
			c.add("suppress.reason", at, "the suppression of %s gives no reason", s.ID)
			continue
		case s.Until.IsZero():
			c.add("suppress.date", at, "the suppression of %s gives no last day", s.ID)
			continue
		case c.Now.After(endOfDay(s.Until)):
			c.add("suppress.expired", at, "the suppression of %s ended on %s", s.ID, s.Until.Format(time.DateOnly))
			continue
		case !known:
			continue // a finding of the target's, which is gone
		}
		used := false
		for i, f := range c.findings[:before] {
			if f.ID == s.ID && f.Suppressed == nil && covers(s.Path, f) {
				decision := s
				c.findings[i].Suppressed, used = &decision, true
			}
		}
		if !used {
			c.add("suppress.unused", at, "the suppression of %s matches no finding", s.ID)
		}
	}
}

// endOfDay returns the end of a day.
func endOfDay(day time.Time) time.Time { return day.AddDate(0, 0, 1) }

// covers reports whether a suppression's pattern matches the path of a finding, in the project or in the image.
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

// parsePlace reads "compose.yaml:14".
func parsePlace(origin string) place {
	if file, line, ok := strings.Cut(origin, ":"); ok {
		if n, err := strconv.Atoi(line); err == nil {
			return place{file: file, line: n}
		}
	}
	return place{where: origin}
}

// isOurRule reports whether an id should be a row of the table: its family has rules there, or it has no family.
// Findings of a target have families of their own.
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
