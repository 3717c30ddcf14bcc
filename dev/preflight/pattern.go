package preflight

import (
	"path"
	"strings"

	"sdev/dev/pattern"
)

// match is a place where a pattern matches a text.
type match struct {
	line   int
	groups []string // the whole match, then its groups
}

// findAll finds a pattern in a text, except in lines that are comments in most languages.
func findAll(p *pattern.Pattern, text string) []match {
	var out []match
	for _, at := range p.FindAllStringSubmatchIndex(text, -1) {
		from := at[0]
		for from < at[1] && strings.IndexByte(" \t\r\n", text[from]) >= 0 { // the match may begin with the end of the line before
			from++
		}
		start := strings.LastIndexByte(text[:from], '\n') + 1
		if isComment(text[start:]) {
			continue
		}
		m := match{line: 1 + strings.Count(text[:from], "\n")}
		for i := 0; i < len(at); i += 2 {
			group := ""
			if at[i] >= 0 {
				group = text[at[i]:at[i+1]]
			}
			m.groups = append(m.groups, group)
		}
		out = append(out, m)
	}
	return out
}

// occurs reports whether a text contains a pattern outside comments.
func occurs(p *pattern.Pattern, text string) bool { return len(findAll(p, text)) > 0 }

func isComment(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") || strings.HasPrefix(line, "--") && !strings.HasPrefix(line, "---") && strings.HasPrefix(line, "-- ")
}

// isProse reports whether a file is written for people, so that what it says sets nothing.
func isProse(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".rst", ".txt", ".adoc", ".html":
		return true
	}
	return false
}

// isTest reports whether a file belongs to tests or examples.
func isTest(name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "conftest.py" {
		return true
	}
	for part := range strings.SplitSeq(path.Dir(name), "/") {
		switch strings.ToLower(part) {
		case "test", "tests", "testing", "testdata", "fixtures", "examples", "docs", "doc":
			return true
		}
	}
	return false
}

// lineOf returns the line of a project file that contains the first of these texts; 0 if none is there.
func (c *checker) lineOf(file string, texts ...string) int {
	body, ok := c.files[file]
	if !ok && c.Project != nil {
		b, _ := readText(c.Project, file)
		body = string(b)
	}
	for _, text := range texts {
		if i := strings.Index(body, text); i >= 0 {
			return 1 + strings.Count(body[:i], "\n")
		}
	}
	return 0
}

// eachBundleFile calls visit with the files of the bundle that a platform reads.
func (c *checker) eachBundleFile(visit func(name, text string)) {
	for _, f := range c.Bundle {
		if !isProse(f.Path) && !strings.Contains(f.Path, "/.handoff/") {
			visit(f.Path, string(f.Data))
		}
	}
}
